"""The functions ∇K entry by entry, as Numba compiles them into the kernel.

Those of float32 are computed in float64 without branches, so that they become vector code: Numba
has no vector form of the C library's. Errors are below a last place of float32. Of float64 the C
library's are taken. Knows nothing of where numbers are stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from halflife.optim import kappa
from halflife.optim.cpu.compiled import INLINED, inner
from halflife.optim.cpu.memory import bits, cast, of_bits
from halflife.optim.kappa import Kappa

# What a kernel is specialised by: the kind of K, with the numbers in its ∇K.


class _Zero(NamedTuple):
    scale: Any


class _One(NamedTuple):
    scale: Any
    e: Any


class L1(_Zero):
    """∇K = sign z."""


class Asinh(_Zero):
    """∇K = asinh z."""


class Quadratic(_Zero):
    """∇K = z."""


class Symlog(_Zero):
    """∇K = sign(z) ln(1 + |z|)."""


class Arctan(_One):
    """∇K = (2/π) atan(z/e)."""


class DeadZone(_One):
    """∇K = sign(z) where |z| > e."""


class Huber(_One):
    """∇K = clip(z/e, −1, 1)."""


class LogCosh(_One):
    """∇K = tanh(ez)."""


class Power(_One):
    """∇K = sign(z) |z|ᵉ."""


class Relativistic(_One):
    """∇K = z/√(z² + e)."""


class Softsign(_One):
    """∇K = z/(e + |z|)."""


class Elastic(NamedTuple):
    """∇K = sign(z) clip((|z| − e1)/e2, 0, 1)."""

    scale: Any
    e1: Any
    e2: Any


OF: dict[type[Kappa], Callable[..., Any]] = {
    kappa.L1: L1,
    kappa.Asinh: Asinh,
    kappa.Quadratic: Quadratic,
    kappa.Symlog: Symlog,
    kappa.Arctan: Arctan,
    kappa.DeadZone: DeadZone,
    kappa.Elastic: Elastic,
    kappa.Huber: Huber,
    kappa.LogCosh: LogCosh,
    kappa.Power: Power,
    kappa.Relativistic: Relativistic,
    kappa.Softsign: Softsign,
}
"""K → what the kernel takes for it: of its ρ and its `fused.constants`."""

# For float32: series in float64.


@inner
def _series(x, coefficients):
    """Σ coefficients[k] xᵏ."""
    y = 0.0
    for k in range(len(coefficients)):
        y = y * x + coefficients[len(coefficients) - 1 - k]
    return y


EXP = tuple(1 / math.factorial(k) for k in range(10))
ATANH = tuple(1 / (2 * k + 1) for k in range(7))  # of x², after x
ATAN = tuple((-1) ** k / (2 * k + 1) for k in range(11))
TANH = (1.0, -1 / 3, 2 / 15, -17 / 315, 62 / 2835)
LN2 = math.log(2)
TO_WHOLE = 1.5 * 2.0**52  # added to x, leaves the nearest whole number in the last bits
ROOT_HALF = int(np.float64(math.sqrt(0.5)).view(np.int64))


@inner
def _exp(x):
    """eˣ for |x| ≤ 700."""
    shifted = x / LN2 + TO_WHOLE
    y = _series(x - (shifted - TO_WHOLE) * LN2, EXP)
    return of_bits(bits(y) + (bits(shifted) << 52))


@inner
def _log(a, less):
    """Ln a for a normal a > 0, as 2 atanh of (f − 1)/(f + 1) with a = f·2ⁿ; `less` is a − 1."""
    power = (bits(a) - ROOT_HALF) >> 52  # so that f is in [√½, √2)
    f = of_bits(bits(a) - (power << 52))
    s = (less if power == 0 else f - 1) / (f + 1)
    return 2 * s * _series(s * s, ATANH) + power * LN2


@inner
def _log1p(a):
    """ln(1 + a) for a ≥ 0."""
    return _log(a + 1, a) if a < math.inf else a


@inner
def _tanh(a):
    """For a ≥ 0."""
    return a * _series(a * a, TANH) if a < 0.1 else 1 - 2 / (_exp(2 * min(a, 20.0)) + 1)


@inner
def _atan(a):
    """For a ≥ 0, from the angle to 0, π/4 or π/2."""
    far, middle = a > 1 + math.sqrt(2), a > math.sqrt(2) - 1
    above = -1.0 if far else (a - 1 if middle else a)
    below = a if far else (a + 1 if middle else 1.0)
    s = above / below
    return s * _series(s * s, ATAN) + (math.pi / 2 if far else (math.pi / 4 if middle else 0.0))


@inner
def _asinh(a):
    """For a ≥ 0 in the range of float32, or inf."""
    return _log1p(a + a * a / (1 + math.sqrt(1 + a * a))) if a < math.inf else a


@inner
def _power(a, exponent):
    """For an a ≥ 0 of float32 and an exponent > 0."""
    far = 1e9 if a == math.inf else 0.0  # 0 needs no care: `_signed` puts it right
    return _exp(max(min(exponent * _log(a, a - 1) + far, 700.0), -700.0))


@inner
def _sign(c):
    """The sign; 0 of 0 and −0, NaN of NaN."""
    one, zero = cast(1.0, c), cast(0.0, c)
    return one if c > zero else (-one if c < zero else c - c)


@inner
def _signed(size, c):
    """A size with the sign of c; 0 of 0, NaN of NaN."""
    zero = cast(0.0, c)
    return size if c > zero else (-size if c < zero else c - c)


@inner
def _clip(x, low, high):
    return low if x < low else (high if x > high else x)


def direction(K, c):
    """∇K(c)/ρ."""


@overload(direction, jit_options=INLINED)
def _(K, c):
    short, long = DIRECTIONS[K.instance_class]
    return short if c == types.float32 else long


def _both(function):
    return function, function


DIRECTIONS: dict[Any, tuple[Any, Any]] = {
    L1: _both(lambda K, c: _sign(c)),
    Quadratic: _both(lambda K, c: c),
    DeadZone: _both(lambda K, c: _signed(cast(0.0, c) if abs(c) <= K.e else cast(1.0, c), c)),
    Huber: _both(lambda K, c: _clip(c / K.e, cast(-1.0, c), cast(1.0, c))),
    Elastic: _both(
        lambda K, c: _signed(_clip((abs(c) - K.e1) / K.e2, cast(0.0, c), cast(1.0, c)), c)
    ),
    Relativistic: _both(lambda K, c: c / math.sqrt(c * c + K.e)),
    Softsign: _both(lambda K, c: c / (abs(c) + K.e)),
    Arctan: (
        lambda K, c: _signed(cast(_atan(np.float64(abs(c) / K.e)), c), c) * cast(2 / math.pi, c),
        lambda K, c: math.atan(c / K.e) * (2 / math.pi),
    ),
    LogCosh: (
        lambda K, c: _signed(cast(_tanh(np.float64(abs(c) * K.e)), c), c),
        lambda K, c: math.tanh(c * K.e),
    ),
    Power: (
        lambda K, c: _signed(cast(_power(np.float64(abs(c)), np.float64(K.e)), c), c),
        lambda K, c: _signed(abs(c) ** K.e, c),
    ),
    Asinh: (
        lambda K, c: _signed(cast(_asinh(np.float64(abs(c))), c), c),
        lambda K, c: math.asinh(c),
    ),
    Symlog: (
        lambda K, c: _signed(cast(_log1p(np.float64(abs(c))), c), c),
        lambda K, c: _signed(math.log1p(abs(c)), c),
    ),
}
"""∇K/ρ in float32 and in float64."""
