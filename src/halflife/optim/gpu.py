"""The update in one pass over memory on a GPU, in Triton: for K that are sums over entries.

One launch updates all tensors of a group: a program finds its tensor in a table of addresses and
takes one tile of it. Nothing is tuned on live weights, offsets have 64 bits, and all numbers that
may change are read from the device, so that a CUDA graph can hold the launch. Knows nothing of
groups or of when it is chosen.

Under `TRITON_INTERPRET=1` it runs on the CPU, for tests.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.graph import increment_version
from torch.nn import Parameter

from halflife.optim import eight_bit, kappa, philox
from halflife.optim.kappa import Kappa
from halflife.optim.slot import Slot, Update

TILE = 2048
"""Entries of a program: a multiple of `eight_bit.BLOCK`."""
WARPS = 8
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
TABLES = 64
"""How many tables of addresses are kept on devices."""

_BLOCK = tl.constexpr(eight_bit.BLOCK)
_STEPS = tl.constexpr(eight_bit.STEPS)
_TO_WHOLE = tl.constexpr(1.5 * 2.0**23)
_QUIET_NAN = tl.constexpr(0x7FC0)
_PI = tl.constexpr(3.141592653589793)
_INF = tl.constexpr(float("inf"))


@triton.jit
def _place(address, kind: tl.constexpr, ALIGNED: tl.constexpr):
    place = address.to(tl.pointer_type(kind))
    if ALIGNED:  # known on the host, and what makes wide loads
        place = tl.multiple_of(place, 16)
    return place


@triton.jit
def _load(place, inside):
    if inside is None:
        return tl.load(place)
    return tl.load(place, mask=inside, other=0)


@triton.jit
def _read(address, at, inside, KIND: tl.constexpr, ALIGNED: tl.constexpr):
    if KIND == "bfloat16":
        half = _load(_place(address, tl.uint16, ALIGNED) + at, inside)
        return (half.to(tl.uint32) << 16).to(tl.float32, bitcast=True)
    if KIND == "float32":
        return _load(_place(address, tl.float32, ALIGNED) + at, inside)
    if KIND == "int8":
        code = _load(_place(address, tl.int8, ALIGNED) + at, inside)
        return tl.div_rn(code.to(tl.float32), tl.full(at.shape, _STEPS, tl.float32))
    return _load(_place(address, tl.float64, ALIGNED) + at, inside)


@triton.jit
def _half(x, bits):
    """The bfloat16 in the upper half of the bits, but NaN if x is."""
    return tl.where(x != x, _QUIET_NAN, (bits >> 16)).to(tl.uint16)


@triton.jit
def _nearest_half(x):
    """float32 as the bits of a bfloat16, ties to even."""
    bits = x.to(tl.uint32, bitcast=True)
    return _half(x, bits + ((bits >> 16) & 1) + 0x7FFF)


@triton.jit
def _write(address, at, x, inside, KIND: tl.constexpr, ALIGNED: tl.constexpr):
    if KIND == "bfloat16":
        half = _nearest_half(x.to(tl.float32))
        tl.store(_place(address, tl.uint16, ALIGNED) + at, half, mask=inside)
    elif KIND == "float32":
        tl.store(_place(address, tl.float32, ALIGNED) + at, x.to(tl.float32), mask=inside)
    else:
        tl.store(_place(address, tl.float64, ALIGNED) + at, x.to(tl.float64), mask=inside)


@triton.jit
def _encode(address, scales, tile, at, x, inside, count, ALIGNED: tl.constexpr):
    """Store an average as `eight_bit` does."""
    size: tl.constexpr = x.shape[0]
    blocks: tl.constexpr = size // _BLOCK
    if inside is not None:
        x = tl.where(inside, x, 0.0)
    shaped = tl.reshape(x, (blocks, _BLOCK))
    bits = shaped.to(tl.int32, bitcast=True) & 0x7FFFFFFF
    largest = tl.max(bits, axis=1)  # sizes are ordered as their bits are, NaN last
    scale = largest.to(tl.float32, bitcast=True)
    block = tile * blocks + tl.arange(0, blocks)
    tl.store(_place(scales, tl.float32, False) + block, scale, mask=block * _BLOCK < count)
    one = tl.full(scale.shape, 1.0, tl.float32)
    part = tl.div_rn(shaped, tl.expand_dims(tl.where(scale == 0, one, scale), 1) + shaped * 0)
    root = tl.sqrt_rn(tl.abs(part)) * _STEPS
    nearest = (root + _TO_WHOLE) - _TO_WHOLE
    nearest = tl.where(nearest == nearest, nearest, 0.0)
    code = tl.where(part < 0, -nearest, nearest).to(tl.int8)
    tl.store(_place(address, tl.int8, ALIGNED) + at, tl.reshape(code, (size,)), mask=inside)


@triton.jit
def _noise(start, number, key, SIZE: tl.constexpr):
    """`philox.random_16` of the entries from `start`: one draw for eight of them."""
    at = start // 8 + tl.arange(0, SIZE // 8).to(tl.int64)
    c0, c1 = (at & 0xFFFFFFFF).to(tl.uint32), (at >> 32).to(tl.uint32)
    zero = c0 * 0
    a, b, c, d = tl.philox(key, c0, c1, zero + number.to(tl.uint32), zero)
    even = tl.interleave(
        tl.interleave(a & 0xFFFF, c & 0xFFFF), tl.interleave(b & 0xFFFF, d & 0xFFFF)
    )
    odd = tl.interleave(tl.interleave(a >> 16, c >> 16), tl.interleave(b >> 16, d >> 16))
    return tl.interleave(even, odd)


@triton.jit
def _log1p(a):
    """ln(1 + a) for a ≥ 0, without loss where a is small (Kahan)."""
    u = a + 1
    near = u == 1
    return tl.where(near, a, tl.where(a < _INF, tl.log(u) * (a / tl.where(near, 1, u - 1)), a))


@triton.jit
def _tanh(a):
    """For a ≥ 0, from eˣ − 1 without loss where x is small (Kahan)."""
    x = 2 * tl.where(a < 20, a, 20)
    u = tl.exp(x)
    near = u == 1
    less = tl.where(near, x, (u - 1) * (x / tl.log(tl.where(near, 2, u))))
    return less / (less + 2)


@triton.jit
def _atan(a):
    """For a ≥ 0, from the angle to 0, π/4 or π/2."""
    far, middle = a > 2.414213562373095, a > 0.41421356237309503
    above = tl.where(far, -1.0, tl.where(middle, a - 1, a))
    below = tl.where(far, a, tl.where(middle, a + 1, 1.0))
    s = above / below
    q = s * s
    y = q * 0
    for j in tl.static_range(22):
        y = y * q + (2 * (j % 2) - 1) / (2 * (21 - j) + 1)
    zero = s * 0  # so that constants have the digits of s
    return s * y + tl.where(far, zero + _PI / 2, tl.where(middle, zero + _PI / 4, zero))


@triton.jit
def _asinh(a):
    """For a ≥ 0."""
    b = tl.where(a < 1e6, a, 0.0)  # beyond, asinh a is ln 2a to the last place of float32
    far = tl.log(tl.where(a < 1e6, 1.0, a)) + 0.6931471805599453
    return tl.where(a < 1e6, _log1p(b + b * b / (1 + tl.sqrt(1 + b * b))), far)


@triton.jit
def _direction(c, e1, e2, K: tl.constexpr):
    """∇K(c)/ρ."""
    a = tl.abs(c)
    if K == "quadratic":
        return c
    if K == "huber":
        z = c / e1
        return tl.where(z > 1, 1.0, tl.where(z < -1, -1.0, z))
    if K == "relativistic":
        return c / tl.sqrt(c * c + e1)
    if K == "softsign":
        return c / (a + e1)
    size = tl.where(a > 0, 1.0, 0.0)
    if K == "dead-zone":
        size = tl.where(a > e1, 1.0, 0.0)
    elif K == "elastic":
        size = (a - e1) / e2
        size = tl.where(size < 0, 0.0, tl.where(size > 1, 1.0, size))
    elif K == "arctan":
        size = _atan(a / e1) * (2 / _PI)
    elif K == "log-cosh":
        size = _tanh(a * e1)
    elif K == "power":
        size = tl.where(a > 0, tl.exp(e1 * tl.log(tl.where(a > 0, a, 1.0))), a)
    elif K == "asinh":
        size = _asinh(a)
    elif K == "symlog":
        size = _log1p(a)
    return tl.where(c > 0, size, tl.where(c < 0, -size, tl.where(c == c, 0.0, c)))


@triton.jit
def _tile(
    table,
    rows,
    row,
    numbers,
    key,
    tile,
    at,
    inside,
    count,
    K: tl.constexpr,
    P: tl.constexpr,
    G: tl.constexpr,
    M: tl.constexpr,
    ROUNDING: tl.constexpr,
    ALIGNED: tl.constexpr,
):
    """Update the entries `at` that are `inside`; None if all are."""
    wide: tl.constexpr = tl.float64 if P == "float64" else tl.float32
    p = tl.load(table + row)
    g = tl.load(table + rows + row)
    m = tl.load(table + 2 * rows + row)
    scales = tl.load(table + 3 * rows + row)
    lost = tl.load(table + 4 * rows + row)
    gradient = tl.load(numbers).to(wide)
    beta1 = tl.load(numbers + 1).to(wide)
    rest1 = tl.load(numbers + 2).to(wide)
    beta2 = tl.load(numbers + 3).to(wide)
    rest2 = tl.load(numbers + 4).to(wide)
    keep = tl.load(numbers + 5).to(wide)
    length = tl.load(numbers + 6).to(wide)
    scale = tl.load(numbers + 7).to(wide)
    e1 = tl.load(numbers + 8).to(wide)
    e2 = tl.load(numbers + 9).to(wide)
    full = tl.zeros(at.shape, wide)

    x = _read(g, at, inside, G, ALIGNED).to(wide) * gradient
    a = _read(m, at, inside, M, ALIGNED)
    if M == "int8":
        block = _place(scales, tl.float32, False) + at // _BLOCK
        a = tl.abs(a) * a * _load(block, inside)
    a = a.to(wide)
    u = scale * _direction(tl.fma(x, full + rest1, a * beta1), e1, e2, K)
    a = tl.fma(x, full + rest2, a * beta2)
    if M == "int8":
        _encode(m, scales, tile, at, a.to(tl.float32), inside, count, ALIGNED)
    else:
        _write(m, at, a, inside, M, ALIGNED)
    y = _read(p, at, inside, P, ALIGNED).to(wide) * keep
    y = tl.fma(u, full + length, y)
    if ROUNDING == "kahan":
        exact = y + _read(lost, at, inside, "bfloat16", ALIGNED)
        half = _nearest_half(exact)
        stored = (half.to(tl.uint32) << 16).to(tl.float32, bitcast=True)
        tl.store(_place(p, tl.uint16, ALIGNED) + at, half, mask=inside)
        _write(lost, at, exact - stored, inside, "bfloat16", ALIGNED)
    elif ROUNDING == "stochastic":
        number = tl.load(table + 5 * rows + row)
        noise = _noise(tile * at.shape[0], number, tl.load(key), at.shape[0])
        half = _half(y, y.to(tl.uint32, bitcast=True) + noise)
        tl.store(_place(p, tl.uint16, ALIGNED) + at, half, mask=inside)
    else:
        _write(p, at, y, inside, P, ALIGNED)


@triton.jit
def _kernel(
    table,
    row_of,
    numbers,
    key,
    found_inf,
    rows,
    K: tl.constexpr,
    P: tl.constexpr,
    G: tl.constexpr,
    M: tl.constexpr,
    ROUNDING: tl.constexpr,
    FOUND: tl.constexpr,
    ALIGNED: tl.constexpr,
    SIZE: tl.constexpr,
):
    program = tl.program_id(0)
    row = tl.load(row_of + program)
    count = tl.load(table + 6 * rows + row)
    tile = program.to(tl.int64) - tl.load(table + 7 * rows + row)
    at = tile * SIZE + tl.arange(0, SIZE).to(tl.int64)
    if FOUND:
        count = tl.where(tl.load(found_inf) == 0, count, 0)
    if (tile + 1) * SIZE <= count:  # without a mask, memory is read in wide words
        _tile(
            table, rows, row, numbers, key, tile, at, None, count,
            K, P, G, M, ROUNDING, ALIGNED,
        )  # fmt: skip
    else:
        _tile(
            table, rows, row, numbers, key, tile, at, at < count, count,
            K, P, G, M, ROUNDING, ALIGNED,
        )  # fmt: skip


_NUMBERS: dict[type[Kappa], Any] = {
    kappa.L1: lambda K: (),
    kappa.Asinh: lambda K: (),
    kappa.Quadratic: lambda K: (),
    kappa.Symlog: lambda K: (),
    kappa.Arctan: lambda K: (K.e,),
    kappa.DeadZone: lambda K: (K.e,),
    kappa.Elastic: lambda K: (K.e1, K.e2),
    kappa.Huber: lambda K: (K.e,),
    kappa.LogCosh: lambda K: (K.b,),
    kappa.Power: lambda K: (K.p - 1,),
    kappa.Relativistic: lambda K: (K.e**2,),
    kappa.Softsign: lambda K: (K.e,),
}
_PLAIN = (Tensor, Parameter)  # no subclass with memory of its own kind
_FLOATS = (torch.float32, torch.float64, torch.bfloat16)


def probe() -> None:
    """Update one weight, so that whatever is wrong with the compiler shows at once."""
    device = "cpu" if INTERPRETED else "cuda"
    p, g, m = (torch.ones(1, device=device) for _ in range(3))
    slot = Slot(p, g, m, m_scales=None, lost=None, number=0)
    update_fused([slot], Update(kappa.L1(), beta1=0.9, beta2=0.99, keep=1.0, length=0.5))
    if p.item() != 0.5:
        raise RuntimeError(f"1 − 0.5 came out as {p.item()}")


def unsuited(slot: Slot, how: Update) -> str:
    """Why the kernel cannot update these tensors; empty if it can."""
    p, g, m = slot.p, slot.g, slot.m
    if type(how.K) not in _NUMBERS:
        return f"there is no kernel for {how.K}"
    if type(p) not in _PLAIN or type(g) not in _PLAIN or type(m) not in _PLAIN:
        return f"tensors of the kind {type(p).__name__} are not plain memory"
    if not p.device == g.device == m.device:
        return f"weights, gradient and average are on {p.device}, {g.device} and {m.device}"
    if p.dtype not in _FLOATS or g.dtype not in _FLOATS:
        return f"there is no kernel for weights of {p.dtype} with gradients of {g.dtype}"
    if m.dtype not in _FLOATS and m.dtype != torch.int8:
        return f"there is no kernel for an average of {m.dtype}"
    if p.is_contiguous() and g.is_contiguous() and m.is_contiguous():
        return ""
    if p.stride() != g.stride() or p.stride() != m.stride():
        return "weights, gradient and average have different strides"
    if not torch.ops.aten.is_non_overlapping_and_dense(p):
        return "the weights are not dense in memory"
    if slot.m_scales is not None or _rounding(slot, how) == "stochastic":
        return "blocks and random bits are those of a contiguous tensor, and this one is not"
    return ""


def _rounding(slot: Slot, how: Update) -> str:
    if slot.p.dtype != torch.bfloat16:
        return "nearest"
    if slot.lost is not None:
        return "kahan"
    return "stochastic" if how.rounding == "stochastic" else "nearest"


def update_fused(slots: Sequence[Slot], how: Update) -> None:
    """Update tensors that are not `unsuited`, with one launch for all that are alike."""
    kinds: dict[Any, list[Slot]] = {}
    for slot in slots:
        if slot.p.numel():
            kind = slot.p.device, slot.p.dtype, slot.g.dtype, slot.m.dtype, _rounding(slot, how)
            kinds.setdefault(kind, []).append(slot)
    for kind, alike in kinds.items():
        for separate in _separate(alike):
            _update(separate, how, *kind)


def _update(
    slots: list[Slot], how: Update, device: Any, p: Any, g: Any, m: Any, rounding: str
) -> None:
    addresses = [
        [slot.p.data_ptr() for slot in slots],
        [slot.g.data_ptr() for slot in slots],
        [slot.m.data_ptr() for slot in slots],
        [0 if slot.m_scales is None else slot.m_scales.data_ptr() for slot in slots],
        [0 if slot.lost is None else slot.lost.data_ptr() for slot in slots],
        [slot.number for slot in slots],
        [slot.p.numel() for slot in slots],
    ]
    aligned = not any(address % 16 for column in addresses[:5] for address in column)
    table, rows = _table(tuple(map(tuple, addresses)), device)
    beta1, beta2 = how.beta1, how.beta2
    rho = float(how.K.scale)
    constants = (*_NUMBERS[type(how.K)](how.K), 0.0, 0.0)[:2]
    numbers = _on_device(
        [how.gradient, beta1, 1 - beta1, beta2, 1 - beta2, how.keep, -how.length, rho, *constants],
        torch.float64,
        device,
    )
    key = numbers
    if rounding == "stochastic":
        seed = how.seed & philox.WORD
        key = _on_device((seed + ((how.step & philox.WORD) << 32),), torch.int64, device)
    with torch.cuda.device(device) if device.type == "cuda" else torch.device(device):
        _kernel[(len(rows),)](
            table,
            rows,
            numbers,
            key,
            numbers if how.found_inf is None else how.found_inf,
            len(slots),
            K=how.K.kind,
            P=str(p)[6:],
            G=str(g)[6:],
            M=str(m)[6:],
            ROUNDING=rounding,
            FOUND=how.found_inf is not None,
            ALIGNED=aligned,
            SIZE=TILE,
            num_warps=WARPS,
            enable_fp_fusion=False,  # what is to be fused says so
        )
    increment_version([t for s in slots for t in (s.p, s.m, s.m_scales, s.lost) if t is not None])


def _separate(slots: list[Slot]) -> list[list[Slot]]:
    """Tensors that share no weights, as all of a launch are updated at once."""
    ordered = sorted(slots, key=lambda slot: slot.p.data_ptr())
    end = 0
    for slot in ordered:
        if slot.p.data_ptr() < end:
            return [[slot] for slot in slots]
        end = slot.p.data_ptr() + slot.p.nbytes
    return [slots]


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
