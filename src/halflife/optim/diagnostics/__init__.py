"""Which problem a Lion-K is solving, and how far the weights are from its answer.

`Diagnostics` has the methods that every `LionK` has: `explain`, `radius`, `infeasibility`,
`saturated_fraction`, `steps_to_feasibility`, `kkt_gap`, `objective`, `lyapunov`. They return a
`Reading`, a `Certificate`, `Forecast`s or an `Explanation`. `implied_radius` tells the bound that
other libraries' weight decay implies, by their `CONVENTIONS`.

`DiagnosticsRecorder` writes them to a file in any torch loop, `TransformersDiagnostics` and
`LightningDiagnostics` do it as callbacks, `read_diagnostics` reads the file, `figure` draws it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from halflife.optim.diagnostics.diagnostics import Diagnostics
from halflife.optim.diagnostics.explanation import Explanation, GroupExplanation
from halflife.optim.diagnostics.figure import figure
from halflife.optim.diagnostics.forecast import Forecast
from halflife.optim.diagnostics.implied_radius import CONVENTIONS, Convention, implied_radius
from halflife.optim.diagnostics.log import DiagnosticsLog, read_diagnostics
from halflife.optim.diagnostics.problem import problem
from halflife.optim.diagnostics.reading import Certificate, Reading
from halflife.optim.diagnostics.recorder import DiagnosticsRecorder

if TYPE_CHECKING:
    from halflife.optim.diagnostics.lightning_callback import LightningDiagnostics
    from halflife.optim.diagnostics.transformers_callback import TransformersDiagnostics

__all__ = [
    "CONVENTIONS",
    "Certificate",
    "Convention",
    "Diagnostics",
    "DiagnosticsLog",
    "DiagnosticsRecorder",
    "Explanation",
    "Forecast",
    "GroupExplanation",
    "LightningDiagnostics",
    "Reading",
    "TransformersDiagnostics",
    "figure",
    "implied_radius",
    "problem",
    "read_diagnostics",
]

_LAZY = {
    "LightningDiagnostics": "lightning_callback",
    "TransformersDiagnostics": "transformers_callback",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
