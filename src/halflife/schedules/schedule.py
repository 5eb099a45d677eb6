"""The schedule itself: a value that maps (step, total) to a multiplier.

Knows nothing of optimizers, nor of which profiles and combinators exist.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Literal,
    SupportsIndex,
    dataclass_transform,
    overload,
)

import array_api_compat
import numpy as np

from halflife.schedules.arguments import Length, run_length
from halflife.schedules.lengths import Quantity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from halflife.schedules.shapes import Shape

Array = Any
"""An array of numpy, torch, jax or another library that follows the array API standard."""

Namespace = Any
"""The functions of an array's library (`xp.cos`, `xp.where`, …), as `array_api_compat` has them."""


@dataclass_transform(frozen_default=True, eq_default=False)
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Schedule(ABC):
    """A learning-rate schedule: `schedule(step, total)` is the multiplier of the base rate.

    **The index rule.** Step s counts from 0; `schedule(s, T)` is the multiplier used by update
    s + 1 of T. By default the first and the last update both have a multiplier above 0: a warm-up
    over W steps is (s + 1)/W, a linear decay after it 1 − (s − W)/(T − W).

    **After the end.** From step T − 1 on the value stays what it was at T − 1; the first call with
    a step ≥ T warns, once per schedule, total and process. It never climbs again and never raises.

    **Lengths** (of a warm-up, a hold) are an `int` number of steps or a `float` fraction of the
    total, rounded to the nearest step, halves up; or `tokens(n)` and `epochs(n)`, which `resolve`
    turns into steps.

    A schedule is an immutable value: it can be compared, hashed, pickled and written as JSON. Two
    schedules are equal when their JSON is, so a warm-up of `1` step differs from one of `1.0` run.

    To add one, subclass with `kind="name"`, declare the parameters as fields (every subclass is
    made a frozen dataclass) and write `formula`.

    >>> from halflife.schedules import rex
    >>> schedule = rex().warmup(2)
    >>> schedule(0, 10), schedule(1, 10), schedule(6, 10)
    (0.5, 1.0, 0.6666666666666666)
    >>> schedule.table(4)
    array([0.5       , 1.        , 1.        , 0.66666667])
    >>> Schedule.from_json(schedule.to_json()) == schedule
    True
    """

    kind: ClassVar[str]
    _kinds: ClassVar[dict[str, type[Schedule]]] = {}

    def __init_subclass__(cls, kind: str | None = None) -> None:
        dataclasses.dataclass(frozen=True, eq=False, repr=False)(cls)
        if kind is None:
            if hasattr(cls, "kind"):  # its JSON would bring back the class that it inherits from
                raise TypeError(f'{cls.__qualname__} needs a kind of its own: kind="name".')
            return  # an abstract step between Schedule and the schedules
        taken = Schedule._kinds.get(kind)
        if taken is not None and taken.__qualname__ != cls.__qualname__:  # a reload is no clash
            raise ValueError(f"kind {kind!r} belongs to {taken.__qualname__}; choose another name.")
        cls.kind = kind
        Schedule._kinds[kind] = cls

    @abstractmethod
    def formula(self, step: Array, total: int, xp: Namespace) -> Array:
        """Return the multipliers of `step`: the one method that a schedule has to write.

        Args:
            step: Floating array with 0 ≤ step ≤ total − 1, not necessarily whole numbers.
            total: Number of updates, at least 1.
            xp: The functions of the array's library.

        Returns:
            An array with the shape, dtype and device of `step`.

        Raises:
            ValueError: The schedule does not fit into `total` updates, whatever `step` holds.
        """

    @overload
    def __call__(self, step: float, total: SupportsIndex) -> float: ...
    @overload
    def __call__(self, step: Array, total: SupportsIndex) -> Array: ...
    def __call__(self, step: Any, total: SupportsIndex) -> Any:
        """Return the multiplier of update `step` + 1.

        Args:
            step: Number of updates already made, ≥ 0: a Python number, or an array of numbers of
                any shape (numpy, torch, jax, …). Inside `jax.jit` its values cannot be checked.
            total: Number of updates of the run.

        Returns:
            A float for a Python number. For an array, one of the same shape on the same device:
            a floating dtype is kept, integers give float64 (or the default float of a library or
            device that has no float64). Values are computed in the widest of these.

        Raises:
            ValueError: A negative or NaN step, total < 1 or not an integer, or a schedule that
                does not fit into `total` updates.
            TypeError: `step` is neither a number nor an array of numbers.
        """
        updates = run_length(total)
        if array_api_compat.is_array_api_obj(step):
            return self._of_array(step, updates)
        if not isinstance(step, int | float) or isinstance(step, bool):
            raise TypeError(
                f"step must be a number or an array, got {type(step).__name__}; "
                "wrap a list in numpy.asarray."
            )
        if math.isnan(step) or step < 0:
            raise ValueError(f"step must be ≥ 0 (updates already made), got {step!r}.")
        if step >= updates:
            _warn_after_end(self, updates)
        # An array of one rather than `math`: scalars and tables then agree to the last bit.
        return float(self.formula(np.asarray([float(min(step, updates - 1))]), updates, np)[0])

    def _of_array(self, step: Array, total: int) -> Array:
        xp = array_api_compat.array_namespace(step)
        info = xp.__array_namespace_info__()
        device = array_api_compat.device(step)
        default = info.default_dtypes(device=device)["real floating"]
        widest = info.dtypes(device=device, kind="real floating").get("float64", default)
        if xp.isdtype(step.dtype, "real floating"):
            result = step.dtype
        elif xp.isdtype(step.dtype, "integral"):
            result = widest
        else:
            raise TypeError(f"step must be an array of real numbers, got dtype {step.dtype}.")
        s = xp.astype(step, widest)
        if _holds_somewhere(~(s >= 0), xp):
            raise ValueError("step must be ≥ 0 (updates already made), got a negative one or NaN.")
        if _holds_somewhere(s >= total, xp):
            _warn_after_end(self, total)
        s = xp.clip(s, 0, total - 1)
        if s.ndim == 0:  # NumPy computes powers of scalars by other code than those of arrays
            return xp.astype(self.formula(xp.reshape(s, (1,)), total, xp), result)[0]
        return xp.astype(self.formula(s, total, xp), result)

    def table(self, total: SupportsIndex) -> NDArray[np.float64]:
        """Return all multipliers of a run, shape (total,), float64.

        Raises:
            ValueError: As for a call.
        """
        updates = run_length(total)
        table: NDArray[np.float64] = self.formula(np.arange(updates, dtype=np.float64), updates, np)
        return table

    def warmup(
        self, length: Length, start: float = 0.0, shape: Shape = "linear", offset: int = 1
    ) -> Schedule:
        """Ramp up from `start` over `length`, then run this schedule over the steps that remain."""
        from halflife.schedules.warmup import Warmup

        return Warmup(self, length, start, shape, offset)

    def cooldown(self, length: Length, shape: Shape = "linear") -> Schedule:
        """Follow this schedule, and take the value reached down to zero over the last `length`."""
        from halflife.schedules.cooldown import Cooldown

        return Cooldown(self, length, shape)

    def lasting(self, length: Length) -> Schedule:
        """Run this schedule within `length`; what comes after it is joined on with `>>`."""
        from halflife.schedules.lasting import Lasting

        return Lasting(self, length)

    def __rshift__(self, then: object) -> Schedule:
        """Run this schedule, which has a length of its own, and then `then` over the rest.

        `a.lasting(0.2) >> b.lasting(100) >> c`; see `piecewise`.

        Raises:
            ValueError: This schedule does not say how long it lasts.
        """
        from halflife.schedules.piecewise import Piecewise

        if not isinstance(then, Schedule):
            return NotImplemented
        return Piecewise((*(self.parts if isinstance(self, Piecewise) else (self,)), then))

    def scaled(self, factor: float) -> Schedule:
        """Multiply this schedule by `factor`."""
        from halflife.schedules.scaled import Scaled

        return Scaled(self, factor)

    def delayed(self, hold: Length) -> Schedule:
        """Hold this schedule's first value for `hold`, then run it over the steps that remain."""
        from halflife.schedules.delayed import Delayed

        return Delayed(hold, self)

    def floor(self, ratio: float, mode: Literal["asymptote", "clamp"] = "asymptote") -> Schedule:
        """Never go below `ratio`: by rescaling ("asymptote") or by cutting off ("clamp")."""
        from halflife.schedules.floor import Floor

        return Floor(self, ratio, mode)

    def sampled(
        self, *, every: float | None = None, points: tuple[float, ...] | None = None
    ) -> Schedule:
        """Refresh the value only at some fractions of the run and hold it in between."""
        from halflife.schedules.sampled import Sampled

        return Sampled(self, every, points)

    def resolve(
        self, *, tokens_per_step: int | None = None, steps_per_epoch: int | None = None
    ) -> Schedule:
        """Return this schedule with every length that is in tokens or epochs turned into steps.

        Args:
            tokens_per_step: Tokens in one update over all devices, gradient accumulation included.
            steps_per_epoch: Updates (not batches, if gradients are accumulated) in one epoch.

        Raises:
            ValueError: A length needs one that is not given, or that is no integer ≥ 1.
        """

        def resolved(value: Any) -> Any:
            if isinstance(value, Schedule | Quantity):
                turn = value.resolve if isinstance(value, Schedule) else value.steps
                return turn(tokens_per_step=tokens_per_step, steps_per_epoch=steps_per_epoch)
            return tuple(resolved(one) for one in value) if isinstance(value, tuple) else value

        return type(self)(**{name: resolved(one) for name, one in self._parameters().items()})

    def to_dict(self) -> dict[str, Any]:
        """Return the kind and the parameters as plain JSON types."""
        return {"kind": self.kind} | {
            name: _to_plain(value) for name, value in self._parameters().items()
        }

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Schedule:
        """Return the schedule that `to_dict` wrote.

        Raises:
            ValueError: No kind, an unknown kind, or parameters that this kind does not have.
        """
        parameters = dict(data)
        kind = parameters.pop("kind", None)
        cls = Schedule._kinds.get(kind) if isinstance(kind, str) else None
        if cls is None:
            known = sorted(Schedule._kinds)
            near = difflib.get_close_matches(kind, known, n=1) if isinstance(kind, str) else []
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}."
            raise ValueError(f"There is no schedule of kind {kind!r}; {hint}")
        try:
            return cls(**{name: _from_plain(value) for name, value in parameters.items()})
        except TypeError as error:
            raise ValueError(f"These parameters do not make a {kind!r} schedule: {error}") from None

    def to_json(self) -> str:
        """Return `to_dict` as one line of JSON."""
        return json.dumps(self.to_dict(), sort_keys=True, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> Schedule:
        """Return the schedule that `to_json` wrote.

        Raises:
            ValueError: No JSON object, or as for `from_dict`.
        """
        data = json.loads(text)
        if not isinstance(data, dict):
            raise ValueError(f"A schedule's JSON must be an object with a 'kind', got {text!r}.")
        return Schedule.from_dict(data)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedule):
            return NotImplemented
        return self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __repr__(self) -> str:
        return f"{self.kind}({self._spelled(self._parameters())})"

    def _parameters(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @staticmethod
    def _spelled(parameters: Mapping[str, Any]) -> str:
        return ", ".join(f"{name}={value!r}" for name, value in parameters.items())

    def _keep(self, **checked: object) -> None:
        """Store parameters in their checked form; for `__post_init__`, as the object is frozen."""
        for name, value in checked.items():
            object.__setattr__(self, name, value)


class Combinator(Schedule):
    """A schedule made from another one; shown as the method call that makes it."""

    inner: Schedule

    def __repr__(self) -> str:
        parameters = self._parameters()
        return f"{parameters.pop('inner')!r}.{self.kind}({self._spelled(parameters)})"


def a_schedule(name: str, value: object) -> Schedule:
    """Return `value` if it is a Schedule.

    Raises:
        TypeError: It is not.
    """
    if not isinstance(value, Schedule):
        raise TypeError(
            f"{name} must be a Schedule such as halflife.schedules.rex(), got {value!r}."
        )
    return value


def _to_plain(value: Any) -> Any:
    if isinstance(value, Schedule | Quantity):
        return value.to_dict()
    return [_to_plain(one) for one in value] if isinstance(value, tuple) else value


def _from_plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Quantity.from_dict(value) if "unit" in value else Schedule.from_dict(value)
    return tuple(_from_plain(one) for one in value) if isinstance(value, list) else value


def _holds_somewhere(condition: Array, xp: Namespace) -> bool:
    try:
        return bool(xp.any(condition))
    except TypeError:  # inside jax.jit values are not known yet, so nothing can be said of them
        return False


@lru_cache(maxsize=256)
def _warn_after_end(schedule: Schedule, total: int) -> None:
    """Warn; the cache makes it once per schedule and total."""
    warnings.warn(
        f"{schedule!r} was asked for a step past the end of its run of {total} updates; "
        "it stays at its last value. Train for fewer updates or pass a larger total.",
        RuntimeWarning,
        stacklevel=3,
    )
