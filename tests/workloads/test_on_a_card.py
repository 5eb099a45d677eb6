"""Training on a real card: the same figures twice, near those of the CPU."""

import pytest
import torch

from halflife.workloads import get, train, workloads

pytestmark = pytest.mark.gpu
ON_A_CPU = [name for name in workloads() if get(name).device == "cpu"]


@pytest.mark.parametrize("name", ON_A_CPU)
def test_a_run_is_that_of_the_cpu_but_for_rounding(name):
    how = {"optimizer": "adam", "lr": 2**-8, "updates": 20, "seed": 3}
    there, here = (train(get(name), device=device, **how) for device in ("cuda", "cpu"))
    assert there["loss"] == pytest.approx(here["loss"], rel=1e-2)
    assert there["updates"] == here["updates"]


@pytest.mark.parametrize("name", ["digits-vae", "characters", "stdlib-gpt-tiny", "stdlib-gpt"])
def test_a_run_repeats_to_the_last_bit(name):
    how = {"optimizer": "adam", "lr": 2**-10, "updates": 10, "seed": 3, "device": "cuda"}
    assert train(get(name), **how) == train(get(name), **how)


def test_the_large_model_learns_in_half_precision():
    large = get("stdlib-gpt")
    after = train(large, optimizer="adam", lr=large.lr["adam"], updates=100)
    assert after["diverged"] == 0.0
    assert after["loss"] < 3.0  # from ln 256 = 5.5; bytes by frequency alone give 3.2


def test_matrix_products_are_in_half_precision_and_weights_are_not():
    problem = get("stdlib-gpt").problem(0).to("cuda")
    seen = []
    problem.model.blocks[0].mixer.register_forward_hook(lambda *a: seen.append(a[2].dtype))
    rows = type(problem.train)(*(tensor[:2] for tensor in problem.train))
    loss = problem.batch_loss(rows, torch.Generator())
    assert seen == [torch.bfloat16]
    assert loss.dtype == torch.float32
    assert {p.dtype for p in problem.model.parameters()} == {torch.float32}
