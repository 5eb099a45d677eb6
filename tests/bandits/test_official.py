"""`compat="official"`: the arms that the authors' own agents pulled."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from halflife.bandits import (
    AR2,
    Constants,
    DLinUCB,
    DynLinUCB,
    Exp3,
    Exp3K,
    LinUCB,
    advertising,
    paper_actions,
    synthetic,
)

TRACES = json.loads((Path(__file__).parent / "official_traces.json").read_text())["traces"]
SYSTEMS = {"synthetic": synthetic(), "advertising": advertising()}
T, ACTIONS = 10_000, paper_actions()

MAKE = {
    "dynlin-log": lambda c: DynLinUCB(ACTIONS, c, horizon=T, compat="official"),
    "dynlin-1": lambda c: DynLinUCB(ACTIONS, c, horizon=T, lam=1.0, compat="official"),
    "linucb-log": lambda c: LinUCB(ACTIONS, c, horizon=T, compat="official"),
    "linucb-1": lambda c: LinUCB(
        ACTIONS, c, horizon=T, lam=1.0, radius="horizon", largest=1.5, compat="official"
    ),
    "dlinucb-log": lambda c: DLinUCB(ACTIONS, c, horizon=T, gamma=0.999999, compat="official-log"),
    "dlinucb-1": lambda c: DLinUCB(
        ACTIONS, c, horizon=T, gamma=0.999999999, lam=1.0, largest=1.5, compat="official"
    ),
    "ar2": lambda c: AR2(ACTIONS, alpha=c.rho, sigma=0.01, compat="official"),
    "exp3": lambda c: Exp3(ACTIONS, c, horizon=T, compat="official", seed=1),
    "exp3k": lambda c: Exp3K(ACTIONS, c, horizon=T, compat="official", seed=1),
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name.startswith("advertising") else ())
        for name in TRACES
    ],
)
def test_the_same_arms_for_ten_thousand_rounds(name):
    which, kind = name.split()
    system = SYSTEMS[which]
    agent = MAKE[kind](Constants.of(system, ACTIONS, compat="official"))
    rng = np.random.RandomState(7)
    eta, eps = rng.normal(0, 0.01, T), rng.normal(0, 0.01, (T, 3))
    x, pulled = np.zeros(3), []
    for t in range(T):
        u = agent.act()
        y = float(system.omega @ x + system.theta @ u + eta[t])
        x = system.A @ x + system.B @ u + eps[t]
        pulled.append(str(agent.arm()))
        agent.observe(y)
    text = "".join(pulled)
    assert text[:400] == TRACES[name]["head"]
    assert hashlib.sha256(text.encode()).hexdigest() == TRACES[name]["sha256"]


def test_their_constants_are_theirs():
    known = Constants.of(synthetic(), ACTIONS, compat="official")
    assert known.x == pytest.approx(1.3975, abs=5e-5)
    mixed = Constants.of(
        type(synthetic())(np.diag([-0.9, 0.3, 0.1]), np.eye(3), np.ones(3), np.ones(3)),
        ACTIONS,
        compat="official",
    )
    assert mixed.rho == pytest.approx(0.3)  # the largest real part, not the largest size
