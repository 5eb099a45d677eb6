"""Which problem a K with weight decay solves, in words.

With r = ρ/λ it is min f(x) + r K*(x/r), for ρ the scale of K.
"""

from __future__ import annotations

import dataclasses

from halflife.optim.kappa import Kappa

BOX = "max |xᵢ| ≤ r"
PROBLEMS: dict[str, tuple[str, str]] = {
    "l1": ("", BOX),
    "lp": ("", "‖x‖_q ≤ r, q = {q:.4g}"),
    "dead-zone": ("{e:g} ‖x‖₁", BOX),
    "top-k": ("", BOX + " and ‖x‖₁ ≤ {k} r"),
    "huber": ("({e:g}/2r) ‖x‖₂²", BOX),
    "elastic": ("{e1:g} ‖x‖₁ + ({e2:g}/2r) ‖x‖₂²", BOX),
    "relativistic": ("{e:g} r Σ (1 − √(1 − (xᵢ/r)²))", BOX),
    "log-cosh": ("(r/2b) Σ ((1 + yᵢ) ln(1 + yᵢ) + (1 − yᵢ) ln(1 − yᵢ)), y = x/r, b = {b:g},", BOX),
    "softsign": ("{e:g} r Σ (−|yᵢ| − ln(1 − |yᵢ|)), y = x/r,", "max |xᵢ| < r"),
    "arctan": ("−(2/π) {e:g} r Σ ln cos(πxᵢ/2r)", "max |xᵢ| < r"),
    "quadratic": ("(1/2r) ‖x‖₂²", ""),
    "quadratic-form": ("(1/2r) xᵀP⁻¹x", ""),
    "power": ("(r/q) Σ |xᵢ/r|^q, q = {q:.4g}", ""),
    "asinh": ("r Σ (cosh(xᵢ/r) − 1)", ""),
    "symlog": ("r Σ (e^|yᵢ| − |yᵢ| − 1), y = x/r", ""),
    "log-sum-exp": ("r Σ yᵢ ln yᵢ, y = x/r,", "xᵢ ≥ 0 and Σ xᵢ = r"),
    "l2": ("", "‖x‖₂ ≤ r"),
    "huber-norm": ("({e:g}/2r) ‖x‖₂²", "‖x‖₂ ≤ r"),
    "linf": ("", "‖x‖₁ ≤ r"),
    "max-l2": ("", "Σ_g ‖x_g‖₂ ≤ r"),
    "nuclear": ("", "σ₁(X) ≤ r"),
    "schatten": ("", "‖σ(X)‖_q ≤ r, q = {q:.4g}"),
    "operator": ("", "Σ σᵢ(X) ≤ r"),
    "spectral-huber": ("({e:g}/2r) ‖X‖_F²", "σ₁(X) ≤ r"),
}
"""By the name of K: what is added to f, and the constraint."""


def problem(K: Kappa, weight_decay: float) -> str:
    """The problem that K with this weight decay solves, with r for ρ/λ.

    >>> from halflife.optim.kappa import get
    >>> problem(get("elastic:e1=0.1,e2=0.2"), 1.0)
    'minimise f(x) + 0.1 ‖x‖₁ + (0.2/2r) ‖x‖₂² subject to max |xᵢ| ≤ r'
    >>> problem(get("l2:block=row"), 1.0)
    'minimise f(x) subject to ‖x‖₂ ≤ r for each row'
    >>> problem(get("l1"), 0.0)
    'minimise f(x)'
    """
    if weight_decay == 0:
        return "minimise f(x)"
    penalty, constraint = PROBLEMS.get(K.kind, ("r K*(x/r)", ""))
    fields = {field.name: getattr(K, field.name) for field in dataclasses.fields(K)}
    if (p := fields.get("p")) is not None:
        fields["q"] = p / (p - 1)
    text = "minimise f(x)"
    if penalty:
        text += " + " + penalty.format(**fields)
    if constraint:
        text += " subject to " + constraint.format(**fields)
    if K.elementwise:
        return text
    each = {"tensor": "tensor", "row": "row", "column": "column"}
    return f"{text} for each {each.get(str(K.block), f'of {K.block} groups of rows')}"
