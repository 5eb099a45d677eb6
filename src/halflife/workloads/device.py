"""Where a run computes, and what is done there for its sums to be the same each time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from halflife.errors import HalflifeError


def a_device(name: str | torch.device) -> torch.device:
    """The device of this name.

    Raises:
        ValueError: PyTorch knows no such name.
        HalflifeError: It names a card that is not here.
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(
            f"device must be 'cpu', 'cuda' or 'cuda:1' and so on, got {name!r}."
        ) from None
    if device.type == "cuda":
        cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= cards:
            raise HalflifeError(
                f"device={str(name)!r} asks for a card, and PyTorch {torch.__version__} can use "
                f"{cards or 'none'} here; go to a machine with one, or pass device='cpu', which "
                "for a large workload takes days."
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
