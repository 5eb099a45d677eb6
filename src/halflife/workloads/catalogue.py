"""Which workloads there are. A new one is a file of its own and a line here."""

from __future__ import annotations

from halflife.errors import UnknownNameError
from halflife.workloads.characters import CHARACTERS
from halflife.workloads.conv import DIGITS_CONV
from halflife.workloads.gpt import STDLIB_GPT, STDLIB_GPT_TINY
from halflife.workloads.logistic import BREAST_CANCER, DIGITS, IRIS, WINE
from halflife.workloads.mlp import BREAST_CANCER_MLP, DIGITS_MLP, WINE_MLP
from halflife.workloads.vae import DIGITS_VAE
from halflife.workloads.workload import Workload

_ALL: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        BREAST_CANCER,
        WINE,
        DIGITS,
        IRIS,
        DIGITS_MLP,
        WINE_MLP,
        BREAST_CANCER_MLP,
        DIGITS_CONV,
        DIGITS_VAE,
        CHARACTERS,
        STDLIB_GPT_TINY,
        STDLIB_GPT,
    )
}


def workloads() -> tuple[str, ...]:
    """The names that `get` knows."""
    return tuple(_ALL)


def get(name: str) -> Workload:
    """The workload of this name.

    Raises:
        UnknownNameError: There is none; the message has the nearest name.
    """
    if name not in _ALL:
        raise UnknownNameError("workload", name, _ALL)
    return _ALL[name]
