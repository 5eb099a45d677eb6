"""Where PyTorch is asked to compute, and whether it can."""

from __future__ import annotations

import torch


def device_of(name: str | torch.device) -> torch.device:
    """The device of this name, which need not be here.

    Raises:
        ValueError: PyTorch knows no such name.
    """
    try:
        return torch.device(name)
    except RuntimeError:
        raise ValueError(
            f"device must be 'cpu', 'cuda' or 'cuda:1' and so on, got {name!r}."
        ) from None


def lack(device: torch.device) -> str | None:
    """What is missing for a device, a sentence without its remedy; None if it is here."""
    if device.type != "cuda":
        return None
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if (device.index or 0) < cards:
        return None
    return (
        f"device={str(device)!r} asks for a card, and PyTorch {torch.__version__} can use "
        f"{cards or 'none'} here"
    )
