"""Zero modes of curved strings as resonances: exact energies and rates of escape.

`kink_ring.py` in 2 + 1 dimensions, by Bessel functions; `string_ring.py` the global string, on a
grid.
"""
