"""What a Lion-K can say of the problem that it is solving: the methods that `LionK` inherits.

Knows groups and states; the arithmetic of one parameter stands in `weights`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from halflife.optim.diagnostics.explanation import Explanation, GroupExplanation
from halflife.optim.diagnostics.forecast import (
    Forecast,
    Schedule,
    forecast,
    log_factors,
    multipliers,
)
from halflife.optim.diagnostics.problem import problem
from halflife.optim.diagnostics.reading import Certificate, Reading
from halflife.optim.diagnostics.weights import (
    INSIDE,
    base_lr,
    constrained,
    shape_of,
    weights_of,
    whole,
)

ACTIVE = 0.95
"""A run in which no weight can come further towards the border than this part is warned of."""


class Diagnostics:
    """The diagnostics of an optimizer that is a Lion-K.

    Each reads the weights as they are, in float64, and changes nothing. It waits for the device
    once, at its end, and once a tensor for a K that is no sum over entries. Where parameters are
    DTensors, they are gathered one at a time: call it on all ranks. Complex parameters count as
    pairs of real ones. The paper is arXiv 2310.05898.
    """

    param_groups: list[dict[str, Any]]
    state: defaultdict[Tensor, Any]

    def radius(self) -> Reading:
        """The bound on the weights that the decay implies, in the norm of the constraint.

        ρ/λ with ρ the scale of K: for "l1" the largest |xᵢ|, for "nuclear" the largest singular
        value. 1.2024 ρ/λ for Newton–Schulz. If ρ follows the tensors' shapes, the largest of the
        group. inf for λ = 0 and K without a constraint. Overall: the largest.

        `implied_radius` says it for other libraries.

        >>> from halflife.optim import LionK
        >>> weights = torch.nn.Parameter(torch.zeros(3))
        >>> LionK([weights], weight_decay=0.1).radius().overall
        10.0
        """
        groups = tuple(_radius(group)[1] * group["K"].overshoot for group in self.param_groups)
        return Reading(groups, max(groups, default=math.inf))

    @torch.no_grad()
    def infeasibility(self) -> Reading:
        """The Euclidean distance of λx to the domain of K*: 0 inside the constraint.

        It falls in each update by the factor 1 − ηλ at least, whatever the gradients are (Theorem
        B.9; Newton–Schulz keeps only 1.2024 times the radius). In a group the distance of all its
        tensors together, overall the largest.
        """
        sums = [
            _sum((w.distance().square() for w in weights_of(group)), group)
            if constrained(group)
            else _nothing(group)
            for group in self.param_groups
        ]
        groups = tuple(math.sqrt(value) for value in _to_host(sums))
        return Reading(groups, max(groups, default=0.0))

    @torch.no_grad()
    def saturated_fraction(self) -> Reading:
        """The share of the weights that lie on the border of the constraint (or outside).

        On it means nearer than one update's decay, ηλ of the radius but at most 1 %, and rounding.
        Where the border is one of whole blocks or of singular values, the share of these. Overall:
        of all weights.
        """
        counts = _to_host(
            [
                _sum((w.saturated() for w in weights_of(group)), group)
                if constrained(group)
                else _nothing(group)
                for group in self.param_groups
            ]
        )
        sizes = [_size(group) for group in self.param_groups]
        groups = tuple(n / (size or 1) for n, size in zip(counts, sizes, strict=True))
        return Reading(groups, sum(counts) / (sum(sizes) or 1))

    @torch.no_grad()
    def kkt_gap(self, of: str = "gradient", *, tolerance: float = 0.0) -> Certificate:
        """The certificate S = K(−∇f) + K*(λx) + λ⟨x, ∇f⟩ ≥ 0, and 0 just at a solution.

        For convex f, F(x) − min F ≤ S/λ, F = f + K*(λx)/λ. That holds for the gradient of all
        data; with that of a batch S is that batch's. inf outside the constraint (but for rounding).
        Call it between `backward()` and `zero_grad()`, with gradients unscaled and unclipped.

        Args:
            of: "gradient" takes the gradients that the parameters have; "average" the optimizer's
                own average of them, which is less noisy and lags behind.
            tolerance: As for `objective`.

        Raises:
            RuntimeError: No parameter has a gradient (or no average yet).
            ValueError: `of` is neither.
        """
        if of not in ("gradient", "average"):
            raise ValueError(f"of must be 'gradient' or 'average', got {of!r}.")
        found = False
        sums = []
        for group in self.param_groups:
            parts = []
            for w in weights_of(group, tolerance):
                if of == "gradient" and w.p.grad is not None:
                    parts.append(w.certificate(w.gradient()))
                elif of == "average" and "exp_avg" in self.state.get(w.p, {}):
                    parts.append(w.certificate(-w.momentum(self.state[w.p])))
            found |= bool(parts)
            sums.append(_sum(parts, group))
        if not found:
            lack = (
                "No parameter has a gradient; call kkt_gap() after backward() and before "
                "zero_grad(), or ask for kkt_gap(of='average')."
                if of == "gradient"
                else "There is no average of gradients before the first step()."
            )
            raise RuntimeError(lack)
        groups = tuple(_to_host(sums))
        return certificate_of(groups, [group["weight_decay"] for group in self.param_groups])

    @torch.no_grad()
    def objective(self, loss: float | Tensor, *, tolerance: float = 0.0) -> float:
        """F(x) = f(x) + K*(λx)/λ, what is minimised; inf outside the constraint.

        Args:
            loss: f(x). With maximize it is −f that counts.
            tolerance: How far beyond the border weights may lie, as a part of the radius, for the
                nearest ones inside to be taken instead; at least as far as rounding does, or
                Newton–Schulz oversteps.
        """
        sums = [
            _sum((w.penalty() for w in weights_of(group, tolerance)), group)
            for group in self.param_groups
        ]
        return self._with_loss(loss, sums)

    @torch.no_grad()
    def lyapunov(self, loss: float | Tensor, *, tolerance: float = 0.0) -> float:
        """H(x, m) ≥ F(x), the energy that falls along full gradients up to order η² (Theorem 4.1).

        `halflife.optim.lyapunov` has the formula. With the rates, betas and kind of decay of each
        group as they are now. inf outside the constraint (but for rounding).

        Args:
            loss: f(x). With maximize it is −f that counts.
            tolerance: How far beyond the border weights may lie, as a part of the radius, for the
                nearest ones inside to be taken instead; at least as far as rounding does, or
                Newton–Schulz oversteps.
        """
        sums = [
            _sum(
                (
                    w.energy(w.momentum(self.state.get(w.p, {})))
                    for w in weights_of(group, tolerance)
                ),
                group,
            )
            for group in self.param_groups
        ]
        return self._with_loss(loss, sums)

    @torch.no_grad()
    def steps_to_feasibility(
        self,
        schedule: Schedule | None = None,
        total: int = 1_000_000,
        *,
        done: int = 0,
        tolerance: float = INSIDE,
    ) -> tuple[Forecast, ...]:
        """When all weights will be inside the constraint at the latest, for each group.

        From Π (1 − η_s λ) and the distance now: an upper bound for all gradients, and exact for
        those that push every weight outward. For Newton–Schulz the constraint is here the wider
        one, of 1.2024 radii, that its steps can keep.

        Args:
            schedule: (step, total) → multiplier of the base rate, which is the group's
                `initial_lr` under a scheduler and else its lr; None is a constant 1.
            total: Updates of the run.
            done: Updates made so far.
            tolerance: Inside is what is nearer than this part of the nearest feasible point (or
                of 1, if that is less): the distance shrinks, but never to 0.

        Raises:
            ValueError: A number is out of its range, a multiplier is no number from 0, or an
                update would overshoot (ηλ > 1).
        """
        if not 0 <= tolerance < math.inf:
            raise ValueError(f"tolerance must be a finite number from 0, got {tolerance!r}.")
        values = multipliers(schedule, total, done)
        sums = []
        for group in self.param_groups:
            held = list(weights_of(group)) if constrained(group) else []
            sums.append(_sum((w.beyond_reach().square() for w in held), group))
            sums.append(_sum((w.near.square().sum() for w in held), group))
        host = _to_host(sums)
        return tuple(
            forecast(
                log_factors(
                    values * (base_lr(group) * group["weight_decay"]),
                    implicit=group["decay"] == "implicit",
                ),
                math.sqrt(distance),
                tolerance * max(1.0, math.sqrt(near)),
            )
            for group, distance, near in zip(self.param_groups, host[::2], host[1::2], strict=True)
        )

    @torch.no_grad()
    def explain(
        self, schedule: Schedule | None = None, total: int | None = None, *, done: int = 0
    ) -> Explanation:
        """Which problem this optimizer is solving, and where the weights are: print it.

        Warns, in the explanation, of a constraint that can never become active in the run and of
        decay that rounding swallows.

        Args:
            schedule: As for `steps_to_feasibility`.
            total: Updates of the run; without it nothing is said of its end.
            done: Updates made so far.

        >>> from halflife.optim import LionK
        >>> weights = torch.nn.Parameter(torch.tensor([0.5, -0.25]))
        >>> optimizer = LionK([weights], lr=1e-4, weight_decay=0.1)
        >>> print(optimizer.explain(total=1000))  # doctest: +ELLIPSIS
        group 0: K = l1, 2 weights
          minimise f(x) subject to max |xᵢ| ≤ r, with r = 10
          decay takes a weight to 1/e in 100,000 updates at the base rate
          weights are inside: the largest is 5.0% of the bound, 0.0% are on it
          over the run Σηλ is about 0.01: weights can come to 5.9% of the bound
        warning: group 0: the constraint cannot become active in this run: ...
        """
        runs: tuple[Forecast | None, ...] = (None,) * len(self.param_groups)
        if total is not None:
            runs = self.steps_to_feasibility(schedule, total, done=done)
        elif schedule is not None:
            raise ValueError("A schedule needs the number of updates of the run; give total.")
        distances, shares = self.infeasibility().groups, self.saturated_fraction().groups
        largest = _to_host(
            [
                torch.stack([w.largest() for w in held]).amax() if held else _nothing(group)
                for group in self.param_groups
                for held in [list(weights_of(group)) if constrained(group) else []]
            ]
        )
        groups, warnings = [], []
        for at, group in enumerate(self.param_groups):
            K, run, decay = group["K"], runs[at], group["weight_decay"]
            rate = base_lr(group) * decay
            reachable = None
            if run is not None and constrained(group) and K.even:
                reachable = max(largest[at], K.overshoot + (largest[at] - K.overshoot) * run.left)
            told = GroupExplanation(
                name=str(group.get("name", f"group {at}")),
                K=str(K),
                weights=_size(group),
                problem=problem(K, decay),
                radius=_radius(group, bounded=False),
                reach=K.overshoot,
                e_folding=1 / rate if rate else math.inf,
                largest=largest[at],
                infeasibility=distances[at],
                saturated=shares[at],
                run=run,
                reachable=reachable,
            )
            groups.append(told)
            warnings += _warnings(group, told)
        return Explanation(tuple(groups), tuple(warnings))

    def _with_loss(self, loss: float | Tensor, sums: list[Tensor]) -> float:
        if isinstance(loss, Tensor):
            *parts, f = _to_host([*sums, whole(loss.detach()).reshape(())])
        else:
            parts, f = _to_host(sums), float(loss)
        senses = {bool(group["maximize"]) for group in self.param_groups}
        if len(senses) > 1:
            raise ValueError("Some groups maximise and some minimise: there is no one objective.")
        return (-f if True in senses else f) + sum(parts)


def certificate_of(groups: tuple[float, ...], decays: list[float]) -> Certificate:
    """The certificate of these S, for the weight decay of each group."""
    bounds = tuple(
        s / decay if decay else (math.inf if s else 0.0)
        for s, decay in zip(groups, decays, strict=True)
    )
    return Certificate(groups=groups, overall=sum(groups), bounds=bounds, bound=sum(bounds))


def _warnings(group: dict[str, Any], told: GroupExplanation) -> list[str]:
    found = []
    if told.reachable is not None and told.run is not None and told.reachable < ACTIVE:
        found.append(
            f"{told.name}: the constraint cannot become active in this run: Σηλ is "
            f"{told.run.e_foldings:.3g}, so weights come to at most {told.reachable:.1%} of the "
            "bound. If you want the bound, raise weight_decay, or train longer; otherwise decay "
            "only shrinks weights as usual."
        )
    rate = base_lr(group) * group["weight_decay"]
    narrow = [p.dtype for p in group["params"] if p.dtype in (torch.bfloat16, torch.float16)]
    if narrow and group["rounding"] == "nearest":
        seen = max(torch.finfo(dtype).eps for dtype in narrow) / 4
        if 0 < rate < seen:
            found.append(
                f"{told.name}: weights of 16 bits are rounded to the nearest, and a decay of "
                f"{rate:.1e} an update is less than half their last bit ({seen:.1e}): it is lost, "
                "and with it the bound. Use rounding='stochastic' or 'kahan'."
            )
    return found


def _radius(group: dict[str, Any], *, bounded: bool = True) -> tuple[float, float]:
    """ρ/λ, smallest and largest over the tensors; `bounded` asks for a constraint too."""
    K, decay = group["K"], group["weight_decay"]
    if decay == 0 or (bounded and not K.bounded):
        return math.inf, math.inf
    scales = {K.block_scale(shape_of(p)) for p in group["params"] if p.numel()} or {1.0}
    return min(scales) / decay, max(scales) / decay


def _size(group: dict[str, Any]) -> int:
    return sum(p.numel() for p in group["params"])


def _nothing(group: dict[str, Any]) -> Tensor:
    return torch.zeros((), device=group["params"][0].device if group["params"] else None)


def _sum(parts: Iterable[Tensor], group: dict[str, Any]) -> Tensor:
    """The sum of scalars, on the group's device."""
    total = None
    for part in parts:
        total = part if total is None else total + part.to(total.device)
    return _nothing(group) if total is None else total


def _to_host(scalars: list[Tensor]) -> list[float]:
    """Numbers of scalars; the one wait for the device."""
    if not scalars:
        return []
    device = scalars[0].device
    wide = torch.float32 if device.type == "mps" else torch.float64
    moved = [s.detach().to(device=device, dtype=wide, non_blocking=True) for s in scalars]
    return torch.stack(moved).tolist()
