"""Scattering of zero modes by light charges near the string, and what a wide mode changes.

The model is ours, and no more than a model: the paper's abstract gives the claim, not the cross
section. A light charge exchanges a transverse momentum q with the mode by a screened Coulomb
force, dΓ ∝ q dq/(q² + μ²)². The mode is a cloud ψ₀² of size 1/m with form factor F(q), so

- "coherent": it takes up the momentum as a whole with probability F², (1 + q²/4m²)⁻³ for a thin
  core: momenta above 2m are suppressed as q⁻⁶;
- "break-up": it is lifted to some massive state with the rest, 1 − F², by completeness, wherever
  energy allows it. This is the process that empties a vorton, and F alone does not suppress it.

Either happens where charges are: within a Gaussian of radius a around the core the mode meets
them with probability ∫ ψ₀² e^{−r²/a²} d²r, which is small, (ma)², if the mode is wider than that.

Rates are fractions of that of a point charge that sits among the charges all the time.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from scipy import integrate

from halflife.arguments import number
from halflife.strings.zero_modes import ZeroMode

Process = Literal["coherent", "break-up"]
NODES = 60


def scattering_rate(
    mass: float,
    least: float,
    screening: float,
    *,
    process: Process = "coherent",
    charges: float = math.inf,
) -> float:
    """Rate of kicks of at least `least`, over that of a point charge.

    With u = 1/(q² + μ²) the spectrum is flat in u: the rate is the mean of F², or of 1 − F², over
    0 < u < 1/(q₀² + μ²), times the probability to meet the charges.

    Args:
        mass: m of the fermion, in √λ v, from 0.001 to 1000.
        least: q₀ ≥ 0, the least transfer that counts, in √λ v.
        screening: μ ≥ 0, the inverse screening length; one of both is above 0.
        process: "coherent" or "break-up".
        charges: a, the radius of the region with charges, in 1/(√λ v); ∞ if they are everywhere.

    Raises:
        ValueError: an argument is out of range.
    """
    if process not in ("coherent", "break-up"):
        raise ValueError(f"process={process!r}; choose 'coherent' or 'break-up'.")
    q0 = number("least", least, "[0, inf)")
    mu = number("screening", screening, "[0, inf)")
    if q0 == mu == 0:
        raise ValueError("least and screening are both 0; the rate of a bare Coulomb force is ∞.")
    mode = ZeroMode(mass)
    # u = u₀ s³ gathers nodes at large q, where F² falls as u³
    node, weight = np.polynomial.legendre.leggauss(NODES)
    s = (1 + node) / 2
    q = np.sqrt(np.maximum((q0**2 + mu**2) / s**3 - mu**2, q0**2))
    q = np.minimum(q, 99 * (mass + math.sqrt(mass)))  # F is below 1e-6 there
    coherent = float((mode.form_factor(q) ** 2 * 3 * s**2 / 2) @ weight)
    return (coherent if process == "coherent" else 1 - coherent) * meeting(mass, charges)


def meeting(mass: float, charges: float) -> float:
    """∫ ψ₀² e^{−r²/a²} d²r: how much of the zero mode is where the charges are.

    Args:
        mass: m of the fermion, in √λ v.
        charges: a > 0, in 1/(√λ v); ∞ gives 1.
    """
    a = number("charges", charges, "(0, inf]")
    mode = ZeroMode(mass)
    if math.isinf(a):
        return 1.0
    # both fall off within the smaller of a few a and the mode's own size
    reach = min(7 * a, 20 / mass + 8 / math.sqrt(mass))

    def inside(r: float) -> float:
        return 2 * math.pi * r * float(mode.psi(r)) ** 2 * math.exp(-((r / a) ** 2))

    return float(integrate.quad(inside, 0, reach, epsabs=0, epsrel=1e-9, limit=200)[0])
