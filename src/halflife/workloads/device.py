"""Where a run computes, and what is done there for its sums to be the same each time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from halflife.devices import device_of, lack
from halflife.errors import HalflifeError


def a_device(name: str | torch.device) -> torch.device:
    """The device of this name.

    Raises:
        ValueError: PyTorch knows no such name.
        HalflifeError: It names a card that is not here.
    """
    device = device_of(name)
    if missing := lack(device):
        raise HalflifeError(
            f"{missing}; go to a machine with one, or pass device='cpu', which for a large "
            "workload takes days."
        )
    return device


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """A block in which equal arguments give equal sums.

    On the CPU, PyTorch keeps to one thread, so that sums do not depend on the machine's cores. On
    a card it takes kernels that add in one order and warns of those that have none; equal figures
    are then to be had on cards of one kind with equal versions of PyTorch and CUDA.
    """
    threads = torch.get_num_threads()
    strict = torch.are_deterministic_algorithms_enabled()
    lenient = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_num_threads(1)
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
        torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(strict, warn_only=lenient)
