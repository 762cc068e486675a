"""What is compared strip by strip, and which cells hang together: as the plain way has it."""

from __future__ import annotations

import numpy as np
import pytest

from models.finder import strips
from models.finder.components import components

RNG = np.random.default_rng(22)
SCREEN = RNG.integers(0, 256, (60, 80, 3), np.uint8)


@pytest.mark.parametrize("points", [2, 3, 47, 48, 300])
@pytest.mark.parametrize("lines", [1, 9, 54])
def test_lines_are_reduced_as_numpy_does(points: int, lines: int) -> None:
    one, other = RNG.integers(0, 256, (2, 3, points, lines), np.uint8)
    wide = one.astype(int)
    colour = np.array([3, 130, 252], np.int16)
    steps = strips.contrast(one, other)
    assert (steps == np.abs(wide - other).max(0)).all()
    assert (strips.most(one) == one.max(1)).all()
    assert (strips.least(one) == one.min(1)).all()
    assert (strips.share(steps > 80) == (steps > 80).mean(0)).all()
    for levels in (4, 90):
        near = (np.abs(wide - colour[:, None, None]) <= levels).all(0)
        assert (strips.within(one, colour, levels) == near).all()


def test_a_strip_is_what_stands_at_its_points() -> None:
    points = np.array([3, 20, 41])
    across, down = SCREEN[points, 10:17], SCREEN[10:17, points]
    assert (strips.upright(SCREEN, points, slice(10, 17)) == across.transpose(2, 0, 1)).all()
    assert (strips.level(SCREEN, points, slice(10, 17)) == down.transpose(2, 1, 0)).all()


@pytest.mark.parametrize(("begin", "end", "count"), [(0, 9, 10), (3, 1079, 48), (7.5, 8.1, 1)])
def test_points_are_spread_evenly(begin: float, end: float, count: int) -> None:
    assert (strips.spread(begin, end, count) == np.linspace(begin, end, count)).all()


def test_cells_hang_together_by_their_sides() -> None:
    rows = ("##..#.", "#..##.", "....#.", "#.#...", "#.####")
    inside = np.array([[cell == "#" for cell in row] for row in rows])
    boxes = sorted(box.tolist() for box in components(inside))
    assert boxes == [[0, 0, 2, 2], [0, 3, 1, 5], [2, 3, 6, 5], [3, 0, 5, 3]]
    assert not components(np.zeros((3, 4), bool))
