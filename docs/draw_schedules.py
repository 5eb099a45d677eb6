"""Draw docs/images/schedules.svg: every schedule, and every way to change one, over a run.

    python docs/draw_schedules.py

The tests redraw it and compare, so run this after a schedule has joined.
"""

from __future__ import annotations

from pathlib import Path

from halflife.schedules import (
    Schedule,
    constant,
    cosine,
    cycle_momentum,
    delayed,
    exponential,
    extend,
    from_table,
    infinite,
    inverse_sqrt,
    linear,
    one_cycle,
    piecewise,
    polynomial,
    rewarm,
    rex,
    step,
    wsd,
)

PICTURE = Path(__file__).parent / "images" / "schedules.svg"
COLUMNS = 5
CELL = (184, 118)
PLOT = (140, 70)
TOTAL = PLOT[0]
"""Updates in a run: one for each pixel."""

SCHEDULES: dict[str, Schedule] = {
    "constant()": constant(),
    "linear()": linear(),
    "cosine()": cosine(),
    "exponential()": exponential(),
    "polynomial(2)": polynomial(2),
    "inverse_sqrt(10)": inverse_sqrt(10),
    "step()": step(),
    "rex()": rex(),
    "rex(0.9)": rex(0.9),
    "one_cycle()": one_cycle(),
    "delayed(0.5)": delayed(0.5),
    "wsd()": wsd(),
    "infinite(warm=0.1)": infinite(warm=0.1),
    "rewarm(warmup=0.1)": rewarm(warmup=0.1),
    "cycle_momentum()": cycle_momentum(),
    "from_table([.2, 1, .6, 0])": from_table([0.2, 1, 0.6, 0]),
    "linear().warmup(0.2)": linear().warmup(0.2),
    "rex().cooldown(0.2)": rex().cooldown(0.2),
    "cosine().floor(0.2)": cosine().floor(0.2),
    '….floor(0.2, "clamp")': cosine().floor(0.2, mode="clamp"),
    "linear().scaled(0.5)": linear().scaled(0.5),
    "linear().sampled(every=0.1)": linear().sampled(every=0.1),
    "rex().lasting(0.5) >> rex()": rex().lasting(0.5) >> rex(),
    "piecewise(…)": piecewise((0.2, constant()), (0.5, rex()), constant().scaled(0.25)),
    "extended(…)": extend(linear(), TOTAL // 2, TOTAL, at=50, policy="rewarm"),
}


def draw() -> str:
    """Return the picture as SVG."""
    rows = -(-len(SCHEDULES) // COLUMNS)
    width, height = COLUMNS * CELL[0], rows * CELL[1]
    cells = [
        cell(name, schedule, at % COLUMNS * CELL[0], at // COLUMNS * CELL[1])
        for at, (name, schedule) in enumerate(SCHEDULES.items())
    ]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="monospace" font-size="10">',
            *cells,
            "</svg>\n",
        )
    )


def cell(name: str, schedule: Schedule, left: int, top: int) -> str:
    """Return one schedule: its curve in a frame from 0 to 1."""
    heights = (1 - schedule.table(TOTAL)) * PLOT[1]
    points = " ".join(f"{at},{height:.1f}" for at, height in enumerate(heights))
    text = name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        f'<g transform="translate({left + 14} {top + 28})">'
        f'<text y="-8" fill="#808080">{text}</text>'
        f'<rect width="{PLOT[0]}" height="{PLOT[1]}" fill="none" stroke="#808080" '
        'stroke-opacity="0.4"/>'
        f'<polyline points="{points}" fill="none" stroke="#3b82f6" stroke-width="2" '
        'stroke-linejoin="round"/></g>'
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(), encoding="utf-8")
    print(f"{len(SCHEDULES)} schedules are drawn in {PICTURE}")
