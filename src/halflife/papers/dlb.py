"""Dynamical Linear Bandits (arXiv 2211.08997).

Its theorems are checked as written, on random systems; its comparisons are made on its two
systems, at laptop scale with its own horizon of 10⁶ rounds, and on random systems, which it has
not. Protocol of the comparisons: every agent begins by its own rule (the authors' code draws the
first action); λ = log T and δ = 1/T; on the paper's systems agents are told what the authors' code
tells them, on random ones the exact norms. Runs with the same seed share the noise. Regret is
pseudo-regret, Σ ⟨h, u* − u⟩, as in the authors' code: it differs from the true one by a bounded
amount. Thresholds and margins stand below, and were fixed before any run of these claims.

The full text of the paper was not at hand, only its abstract, its authors' code and accounts of it;
figures are named as those accounts name them.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from halflife.lab import (
    Paper,
    Scale,
    Study,
    all_of,
    better,
    equivalent,
    exceeds,
    holds,
    plots,
)

if TYPE_CHECKING:
    from halflife.bandits import Actions, Agent, Constants, DynamicalLinearBandit

paper = Paper(
    slug="dlb",
    title="Dynamical Linear Bandits",
    authors=("Marco Mussi", "Alberto Maria Metelli", "Marcello Restelli"),
    arxiv="2211.08997",
    published=date(2022, 11, 16),
    summary=(
        "In advertising and elsewhere, what is done today pays later, and pays for a while. The "
        "paper models this as a bandit with a hidden linear state that actions drive and that is "
        "seen through the reward alone. Where effects fade, a constant action is the best policy, "
        "so there is no state to estimate: it is enough to learn what each action pays in the "
        "long run. DynLin-UCB does so by holding each optimistic action for a number of rounds "
        "that grows with the logarithm of time, and by learning from the last reward only, when "
        "the transient has faded. Its regret grows as d √T / (1 − ρ)^{3/2}, up to logarithms; "
        "bandits that take rewards at face value settle on what pays at once."
    ),
    parts=(
        "halflife.bandits.DynLinUCB",
        "halflife.bandits.DynamicalLinearBandit",
        "halflife.bandits.Constants",
        "halflife.bandits.confidence_radius",
        "halflife.bandits.upper_bound",
        "halflife.bandits.lower_bound",
    ),
)

OTHERS = ("LinUCB", "DLinUCB", "AR2", "Exp3", "Exp3K")
SIGMA = 0.01
SUBLINEAR = 0.1
"""Regret is sublinear if its exponent, over the last decade of rounds, is this far below 1."""
SPECTRAL_RADII = (0.2, 0.5, 0.8)
EXPERT = (0.0031, 0.4969, 1.0)
"""What the advertisers of the paper's data had chosen, as the authors' code normalises it."""


def seeds(scale: Scale, laptop: int, smoke: int = 10) -> range:
    """Seeds to report: ten for smoke, which ten joined intervals need."""
    return range(4000, 4000 + scale.pick(smoke=smoke, laptop=laptop))


def horizon(scale: Scale) -> int:
    """The paper's for a laptop."""
    return scale.pick(smoke=20_000, laptop=1_000_000)


def one_of(system: str, sigma: float = SIGMA) -> DynamicalLinearBandit:
    """A system by name: `synthetic`, `advertising`, or `random ρ seed`."""
    from halflife import bandits

    if system == "synthetic":
        return bandits.synthetic(sigma)
    if system == "advertising":
        return bandits.advertising(sigma)
    _, rho, seed = system.split()
    actions = bandits.paper_actions()
    return bandits.random_system(float(rho), sigma=sigma, actions=actions, seed=int(seed))


def told(system: str, bandit: DynamicalLinearBandit, actions: Actions) -> Constants:
    """What agents know of a system."""
    from halflife.bandits import Constants

    compat = None if system.startswith("random") else "official"
    return Constants.of(bandit, actions, compat=compat)


def made(agent: str, actions: Actions, known: Constants, rounds: int) -> Agent:
    """An agent by its class's name, with the parameters of the paper's experiments."""
    from halflife import bandits
    from halflife.bandits.exp3 import authors_bound

    if agent == "AR2":
        return bandits.AR2(actions, alpha=known.rho, sigma=known.sigma)
    bound = authors_bound(known)  # not ours, which is larger where Φ is, and which slows them down
    more: dict[str, Any] = {
        "DLinUCB": {"gamma": 0.999999},
        "Exp3": {"bound": bound},
        "Exp3K": {"bound": bound},
    }.get(agent, {})
    kind = getattr(bandits, agent)
    built: Agent = kind(actions, known, horizon=rounds, **more)
    return built


def play(
    *,
    system: str,
    agent: str,
    rounds: int,
    seed: int,
    sigma: float = SIGMA,
    assumed: str = "true",
) -> dict[str, float]:
    """One run: its regret, the exponent of its growth, and how often the action changed.

    `assumed` says which spectral radius the agent is told: the true one, half of it, a larger one
    (twice, or half-way to 1 if that is less), or none at all (0).
    """
    from dataclasses import replace

    import numpy as np

    from halflife.bandits import paper_actions, simulate

    bandit, actions = one_of(system, sigma), paper_actions()
    if agent == "expert":
        lost = bandit.optimal(actions)[1] - bandit.value(EXPERT)
        return {"regret": rounds * lost, "exponent": 1.0, "sublinearity": 0.0, "changes": 1.0}
    known = told(system, bandit, actions)
    rho = {
        "none": 0.0,
        "half": known.rho / 2,
        "true": known.rho,
        "larger": min(2 * known.rho, (1 + known.rho) / 2),
        "twice": 2 * known.rho,
    }[assumed]
    if rho != known.rho:
        known = replace(known, rho=rho, x=known.u / (1 - rho))
    runs = simulate(
        bandit,
        made(agent, actions, known, rounds),
        horizon=rounds,
        seeds=(seed,),
        checkpoints=np.geomspace(rounds / 10, rounds, 20),
    )
    exponent = float(runs.slope()[0])
    return {
        "regret": float(runs.final[0]),
        "exponent": exponent,
        "sublinearity": 1 - exponent,
        "changes": float(runs.changes[0]),
    }


@paper.claim(where="Theorem 2.1")
def constant_action(scale: Scale) -> Study:
    """No sequence of actions earns more than the best constant one, if what its last state still
    pays is counted: tried are all sequences of eight of three actions on random systems.
    """

    def excess(*, states: int, actions: int, seed: int) -> dict[str, float]:
        import numpy as np

        from halflife.bandits import finite, random_system
        from halflife.bandits.reference import best_sequence

        rng = np.random.default_rng([seed, 4])
        bandit = random_system(rng.uniform(0.05, 0.95), states, actions, seed=seed)
        arms = finite(rng.normal(size=(3, actions)))
        system = (bandit.A, bandit.B, bandit.omega, bandit.theta)
        best = best_sequence(*system, np.zeros(states), arms.arms, 8)
        constant = 8 * bandit.optimal(arms)[1]
        size = 1 + float(np.abs(arms.arms @ bandit.cumulative).max())
        return {"excess": (best - constant) / (8 * size)}

    return Study(
        trial=excess,
        rule=holds("excess", 1e-9),
        grid={"states": scale.pick(smoke=(1, 4), laptop=(1, 2, 3, 4)), "actions": (1, 4)},
        seeds=seeds(scale, 50, smoke=5),
        plot=plots.values("excess", by="states"),
    )


@paper.claim(where="The reduction of true regret to that of the long run (appendix)")
def switching_is_free(scale: Scale) -> Study:
    """Whatever is played and however often it changes, the sum of expected rewards is the sum of
    what the actions pay in the long run, less what the last state still pays.
    """

    def violation(*, rho: float, seed: int) -> dict[str, float]:
        import numpy as np

        from halflife.bandits import random_system

        rng = np.random.default_rng([seed, 5])
        bandit = random_system(rho, int(rng.integers(1, 6)), int(rng.integers(1, 6)), seed=seed)
        played = rng.normal(size=(1000, bandit.d))
        run = bandit.simulation()
        total = sum(run.step(u) for u in played)
        lasting = float((played @ bandit.cumulative).sum()) - bandit.to_come(run.state)
        size = float(np.abs(played @ bandit.cumulative).sum())
        return {"violation": abs(total - lasting) / size}

    return Study(
        trial=violation,
        rule=holds("violation", 1e-9),
        grid={"rho": (0.1, 0.5, 0.9, 0.99)},
        seeds=seeds(scale, 50),
        plot=plots.values("violation", by="rho"),
    )


@paper.claim(where="Theorem 3.1")
def confidence(scale: Scale) -> Study:
    """At the end of every block, h lies in DynLin-UCB's confidence ellipsoid."""
    rounds = scale.pick(smoke=2000, laptop=5000)

    def crossing(*, system: str, seed: int) -> dict[str, float]:
        import math

        from halflife.bandits import paper_actions

        bandit, actions = one_of(system), paper_actions()
        agent: Any = made("DynLinUCB", actions, told(system, bandit, actions), rounds)
        run, largest = bandit.simulation(seed), 0.0
        block = 0
        for _ in range(rounds):
            action = agent.act()
            if agent.block > block:  # a block has ended, and its reward is in
                block = agent.block
                miss = agent.h - bandit.cumulative
                distance = math.sqrt(max(0.0, float(miss @ agent.precision @ miss)))
                largest = max(largest, distance / agent.beta)
            agent.observe(run.step(action))
        return {"distance": largest, "last": distance / agent.beta}

    return Study(
        trial=crossing,
        rule=holds("distance", 1.0),
        grid={
            "system": (
                "synthetic",
                "advertising",
                "random 0.05 1",  # where ρ^H is farthest from 1/m
                "random 0.5 2",
                "random 0.9 3",
            )
        },
        seeds=seeds(scale, 200, smoke=4),
        plot=plots.values("distance", by="system"),
    )


@paper.claim(where="Theorem 3.2")
def upper_bound(scale: Scale) -> Study:
    """DynLin-UCB's regret stays below its bound with all constants written out."""

    def part(*, system: str, rounds: int, seed: int) -> dict[str, float]:
        from halflife.bandits import paper_actions
        from halflife.bandits import upper_bound as bound

        bandit, actions = one_of(system), paper_actions()
        regret = play(system=system, agent="DynLinUCB", rounds=rounds, seed=seed)["regret"]
        return {"part": regret / bound(rounds, 3, told(system, bandit, actions))}

    return Study(
        trial=part,
        rule=holds("part", 1.0),
        grid={
            "system": ("synthetic", "advertising", "random 0.5 2", "random 0.9 3"),
            "rounds": scale.pick(smoke=(2_000, 20_000), laptop=(10_000, 100_000, 1_000_000)),
        },
        seeds=seeds(scale, 30, smoke=5),
        plot=plots.lines("part", x="rounds", by="system", log_y=True),
    )


@paper.claim(where="Figure 1 and theorem 3.2")
def sublinear(scale: Scale) -> Study:
    """DynLin-UCB's regret is sublinear on both of the paper's systems: over the last decade of
    rounds it grows with an exponent below 0.9.
    """
    systems = ("synthetic", "advertising")
    return Study(
        trial=play,
        rule=all_of(
            *(
                exceeds("sublinearity", SUBLINEAR, where={"system": s}, problems="fixed")
                for s in systems
            )
        ),
        grid={"system": systems, "agent": ("DynLinUCB",), "rounds": (horizon(scale),)},
        seeds=seeds(scale, 30),
        plot=plots.values("exponent", by="system"),
    )


@paper.claim(where="Figure 1: the synthetic system", version=2)
def beats_others_synthetic(scale: Scale) -> Study:
    """On the synthetic system DynLin-UCB has less regret than LinUCB, D-LinUCB, AR2, Exp3 and
    Exp3-k.
    """
    return ordering(scale, "synthetic", OTHERS)


@paper.claim(where="The experiment on the system learned from advertising data", version=2)
def beats_others_advertising(scale: Scale) -> Study:
    """On the system learned from advertising data DynLin-UCB has less regret than LinUCB,
    D-LinUCB, AR2, Exp3, Exp3-k and the human expert.
    """
    return ordering(scale, "advertising", (*OTHERS, "expert"))


def ordering(scale: Scale, system: str, others: tuple[str, ...]) -> Study:
    """DynLin-UCB against each of the others on one system."""
    return Study(
        trial=play,
        rule=all_of(*(better("regret", agent=("DynLinUCB", o), problems="fixed") for o in others)),
        grid={
            "system": (system,),
            "agent": ("DynLinUCB", *others),
            "rounds": (horizon(scale),),
        },
        seeds=seeds(scale, 30),
        plot=plots.values("regret", by="agent"),
    )


@paper.claim(where="Figure 1: all other algorithms", version=2)
def others_are_linear(scale: Scale) -> Study:
    """The regret of LinUCB, D-LinUCB, AR2, Exp3 and Exp3-k is linear on both systems: over the
    last decade of rounds it grows with an exponent above 0.9.
    """
    systems = ("synthetic", "advertising")
    return Study(
        trial=play,
        rule=all_of(
            *(
                exceeds(
                    "exponent",
                    1 - SUBLINEAR,
                    where={"system": s, "agent": other},
                    problems="fixed",
                )
                for s in systems
                for other in OTHERS
            )
        ),
        grid={"system": systems, "agent": OTHERS, "rounds": (horizon(scale),)},
        seeds=seeds(scale, 30),
        plot=plots.lines("exponent", x="agent", by="system"),
    )


@paper.claim(where="Figure 2: the assumed spectral radius")
def assumed_radius(scale: Scale) -> Study:
    """On the synthetic system DynLin-UCB's regret is still sublinear when it assumes twice the
    true spectral radius, and linear when it assumes none and never holds an action.
    """
    return Study(
        trial=play,
        rule=all_of(
            exceeds("sublinearity", SUBLINEAR, where={"assumed": "twice"}, problems="fixed"),
            exceeds("exponent", 1 - SUBLINEAR, where={"assumed": "none"}, problems="fixed"),
        ),
        grid={
            "system": ("synthetic",),
            "agent": ("DynLinUCB",),
            "rounds": (horizon(scale),),
            "assumed": ("none", "half", "true", "twice"),
        },
        seeds=seeds(scale, 30),
        plot=plots.values("regret", by="assumed"),
    )


@paper.claim(where="The advice to overestimate the spectral radius when in doubt")
def overestimate(scale: Scale) -> Study:
    """When the spectral radius is not known, assuming too large a one costs DynLin-UCB less
    regret than assuming half of it, on both of the paper's systems.
    """
    systems = ("synthetic", "advertising")
    return Study(
        trial=play,
        rule=all_of(
            *(
                better("regret", assumed=("larger", "half"), where={"system": s}, problems="fixed")
                for s in systems
            )
        ),
        grid={
            "system": systems,
            "agent": ("DynLinUCB",),
            "rounds": (horizon(scale),),
            "assumed": ("half", "true", "larger"),
        },
        seeds=seeds(scale, 30),
        plot=plots.lines("regret", x="assumed", by="system"),
    )


@paper.claim(where="The synthetic system with other noise (appendix)")
def noise(scale: Scale) -> Study:
    """DynLin-UCB's regret on the synthetic system changes by less than 10 % when the noise is a
    tenth or ten times of the usual one.
    """
    return Study(
        trial=play,
        rule=all_of(
            *(
                equivalent("regret", margin=0.1, sigma=(sigma, SIGMA), problems="fixed")
                for sigma in (SIGMA / 10, 10 * SIGMA)
            )
        ),
        grid={
            "system": ("synthetic",),
            "agent": ("DynLinUCB",),
            "rounds": (horizon(scale),),
            "sigma": (SIGMA / 10, SIGMA, 10 * SIGMA),
        },
        seeds=seeds(scale, 30),
        plot=plots.values("regret", by="sigma"),
    )


def random_systems(scale: Scale) -> tuple[str, ...]:
    """Twelve systems for each of three spectral radii, scaled to max |J| = 1."""
    count = scale.pick(smoke=3, laptop=12)
    return tuple(f"random {rho} {at}" for rho in SPECTRAL_RADII for at in range(count))


def on_random_systems(scale: Scale, ours: str, theirs: str) -> Study:
    """Two agents on systems that the paper has not chosen; a system is a problem."""
    return Study(
        trial=play,
        rule=better("regret", agent=(ours, theirs), problem="system"),
        grid={
            "system": random_systems(scale),
            "agent": (ours, theirs),
            "rounds": (scale.pick(smoke=10_000, laptop=200_000),),
        },
        seeds=seeds(scale, 30),
        plot=plots.differences("regret", problem=("system",), agent=(ours, theirs)),
    )


@paper.claim(where="The comparison with LinUCB, on systems that the paper has not")
def random_order(scale: Scale) -> Study:
    """On random systems with three states and spectral radii of 0.2, 0.5 and 0.8, DynLin-UCB with
    the paper's constants has less regret than LinUCB.
    """
    return on_random_systems(scale, "DynLinUCB", "LinUCB")


@paper.claim(where="Not in the paper: HoldUCB, our variant")
def holding_longer(scale: Scale) -> Study:
    """On the same random systems HoldUCB, which changes its action a few dozen times and learns
    from all rewards but those of a change, has less regret than DynLin-UCB.
    """
    return on_random_systems(scale, "HoldUCB", "DynLinUCB")
