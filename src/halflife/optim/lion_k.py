"""Lion-K: one optimizer for every convex function K.

Knows groups, state and which backend makes an update; the arithmetic stands in `update` and the
kernels beside it, the functions in `kappa`.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from itertools import chain, compress
from operator import attrgetter
from typing import Any, cast, overload

import torch
from torch import Tensor
from torch.optim.optimizer import Optimizer, ParamsT, _use_grad_for_differentiable

from halflife.optim import eight_bit
from halflife.optim.backends import update
from halflife.optim.diagnostics.diagnostics import Diagnostics
from halflife.optim.distributed import is_sharded
from halflife.optim.kappa import Kappa, get
from halflife.optim.rounding import LOST, ROUNDINGS
from halflife.optim.slot import Slots, Update
from halflife.optim.update import coefficients

_is_sparse = attrgetter("is_sparse")


class LionK(Diagnostics, Optimizer):
    """Lion-K (arXiv 2310.05898): momentum through ∇K of a convex K, and decoupled weight decay.

        c = β₁ m + (1 − β₁) g
        m ← β₂ m + (1 − β₂) g
        x ← x − η (∇K(c) + λ x)

    It solves min f(x) + K*(λx)/λ, where K* is the conjugate of K. With K = ‖x‖₁ that is Lion, and
    the problem is f in the box |xᵢ| ≤ 1/λ; `halflife.optim.kappa` has all K and their problems. K
    of the parameters is the sum of K of each tensor (or its blocks). For a K that is not even the
    step is −∇K(−c). The state is one tensor a parameter, `exp_avg`, the average of gradients with
    their own sign, as in other Lions; the paper's m is its negative.

    Args:
        params: Parameters, named parameters, or groups of them; every option below can differ by
            group.
        lr: η ≥ 0, a float or a tensor with one entry.
        betas: β₁ and β₂, in [0, 1). The theory wants β₁ ≤ β₂ and warns otherwise.
        weight_decay: λ ≥ 0; explicit decay needs ηλ ≤ 1.
        K: A `Kappa` or its name, such as "l1", "huber:e=0.01" or "l2:block=row".
        decay: "explicit" as above, as everywhere; "implicit" takes x after the update in λx, as the
            paper's theorem on discrete steps does.
        rounding: How bfloat16 weights are stored: to the "nearest" (where decay and small steps
            may be lost; a warning says so), "stochastic" or "kahan" (one more tensor of state).
        state_dtype: Of the average: a floating dtype, `torch.int8` for blocks of 8-bit codes, or
            None for the parameter's own, but float32 if that is shorter.
        seed: Of stochastic rounding. Its random bits go with an entry's place in the tensor, or in
            this process's shard of a DTensor, so there they change with the number of processes.
        maximize: Climb instead. Gradients are not changed.
        foreach: Update by operations on lists of tensors.
        fused: Update in one pass over memory: a compiled kernel for K that are sums over entries.
            None, the default, takes the fastest that works for a group.
        capturable: Nothing is read back from the device, so that a CUDA graph can hold a step.
        differentiable: Gradients flow through the step; needs a smooth K.

    Raises:
        ValueError: An option is out of its range, or two exclude each other.

    >>> weights = torch.nn.Parameter(torch.tensor([1.0, -2.0]))
    >>> optimizer = LionK([weights], lr=0.1, weight_decay=0.5)
    >>> weights.grad = torch.tensor([3.0, 0.0])
    >>> optimizer.step()
    >>> weights.data
    tensor([ 0.8500, -1.9000])
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        K: str | Kappa = "l1",
        *,
        decay: str = "explicit",
        rounding: str = "nearest",
        state_dtype: torch.dtype | None = None,
        seed: int = 0,
        maximize: bool = False,
        foreach: bool | None = None,
        fused: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "weight_decay": weight_decay,
                "K": K,
                "decay": decay,
                "rounding": rounding,
                "state_dtype": state_dtype,
                "seed": seed,
                "maximize": maximize,
                "foreach": foreach,
                "fused": fused,
                "capturable": capturable,
                "differentiable": differentiable,
            },
        )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group; what it does not say is as the optimizer's own options."""
        super().add_param_group(param_group)
        try:
            _check(self.param_groups[-1])
        except ValueError:
            self.param_groups.pop()
            raise

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)  # the checkpoint of another Lion has fewer options
            _check(group)

    def state_dict(self) -> dict[str, Any]:
        """As every optimizer's; a K is written as its name."""
        written = super().state_dict()
        for group in written["param_groups"]:
            group["K"] = str(group["K"])
        return written

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load what `state_dict` returned, or the state of another Lion with `exp_avg`.

        Averages come back bit for bit. (An optimizer of PyTorch casts them to the parameter's
        dtype, which would cut those of bfloat16 parameters.) If the groups here want another
        `state_dtype` than the checkpoint has, they are converted.
        """
        seen: dict[str, Any] = {}
        last = self.register_load_state_dict_pre_hook(lambda _, loaded: seen.update(loaded))
        try:
            super().load_state_dict(state_dict)
        finally:
            last.remove()
        numbers = chain.from_iterable(group["params"] for group in seen["param_groups"])
        for group in self.param_groups:
            for p, number in zip(group["params"], numbers, strict=False):
                if number in seen["state"]:
                    self.state[p] = _adopted(seen["state"][number], group, p)

    def _slots(self, group: dict[str, Any], first: int) -> Slots:
        """What has a gradient in a group whose tensors are numbered from `first` on."""
        grads = [p.grad for p in group["params"]]
        rows = [g is not None for g in grads]
        params, given = list(compress(group["params"], rows)), list(compress(grads, rows))
        if any(map(_is_sparse, given)):
            raise RuntimeError(
                "LionK takes no sparse gradients: its average moves every weight at every "
                "step. Make the layer with sparse=False, or give these parameters to "
                "torch.optim.SparseAdam."
            )
        states = [self.state[p] for p in params]
        if not all(states):
            for p, state in zip(params, states, strict=True):
                if not state:
                    state.update(_fresh(group, p))
        lost = [
            state["lost"] if _compensated(group, p) else None
            for p, state in zip(params, states, strict=True)
        ]
        return Slots(
            params,
            given,
            [state["exp_avg"] for state in states],
            [state.get("exp_avg_scales") for state in states],
            lost,
            list(compress(range(first, first + len(rows)), rows)),
        )

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @_use_grad_for_differentiable
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Make one update of every parameter that has a gradient.

        Args:
            closure: Computes the loss and its gradients first; the loss is returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        found_inf = getattr(self, "found_inf", None)  # set by GradScaler for fused=True
        if found_inf is not None and not all(map(_stays_on_device, self.param_groups)):
            if found_inf.item():
                return loss
            found_inf = None
        first = 0
        for group in self.param_groups:
            slots = self._slots(group, first)
            if slots.p:
                update(slots, self._update(group, found_inf), group)
            first += len(group["params"])
        return loss

    @property
    def _step_supports_amp_scaling(self) -> bool:
        """Whether GradScaler leaves gradients as they are and hands over its scale."""
        return any(group["fused"] for group in self.param_groups)

    def _update(self, group: dict[str, Any], found_inf: Tensor | None) -> Update:
        """The numbers of this update of a group."""
        lr = group["lr"]
        if isinstance(lr, Tensor):
            stays = group["capturable"] or group["differentiable"] or torch.compiler.is_compiling()
            lr = lr.reshape(()) if stays else lr.item()
        keep, length = coefficients(
            lr, group["weight_decay"], implicit=group["decay"] == "implicit"
        )
        gradient: Any = -1.0 if group["maximize"] else 1.0
        if (scale := getattr(self, "grad_scale", None)) is not None:
            gradient = gradient / (scale if group["capturable"] else scale.item())
        step: int | Tensor = 0
        if group["rounding"] == "stochastic":
            step = group.get("step", 0)
            if group["capturable"]:  # a graph has to count on the device
                step = torch.as_tensor(step, device=group["params"][0].device).to(torch.int64)
            step = group["step"] = step + 1 if isinstance(step, int) else step.add_(1)
        if group["rounding"] == "nearest" and not isinstance(keep, Tensor):
            _warn_of_lost_decay(group, keep)
        beta1, beta2 = group["betas"]
        return Update(
            K=group["K"],
            beta1=beta1,
            beta2=beta2,
            keep=keep,
            length=length,
            gradient=gradient,
            rounding=group["rounding"],
            seed=group["seed"],
            step=step,
            found_inf=found_inf,
        )


def _stays_on_device(group: dict[str, Any]) -> bool:
    """Whether a kernel is to look at `found_inf`, so that nobody waits for it."""
    return bool(group["capturable"] and group["fused"])


def _compensated(group: dict[str, Any], p: Tensor) -> bool:
    """Whether what rounding loses of p is kept."""
    return group["rounding"] == "kahan" and p.dtype in LOST


def _fresh(group: dict[str, Any], p: Tensor) -> dict[str, Tensor]:
    """The state of a parameter before its first update."""
    dtype = _state_dtype(group, p)
    state = {"exp_avg": torch.zeros_like(p, dtype=dtype, memory_format=torch.preserve_format)}
    if dtype == torch.int8:
        blocks = -(-p.numel() // eight_bit.BLOCK)
        state["exp_avg_scales"] = torch.zeros(blocks, dtype=torch.float32, device=p.device)
    if _compensated(group, p):
        state["lost"] = torch.zeros_like(p, memory_format=torch.preserve_format)
    return state


def _state_dtype(group: dict[str, Any], p: Tensor) -> torch.dtype:
    asked = cast("torch.dtype | None", group["state_dtype"])
    if p.is_complex():
        return p.dtype
    return asked or (torch.float32 if p.dtype in LOST else p.dtype)


def _adopted(saved: dict[str, Any], group: dict[str, Any], p: Tensor) -> dict[str, Any]:
    """State of a checkpoint as p's group wants it, in tensors of its own on p's device."""
    state = {
        name: value.to(p.device, copy=True) if isinstance(value, Tensor) else value
        for name, value in saved.items()
    }
    if not isinstance(state.get("exp_avg"), Tensor):
        raise ValueError(
            "The checkpoint has no 'exp_avg' for a parameter, so it is not that of a Lion; "
            f"it has: {', '.join(map(str, saved)) or 'nothing'}."
        )
    wanted = _state_dtype(group, p)
    if state["exp_avg"].dtype != wanted:
        if state["exp_avg"].dtype == torch.int8:
            state["exp_avg"] = eight_bit.decode(state["exp_avg"], state.pop("exp_avg_scales"))
        if wanted == torch.int8:
            code, scales = eight_bit.encode(state["exp_avg"].to(torch.float32))
            state["exp_avg"], state["exp_avg_scales"] = code, scales
        else:
            state["exp_avg"] = state["exp_avg"].to(wanted)
    if not _compensated(group, p):
        state.pop("lost", None)
    elif "lost" not in state:
        state["lost"] = torch.zeros_like(p, memory_format=torch.preserve_format)
    return state


def _check(group: dict[str, Any]) -> None:
    """Complain of options that are out of range or exclude each other; find K by its name."""
    group["K"] = K = get(group["K"])
    lr, decay, rounding = group["lr"], group["weight_decay"], group["rounding"]
    if isinstance(lr, Tensor):
        if lr.numel() != 1:
            raise ValueError(f"A tensor lr has one entry, got the shape {tuple(lr.shape)}.")
    elif not (math.isfinite(lr) and lr >= 0):
        raise ValueError(f"lr must be a finite number from 0, got {lr!r}.")
    if not (math.isfinite(decay) and decay >= 0):
        raise ValueError(f"weight_decay must be a finite number from 0, got {decay!r}.")
    for name, beta in zip(("β₁", "β₂"), group["betas"], strict=True):
        if not 0 <= beta < 1:
            raise ValueError(f"betas: {name} must lie in [0, 1), got {beta!r}.")
    if group["decay"] not in ("explicit", "implicit"):
        raise ValueError(f"decay must be 'explicit' or 'implicit', got {group['decay']!r}.")
    if group["decay"] == "explicit" and not isinstance(lr, Tensor) and lr * decay > 1:
        raise ValueError(
            f"lr · weight_decay is {lr * decay:g}, but above 1 a step overshoots 0: lower one of "
            "them, or take decay='implicit'."
        )
    if rounding not in ROUNDINGS:
        raise ValueError(f"rounding must be one of {', '.join(ROUNDINGS)}, got {rounding!r}.")
    dtypes = {p.dtype for p in group["params"]}
    if rounding == "stochastic" and torch.float16 in dtypes:
        raise ValueError("Stochastic rounding is for bfloat16; take rounding='kahan' for float16.")
    if (asked := group["state_dtype"]) is not None and not (
        asked == torch.int8 or asked.is_floating_point
    ):
        raise ValueError(f"state_dtype must be floating or torch.int8, got {asked}.")
    if asked == torch.int8 and (
        any(dtype.is_complex for dtype in dtypes) or any(map(is_sharded, group["params"]))
    ):
        raise ValueError(
            "state_dtype=torch.int8 is for real parameters that are not cut into shards; take "
            "torch.bfloat16 or leave it out."
        )
    if group["fused"] and group["foreach"]:
        raise ValueError("fused and foreach exclude each other; set one of them.")
    if group["fused"] and not K.elementwise:
        raise ValueError(f"fused needs a K that is a sum over entries, and {K} is not.")
    if group["differentiable"]:
        if group["fused"] or group["foreach"]:
            raise ValueError("differentiable excludes fused and foreach; leave them out.")
        if not K.smooth:
            raise ValueError(
                f"The step of {K} has no derivative; a smooth K close to it does, such as "
                "'huber:e=…' or 'log-cosh:b=…' for 'l1', 'huber-norm:e=…' for 'l2'."
            )
    if group["betas"][0] > group["betas"][1]:
        warnings.warn(
            f"betas {group['betas']} have β₁ > β₂: the theory of Lion-K wants β₁ ≤ β₂, else its "
            "energy may rise.",
            stacklevel=4,
        )


def _warn_of_lost_decay(group: dict[str, Any], keep: float) -> None:
    """Say if weight decay is less than rounding can see; always in the same words, so once."""
    lost = max([LOST.get(dtype, 0.0) for dtype in {p.dtype for p in group["params"]}])
    if 0 < 1 - keep < lost and not torch.compiler.is_compiling():
        warnings.warn(
            "Weights of 16 bits are rounded to the nearest, and in each step weight decay takes "
            f"less than half a last bit of a weight ({lost:.1e} of it): decay is lost. Use "
            "rounding='stochastic' or 'kahan'.",
            stacklevel=4,
        )
