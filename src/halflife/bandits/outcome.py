"""What is observed in a round, checked where it comes in."""

from __future__ import annotations

import math
from numbers import Real


def outcome(value: object) -> float:
    """Return a reward as a float.

    Raises:
        ValueError: it is no finite number. Nothing has been changed then.
    """
    if type(value) is float and math.isfinite(value):  # in every round: the usual case first
        return value
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(float(value)):
        return float(value)
    raise ValueError(
        f"the reward must be a finite number, got {value!r}; if it is not known yet, observe it "
        "when it is: until then the agent waits and nothing is lost."
    )
