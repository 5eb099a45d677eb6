"""Decay of zero modes on a curved world sheet into particles of the bulk.

`circle.py` has the static circle, exactly and by Airy functions (`airy.py`); `phase_space.py`
final states of several particles, and decay to a lower zero mode; `curvature.py` any other sheet.
"""

from halflife.strings.worldsheet.airy import log_ai1, log_ai2
from halflife.strings.worldsheet.circle import exact_log_rate, heaviest_final_state, log_rate
from halflife.strings.worldsheet.curvature import log_invariant_rate, normal_acceleration
from halflife.strings.worldsheet.phase_space import (
    PhaseSpace,
    blocked,
    log_cascade_rate,
    log_rate_into,
    two_body,
)

__all__ = [
    "PhaseSpace",
    "blocked",
    "exact_log_rate",
    "heaviest_final_state",
    "log_ai1",
    "log_ai2",
    "log_cascade_rate",
    "log_invariant_rate",
    "log_rate",
    "log_rate_into",
    "normal_acceleration",
    "two_body",
]
