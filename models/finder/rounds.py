"""The box of a picture that was cut to a circle: an avatar, an artist, a record.

Its sides touch it in their midst alone, so none of them is ever clear. But on plain ground it is
seen where it ends, and that it is round:

```
    ground . . ▒▒▒▒ . . ground       content  what differs from the ground
    . . . ▒▒▒▒▒▒▒▒▒▒ . . .           round    the circle in its box is full of that,
    . . ▒▒▒▒▒▒▒▒▒▒▒▒▒▒ . .                    the corners of its box have none
    . . . ▒▒▒▒▒▒▒▒▒▒ . . .
    ground . . ▒▒▒▒ . . ground
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.finder import strips
from models.finder.components import components
from models.finder.region import BOTTOM, LEFT, RIGHT, TOP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Box = NDArray[np.float64]  # (left, top, right, bottom) in pixels

_POINTS = 80  # along each side of a grid that is looked at
_AROUND = 0.15  # of the longer side, that is looked at beyond the box
_NEAR = 12  # levels by which ground may differ from what it is mostly
_GROUND = 0.7  # share of the grid's outermost points that must be ground: there may be a title
_LEAST = 40  # pixels; smaller ones are icons
_ROUND = 0.06  # of its side, by which a circle's box may be wider than high
_FULL = 0.85  # share of the circle that is content …
_EMPTY = 0.08  # … and of the corners that may be
_EDGE = 0.04  # of the radius, by which neither is asked near the circle
_MIDST = 0.08  # of a side, to both sides of where the circle touches it


def fit(pixels: NDArray[np.uint8], box: Box) -> Box | None:
    """The box of the circle on plain ground that `box` is about, if it is one.

    `pixels` is (H, W, 3); the result has whole pixels.
    """
    height, width = pixels.shape[:2]
    around = _AROUND * max(box[RIGHT] - box[LEFT], box[BOTTOM] - box[TOP])
    left, top, right, bottom = box + np.array([-around, -around, around, around])
    if min(left, top) < 0 or right > width - 1 or bottom > height - 1:
        return None
    rows, columns = (
        strips.spread(first, last, _POINTS).astype(np.intp)
        for first, last in ((top, bottom), (left, right))
    )
    grid = np.ascontiguousarray(pixels[rows[:, None], columns].transpose(2, 0, 1))
    ring = np.concatenate([grid[:, 0], grid[:, -1], grid[:, :, 0], grid[:, :, -1]], 1)
    ground = np.median(ring, axis=1).astype(np.int16)
    if strips.within(ring[:, None], ground, _NEAR).mean() < _GROUND:
        return None
    content = ~strips.within(grid, ground, _NEAR)
    found = max(components(content), key=_area, default=None)
    if found is None or not _is_round(content, found, (columns, rows)):
        return None
    places = (
        columns[found[LEFT]],
        rows[found[TOP]],
        columns[found[RIGHT] - 1],
        rows[found[BOTTOM] - 1],
    )
    return _to_the_pixel(pixels, [int(place) for place in places], ground, around)


def _area(box: NDArray[np.int64]) -> int:
    return int((box[RIGHT] - box[LEFT]) * (box[BOTTOM] - box[TOP]))


def _is_round(
    content: NDArray[np.bool_],
    box: NDArray[np.int64],
    grid: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> bool:
    """Whether a box on the grid is that of a circle, full of content."""
    columns, rows = grid
    left, top, right, bottom = box.tolist()
    wide, high = columns[right - 1] - columns[left], rows[bottom - 1] - rows[top]
    if min(wide, high) < _LEAST or abs(wide - high) > _ROUND * max(wide, high):
        return False
    across = np.linspace(-1, 1, right - left)
    down = np.linspace(-1, 1, bottom - top)
    distance = np.hypot(across[None, :], down[:, None])
    part = content[top:bottom, left:right]
    inside, corners = part[distance < 1 - _EDGE], part[distance > 1 + _EDGE]
    return bool(inside.mean() >= _FULL and corners.mean() <= _EMPTY)


def _to_the_pixel(
    pixels: NDArray[np.uint8], places: list[int], ground: NDArray[np.int16], around: float
) -> Box:
    """Each side moved to the first line, from outside, that has content in its midst."""
    reach = 2 + int(around // 4)
    sides = []
    for side, place in enumerate(places):
        upright = side in (LEFT, RIGHT)
        begin, end = (places[TOP], places[BOTTOM]) if upright else (places[LEFT], places[RIGHT])
        middle, half = (begin + end) / 2, max(2.0, _MIDST * (end - begin))
        points = strips.spread(middle - half, middle + half, 2 * int(half)).astype(np.intp)
        read = strips.upright if upright else strips.level
        first = max(0, place - reach)
        lines = read(pixels, points, slice(first, place + reach + 1))
        content = np.flatnonzero((~strips.within(lines, ground, _NEAR)).any(0))
        if not len(content):
            sides.append(place)
        elif side in (LEFT, TOP):
            sides.append(first + int(content[0]))
        else:
            sides.append(first + int(content[-1]) + 1)
    return np.array(sides, np.float64)
