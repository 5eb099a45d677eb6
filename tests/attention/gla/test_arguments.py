import pytest
import torch

from halflife.attention import gla, gla_step, retention, simple_gla, ssd

from .instances import BACKENDS, DEVICE


def inputs(B=2, T=7, H=3, K=4, V=5, dtype=torch.float32):
    q, k = torch.randn(2, B, T, H, K, dtype=dtype)
    return {
        "q": q,
        "k": k,
        "v": torch.randn(B, T, H, V, dtype=dtype),
        "g": -torch.rand(B, T, H, K, dtype=dtype),
    }


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"layout": "bthc"}, ValueError, "layout is 'bthc'; pass 'bthd' or 'bhtd'"),
        ({"backend": "fast"}, ValueError, "backend is 'fast'; pass one of 'auto', 'reference'"),
        ({"q": torch.zeros(2, 7, 3, 4).int()}, TypeError, "q has dtype torch.int32"),
        ({"k": torch.zeros(2, 7, 3, 4).double()}, TypeError, "k has dtype torch.float64 but q"),
        ({"v": torch.zeros(2, 7, 5)}, ValueError, r"v has shape \(2, 7, 5\); layout 'bthd' wants"),
        ({"g": torch.zeros(2, 7, 3)}, ValueError, "call simple_gla"),
        ({"g": torch.zeros(2, 3, 7, 4)}, ValueError, "g has .* has T and H swapped: transpose"),
        (
            {"v": torch.zeros(2, 3, 7, 5)},
            ValueError,
            r"agree in \(B, T, H\). One of them has T and",
        ),
        ({"k": torch.zeros(2, 7, 3, 6)}, ValueError, "they must agree in all four"),
        ({"v": torch.zeros(2, 7, 3, 0)}, ValueError, "V must be at least 1"),
        ({"q": torch.zeros(2, 7, 3, 4, device="meta")}, ValueError, "but q is on meta"),
        (
            {"initial_state": torch.zeros(2, 7, 4, 5)},
            ValueError,
            "pass layout='bhtd'",
        ),
        ({"initial_state": torch.zeros(2, 3, 5, 4)}, ValueError, "has K and V swapped"),
        ({"initial_state": torch.zeros(1, 3, 4, 5)}, ValueError, r"B, H, K, V are \(2, 3, 4, 5\)"),
        ({"cu_seqlens": torch.tensor([0, 7])}, ValueError, r"batch of 2 .* \(1, T, H, K\)"),
        ({"cu_seqlens": torch.tensor([0.0, 7.0])}, ValueError, "vector of int32 or int64"),
        ({"cu_seqlens": torch.tensor([0])}, ValueError, "N sequences have N"),
    ],
)
def test_errors_name_the_argument_and_the_remedy(changes, error, message):
    with pytest.raises(error, match=message):
        gla(**{**inputs(), **changes})


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("bad", [[1, 7], [0, 6], [0, 5, 4, 7]])
def test_bounds_must_be_bounds(backend, bad):
    with pytest.raises(ValueError, match="must begin with 0, never fall, and end with T = 7"):
        gla(
            **{name: x.to(DEVICE) for name, x in inputs(B=1).items()},
            cu_seqlens=torch.tensor(bad),
            backend=backend,
        )


def test_the_other_operators_check_their_gates():
    given = inputs()
    with pytest.raises(ValueError, match="For gates by channel, call gla"):
        simple_gla(**given)
    with pytest.raises(ValueError, match=r"one γ a head, \(3,\)"):
        retention(given["q"], given["k"], given["v"], decay=torch.ones(2))
    with pytest.raises(ValueError, match="multiple of G"):
        ssd(
            given["v"],
            given["v"][..., 0],
            torch.ones(3),
            given["q"][:, :, :2],
            given["k"][:, :, :2],
        )
    with pytest.raises(ValueError, match="For several tokens, call gla"):
        gla_step(**given)
