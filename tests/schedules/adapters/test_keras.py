"""A schedule in Keras, on two of its backends."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from halflife.schedules import as_keras, linear, rex, wsd

keras = pytest.importorskip("keras")


@pytest.mark.parametrize("schedule", [rex().warmup(3), wsd(0.3, "1-sqrt"), linear()], ids=repr)
def test_every_step_has_its_rate(schedule) -> None:  # type: ignore[no-untyped-def]
    rate = as_keras(schedule, 20, 0.3)
    expected = (0.3 * schedule.table(20)).astype(np.float32)
    assert [float(rate(s)) for s in range(20)] == expected.tolist()
    assert float(rate(500)) == expected[-1]
    assert float(rate(np.int64(3))) == expected[3]


def test_it_goes_through_its_config_and_through_keras_own() -> None:
    rate = as_keras(rex().warmup(3), 20, 0.3)
    config = json.loads(json.dumps(rate.get_config()))
    twin = type(rate).from_config(config)
    assert twin.get_config() == rate.get_config()
    again = keras.optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(rate))
    assert [float(again(s)) for s in range(20)] == [float(rate(s)) for s in range(20)]


def test_an_optimizer_is_saved_with_it() -> None:
    optimizer = keras.optimizers.SGD(as_keras(linear(), 8, 0.5))
    twin = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert float(twin.learning_rate) == 0.5


TRAIN = """
import numpy as np, keras
from halflife.schedules import as_keras, linear
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
# The loss is the weight itself: every update takes away just its rate.
model.compile(keras.optimizers.SGD(as_keras(linear(), 4, 0.5)), lambda y, p: keras.ops.mean(p))
start = float(model.weights[0].numpy()[0, 0])
model.fit(np.ones((8, 1)), np.ones((8, 1)), batch_size=2, verbose=0)
moved = start - float(model.weights[0].numpy()[0, 0])
assert abs(moved - 0.5 * linear().table(4).sum()) < 1e-6, moved
"""


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
def test_a_model_trains_with_it_here() -> None:
    exec(compile(TRAIN, "train", "exec"), {})


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_model_trains_with_it_on_every_backend(backend: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRAIN],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_mistakes_are_named_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="longer than the run"):
        as_keras(rex().warmup(9), 4, 0.1)
    with pytest.raises(TypeError, match="schedule must be a Schedule"):
        as_keras(3, 4, 0.1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"total must be at most 2\^24 for Keras"):
        as_keras(rex(), 10**9, 0.1)
