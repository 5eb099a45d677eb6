import pytest
import torch

from halflife.attention import gla

from .instances import BACKENDS, EXACT, FAST, make

SHAPES = [
    {"B": 1, "T": 1, "H": 1, "K": 1, "V": 1},
    {"B": 2, "T": 5, "H": 2, "K": 3, "V": 2},
    {"lengths": (3, 0, 1, 4), "K": 2, "V": 3},
]


def of_inputs(problem, backend, **options):
    def function(q, k, v, g, state):
        return gla(
            q,
            k,
            v,
            g,
            initial_state=state,
            cu_seqlens=problem.cu_seqlens,
            return_state=True,
            backend=backend,
            **options,
        )

    return function, [x.requires_grad_() for x in problem.inputs]


@pytest.mark.parametrize("backend", EXACT)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("tau", [16.0, 0.2])
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_are_those_of_finite_differences(backend, shape, tau, reverse):
    function, inputs = of_inputs(make(0, tau=tau, **shape), backend, reverse=reverse)
    assert torch.autograd.gradcheck(function, inputs)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_reference_is_twice_differentiable(shape):
    function, inputs = of_inputs(make(1, tau=1.0, **shape), "reference")
    assert torch.autograd.gradgradcheck(function, inputs)


@pytest.mark.parametrize("backend", FAST)
def test_other_backends_say_that_they_are_only_once_differentiable(backend):
    problem = make(2).to(torch.float32)
    function, inputs = of_inputs(problem, backend)
    o, _ = function(*inputs)
    (dq,) = torch.autograd.grad(o.square().sum(), inputs[:1], create_graph=True)
    with pytest.raises(NotImplementedError, match="backend='reference'"):
        dq.sum().backward()


def test_only_what_needs_a_gradient_gets_one():
    problem = make(3)
    for name in ("q", "k", "v", "g", "initial_state"):
        for backend in BACKENDS:
            free = getattr(problem.to(torch.float32), name).requires_grad_()
            o, state = problem.to(torch.float32).with_(**{name: free}).run(backend)
            (o.sum() + state.sum()).backward()
            assert free.grad.shape == free.shape
