"""Polytopes are their vertices."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linprog

from halflife.bandits import box, budget, finite, full_spends, paper_actions, simplex

from .strategies import seeds


@pytest.mark.parametrize(("d", "total", "count"), [(3, 1.5, 10), (5, 2.3, 46), (8, 3.5, 373)])
def test_the_number_of_vertices_is_that_of_theory(d, total, count):
    k = math.floor(total)
    assert count == sum(math.comb(d, i) for i in range(k + 1)) + d * math.comb(d - 1, k)
    assert len(budget(total, low=np.zeros(d), high=np.ones(d))) == count


@given(st.integers(1, 5), seeds, st.floats(0, 1), st.booleans())
def test_the_best_action_is_that_of_a_linear_program(d, seed, share, spend_all):
    rng = np.random.default_rng(seed)
    low = rng.uniform(-1, 1, d)
    high = low + rng.uniform(0, 2, d)
    total = float(low.sum() + share * (high - low).sum())
    actions = budget(total, low=low, high=high, spend_all=spend_all)
    h = rng.normal(size=d)
    row = np.ones((1, d))
    limits = {"A_eq": row, "b_eq": [total]} if spend_all else {"A_ub": row, "b_ub": [total]}
    best = linprog(-h, bounds=list(zip(low, high, strict=True)), **limits)
    assert actions.best(h) @ h == pytest.approx(-best.fun, rel=1e-6, abs=1e-6)
    assert (actions.arms >= low - 1e-9).all()
    assert (actions.arms <= high + 1e-9).all()
    assert (actions.arms.sum(axis=1) <= total + 1e-6).all()


@given(seeds, st.floats(0, 5))
def test_no_inner_point_is_more_optimistic_than_a_vertex(seed, beta):
    rng = np.random.default_rng(seed)
    actions, h = budget(1.5, low=np.zeros(3), high=np.ones(3)), rng.normal(size=3)
    root = rng.normal(size=(3, 3))
    inverse = root @ root.T + 0.1 * np.eye(3)

    def optimistic(u):
        return u @ h + beta * np.sqrt(np.einsum("ki,ij,kj->k", u, inverse, u))

    inner = rng.dirichlet(np.ones(len(actions)), 2000) @ actions.arms
    assert optimistic(inner).max() <= optimistic(actions.arms).max() + 1e-9


def test_the_papers_actions_are_the_full_spends():
    assert paper_actions().arms.tolist() == [
        [0, 0.5, 1],
        [0, 1, 0.5],
        [0.5, 0, 1],
        [0.5, 1, 0],
        [1, 0, 0.5],
        [1, 0.5, 0],
    ]
    whole = budget(1.5, low=np.zeros(3), high=np.ones(3), spend_all=True)
    np.testing.assert_allclose(whole.arms, full_spends(1.5, 3).arms)


def test_boxes_and_simplices():
    assert len(box([0, 0], [1, 2])) == 4
    assert len(box([0, 1], [1, 1])) == 2  # one coordinate is fixed
    assert simplex(3, 2.0).arms.tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]


@given(seeds, st.integers(1, 5), st.integers(1, 8))
def test_spanning_actions_span_and_are_no_more_than_needed(seed, d, count):
    rng = np.random.default_rng(seed)
    arms = rng.normal(size=(count, d))
    chosen = finite(arms).spanning()
    rank = np.linalg.matrix_rank(arms)
    assert len(chosen) == rank
    assert np.linalg.matrix_rank(arms[list(chosen)]) == rank


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: budget(1, low=[0, 2], high=[1, 1]), r"low\[1\] = 2 is above high\[1\] = 1"),
        (lambda: budget(1, low=[1, 1], high=[2, 2]), "less than the lower limits together"),
        (lambda: budget(9, low=[0], high=[1], spend_all=True), "more than the upper limits"),
        (lambda: box(np.zeros(20), np.ones(20)), "20 coordinates that may vary have more than"),
        (lambda: budget(math.nan, low=[0], high=[1]), "total must be a number"),
        (lambda: finite([]), "arms must have the shape"),
        (lambda: finite([[math.inf]]), "arms holds inf"),
        (lambda: simplex(2, 0), "total must be a number in"),
    ],
)
def test_actions_that_are_none_are_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()
