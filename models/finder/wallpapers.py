"""A wallpaper that windows lie on: one picture as large as the desktop, and what is in the windows.

Its cells are sure of a picture wherever no window lies, and claim much of the screen for it:

```
    # # # # # # # # # #       #  believes in a picture: if what lies outside the windows reaches
    # # . . . . # # # #          all sides of the desktop, it is one
    # # . # # . # # # #       .  a window: the box of what hangs together and believes in none;
    # # . . . . # # # #          the pictures in it are looked for by themselves
    # # # # # # # # # #
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.finder.components import components
from models.finder.region import BOTTOM, LEFT, RIGHT, TOP, Wallpaper

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.finder.region import CellBox

_WINDOW = 10  # cells along its shorter side at least; less is an icon or a panel
_BAR = 7  # cells at the upper and lower side that may be a bar of the desktop
_MARGIN = 2  # … and at the other sides; the network is less sure there
_SEEN = 0.08  # of the desktop that must lie open
_CLAIMED = 0.25  # of the desktop that its cells claim for their picture …
_ENOUGH = 220_000, 250_000  # … or so many pixels, and more where more lies open: pictures that
# stand wall to wall claim less, and the network cannot look farther
_TOGETHER = 0.25  # of a box
_COARSE = 4  # cells along a side of what a rectangle that lies open is made of


def find(inside: NDArray[np.bool_], reach: NDArray[np.float32], cell: int) -> Wallpaper | None:
    """`inside` (h, w): which cells believe in a picture; `reach` (4, h, w) as in `regions`."""
    windows = tuple(
        (int(left), int(top), int(right), int(bottom))
        for left, top, right, bottom in components(~inside)
        if min(right - left, bottom - top) >= _WINDOW
    )
    if not windows:
        return None
    seen = inside.copy()
    for left, top, right, bottom in windows:
        seen[top:bottom, left:right] = False
    rows, columns = (np.flatnonzero(seen.sum(axis) >= _MARGIN) for axis in (1, 0))
    if seen.mean() < _SEEN or not len(rows) or not len(columns):
        return None
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    height, width = inside.shape
    beside = (box[LEFT], width - box[RIGHT], box[TOP], height - box[BOTTOM])
    if max(beside[:2]) > _MARGIN or max(beside[2:]) > _BAR:
        return None
    across, down = reach[LEFT] + reach[RIGHT], reach[TOP] + reach[BOTTOM]
    desktop = cell**2 * (box[RIGHT] - box[LEFT]) * (box[BOTTOM] - box[TOP])
    enough = _ENOUGH[0] + _ENOUGH[1] * float(seen.mean())
    if float(np.median((across * down)[seen])) < min(_CLAIMED * desktop, enough):
        return None
    return Wallpaper(box, windows, seen, _reached(seen, inside), _largest_rectangle(seen))


def hangs_together(wallpaper: Wallpaper, rows: slice, columns: slice) -> bool:
    """Whether much of a box of cells hangs together with what lies open of the wallpaper."""
    part = wallpaper.reached[rows, columns]
    return bool(part.size and part.mean() >= _TOGETHER)


def _reached(seen: NDArray[np.bool_], inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells that are `seen`, and those inside that hang together with them."""
    reached, before = seen.copy(), -1
    while (count := int(np.count_nonzero(reached))) > before:
        before = count
        reached[1:] |= reached[:-1]
        reached[:-1] |= reached[1:]
        reached[:, 1:] |= reached[:, :-1]
        reached[:, :-1] |= reached[:, 1:]
        reached &= inside
    return reached


def _largest_rectangle(seen: NDArray[np.bool_]) -> CellBox:
    """The largest rectangle of true cells, to a few cells: by the heights of columns."""
    height, width = (side - side % _COARSE for side in seen.shape)
    parts = seen[:height, :width].reshape(height // _COARSE, _COARSE, -1, _COARSE)
    blocks: NDArray[np.bool_] = parts.min((1, 3))
    best, most = (0, 0, 1, 1), 0
    heights = np.zeros(blocks.shape[1], int)
    for row in range(blocks.shape[0]):
        heights = np.where(blocks[row], heights + 1, 0)
        for first in range(len(heights)):
            lowest = np.minimum.accumulate(heights[first:])
            areas = lowest * np.arange(1, len(lowest) + 1)
            last = int(areas.argmax())
            if areas[last] > most:
                most = int(areas[last])
                best = (first, row + 1 - int(lowest[last]), first + last + 1, row + 1)
    left, top, right, bottom = (_COARSE * side for side in best)
    return left, top, right, bottom
