"""What the runs of trainers share: a model, its data, and how a run is killed and compared."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from halflife.optim.diagnostics import read_diagnostics

UPDATES = 12
OPTIONS = {"lr": 0.05, "weight_decay": 2.0}


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Linear(5, 1))
        with torch.no_grad():
            self.layers[0].weight.mul_(4)  # outside the box, whose half-width is ½

    def forward(self, x, labels=None):
        y = self.layers(x)
        return {"loss": (y - labels).square().mean(), "logits": y}


def points():
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(2 * UPDATES, 3, generator=draw)
    return [{"x": row, "labels": row.sum(0, keepdim=True)} for row in x]


def weights(model):
    return [p.detach().clone() for p in model.parameters()]


def assert_equal(mine, others):
    for one, other in zip(mine, others, strict=True):
        assert torch.equal(one, other)


def assert_same_file(path, whole):
    mine, other = read_diagnostics(path), read_diagnostics(whole)
    assert mine.groups == other.groups
    np.testing.assert_array_equal(mine.loss, other.loss)
    assert all(json.loads(line) for line in path.read_text().splitlines())


KILLED = """
import os, signal, sys, warnings
warnings.simplefilter("ignore")
import torch
from pathlib import Path

torch.set_num_threads(1)
folder = Path(sys.argv[1])
"""


def run_until_killed(code, folder):
    """Run code, which is given the folder and kills itself, in a process of its own."""
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", KILLED + code, str(folder)],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
