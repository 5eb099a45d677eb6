"""The bound on the weights that a library's weight decay implies.

Knows how the libraries decay; reads their options, not their optimizers.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Convention:
    """How a family of optimizers decays.

    If an update is x ← (1 − d) x − s u with ‖u‖ ≤ 1 (u = sign c for Lion, then ‖·‖ is the largest
    size), weights end within s/d and stay there.

    Attributes:
        name: As `implied_radius` takes it.
        who: The optimizers that decay so.
        factor: 1 − d, as a formula.
        radius: s/d, as a formula.
        of: (lr, peak_lr, weight_decay) → s/d with a scale of 1.
    """

    name: str
    who: str
    factor: str
    radius: str
    of: Callable[[float, float, float], float]


def _decoupled(lr: float, peak_lr: float, weight_decay: float) -> float:
    return 1 / weight_decay


def _independent(lr: float, peak_lr: float, weight_decay: float) -> float:
    return peak_lr / weight_decay


def _corrected(lr: float, peak_lr: float, weight_decay: float) -> float:
    return peak_lr / (lr * weight_decay) if lr else math.inf


def _fixed(lr: float, peak_lr: float, weight_decay: float) -> float:
    return lr / weight_decay


def _none(lr: float, peak_lr: float, weight_decay: float) -> float:
    return math.inf


CONVENTIONS = {
    convention.name: convention
    for convention in (
        Convention(
            "decoupled",
            "`LionK`, google/automl, lion-pytorch, timm, optimi, pytorch_optimizer, bitsandbytes, "
            "optax, Keras; with `scale` ρ `torch.optim.Muon`",
            "1 − ηλ",
            "ρ/λ",
            _decoupled,
        ),
        Convention(
            "independent",
            "lion-pytorch with `decoupled_weight_decay=True`, optimi with `decouple_lr=True`, "
            "llm-foundry's `DecoupledLionW`",
            "1 − (η/η_max)λ",
            "ρ η_max/λ",
            _independent,
        ),
        Convention(
            "corrected",
            "timm with `corrected_weight_decay=True`",
            "1 − (η²/η_max)λ",
            "ρ η_max/(ηλ), which grows as η falls",
            _corrected,
        ),
        Convention(
            "fixed",
            "pytorch_optimizer with `fixed_decay=True`",
            "1 − λ",
            "ρ η/λ, which shrinks as η falls",
            _fixed,
        ),
        Convention(
            "cautious-decay",
            "decay only where the step shrinks a weight (dion's `cautious_wd`)",
            "1 − ηλ or 1",
            "none",
            _none,
        ),
        Convention(
            "l2",
            "λx added to the gradient: pytorch_optimizer with `weight_decouple=False`, "
            "bitsandbytes' 32-bit Lion until July 2026",
            "1",
            "none",
            _none,
        ),
    )
}
"""Every convention by its name."""

NEWTON_SCHULZ = 1.2024
"""How far five Newton–Schulz steps may overshoot, for `overshoot`."""


def implied_radius(
    convention: str,
    *,
    weight_decay: float,
    lr: float | None = None,
    peak_lr: float | None = None,
    scale: float = 1.0,
    overshoot: float = 1.0,
    kept: float = 1.0,
) -> float:
    """The bound on the weights, in K's dual norm, that an optimizer's weight decay implies.

    For Lion: the largest |xᵢ|. With an η that changes, the bound is that of the rate given.

    Args:
        convention: How the optimizer decays: a name in `CONVENTIONS`, where the libraries stand.
        weight_decay: λ as the optimizer takes it; 0 is no bound.
        lr: η now; needed by "corrected" and "fixed".
        peak_lr: η_max, the rate that the optimizer was made with; needed by "independent", and by
            "corrected".
        scale: ρ, what multiplies the update but not the decay, as Muon's factor of the shape.
        overshoot: How far an update may pass length 1: `NEWTON_SCHULZ` for Muon.
        kept: Least share of the entries that a *cautious* mask keeps: what is left is scaled up by
            up to one over it, and the bound with it.

    Returns:
        The bound, inf if there is none.

    Raises:
        ValueError: There is no such convention, a rate is missing, or a number out of its range.

    >>> implied_radius("decoupled", weight_decay=0.1)
    10.0
    >>> implied_radius("independent", weight_decay=1e-5, peak_lr=1e-4)
    10.0
    """
    if convention not in CONVENTIONS:
        near = difflib.get_close_matches(convention, CONVENTIONS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(CONVENTIONS)}."
        raise ValueError(f"There is no convention {convention!r}; {hint}")
    for name, needed, value in (
        ("lr", ("corrected", "fixed"), lr),
        ("peak_lr", ("independent", "corrected"), peak_lr),
    ):
        if convention in needed and value is None:
            raise ValueError(f"The bound of {convention!r} decay depends on {name}; give it.")
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name} must be a finite number from 0, got {value!r}.")
    if not (math.isfinite(weight_decay) and weight_decay >= 0):
        raise ValueError(f"weight_decay must be a finite number from 0, got {weight_decay!r}.")
    if not (scale > 0 and overshoot >= 1 and 0 < kept <= 1):
        raise ValueError(
            "scale must be above 0, overshoot at least 1 and kept in (0, 1], got "
            f"{scale!r}, {overshoot!r} and {kept!r}."
        )
    if weight_decay == 0:
        return math.inf
    of = CONVENTIONS[convention].of
    return of(lr or 0.0, peak_lr or 0.0, weight_decay) * scale * overshoot / kept
