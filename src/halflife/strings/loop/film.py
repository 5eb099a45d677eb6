"""Pictures of a loop: a film of |φ| and energy density beside R(t), and a strip of stills.

The model is ours: the paper's abstract gives the claims, not the equations. Pictures show the half
plane and its mirror image, so that the string is seen where the plane cuts it twice. Colours are
those of viridis and inferno; the scale of the energy density is logarithmic, since the string's
core holds a thousand times what the radiation does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from halflife.strings.loop.trace import Frames, Trace

Array = NDArray[np.float64]
Image = NDArray[np.uint8]

HEIGHT = 360
"""Pixels of a picture of the field."""
DECADES = 4.0
"""Of energy density below its largest value that are told apart."""
INK, PALE, STRING, THIN = (34, 34, 34), (200, 200, 200), (0, 114, 178), (213, 94, 0)
WHITE = (255, 255, 255)


def film(trace: Trace, path: str | Path, *, seconds: float = 8.0) -> Path:
    """Write a film of a trace with frames as a GIF.

    Each picture shows |φ| (left) and the energy density (middle) around the axis, and R(t) so far
    beside the thin loop's curve (right).

    Args:
        trace: Of `Loop.evolve(…, frames=…)`.
        path: Where to write.
        seconds: How long it plays.

    Returns:
        The path.

    Raises:
        ValueError: the trace has no frames, or the file's name does not end in .gif.
    """
    path = _named(path, ".gif")
    frames = _frames(trace)
    pictures = [_picture(trace, frames, i) for i in range(len(frames.t))]
    path.parent.mkdir(parents=True, exist_ok=True)
    from PIL import Image as Pillow

    palette = Pillow.new("P", (1, 1))
    palette.putpalette(_palette().ravel().tolist())
    plain = Pillow.Dither.NONE
    paletted = [Pillow.fromarray(p).quantize(palette=palette, dither=plain) for p in pictures]
    paletted[0].save(
        path,
        save_all=True,
        append_images=paletted[1:],
        duration=max(20, round(1000 * seconds / len(paletted))),
        loop=0,
        optimize=True,
    )
    return path


def strip(trace: Trace, path: str | Path, *, stills: int = 5) -> Path:
    """Write stills of a trace side by side as a PNG: |φ| above, energy density below.

    Raises:
        ValueError: the trace has no frames, or the file's name does not end in .png.
    """
    from PIL import Image as Pillow

    path = _named(path, ".png")
    frames = _frames(trace)
    chosen = np.unique(np.linspace(0, len(frames.t) - 1, stills).round().astype(int))
    columns: list[Image] = []
    for i in chosen:
        upper, lower = _fields(frames, i)
        head = _text(f"t = {frames.t[i]:.0f}", upper.shape[1])
        if not columns:
            upper = _written(_ruled(upper, frames), "modulus of the field, 0 to 1", INK)
            lower = _written(lower, "energy density, four decades", WHITE)
        columns.append(np.concatenate([head, upper, _gap(upper, 0), lower]))
        columns.append(_gap(columns[-1], 1))
    line = np.concatenate(columns[:-1], axis=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(line).save(path)
    return path


def mirrored(half: NDArray[Any]) -> NDArray[Any]:
    """A picture [r, z] of the half plane as [row, column] of the whole one, z upwards."""
    upper = np.concatenate([half[::-1], half]).T
    return np.concatenate([upper[::-1], upper])


def log_density(frames: Frames) -> Array:
    """log₁₀ of the energy density below its largest value, from −`DECADES` to 0."""
    density = frames.energy_density.astype(np.float64)
    largest = float(density.max())
    return np.asarray(np.log10(np.maximum(density / largest, 10**-DECADES)))


def _named(path: str | Path, suffix: str) -> Path:
    path = Path(path)
    if path.suffix.lower() != suffix:
        raise ValueError(f"{path} must end in {suffix}")
    return path


def _frames(trace: Trace) -> Frames:
    if trace.frames is None or not len(trace.frames.t):
        raise ValueError("the trace has no frames; ask for them: Loop.evolve(…, frames=60)")
    return trace.frames


def _fields(frames: Frames, i: int) -> tuple[Image, Image]:
    """|φ| and the energy density of a frame as pictures of `HEIGHT` pixels."""
    modulus = _coloured(mirrored(frames.modulus[i]), "Viridis")
    density = _coloured(mirrored(1 + log_density(frames)[i] / DECADES), "Inferno")
    return _scaled(modulus), _scaled(density)


def _palette() -> Image:
    """The 256 colours of a film: both scales, and those of the curves with their edges.

    None of them is next to white, or Pillow, which looks for the nearest roughly, takes it instead.
    """
    scales = [_coloured(np.linspace(0, 1, 104), name) for name in ("Viridis", "Inferno")]
    shades = [
        np.linspace(colour, (255, 255, 255), count).astype(np.uint8)
        for colour, count in ((INK, 12), (PALE, 4), (STRING, 12), (THIN, 12))
    ]
    return np.concatenate([*scales, *shades])


def _coloured(values: NDArray[Any], scale: str) -> Image:
    """Values from 0 to 1 in a scale of Plotly's."""
    from plotly.colors import get_colorscale, hex_to_rgb

    points = get_colorscale(scale)
    stops = [stop for stop, _ in points]
    colours = np.array([hex_to_rgb(colour) for _, colour in points], float)
    clipped = np.clip(values, 0, 1)
    channels = [np.interp(clipped, stops, colours[:, c]) for c in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def _scaled(picture: Image) -> Image:
    from PIL import Image as Pillow

    width = round(HEIGHT * picture.shape[1] / picture.shape[0])
    return np.asarray(Pillow.fromarray(picture).resize((width, HEIGHT), Pillow.Resampling.BICUBIC))


def _gap(beside: Image, axis: int) -> Image:
    shape = list(beside.shape)
    shape[axis] = 8
    return np.full(shape, 255, np.uint8)


def _text(text: str, width: int, height: int = 26) -> Image:
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    canvas = Pillow.new("RGB", (width, height), (255, 255, 255))
    ImageDraw.Draw(canvas).text((4, 5), text, INK, font=ImageFont.load_default(14))
    return np.asarray(canvas)


def _written(picture: Image, text: str, colour: tuple[int, int, int]) -> Image:
    """The picture with a line of text at its top."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    canvas = Pillow.fromarray(picture)
    ImageDraw.Draw(canvas).text((8, 6), text, colour, font=ImageFont.load_default(14))
    return np.asarray(canvas)


def _ruled(picture: Image, frames: Frames) -> Image:
    """The picture with a bar at its foot that says how long a length is."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    side = 2 * frames.modulus.shape[1] * frames.pixel
    length = float(_ticks(side)[1])
    canvas = Pillow.fromarray(picture)
    draw, foot = ImageDraw.Draw(canvas), picture.shape[0] - 10
    draw.line([(10, foot), (10 + picture.shape[1] * length / side, foot)], INK, 3)
    text = f"{length:g} core widths"
    draw.text((10, foot - 22), text, INK, font=ImageFont.load_default(14))
    return np.asarray(canvas)


def _picture(trace: Trace, frames: Frames, i: int) -> Image:
    """One picture of the film."""
    modulus, density = _fields(frames, i)
    curve = _curve(trace, float(frames.t[i]))
    parts = [
        np.concatenate([_text(said, part.shape[1]), part])
        for said, part in (
            (f"modulus of the field, 0 to 1, t = {frames.t[i]:.0f}", _ruled(modulus, frames)),
            ("energy density, four decades", density),
            ("", curve),
        )
    ]
    gap = _gap(parts[0], 1)
    return np.concatenate([parts[0], gap, parts[1], gap, parts[2]], axis=1)


def _curve(trace: Trace, now: float) -> Image:
    """R(t) up to now, the thin loop's as a whole, and the vorton's radius."""
    from PIL import Image as Pillow
    from PIL import ImageDraw, ImageFont

    width, left, right, top, bottom = 460, 44, 8, 22, 34
    canvas = Pillow.new("RGB", (width, HEIGHT), (255, 255, 255))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    last = float(trace.t[-1])
    thin = thin_curve(trace)
    highest = 1.08 * max(float(np.nanmax(trace.R)), float(trace.about["R0"]))

    def place(t: float, R: float) -> tuple[float, float]:
        across = left + (width - left - right) * t / last
        return across, HEIGHT - bottom - (HEIGHT - top - bottom) * R / highest

    for R in _ticks(highest):
        draw.line([place(0, R), place(last, R)], PALE)
        draw.text((6, place(0, R)[1] - 8), f"{R:g}", INK, font=font)
    for t in _ticks(last):
        draw.text((place(t, 0)[0] - 8, HEIGHT - bottom + 4), f"{t:g}", INK, font=font)
    draw.text((left + 230, HEIGHT - 16), "t; R and t in core widths", INK, font=font)
    R_v = float(trace.about["R_v"])
    if R_v:
        draw.line([place(0, R_v), place(last, R_v)], INK)
        draw.text((left + 305, 2), "vorton radius", INK, font=font)
    for t, R, colour, thick in ((trace.t, thin, THIN, 1), (trace.t, trace.R, STRING, 3)):
        shown = np.isfinite(R) & ((t <= now) if thick > 1 else True)
        points = [place(float(a), float(b)) for a, b in zip(t[shown], R[shown], strict=True)]
        if len(points) > 1:
            draw.line(points, colour, thick)
    draw.text((left, 2), "R(t) on the lattice", STRING, font=font)
    draw.text((left + 135, 2), "thin loop, nothing fitted", THIN, font=font)
    return np.asarray(canvas)


def thin_curve(trace: Trace) -> Array:
    """The thin loop's radius at the trace's times, with the damping that is fixed there."""
    return np.asarray(trace.thin.evolve(float(trace.about["R0"]), trace.t).R)


def _ticks(highest: float) -> Array:
    """Four to eight round numbers from 0 on."""
    step = 10.0 ** np.floor(np.log10(highest / 4))
    step *= max(k for k in (1, 2, 5) if k * step <= highest / 4)
    return np.arange(0, highest, step)
