"""What may be cut, packed, padded or permuted without a change of the results."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from .instances import BACKENDS, FEW, TEMPERATURES, cotangents, distance, make

seeds = st.integers(0, 2**16)
f32 = torch.float32


def close(ours, exact, tolerance=3e-6):
    for x, y in zip(ours, exact, strict=True):
        assert distance(x, y) < tolerance


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=min(20, FEW))
@given(seed=seeds, T=st.integers(1, 90), tau=st.sampled_from(TEMPERATURES), data=st.data())
def test_split(backend, seed, T, tau, data):
    """The state that is handed on makes two runs into one."""
    cut = data.draw(st.integers(0, T))
    problem = make(seed, T=T, K=8, V=8, tau=tau).to(f32)
    names = ("q", "k", "v", "g")
    first = problem.with_(**{name: getattr(problem, name)[:, :cut] for name in names})
    o1, middle = first.run(backend)
    second = problem.with_(
        **{name: getattr(problem, name)[:, cut:] for name in names}, initial_state=middle
    )
    o2, last = second.run(backend)
    close((torch.cat((o1, o2), 1), last), problem.run(backend))


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=min(10, FEW))
@given(seed=seeds, tau=st.sampled_from(TEMPERATURES))
def test_segments_combine_associatively(backend, seed, tau):
    """A segment maps S to γ⊙S + U; two maps make one, so segments may be run side by side."""
    problem = make(seed, T=60, K=8, V=8, tau=tau)
    segments = [
        problem.with_(
            **{name: getattr(problem, name)[:, at : at + 20] for name in ("q", "k", "v", "g")},
            initial_state=None,
        )
        for at in (0, 20, 40)
    ]
    maps = [(s.g.sum(1).exp().unsqueeze(-1), s.to(f32).run(backend)[1]) for s in segments]

    def then(a, b):
        return a[0] * b[0], b[0] * a[1] + b[1]

    left = then(then(maps[0], maps[1]), maps[2])
    right = then(maps[0], then(maps[1], maps[2]))
    _, exact = problem.run("reference")
    for gamma, U in (left, right):
        assert distance(gamma * problem.initial_state + U, exact) < 3e-6


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=min(15, FEW))
@given(
    seed=seeds,
    lengths=st.lists(st.sampled_from((0, 1, 3, 17, 64, 65)), min_size=1, max_size=5),
    tau=st.sampled_from(TEMPERATURES),
)
def test_packed_sequences_are_separate_runs(backend, seed, lengths, tau):
    problem = make(seed, H=2, K=8, V=8, tau=tau, lengths=tuple(lengths)).to(f32)
    do, dstate = (x.to(f32) for x in cotangents(problem))
    o, state, *gradients = problem.gradients(backend, do, dstate)
    at = 0
    for n, length in enumerate(lengths):
        part = slice(at, at + length)
        one = problem.with_(
            **{name: getattr(problem, name)[:, part] for name in ("q", "k", "v", "g")},
            initial_state=problem.initial_state[n : n + 1],
            cu_seqlens=None,
        )
        alone = one.gradients(backend, do[:, part], dstate[n : n + 1])
        close((o[:, part], state[n : n + 1]), alone[:2])
        close([x[:, part] for x in gradients[:3]], alone[2:5])
        assert (gradients[3][:, part] - alone[5]).abs().sum() < 1e-3
        close((gradients[4][n : n + 1],), alone[6:])
        at += length


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_with_nothing_changes_nothing(backend, side):
    problem = make(0, T=50, K=8, V=8).to(f32)
    pad = (0, 0, 0, 0, 13, 0) if side == "left" else (0, 0, 0, 0, 0, 13)
    padded = problem.with_(
        **{
            name: torch.nn.functional.pad(getattr(problem, name), pad)
            for name in ("q", "k", "v", "g")
        }
    )
    o, state = padded.run(backend)
    kept = o[:, 13:] if side == "left" else o[:, :50]
    close((kept, state), problem.run(backend))


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=min(10, FEW))
@given(seed=seeds)
def test_permutations(backend, seed):
    """Channels, heads and batches have no order."""
    problem = make(seed, B=3, T=33, H=3, K=16, V=16, tau=1.0).to(f32)
    o, state = problem.run(backend)
    rng = torch.Generator().manual_seed(seed)
    key, value = (torch.randperm(16, generator=rng) for _ in range(2))
    by_key = problem.with_(
        **{name: getattr(problem, name)[..., key] for name in ("q", "k", "g")},
        initial_state=problem.initial_state[:, :, key],
    )
    close(by_key.run(backend), (o, state[:, :, key]))
    by_value = problem.with_(
        v=problem.v[..., value], initial_state=problem.initial_state[..., value]
    )
    close(by_value.run(backend), (o[..., value], state[..., value]))
    order = torch.randperm(3, generator=rng)
    names = ("q", "k", "v", "g")
    by_head = problem.with_(
        **{name: getattr(problem, name)[:, :, order] for name in names},
        initial_state=problem.initial_state[:, order],
    )
    close(by_head.run(backend), (o[:, :, order], state[:, order]))
    by_batch = problem.with_(
        **{name: getattr(problem, name)[order] for name in names},
        initial_state=problem.initial_state[order],
    )
    close(by_batch.run(backend), (o[order], state[order]))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("at", [0, 1, 16, 40, 63, 64, 79])
def test_causality(backend, at):
    """A token changes nothing before it; but for roundings where tokens are taken together."""
    problem = make(1, T=80, K=40, V=16, tau=1.0).to(f32)  # channels: a vector, and a rest
    o, _ = problem.run(backend)
    for name in ("q", "k", "v", "g"):
        other = getattr(problem, name).clone()
        other[:, at] = -3.0
        changed, _ = problem.with_(**{name: other}).run(backend)
        if backend in ("reference", "cpu"):
            assert torch.equal(changed[:, :at], o[:, :at])
        assert distance(changed[:, :at], o[:, :at]) < 1e-6
        assert not torch.equal(changed[:, at], o[:, at])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gradient_looks_only_back(backend):
    problem = make(2, T=80, K=16, V=16, tau=1.0).to(f32)
    do, dstate = (torch.zeros_like(x).to(f32) for x in cotangents(problem))
    do[:, 40] = 1
    *_, dq, dk, dv, dg, _ = problem.gradients(backend, do, dstate)
    for x in (dk, dv):
        assert x[:, 41:].abs().max() == 0
        assert x[:, :41].abs().amax((0, 2, 3)).min() > 0
    assert dg[:, 41:].abs().max() < 1e-6
    assert dq[:, 40].abs().max() > 0
    assert dq[:, :40].abs().max() == dq[:, 41:].abs().max() == 0
