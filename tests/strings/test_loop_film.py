"""Films and strips: files that open, and show what they should."""

import numpy as np
import pytest
from PIL import Image

from halflife.strings.loop.evolve import Loop
from halflife.strings.loop.film import (
    HEIGHT,
    _ruled,
    film,
    log_density,
    mirrored,
    strip,
    thin_curve,
)


@pytest.fixture(scope="module")
def trace():
    return Loop.around(20.0, 24.0).evolve(60.0, frames=6, dtype="float32")


def test_frames_hold_the_string_and_the_mirror_image(trace):
    frames = trace.frames
    assert frames.t == pytest.approx(np.linspace(0, 60, 6), abs=0.2)
    assert frames.modulus.shape == frames.energy_density.shape
    for i, t in enumerate(frames.t):
        whole = mirrored(frames.modulus[i])
        assert np.array_equal(whole, whole[::-1])
        assert np.array_equal(whole, whole[:, ::-1])
        row = frames.modulus[i][:, 0]  # along r in the plane
        R = trace.R[np.abs(trace.t - t).argmin()]
        assert (row.argmin() + 0.5) * frames.pixel == pytest.approx(R, abs=1.0)
        assert row.min() < 0.5
        assert frames.energy_density[i].max() == frames.energy_density[i][:, 0].max()
    assert log_density(frames).max() == 0
    assert log_density(frames).min() >= -4


def test_a_film_has_a_picture_a_frame_that_changes(trace, tmp_path):
    with Image.open(film(trace, tmp_path / "deep" / "out.gif", seconds=1.2)) as gif:
        assert gif.n_frames == 6
        assert gif.info["duration"] == 200
        assert gif.height == HEIGHT + 26
        first = np.asarray(gif.convert("RGB"), int)
        gif.seek(5)
        last = np.asarray(gif.convert("RGB"), int)
    assert np.abs(first - last).max() > 100
    assert (first[-1, -20:] == 255).all()  # paper is white
    blue = np.array([0, 114, 178])
    drawn = [int((np.abs(picture - blue).sum(axis=-1) < 30).sum()) for picture in (first, last)]
    assert drawn[1] > drawn[0] + 100  # R(t) has grown


def test_a_strip_shows_stills_side_by_side(trace, tmp_path):
    with Image.open(strip(trace, tmp_path / "out.png", stills=3)) as png:
        assert png.size == (3 * HEIGHT + 2 * 8, 2 * HEIGHT + 8 + 26)


def test_a_ruler_is_as_long_as_it_says(trace):
    plain = np.full((HEIGHT, HEIGHT, 3), 255, np.uint8)
    ruled = _ruled(plain, trace.frames)
    bar = (ruled[HEIGHT - 10] < 100).all(axis=-1).sum()
    side = 2 * trace.frames.modulus.shape[1] * trace.frames.pixel
    assert bar * side / HEIGHT == pytest.approx(10.0, abs=0.4)  # "10 core widths"


def test_the_thin_curve_starts_with_the_loop(trace):
    curve = thin_curve(trace)
    assert curve[0] == pytest.approx(24.0)
    assert np.abs(curve / trace.R - 1).max() < 0.1


def test_refuses_other_files_and_traces_without_frames(trace, tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.gif"):
        film(trace, tmp_path / "out.mp4")
    with pytest.raises(ValueError, match=r"must end in \.png"):
        strip(trace, tmp_path / "out.jpg")
    with pytest.raises(ValueError, match="no frames"):
        film(Loop(20.0).evolve(1.0), tmp_path / "out.gif")
