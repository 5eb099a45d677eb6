"""Loads and stores of a tile by address, in each dtype that tensors have."""

import triton
import triton.language as tl

from halflife.optim import eight_bit

BLOCK = tl.constexpr(eight_bit.BLOCK)
_STEPS = tl.constexpr(eight_bit.STEPS)
_TO_WHOLE = tl.constexpr(1.5 * 2.0**23)
_QUIET_NAN = tl.constexpr(0x7FC0)


@triton.jit
def pointer(address, kind: tl.constexpr, ALIGNED: tl.constexpr):
    place = address.to(tl.pointer_type(kind))
    if ALIGNED:  # known on the host, and what makes wide loads
        place = tl.multiple_of(place, 16)
    return place


@triton.jit
def load(place, inside):
    if inside is None:
        return tl.load(place)
    else:
        return tl.load(place, mask=inside, other=0)


@triton.jit
def read(address, at, inside, KIND: tl.constexpr, ALIGNED: tl.constexpr):
    if KIND == "bfloat16":
        half = load(pointer(address, tl.uint16, ALIGNED) + at, inside)
        return (half.to(tl.uint32) << 16).to(tl.float32, bitcast=True)
    elif KIND == "float32":
        return load(pointer(address, tl.float32, ALIGNED) + at, inside)
    elif KIND == "int8":
        code = load(pointer(address, tl.int8, ALIGNED) + at, inside)
        return tl.div_rn(code.to(tl.float32), tl.full(at.shape, _STEPS, tl.float32))
    else:
        return load(pointer(address, tl.float64, ALIGNED) + at, inside)


@triton.jit
def upper_half(x, bits):
    """The bfloat16 in the upper half of the bits, but NaN if x is."""
    return tl.where(x != x, _QUIET_NAN, (bits >> 16)).to(tl.uint16)


@triton.jit
def nearest_half(x):
    """float32 as the bits of a bfloat16, ties to even."""
    bits = x.to(tl.uint32, bitcast=True)
    return upper_half(x, bits + ((bits >> 16) & 1) + 0x7FFF)


@triton.jit
def write(address, at, x, inside, KIND: tl.constexpr, ALIGNED: tl.constexpr):
    if KIND == "bfloat16":
        half = nearest_half(x.to(tl.float32))
        tl.store(pointer(address, tl.uint16, ALIGNED) + at, half, mask=inside)
    elif KIND == "float32":
        tl.store(pointer(address, tl.float32, ALIGNED) + at, x.to(tl.float32), mask=inside)
    else:
        tl.store(pointer(address, tl.float64, ALIGNED) + at, x.to(tl.float64), mask=inside)


@triton.jit
def encode(address, scales, tile, at, x, inside, count, ALIGNED: tl.constexpr):
    """Store an average as `eight_bit` does."""
    size: tl.constexpr = x.shape[0]
    blocks: tl.constexpr = size // BLOCK
    if inside is not None:
        x = tl.where(inside, x, 0.0)
    shaped = tl.reshape(x, (blocks, BLOCK))
    bits = shaped.to(tl.int32, bitcast=True) & 0x7FFFFFFF
    largest = tl.max(bits, axis=1)  # sizes are ordered as their bits are, NaN last
    scale = largest.to(tl.float32, bitcast=True)
    block = tile * blocks + tl.arange(0, blocks)
    tl.store(pointer(scales, tl.float32, False) + block, scale, mask=block * BLOCK < count)
    one = tl.full(scale.shape, 1.0, tl.float32)
    part = tl.div_rn(shaped, tl.expand_dims(tl.where(scale == 0, one, scale), 1) + shaped * 0)
    root = tl.sqrt_rn(tl.abs(part)) * _STEPS
    nearest = (root + _TO_WHOLE) - _TO_WHOLE
    nearest = tl.where(nearest == nearest, nearest, 0.0)
    code = tl.where(part < 0, -nearest, nearest).to(tl.int8)
    tl.store(pointer(address, tl.int8, ALIGNED) + at, tl.reshape(code, (size,)), mask=inside)
