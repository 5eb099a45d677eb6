"""Draw the pictures of the guides: `python docs/draw.py`, with Chromium on the path.

Pictures of runs take about a minute.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from plotly.graph_objects import Figure
from sklearn.datasets import load_digits

from halflife.optim import LionK
from halflife.optim.diagnostics import DiagnosticsRecorder, figure, read_diagnostics
from halflife.optim.kappa.figure import constraint_figure, gradient_figure
from halflife.strings import bound_states_figure, lifetime_figure
from halflife.strings.loop import Loop
from halflife.strings.loop.film import strip

IMAGES = Path(__file__).parent / "images"
ENTRIES = (
    "l1", "dead-zone:e=0.5", "huber:e=1.0", "elastic:e1=0.5,e2=1.0",
    "relativistic:e=0.5", "log-cosh:b=2.0", "softsign:e=0.5", "arctan:e=0.5",
    "quadratic", "power:p=1.5", "asinh", "symlog",
)  # fmt: skip
SETS = (
    "l1", "lp:p=1.25", "l2", "lp:p=4.0", "linf", "huber-norm:e=1.0", "huber:e=1.0",
    "dead-zone:e=0.5", "softsign:e=0.5", "log-cosh:b=2.0", "quadratic", "log-sum-exp",
)  # fmt: skip


def gradients() -> Figure:
    """∇k(z) of all K that are sums over entries."""
    return gradient_figure(ENTRIES)


def constraints() -> Figure:
    """The sets of K of two variables."""
    return constraint_figure(SETS)


def run() -> Figure:
    """A network that begins outside its box."""
    torch.manual_seed(0)
    pixels, digits = load_digits(return_X_y=True)
    x, y = torch.tensor(pixels / 16, dtype=torch.float32), torch.tensor(digits)
    layers = [torch.nn.Linear(64, 32), torch.nn.Tanh(), torch.nn.Linear(32, 10)]
    network = torch.nn.Sequential(*layers)
    with torch.no_grad():
        for p in network.parameters():
            p.mul_(4)
    optimizer = LionK(network.parameters(), lr=2e-3, weight_decay=5.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / 2000)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lion.jsonl"
        with DiagnosticsRecorder(optimizer, path) as recorder:
            for step in range(2000):
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(network(x), y)
                loss.backward()
                if step % 20 == 0:
                    recorder.record(step, loss)
                optimizer.step()
                scheduler.step()
        return figure(read_diagnostics(path))


def loop(path: Path) -> None:
    """Stills of a loop that settles, as `halflife strings evolve --strip` makes them."""
    strip(Loop.around(30.0, 45.0).evolve(600.0, dtype="float32", frames=60), path)


FIGURES: dict[str, Callable[[], Figure]] = {
    "optim-gradients.png": gradients,
    "optim-constraints.png": constraints,
    "optim-run.png": run,
    "strings-modes.png": lambda: bound_states_figure(3.0),
    "strings-lifetime.png": lambda: lifetime_figure(1.0, 1.0, scale=1e12),
}


def draw(name: str) -> None:
    """Make one picture."""
    if name == "strings-loop.png":
        loop(IMAGES / name)
        return
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if chromium is None:
        raise SystemExit("There is no Chromium on the path to draw with; install it.")
    drawn = FIGURES[name]()
    size: Any = drawn.layout
    width, height = int(size.width or 1000), int(size.height)
    drawn.update_layout(width=width, height=height)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        drawn.write_html(page, include_plotlyjs=True, config={"displayModeBar": False})
        page.write_text(page.read_text().replace("<body>", '<body style="margin: 0">'))
        subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                f"--window-size={width},{height}", "--virtual-time-budget=10000",
                f"--screenshot={IMAGES / name}", page.as_uri(),
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip


if __name__ == "__main__":
    for picture in sys.argv[1:] or (*FIGURES, "strings-loop.png"):
        draw(picture)
