"""What all agents have in common: `act`, `observe`, and a state that can be kept.

Regret is not an agent's business: whoever knows the system computes it from what was played.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, ClassVar, Self

import numpy as np

from halflife.arguments import Array, array
from halflife.bandits.actions import Actions
from halflife.bandits.outcome import outcome

State = dict[str, Any]
"""JSON values only; floats survive JSON to the last bit."""


class Agent(ABC):
    """Chooses among finitely many actions, one a round.

    Attributes:
        actions: What may be played.
        t: Rounds whose reward was observed.
        arguments: What the agent was made from.
    """

    version: ClassVar[int] = 1

    def __init__(self, actions: Actions, **arguments: Any) -> None:
        self.actions = actions
        self.arguments = arguments
        self.t = 0
        self._pending: int | None = None

    def act(self) -> Array:
        """The action of this round, shape (d,); the same one until its reward is observed."""
        chosen: Array = self.actions.arms[self.arm()]
        return chosen

    def arm(self) -> int:
        """As `act`, but the action's index among the arms."""
        if self._pending is None:
            self._pending = self._next()
        return self._pending

    def observe(self, reward: float) -> None:
        """Take the reward of the action that `act` gave.

        Raises:
            ValueError: it is no finite number; nothing has changed then.
            RuntimeError: no action waits for a reward.
        """
        y = outcome(reward)
        if self._pending is None:
            raise RuntimeError("No action waits for a reward; call act() first.")
        k, self._pending = self._pending, None
        self._learn(k, y)
        self.t += 1

    def state_dict(self) -> State:
        """All that the agent knows, as JSON values: `load_state_dict` goes on from there."""
        return {
            "agent": type(self).__name__,
            "version": self.version,
            "configuration": self.configuration,
            "t": self.t,
            "pending": self._pending,
            **{name: _plain(value) for name, value in self._state().items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state that an agent of the same configuration has saved.

        Raises:
            ValueError: it is another agent's, another version's or another configuration's, or
                something is missing; nothing has changed then.
        """
        mine = self.state_dict()
        for name in ("agent", "version", "configuration"):
            if state.get(name) != mine[name]:
                raise ValueError(
                    f"The state has {name}={state.get(name)!r}, but this agent has {mine[name]!r}; "
                    "make the agent with the arguments and actions that the state was saved with."
                )
        if missing := sorted(set(mine) - set(state)):
            raise ValueError(f"The state lacks {', '.join(missing)}; it was cut or altered.")
        names = list(self._state())
        try:
            self._load({name: state[name] for name in names})
            self.t = int(state["t"])
        except (ValueError, TypeError, KeyError):
            self._load({name: mine[name] for name in names})
            raise ValueError("The state does not hold what it should; it was altered.") from None
        self._pending = state["pending"]

    @property
    def configuration(self) -> str:
        """Hash of the agent's arguments and actions."""
        what = [type(self).__name__, self.actions.arms.tolist(), _plain(self.arguments)]
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]

    def fresh(self, seed: int) -> Self:
        """A new agent with the same arguments that has seen nothing, with this seed."""
        arguments = dict(self.arguments)
        if "seed" in arguments:
            arguments["seed"] = seed
        return type(self)(self.actions, **arguments)

    @abstractmethod
    def _next(self) -> int:
        """Index of the next action."""

    @abstractmethod
    def _learn(self, k: int, y: float) -> None:
        """Take the reward of arm k; `self.t` still counts the rounds before it."""

    @abstractmethod
    def _state(self) -> dict[str, Any]:
        """By name, what changes while the agent learns."""

    @abstractmethod
    def _load(self, state: Mapping[str, Any]) -> None:
        """Take over what `_state` gave, after JSON."""

    def _compiled(self, run: Any) -> Any:
        """Play a whole `simulation.Run` in a compiled loop; None if there is none."""
        del run
        return None


def _plain(value: Any) -> Any:
    """`value` as JSON keeps it."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


def checked_constants(constants: Any, actions: Actions) -> None:
    """Raises ValueError unless the constants allow for every action."""
    if constants.u < actions.largest_norm * (1 - 1e-9):
        raise ValueError(
            f"constants.u = {constants.u:g} is smaller than the longest action, "
            f"{actions.largest_norm:g}; raise it, or take Constants.of(system, actions)."
        )


def filled(target: Array, values: Any) -> None:
    """Overwrite an array of the state with what JSON gave back."""
    target[...] = array("state", values, target.shape)
