"""Zero modes of curved strings as resonances: energies and rates of escape.

`kink_ring.py` in 2 + 1 dimensions, exactly, by Bessel functions; `string_ring.py` the global
string with all four components, on a grid.
"""

from halflife.strings.resonances.kink_ring import Levels, kink_ring
from halflife.strings.resonances.string_ring import Resonance, string_ring

__all__ = ["Levels", "Resonance", "kink_ring", "string_ring"]
