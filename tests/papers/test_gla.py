import json
import math
from dataclasses import replace
from math import isfinite
from pathlib import Path

import pytest
import torch

pytest.importorskip("transformers")
pytest.importorskip("datasets")


from halflife.attention import gla
from halflife.lab import Outcome, Scale, Store, run
from halflife.lab.plan import Plan
from halflife.models.gla.pretrain import read_settings
from halflife.papers import _gla_networks
from halflife.papers.gla import beyond, fit, instance, parallel
from halflife.papers.gla import paper as gla_paper

EXACT = ("gate-gradient", "forms", "half-life")
ON_A_CARD = [name for name, claim in gla_paper.claims.items() if Scale.GPU in claim.scales]
TINY = replace(_gla_networks.SIZES["smoke"], updates=3)


@pytest.mark.slow
@pytest.mark.parametrize("claim", EXACT)
def test_the_exact_statements_hold(claim, tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        (ended,) = run(gla_paper[claim], "smoke", store=store, workers=1)
    assert ended.verdict.outcome is Outcome.SUPPORTED


@pytest.mark.slow
def test_every_claim_runs_to_a_verdict_at_smoke_scale(tmp_path):
    with Store(f"sqlite:///{tmp_path / 's.db'}") as store:
        runs = run(gla_paper, "smoke", store=store)
        assert [r.failed for r in runs] == [0] * len(gla_paper.claims)
        assert all(finding.figure for finding in store.findings())


def test_models_that_are_compared_are_of_one_size():
    for size in _gla_networks.SIZES.values():
        with torch.device("meta"):
            counts = {
                mixer: sum(
                    p.numel()
                    for p in _gla_networks.language_model(
                        256, size.context, size=size, mixer=mixer
                    ).parameters()
                )
                for mixer in ("vector", "scalar", "fixed", "none", "softmax")
            }
        assert max(counts.values()) < 1.1 * min(counts.values()), counts


@pytest.mark.parametrize("claim", ON_A_CARD)
def test_every_cell_for_a_card_runs_small_on_the_cpu(claim, monkeypatch):
    monkeypatch.setitem(_gla_networks.SIZES, "gpu", TINY)
    plan = Plan(gla_paper[claim], Scale.GPU, gla_paper[claim].study(Scale.GPU))
    cells = {str(trial.parameters): trial for trial in plan.next_trials()}
    for trial in cells.values():
        here = dict(trial.parameters)
        if "device" in here:
            here |= {"device": "cpu", "batch": 1, "heads": 1}
        metrics = plan.study.trial(**here, seed=trial.seed)
        assert set(plan.study.rule.metrics) <= set(metrics)
        assert all(isfinite(value) for value in metrics.values())


def test_a_study_on_a_card_is_more_work_than_any_smaller_one():
    def work(name):
        size = _gla_networks.SIZES[name]
        return size.layers * size.width**2 * size.updates * size.batch * size.context

    assert work("smoke") < work("laptop") / 10 < work("gpu") / 10_000


def test_on_a_card_a_model_has_some_thirty_million_parameters():
    size = _gla_networks.SIZES["gpu"]
    with torch.device("meta"):
        made = _gla_networks.language_model(256, size.context, size=size, mixer="vector")
    assert 20e6 < sum(p.numel() for p in made.parameters()) < 50e6


@pytest.mark.slow
def test_the_papers_own_scale_is_launched(tmp_path, monkeypatch):
    """The same trial function and launcher as for 340M parameters, on settings made small."""
    import yaml

    from models.gla.small_run import small, write_corpus  # of tests/, where conftest.py is

    corpus = write_corpus(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "src"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    study = gla_paper["gates"].study(Scale.PAPER)
    (name,) = {cell["size"] for cell in study.cells}
    changes = [c for c in small(corpus, "x") if not c.startswith("training.output_dir")]
    settings = read_settings(name, changes)
    settings["schedule"]["tokens"] = 256 * 3
    settings["model"].update(variant="paper")
    Path("tiny.yaml").write_text(yaml.safe_dump(settings))
    found = study.trial(size="tiny.yaml", mixer="scalar", seed=5000)
    assert found["updates"] == 3
    assert found["loss"] < math.log(257) + 0.2
    folder = tmp_path / "runs" / "gla-tiny-scalar-5000"
    assert json.loads((folder / "model" / "config.json").read_text())["gate"] == "scalar"
    assert fit(size="tiny.yaml", mixer="scalar", seed=5000) == found  # not trained again


class Near(torch.nn.Module):
    """Expects byte 0 up to a place, and nothing in particular beyond it."""

    def __init__(self, reach):
        super().__init__()
        self.reach = reach

    def forward(self, ids):
        place = torch.arange(ids.shape[1])
        logits = torch.zeros(*ids.shape, 256)
        logits[:, place < self.reach, 0] = 3.0
        return logits


def test_excess_is_nothing_for_who_forgets_and_much_for_who_is_lost_far_out():
    workload = _gla_networks.language(TINY, lambda vocabulary, context: torch.nn.Linear(1, 1))
    uniform = beyond(Near(0), workload, 32, seed=1)
    assert uniform == pytest.approx(0, abs=1e-9)
    far_out, anywhere = (beyond(Near(reach), workload, 32, seed=1) for reach in (64, 10**6))
    assert anywhere == pytest.approx(0, abs=1e-6)
    assert abs(far_out) > 0.05


def test_the_parallel_form_is_the_recurrence_for_strong_gates_too():
    q, k, v, g, _ = instance(3)
    for strength in (1.0, 1e3):
        exact = gla(q, k, v, strength * g, backend="reference")
        torch.testing.assert_close(parallel(q, k, v, strength * g), exact)


def test_runs_that_differ_only_in_mixer_differ_by_it(monkeypatch):
    monkeypatch.setitem(_gla_networks.SIZES, "smoke", TINY)
    assert fit(size="smoke", mixer="vector", seed=1) == fit(size="smoke", mixer="vector", seed=1)
    assert fit(size="smoke", mixer="vector", seed=1) != fit(size="smoke", mixer="scalar", seed=1)


def test_seeds_that_tune_never_report():
    for claim in gla_paper.claims.values():
        for scale in claim.scales:
            assert min(claim.study(scale).seeds) >= 5000
