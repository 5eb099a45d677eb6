"""What a descent records is what happened."""

import pytest
import torch
from tests.optim.problems import Wave, drawn

from halflife.optim import LionK
from halflife.optim.certificate import certificate
from halflife.optim.descent import descend
from halflife.optim.kappa import get


def test_a_descent_is_the_optimizers_run():
    f, start = Wave(1), drawn(2)
    run = descend(f, start, lr=0.01, updates=20, weight_decay=0.5, K="huber:e=0.5")
    p = torch.nn.Parameter(start.clone())
    optimizer = LionK([p], lr=0.01, weight_decay=0.5, K="huber:e=0.5")
    for t in range(20):
        assert (run.x[t] == p).all()
        torch.testing.assert_close(run.loss[t], f(p.detach()))
        torch.testing.assert_close(run.gradient[t], f.gradient(p.detach()))
        p.grad = run.gradient[t].clone()
        optimizer.step()
        assert (run.m[t + 1] == -optimizer.state[p]["exp_avg"]).all()
    assert (run.x[20] == p).all()
    assert run.lr.tolist() == [0.01] * 20
    assert (run.x[0] == start).all()


def test_certificate_and_energy_are_those_of_each_point():
    run = descend(Wave(1), 0.1 * drawn(2), lr=[0.02, 0.01], weight_decay=0.5)
    K = get("l1")
    for at in range(3):
        expected = certificate(K, run.x[at], run.gradient[at], 0.5)
        torch.testing.assert_close(run.certificate[at], expected)
    assert run.lyapunov.shape == (3,)
    assert (run.lyapunov >= run.loss).all()


@pytest.mark.parametrize("wrong", [{"lr": 0.1}, {"lr": [0.1], "updates": 1}])
def test_one_rate_wants_a_number_of_updates_and_many_want_none(wrong):
    with pytest.raises(ValueError, match="give one rate and a number of updates"):
        descend(Wave(0), drawn(0), **wrong)
