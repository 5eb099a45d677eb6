"""Digits, black and white, by a variational auto-encoder (Kingma & Welling, arXiv 1312.6114).

For an image x and its code z, with encoder q(z|x) = N(μ, diag σ²), prior p(z) = N(0, I) and
Bernoulli pixels p(x|z):

    −ELBO = −E_q[log p(x|z)] + KL(q(z|x) ‖ p(z)),   an upper bound of −log p(x), in nats.

The expectation is estimated with one draw of z; the KL term is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from halflife.workloads.digits import PIXELS, digits
from halflife.workloads.problem import Examples, Problem
from halflife.workloads.split import stratified_split
from halflife.workloads.streams import initial_weights
from halflife.workloads.workload import Workload

HIDDEN = 64
LATENTS = 8


class AutoEncoder(nn.Module):
    """Encoder and decoder, each with one hidden layer of rectified units."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(PIXELS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 2 * LATENTS)
        )
        self.decoder = nn.Sequential(
            nn.Linear(LATENTS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, PIXELS)
        )

    def forward(self, images: Tensor, noise: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Logits [batch, 64] of the pixels for one draw of z; μ and log σ² of q(z|x), [batch, 8].

        `images` are float32 [batch, 64].
        """
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        drawn = torch.randn(mean.shape, generator=noise).to(mean.device)
        code = mean + torch.exp(log_variance / 2) * drawn
        return self.decoder(code), mean, log_variance


def negative_elbo(
    model: nn.Module, images: Tensor, targets: Tensor, noise: torch.Generator
) -> Tensor:
    """Mean −ELBO per image in nats, one draw of z per image from `noise`.

    `images` and `targets` are the same, float32 [batch, 64] of 0 and 1.
    """
    logits, mean, log_variance = model(images, noise)
    surprise = F.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
    divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2
    total: Tensor = surprise + divergence
    return total / len(images)


@dataclass(frozen=True, kw_only=True)
class DigitsVAE(Workload):
    """The digits at a threshold of half grey, and an auto-encoder 64-64-8-64-64."""

    def problem(self, seed: int) -> Problem:
        """The split and the initial weights that `seed` draws."""
        table = digits()
        images = torch.from_numpy(table.features >= 0.5).float()
        kept, held = stratified_split(torch.from_numpy(table.labels), seed)
        with initial_weights(seed):
            model = AutoEncoder()
        return Problem(
            model=model,
            train=Examples(images[kept], images[kept]),
            held_out=Examples(images[held], images[held]),
            loss=negative_elbo,
            seed=seed,
            draws=8,
        )


DIGITS_VAE = DigitsVAE(
    name="digits-vae",
    summary="Digits in black and white, Bernoulli auto-encoder with 8 latents, −ELBO per image",
    updates=1200,
    batch_size=32,
    lr={"sgd": 2**-5, "adam": 2**-7},
)
