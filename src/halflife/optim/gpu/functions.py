"""The functions ∇K entry by entry. Knows nothing of where numbers are stored."""

import triton
import triton.language as tl

_PI = tl.constexpr(3.141592653589793)
_INF = tl.constexpr(float("inf"))


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
def direction(c, e1, e2, K: tl.constexpr):
    """∇K(c)/ρ."""
    a = tl.abs(c)
    if K == "quadratic":
        return c
    elif K == "huber":
        z = c / e1
        return tl.where(z > 1, 1.0, tl.where(z < -1, -1.0, z))
    elif K == "relativistic":
        return c / tl.sqrt(c * c + e1)
    elif K == "softsign":
        return c / (a + e1)
    else:
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
        back = size * -1  # in Triton 3.6 −size is 0 − size, which has no −0
        return tl.where(c > 0, size, tl.where(c < 0, back, tl.where(c == c, 0.0, c)))
