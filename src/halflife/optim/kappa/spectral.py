"""K of a matrix's singular values, and the one case that has a way without them."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor

from halflife.optim.kappa.huber import Huber
from halflife.optim.kappa.kappa import Kappa, above_one, positive
from halflife.optim.kappa.l1 import L1
from halflife.optim.kappa.linf import LInf
from halflife.optim.kappa.lp import Lp
from halflife.optim.kappa.newton_schulz import OVERSHOOT, newton_schulz


class Spectral(Kappa):
    """K(Z) = k(σ(Z)) for an even k of the singular values that does not depend on their order.

    Then K*(Y) = k*(σ(Y)) and ∇K(Z) = U diag(∇k(σ)) Vᵀ (von Neumann, Lewis): gradient, projection
    and oracle of the matrix are those of the vector of its singular values.

    A tensor of more than two dimensions is the matrix of its rows, a vector a matrix of one row, so
    that K of it is ρ‖z‖₂ or its like. A whole number as `block` makes that many groups of rows, a
    matrix each. Named scales: `"aspect"` is ρ = √max(1, rows/columns), as in Keller Jordan's Muon,
    and `"adamw"` is ρ = 0.2 √max(rows, columns), for steps as long as AdamW's.
    """

    scales: ClassVar[tuple[str, ...]] = ("aspect", "adamw")
    smooth: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.block in ("row", "column"):
            raise ValueError(
                f"block={self.block!r} leaves no matrices; use 'l2' for rows or columns, or a "
                "whole number of groups of rows."
            )
        super().__post_init__()

    @abstractmethod
    def _inner(self) -> Kappa:
        """The k of the singular values."""

    def _split(self, z: Tensor) -> Tensor:
        rows = z.reshape(z.shape[0], -1) if z.ndim > 1 else z.reshape(1, -1)
        groups = 1 if self.block == "tensor" else int(self.block)
        if rows.shape[0] % groups:
            raise ValueError(
                f"block={groups} makes that many groups of rows, but a tensor of shape "
                f"{tuple(z.shape)} has {rows.shape[0]} rows; choose a divisor of it."
            )
        return rows.reshape(groups, -1, rows.shape[1])

    def _join(self, blocks: Tensor, like: Tensor) -> Tensor:
        return blocks.reshape(like.shape)

    def _rho(self, blocks: Tensor) -> float:
        rows, columns = blocks.shape[-2:]
        if self.scale == "aspect":
            return math.sqrt(max(1, rows / columns))
        if self.scale == "adamw":
            return 0.2 * math.sqrt(max(rows, columns))
        return super()._rho(blocks)

    def _on_values(self, z: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
        """U diag(change(σ)) Vᵀ, where singular values that are but rounding count as 0."""
        u, values, vh = torch.linalg.svd(z, full_matrices=False)
        largest = values.amax(-1, keepdim=True)
        rounding = max(z.shape[-2:]) * torch.finfo(z.dtype).eps
        values = torch.where(values > rounding * largest, values, 0)
        return (u * change(values).unsqueeze(-2)) @ vh

    def _per_block(self, amounts: Tensor, blocks: int) -> Tensor:
        """One amount a block, summed over entries if the k is a sum over them."""
        return amounts.reshape(blocks, -1).sum(-1)

    def _value(self, z: Tensor) -> Tensor:
        return self._per_block(self._inner()._value(torch.linalg.svdvals(z)), len(z))

    def _grad(self, z: Tensor) -> Tensor:
        return self._on_values(z, self._inner()._grad)

    def _conjugate(self, y: Tensor) -> Tensor:
        return self._per_block(self._inner()._conjugate(torch.linalg.svdvals(y)), len(y))

    def _grad_conjugate(self, y: Tensor) -> Tensor:
        return self._on_values(y, self._inner()._grad_conjugate)

    def _project(self, y: Tensor) -> Tensor:
        return self._on_values(y, self._inner()._project)

    def _gauge(self, y: Tensor) -> Tensor:
        return self._inner()._gauge(torch.linalg.svdvals(y))

    def _lmo(self, z: Tensor) -> Tensor:
        return self._on_values(z, self._inner()._lmo)


class Nuclear(Spectral, kind="nuclear"):
    """K = ‖Z‖_* (the sum of singular values), ∇K = UVᵀ, K* = 0 on ‖Y‖_op ≤ 1: Muon.

    The constraint is a largest singular value of at most ρ/λ.

    Attributes:
        method: "svd" is exact. "newton-schulz" is five steps of Keller Jordan's iteration, cheap on
            a GPU, whose result is U diag(s) Vᵀ with s about 1 but up to 1.2024: that is how far
            the constraint may be passed.
        precision: Of Newton–Schulz: "input", the argument's dtype, or "bfloat16", as in
            `torch.optim.Muon`.
    """

    method: str = "svd"
    precision: str = "input"
    homogeneous: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name, value, known in (
            ("method", self.method, ("svd", "newton-schulz")),
            ("precision", self.precision, ("input", "bfloat16")),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}.")
        super().__post_init__()

    @property
    def overshoot(self) -> float:
        """1.2024 for Newton–Schulz."""
        return OVERSHOOT if self.method == "newton-schulz" else 1.0

    def _inner(self) -> Kappa:
        return L1()

    def _grad(self, z: Tensor) -> Tensor:
        if self.method == "svd":
            return super()._grad(z)
        dtype = torch.bfloat16 if self.precision == "bfloat16" else z.dtype
        return newton_schulz(z.to(dtype)).to(z.dtype)


class Schatten(Spectral, kind="schatten"):
    """K = ‖σ(Z)‖_p, ∇K = U diag((σ/‖σ‖_p)^(p−1)) Vᵀ, K* = 0 on the Schatten-q ball.

    Attributes:
        p: The exponent, 1 < p < ∞; the ends are `nuclear` and `operator`, p = 2 is `l2`.
    """

    p: float
    homogeneous: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._keep(p=above_one("p", self.p))
        super().__post_init__()

    def _inner(self) -> Kappa:
        return Lp(self.p)


class Operator(Spectral, kind="operator"):
    """K = ‖Z‖_op (the largest singular value), ∇K = u₁v₁ᵀ, K* = 0 on ‖Y‖_* ≤ 1.

    Steps have rank one.
    """

    homogeneous: ClassVar[bool] = True

    def _inner(self) -> Kappa:
        return LInf()


class SpectralHuber(Spectral, kind="spectral-huber"):
    """K = Σ Huber with e of σᵢ, ∇K = U diag(min(σ/e, 1)) Vᵀ, K* = (e/2) ‖Y‖_F² on ‖Y‖_op ≤ 1.

    Attributes:
        e: Singular value of the momentum beyond which a step is 1, > 0.
    """

    e: float
    smooth: ClassVar[bool] = True

    def __post_init__(self) -> None:
        self._keep(e=positive("e", self.e))
        super().__post_init__()

    def _inner(self) -> Kappa:
        return Huber(self.e)
