"""Pictures and tables of K: they show what K says, and the guides have all of them."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from halflife.optim import kappa
from halflife.optim.diagnostics import CONVENTIONS
from halflife.optim.kappa.figure import constraint_figure, gradient_figure

DOCS = Path(__file__).parents[2] / "docs"


def test_curves_are_gradients():
    drawn = gradient_figure(["l1", "huber:e=0.5", kappa.Quadratic()], columns=2)
    lion, huber, plain = drawn.data
    np.testing.assert_array_equal(lion.y, np.sign(lion.x))
    np.testing.assert_allclose(huber.y, np.clip(huber.x / 0.5, -1, 1))
    np.testing.assert_array_equal(plain.y, plain.x)
    assert [note.text for note in drawn.layout.annotations] == ["l1", "huber:e=0.5", "quadratic"]


@pytest.mark.parametrize(
    ("K", "inside"),
    [
        ("l1", lambda a, b: max(abs(a), abs(b)) <= 1),
        ("l2", lambda a, b: math.hypot(a, b) <= 1),
        ("linf", lambda a, b: abs(a) + abs(b) <= 1),
        ("lp:p=1.5", lambda a, b: abs(a) ** 3 + abs(b) ** 3 <= 1),
        ("l2:scale=0.5", lambda a, b: math.hypot(a, b) <= 0.5),
        ("top-k:k=1", lambda a, b: abs(a) + abs(b) <= 1),
        ("dead-zone:e=0.3", lambda a, b: max(abs(a), abs(b)) <= 1),
        ("quadratic", lambda a, b: True),
    ],
)
def test_what_is_coloured_is_the_set_and_steps_lie_in_it(K, inside):
    sets, steps = constraint_figure([K]).data
    for at, b in list(enumerate(sets.y))[::23]:
        for across, a in list(enumerate(sets.x))[::23]:
            assert math.isfinite(sets.z[at][across]) == inside(a, b)
    if K != "quadratic":
        assert all(
            inside(0.999999 * a, 0.999999 * b) for a, b in zip(steps.x, steps.y, strict=True)
        )


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(ValueError, match="l2 is no sum over entries"):
        gradient_figure(["l2"])
    with pytest.raises(ValueError, match="nuclear is no function of two variables"):
        constraint_figure(["nuclear"])
    with pytest.raises(ValueError, match="at least one K"):
        gradient_figure([])


def test_the_table_has_all():
    rows = re.findall(r"^\| `([\w-]+)", (DOCS / "kappa.md").read_text(), re.MULTILINE)
    assert sorted(set(rows) & set(kappa.names())) == kappa.names()


def test_the_table_of_conventions_is_the_one_in_the_code():
    text = (DOCS / "moving-from-adamw.md").read_text()
    for c in CONVENTIONS.values():
        assert f'| `"{c.name}"` | {c.who} | {c.factor} | {c.radius} |' in text


def test_every_picture_of_the_guides_is_drawn_by_the_script():
    script = (DOCS / "draw.py").read_text()
    pages = ("optim.md", "kappa.md", "moving-from-adamw.md", "strings.md", "strings-loops.md")
    used = {
        name
        for page in pages
        for name in re.findall(r"images/([\w-]+\.png)", (DOCS / page).read_text())
    }
    assert used == set(re.findall(r'"([\w-]+\.png)"', script))
