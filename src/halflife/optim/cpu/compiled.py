"""How Numba compiles the code of this folder."""

from __future__ import annotations

from typing import Any

from numba import njit

OPTIONS: Any = {"error_model": "numpy"}  # division by 0 as in IEEE 754, which a vector can do
INLINED: Any = {"forceinline": True, **OPTIONS}

inner = njit(**INLINED)
