"""The convex function K of Lion-K: what every K can say of itself.

Knows nothing of optimizers, losses or which K there are.
"""

from __future__ import annotations

import ast
import dataclasses
import difflib
import math
from abc import ABC, abstractmethod
from typing import Any, ClassVar, dataclass_transform

import torch
from torch import Tensor


@dataclass_transform(frozen_default=True, kw_only_default=False)
@dataclasses.dataclass(frozen=True)
class Kappa(ABC):
    """A convex function K: ℝⁿ → ℝ with K(0) as its least value, unless a K says otherwise.

    An optimizer moves along ∇K of its momentum; with weight decay λ it then minimises
    f(x) + K*(λx)/λ, where K*(y) = sup_z ⟨y, z⟩ − K(z) is the conjugate. Where K* is infinite is a
    constraint. The table of all K stands in the documentation.

    **Scale.** With `scale` ρ the function is ρK: a step ρ times as long and a constraint set ρ
    times as large. Some K have named scales that follow the tensor's shape, see there.

    **Blocks.** K of a tensor is the sum of K over its blocks: the whole `"tensor"` (the default),
    each `"row"` (index of the first dimension), each `"column"` (what is left of the shape), or a
    whole number g of equal groups of rows, such as attention heads. A K that is a sum over entries
    has no need of them.

    **Tensors** are real and floating, of any shape and device, and computed in their own dtype. A
    method returns a tensor of that dtype: `value`, `conjugate` and `distance` a scalar, `gauge`
    a number for each part, the others one of the argument's shape.

    A K is an immutable value: compared, hashed, pickled, and written as the text (`str`) that `get`
    reads. To add one, subclass `Elementwise`, `Vector` or `Spectral` with `kind="name"`.
    """

    scale: float | str = dataclasses.field(default=1.0, kw_only=True)
    block: str | int = dataclasses.field(default="tensor", kw_only=True)

    kind: ClassVar[str]
    even: ClassVar[bool] = True
    """Whether K(−z) = K(z)."""
    smooth: ClassVar[bool] = True
    """Whether ∇K is continuous, so that it can be differentiated almost everywhere with sense."""
    homogeneous: ClassVar[bool] = False
    """Whether K is a norm: ∇K then ignores the size of its argument."""
    bounded: ClassVar[bool] = True
    """Whether K* is finite only on a bounded set: whether weight decay makes a constraint."""
    scales: ClassVar[tuple[str, ...]] = ()
    """Names of scales that follow the shape."""
    elementwise: ClassVar[bool] = False
    """Whether K is a sum over entries."""
    _kinds: ClassVar[dict[str, type[Kappa]]] = {}

    def __init_subclass__(cls, kind: str | None = None) -> None:
        dataclasses.dataclass(frozen=True)(cls)
        if kind is not None:
            cls.kind = kind
            Kappa._kinds[kind] = cls

    def __post_init__(self) -> None:
        if isinstance(self.scale, str):
            if self.scale not in self.scales:
                known = " or ".join(["a number above 0", *map(repr, self.scales)])
                raise ValueError(f"{self.kind} has no scale {self.scale!r}; give {known}.")
        else:
            self._keep(scale=positive("scale", self.scale))
        if isinstance(self.block, str):
            if self.block not in ("tensor", "row", "column"):
                raise ValueError(
                    f"There is no block {self.block!r}; there are 'tensor', 'row', 'column' "
                    "or a whole number of groups."
                )
        elif isinstance(self.block, bool) or self.block != int(self.block) or self.block < 1:
            raise ValueError(f"A number of groups is whole and at least 1, got {self.block!r}.")

    def _keep(self, **values: Any) -> None:
        """Set fields of this frozen value while it is made."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def overshoot(self) -> float:
        """How far computed values of ∇K may lie outside the domain of K*, as a factor."""
        return 1.0

    # What a K must say, for ρ = 1 and over blocks (see `_split`).

    @abstractmethod
    def _value(self, z: Tensor) -> Tensor:
        """K(z) of each block."""

    @abstractmethod
    def _grad(self, z: Tensor) -> Tensor:
        """∇K(z), or one of the subgradients; 0 at 0 if K is even."""

    @abstractmethod
    def _conjugate(self, y: Tensor) -> Tensor:
        """K*(y) of each block; inf outside its domain."""

    @abstractmethod
    def _grad_conjugate(self, y: Tensor) -> Tensor:
        """One of the subgradients of K* at a y of its domain."""

    @abstractmethod
    def _project(self, y: Tensor) -> Tensor:
        """The nearest point of the domain's closure, in the Euclidean norm."""

    @abstractmethod
    def _lmo(self, z: Tensor) -> Tensor:
        """One of the points of the domain's closure with the largest ⟨z, u⟩."""

    @abstractmethod
    def _gauge(self, y: Tensor) -> Tensor:
        """The size of each part that has a border of its own, 1 on it; 0 if K* has none."""

    @abstractmethod
    def _split(self, z: Tensor) -> Tensor:
        """The tensor as blocks along the first dimension."""

    @abstractmethod
    def _join(self, blocks: Tensor, like: Tensor) -> Tensor:
        """The inverse of `_split`."""

    def _rho(self, blocks: Tensor) -> float:
        """The scale for blocks of this shape."""
        del blocks
        return float(self.scale)

    # What people call.

    def value(self, z: Tensor) -> Tensor:
        """K(z), a scalar."""
        blocks = self._split(z)
        return self._rho(blocks) * self._value(blocks).sum()

    def grad(self, z: Tensor) -> Tensor:
        """∇K(z), shape of z; one of the subgradients where there are several, and 0 at 0.

        (The log-sum-exp, which is not even, has the uniform distribution at 0.) NaN stays NaN.
        """
        blocks = self._split(z)
        return self._join(self._rho(blocks) * self._grad(blocks), z)

    def conjugate(self, y: Tensor) -> Tensor:
        """K*(y), a scalar; inf where y lies outside the domain by more than rounding."""
        blocks = self._split(y)
        rho = self._rho(blocks)
        return rho * self._conjugate(blocks / rho).sum()

    def grad_conjugate(self, y: Tensor) -> Tensor:
        """One of the subgradients of K* at y, shape of y, which lies in the domain."""
        blocks = self._split(y)
        return self._join(self._grad_conjugate(blocks / self._rho(blocks)), y)

    def project(self, y: Tensor) -> Tensor:
        """The nearest point, in the Euclidean norm, at which K* is finite (or a limit of such)."""
        blocks = self._split(y)
        rho = self._rho(blocks)
        return self._join(rho * self._project(blocks / rho), y)

    def distance(self, y: Tensor) -> Tensor:
        """‖y − project(y)‖₂: 0 where K* is finite."""
        return torch.linalg.vector_norm(y - self.project(y))

    def gauge(self, y: Tensor) -> Tensor:
        """How far out y lies: below 1 inside the domain of K*, 1 on its border, above 1 outside.

        One number for each part of y that can reach the border by itself: an entry for K that are
        sums over entries, a singular value for sums over these, and otherwise a block. 0 where K*
        is finite everywhere. (Minkowski's functional; for the log-sum-exp, whose domain has no
        inside, 1 − yᵢ, which does not see Σ yᵢ ≠ 1.)
        """
        blocks = self._split(y)
        return self._gauge(blocks / self._rho(blocks))

    def lmo(self, z: Tensor) -> Tensor:
        """The linear minimisation oracle's answer for −z: argmax ⟨z, u⟩ over the domain of K*.

        Raises:
            ValueError: The domain is unbounded, so there is none.
        """
        if not self.bounded:
            raise ValueError(
                f"The conjugate of {self.kind} is finite everywhere, so ⟨z, u⟩ has no largest "
                "value; choose a K whose step is bounded, such as 'l1'."
            )
        blocks = self._split(z)
        return self._join(self._rho(blocks) * self._lmo(blocks), z)

    def block_scale(self, z: Tensor) -> float:
        """ρ for a tensor of this shape."""
        return self._rho(self._split(z))

    # What files hold.

    def __str__(self) -> str:
        """As `get` reads it: the name, and behind a colon each field that is not at its default.

        `huber:e=0.1,block=row`
        """
        changed = [
            f"{field.name}={_written(getattr(self, field.name))}"
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        ]
        return ":".join(filter(None, [self.kind, ",".join(changed)]))


def get(spec: str | Kappa) -> Kappa:
    """A K by its name, with its fields behind a colon; a K is handed back as it is.

    Fields are written as Python's keyword arguments, but words need no quotes.

    Raises:
        ValueError: There is no such K, or it has no such field; the message names the nearest.

    >>> get("l1")
    L1(scale=1.0, block='tensor')
    >>> get("lp:p=1.5,scale=rms,block=row")
    Lp(scale='rms', block='row', p=1.5)
    >>> str(get("lp:p=1.5,scale=rms,block=tensor"))
    'lp:scale=rms,p=1.5'
    """
    if isinstance(spec, Kappa):
        return spec
    kind, _, rest = spec.partition(":")
    known = Kappa._kinds
    if kind not in known:
        near = difflib.get_close_matches(kind, known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(known))}."
        raise ValueError(f"There is no K {kind!r}; {hint}")
    arguments = _read(rest, spec)
    fields = {field.name: field for field in dataclasses.fields(known[kind])}
    if strange := sorted(set(arguments) - set(fields)):
        raise ValueError(f"{kind} has no {strange[0]!r}; it has: {', '.join(fields)}.")
    needed = [n for n, field in fields.items() if field.default is dataclasses.MISSING]
    if missing := [name for name in needed if name not in arguments]:
        raise ValueError(f"{kind} needs {' and '.join(missing)}: '{kind}:{missing[0]}=…'.")
    return known[kind](**arguments)


def names() -> list[str]:
    """The name of every K."""
    return sorted(Kappa._kinds)


def _read(fields: str, spec: str) -> dict[str, Any]:
    """The values of `name=value,…`: Python literals, or else plain words."""
    call = f"f({fields})"
    try:
        node = ast.parse(call, mode="eval").body
    except SyntaxError:
        raise ValueError(f"{spec!r} cannot be read; write name:field=value,field=value.") from None
    assert isinstance(node, ast.Call)
    if node.args:
        raise ValueError(f"A value in {spec!r} has no name; write field=value.")
    values: dict[str, Any] = {}
    for keyword in node.keywords:
        try:
            values[str(keyword.arg)] = ast.literal_eval(keyword.value)
        except ValueError:
            values[str(keyword.arg)] = ast.get_source_segment(call, keyword.value)
    return values


def _written(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)


def positive(name: str, value: Any) -> float:
    """A finite number above 0, or a ValueError that names it."""
    if not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number, got {value!r}.")
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"{name} must be a finite number above 0, got {value!r}.")
    return number


def above_one(name: str, value: Any) -> float:
    """A finite number above 1, or a ValueError that names it."""
    number = positive(name, value)
    if number <= 1:
        raise ValueError(f"{name} must be a finite number above 1, got {value!r}.")
    return number


def beyond(y: Tensor) -> float:
    """The largest size, as a part of 1, that rounding can give to a point on the border."""
    return 1 + 64 * torch.finfo(y.dtype).eps


def sign(z: Tensor) -> Tensor:
    """±1, 0 for ±0, and NaN for NaN, which `torch.sign` makes 0: a broken gradient has to show."""
    return torch.where(z.isnan(), z, z.sign())
