"""Plots have what they promise."""

import numpy as np

from halflife.bandits import paper_actions, regret_figure, simulate, synthetic

from .agents import make


def test_regret_is_drawn_as_a_median_and_a_band():
    system, actions = synthetic(), paper_actions()
    runs = {
        name: simulate(system, make(name, system, actions), horizon=300, seeds=range(5))
        for name in ("LinUCB", "Exp3")
    }
    figure = regret_figure(runs, log=True)
    lines = [trace for trace in figure.data if trace.mode == "lines" and trace.name]
    assert [trace.name for trace in lines] == ["LinUCB", "Exp3"]
    np.testing.assert_allclose(lines[1].y, np.median(runs["Exp3"].regret, axis=0))
    assert figure.layout.yaxis.type == "log"
