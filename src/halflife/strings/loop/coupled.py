"""Field, carriers and absorber, one step at a time, with the energy book and the state to go on.

The model is ours: the paper's abstract gives the claims, not the equations. The step is that of
`reference.py`. φ is kept at whole times and v in the middle of a drift, so that the second half of
one step and the first of the next are one sweep of the lattice's engine. Carriers kick the field's
velocity before and after; they stay away from the cells that damp.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from halflife.strings.lattice.energy import Energy
from halflife.strings.lattice.field import Field
from halflife.strings.loop.energy import Absorbed, field_energy

Array = NDArray[np.float64]


class Carriers(Protocol):
    """What rides on the string: markers of some kind, or none."""

    def open_step(self, field: Field, dt: float) -> None:
        """Before the field's drift: kick by half a step, the field's velocity too."""

    def close_step(self, field: Field, dt: float) -> None:
        """After the field's drift: drift, and kick by the other half."""

    def energies(self, field: Field) -> Array:
        """Energy of each."""

    def state(self) -> dict[str, Array]:
        """What a checkpoint keeps."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""


class NoCarriers:
    """A string without a current."""

    def open_step(self, field: Field, dt: float) -> None:
        """Nothing to do."""

    def close_step(self, field: Field, dt: float) -> None:
        """Nothing to do."""

    def energies(self, field: Field) -> Array:
        """None."""
        del field
        return np.zeros(0)

    def state(self) -> dict[str, Array]:
        """None."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to do."""


class Coupled:
    """A field with carriers and an absorber.

    Args:
        field: φ at t = 0, at rest or with a velocity of the same time.
        carriers: What rides on it.
        rates: Damping rates η, one array an axis.
        dt: Step.

    Attributes:
        steps: How many have been made.
    """

    def __init__(self, field: Field, carriers: Carriers, rates: Sequence[Array], dt: float) -> None:
        self.field, self.carriers, self.dt = field, carriers, dt
        self.steps = 0
        self._absorbed = 0.0
        self._factors = field.damping(rates, dt)
        self._taken = Absorbed(field, self._factors)

    @property
    def time(self) -> float:
        """The present time."""
        return self.steps * self.dt

    @property
    def lag(self) -> float:
        """By how much the velocity is behind: nothing at the beginning, then half a step."""
        return self.dt / 2 if self.steps else 0.0

    def step(self) -> None:
        """Move on by dt."""
        self.carriers.open_step(self.field, self.dt)
        before = self._taken.before(self.field)
        self.field.kick_drift(self.dt if self.steps else self.dt / 2, self.dt, self._factors)
        self._absorbed += self._taken.after(self.field, before)
        self.carriers.close_step(self.field, self.dt)
        self.steps += 1

    def energy(self) -> Energy:
        """The field's energy at the present time."""
        return field_energy(self.field, self.lag, self._factors)

    def absorbed(self) -> float:
        """Energy that the absorber has taken by the present time."""
        return self._absorbed + self._taken.pending(self.field)

    def state(self) -> dict[str, Array]:
        """All that the next step depends on, as arrays on the host."""
        return {
            "padded": self.field.padded.cpu().numpy(),
            "velocity": self.field.velocity.cpu().numpy(),
            "steps": np.array(self.steps),
            "absorbed": np.array(self._absorbed),
            **{f"carriers.{name}": value for name, value in self.carriers.state().items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`, bit for bit."""
        import torch

        self.field.padded.copy_(torch.from_numpy(state["padded"]))
        self.field.velocity.copy_(torch.from_numpy(state["velocity"]))
        self.steps = int(state["steps"])
        self._absorbed = float(state["absorbed"])
        prefix = "carriers."
        self.carriers.restore(
            {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
        )
