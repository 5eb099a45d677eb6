"""Every agent, made for a system: the cases of the tests that hold for all of them."""

from halflife.bandits import AR2, Constants, DLinUCB, DynLinUCB, Exp3, Exp3K, HoldUCB, LinUCB

HORIZON = 600


def make(name, system, actions, horizon=HORIZON, **more):
    """The agent of this name; a small radius, so that it soon prefers something."""
    known = Constants.of(system, actions, compat=more.get("compat") and "official")
    if name == "AR2":
        return AR2(actions, alpha=0.5, sigma=0.05, epoch=200, **more)
    if name in ("Exp3", "Exp3K"):
        return {"Exp3": Exp3, "Exp3K": Exp3K}[name](actions, known, horizon=horizon, **more)
    more.setdefault("scale", 0.05)
    kind = {"DynLinUCB": DynLinUCB, "HoldUCB": HoldUCB, "LinUCB": LinUCB, "DLinUCB": DLinUCB}[name]
    if name == "DLinUCB":
        more.setdefault("gamma", 0.99)
    return kind(actions, known, horizon=horizon, **more)


NAMES = ("DynLinUCB", "HoldUCB", "LinUCB", "DLinUCB", "AR2", "Exp3", "Exp3K")
COMPAT = tuple(name for name in NAMES if name != "HoldUCB")
