"""From tensors to the tables on devices that the kernel reads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import increment_version

from halflife.optim import fused, philox
from halflife.optim.gpu.kernel import TILE, WARPS, kernel
from halflife.optim.slot import Slots, Update

TABLES = 64
"""How many tables of addresses are kept on devices."""


def update_fused(slots: Slots, how: Update) -> None:
    """Update tensors of one kind that are not `unsuited`, with one launch."""
    slots = slots.only([p.numel() > 0 for p in slots.p])
    for separate in _separate(slots):
        _update(separate, how)


def _update(slots: Slots, how: Update) -> None:
    device = slots.p[0].device
    rounding = fused.rounding(slots, how)
    addresses = [
        [0 if tensor is None else tensor.data_ptr() for tensor in column]
        for column in (slots.p, slots.g, slots.m, slots.m_scales, slots.lost)
    ]
    aligned = not any(address % 16 for column in addresses for address in column)
    columns = (*addresses, slots.number, [p.numel() for p in slots.p])
    table, rows = _table(tuple(map(tuple, columns)), device)
    constants = (*fused.constants(how.K), 0.0, 0.0)[:2]
    numbers = _on_device(
        [*fused.factors(how), float(how.K.scale), *constants], torch.float64, device
    )
    key = numbers
    if rounding == "stochastic":
        seed = how.seed & philox.WORD
        key = _on_device((seed + ((how.step & philox.WORD) << 32),), torch.int64, device)
    with torch.cuda.device(device) if device.type == "cuda" else torch.device(device):
        kernel[(len(rows),)](
            table,
            rows,
            numbers,
            key,
            numbers if how.found_inf is None else how.found_inf,
            len(slots.p),
            K=how.K.kind,
            P=str(slots.p[0].dtype)[6:],
            G=str(slots.g[0].dtype)[6:],
            M=str(slots.m[0].dtype)[6:],
            ROUNDING=rounding,
            FOUND=how.found_inf is not None,
            ALIGNED=aligned,
            SIZE=TILE,
            num_warps=WARPS,
            enable_fp_fusion=False,  # what is to be fused says so
        )
    beside = [tensor for tensor in slots.m_scales + slots.lost if tensor is not None]
    increment_version(slots.p + slots.m + beside)


def _separate(slots: Slots) -> list[Slots]:
    """Tensors that share no weights, as all of a launch are updated at once."""
    end = 0
    for p in sorted(slots.p, key=Tensor.data_ptr):
        if p.data_ptr() < end:
            rows = range(len(slots.p))
            return [slots.only([row == other for other in rows]) for row in rows]
        end = p.data_ptr() + p.nbytes
    return [slots] if slots.p else []


_tables: OrderedDict[Any, tuple[Tensor, Tensor]] = OrderedDict()
_captured: list[Any] = []


def _table(columns: tuple[tuple[int, ...], ...], device: torch.device) -> tuple[Tensor, Tensor]:
    """The table of addresses and each program's row in it, on the device.

    Gradients mostly lie where they lay, so the last tables are kept. One that a CUDA graph reads is
    kept for good.
    """
    key = device, columns
    capturing = _capturing(device)
    if key not in _tables:
        if capturing:
            raise RuntimeError(
                "A CUDA graph is being captured, but weights or gradients lie where no step has "
                "seen them: make one step before the capture, and keep the gradients "
                "(zero_grad(set_to_none=False))."
            )
        tiles = [-(-count // TILE) for count in columns[-1]]
        first = tuple(accumulate(tiles, initial=0))[:-1]
        rows = torch.arange(len(tiles), dtype=torch.int32).repeat_interleave(torch.tensor(tiles))
        _tables[key] = (
            _on_device((*columns, first), torch.int64, device).reshape(-1),
            _moved(rows, device),
        )
        if len(_tables) > TABLES:
            _tables.popitem(last=False)
    _tables.move_to_end(key)
    if capturing:
        _captured.append(_tables[key])
    return _tables[key]


def _capturing(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.is_current_stream_capturing()


def _on_device(numbers: Sequence[Any], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Numbers as a tensor, without waiting; some may be on the device already."""
    # A graph would copy from the host's memory again at each replay, when that is long gone.
    if any(isinstance(number, Tensor) for number in numbers) or _capturing(device):
        return torch.stack(
            [
                number.reshape(()).to(dtype)
                if isinstance(number, Tensor)
                else torch.full((), number, dtype=dtype, device=device)
                for number in numbers
            ]
        )
    return _moved(torch.tensor(numbers, dtype=dtype), device)


def _moved(tensor: Tensor, device: torch.device) -> Tensor:
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
