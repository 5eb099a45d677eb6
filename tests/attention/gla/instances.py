"""Random problems for the operator, from a few numbers that hypothesis can shrink."""

import os
from dataclasses import dataclass, replace

import numpy as np
import torch
from hypothesis import strategies as st

from halflife.attention import gla

# By default every backend of a processor. `test_elsewhere` runs these tests again in processes with
# HALFLIFE_GLA_TESTS set: Triton's kernels under its interpreter, or all that a card can do.
WHERE = os.environ.get("HALFLIFE_GLA_TESTS", "cpu")
BACKENDS = {
    "cpu": ["reference", "torch", "cpu"],
    "interpreter": ["triton"],
    "cuda": ["torch", "triton"],
}[WHERE]
if WHERE == "interpreter":
    import tests.triton_interpreter  # noqa: F401
FAST = [backend for backend in BACKENDS if backend != "reference"]
EXACT = [backend for backend in BACKENDS if backend != "triton"]  # those that know float64
DEVICE = "cuda" if WHERE == "cuda" else "cpu"
FEW = 3 if WHERE == "interpreter" else 30
"""How many examples a test may take that asks for many."""
TEMPERATURES = (16.0, 1.0, 0.2, 0.05, 0.01)


@dataclass(frozen=True)
class Instance:
    """Inputs of `gla` in layout bthd, all float64."""

    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor
    g: torch.Tensor
    initial_state: torch.Tensor | None = None
    cu_seqlens: torch.Tensor | None = None

    def with_(self, **changes) -> "Instance":
        return replace(self, **changes)

    def to(self, dtype: torch.dtype) -> "Instance":
        tensors = {
            name: getattr(self, name).to(dtype)
            for name in ("q", "k", "v", "g", "initial_state")
            if getattr(self, name) is not None
        }
        return replace(self, **tensors)

    @property
    def inputs(self) -> list[torch.Tensor]:
        """The tensors that have gradients."""
        given = [self.q, self.k, self.v, self.g]
        return given if self.initial_state is None else [*given, self.initial_state]

    def run(self, backend: str, **options):
        """o and the last state."""
        state = self.initial_state
        o, last = gla(
            *(x.to(DEVICE) for x in (self.q, self.k, self.v, self.g)),
            initial_state=None if state is None else state.to(DEVICE),
            cu_seqlens=self.cu_seqlens,
            return_state=True,
            backend=backend,
            **options,
        )
        return o.cpu(), last.cpu()

    def gradients(self, backend: str, do, dstate, **options):
        """o, the last state, and the gradients of all inputs for those of both outputs."""
        free = [x.detach().clone().requires_grad_() for x in self.inputs]
        problem = Instance(*free, *[None] * (5 - len(free)), cu_seqlens=self.cu_seqlens)
        o, state = problem.run(backend, **options)
        outputs = [(o, do.to(o.dtype)), (state, dstate.to(state.dtype))]
        outputs = [pair for pair in outputs if pair[0].requires_grad]  # no tokens, no graph
        gradients = torch.autograd.grad(
            [pair[0] for pair in outputs],
            free,
            [pair[1] for pair in outputs],
            materialize_grads=True,
        )
        return [o.detach(), state.detach(), *gradients]


def gates(rng: np.random.Generator, shape, tau: float) -> np.ndarray:
    """ln σ(x)/τ of standard normal x, as the layer makes them."""
    return -np.logaddexp(0, -rng.standard_normal(shape)) / tau


def make(
    seed: int,
    *,
    B: int = 1,
    T: int = 17,
    H: int = 1,
    K: int = 4,
    V: int = 3,
    tau: float = 16.0,
    extremes: str = "none",
    state: bool = True,
    lengths: tuple[int, ...] | None = None,
) -> Instance:
    """A problem; with `lengths`, of that many packed sequences."""
    rng = np.random.default_rng(seed)
    if lengths is not None:
        B, T = 1, sum(lengths)
    g = gates(rng, (B, T, H, K), tau)
    if extremes == "mixed":  # no decay and complete decay side by side
        g = np.where(rng.random(g.shape) < 0.3, 0.0, g)
        g = np.where(rng.random(g.shape) < 0.2, -80.0, g)
    elif extremes == "resets":
        g = np.where(rng.random(g.shape) < 0.1, -np.inf, g)
    count = B if lengths is None else len(lengths)
    draw = [
        torch.from_numpy(rng.standard_normal(shape))
        for shape in ((B, T, H, K), (B, T, H, K), (B, T, H, V), (count, H, K, V))
    ]
    return Instance(
        *draw[:3],
        torch.from_numpy(g),
        draw[3] if state else None,
        None if lengths is None else torch.tensor(np.cumsum([0, *lengths])),
    )


def cotangents(problem: Instance, seed: int = 0):
    """Gradients of o and of the last state."""
    rng = np.random.default_rng(seed)
    count = len(problem.q) if problem.cu_seqlens is None else len(problem.cu_seqlens) - 1
    state = (count, *problem.q.shape[2:], problem.v.shape[-1])
    return torch.from_numpy(rng.standard_normal(problem.v.shape)), torch.from_numpy(
        rng.standard_normal(state)
    )


@st.composite
def instances(draw, *, largest: int = 70, packed: bool | None = None) -> Instance:
    """Problems of all shapes, gate temperatures and extremes."""
    lengths = None
    if packed is None:
        packed = draw(st.booleans())
    if packed:
        lengths = tuple(
            draw(st.lists(st.sampled_from((0, 1, 2, 5, 16, 33)), min_size=1, max_size=4))
        )
    return make(
        draw(st.integers(0, 2**16)),
        B=draw(st.integers(1, 2)),
        T=draw(st.integers(1, largest)),
        H=draw(st.integers(1, 2)),
        K=draw(st.sampled_from((1, 2, 3, 8, 17, 33))),
        V=draw(st.sampled_from((1, 2, 5, 8, 19, 40))),
        tau=draw(st.sampled_from(TEMPERATURES)),
        extremes=draw(st.sampled_from(("none", "mixed", "resets"))),
        state=draw(st.booleans()),
        lengths=lengths,
    )


def distance(x: torch.Tensor, exact: torch.Tensor) -> float:
    """Relative distance in root mean square; of an exact zero, the absolute one."""
    x, exact = x.detach().double(), exact.detach().double()
    size = exact.square().mean().sqrt() if exact.numel() else torch.ones(())
    error = (x - exact).square().mean().sqrt() if exact.numel() else torch.zeros(())
    return float(error / size) if size > 0 else float(error)
