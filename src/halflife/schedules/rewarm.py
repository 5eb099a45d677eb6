"""Re-warming: a second schedule that starts from a checkpoint of a first."""

from __future__ import annotations

from typing import Literal

from halflife.arguments import number
from halflife.schedules.arguments import Length
from halflife.schedules.cosine import cosine
from halflife.schedules.schedule import Schedule, a_schedule

THEN = cosine().floor(0.1)


def rewarm(
    from_ratio: float = 0.1,
    warmup: Length = 0.01,
    then: Schedule = THEN,
    start: Literal["checkpoint", "zero"] | float = "checkpoint",
) -> Schedule:
    """Return warm-up and decay for training on from a finished run's checkpoint.

        m(s) = r + (1 − r)(s + 1)/W for s < W,  then(s − W, T − W) after that

    Continual pre-training (arXiv 2308.04014): T counts the new run alone, its peak is the base
    rate. r is `from_ratio` with start="checkpoint", so that the rate goes on from where the old run
    left it; 0 with start="zero", as in GPT-NeoX, where it first drops to nothing; or the number
    given as `start`. The paper's warm-ups are 0 to 2 % of the run; with 0 the rate jumps. Its decay
    is a cosine to a tenth of the peak.

    Args:
        from_ratio: The checkpoint's rate as a part of the new base rate.
        warmup: Length of the warm-up, a part of T.
        then: What follows over the rest.
        start: Where the warm-up starts from.

    Returns:
        `then.warmup(warmup, start=r)`.

    Raises:
        ValueError: from_ratio or start outside [0, 1], or no length; when called, a warm-up longer
            than the run.

    >>> from halflife.schedules import linear
    >>> rewarm(0.2, warmup=4, then=linear()).table(8)
    array([0.4 , 0.6 , 0.8 , 1.  , 1.  , 0.75, 0.5 , 0.25])
    >>> rewarm(0.2, warmup=4, then=linear(), start="zero").table(8)
    array([0.25, 0.5 , 0.75, 1.  , 1.  , 0.75, 0.5 , 0.25])
    """
    ratio = number("from_ratio", from_ratio, "[0, 1]")
    if isinstance(start, str):
        if start not in ("checkpoint", "zero"):
            raise ValueError(
                f"start must be 'checkpoint', 'zero' or a number in [0, 1], got {start!r}."
            )
        start = ratio if start == "checkpoint" else 0.0
    return a_schedule("then", then).warmup(warmup, start=start)
