"""A picture that was found, between the steps of finding it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CellBox = tuple[int, int, int, int]  # left, top, right, bottom in cells

LEFT, TOP, RIGHT, BOTTOM = range(4)  # of a box


class Wallpaper(NamedTuple):
    """In cells: `box` of the desktop, the `windows` on it, `seen` (h, w) where it lies open,
    `reached` (h, w) what hangs together with that, and `open` its largest rectangle.

    Where windows lie beside each other, the box around both has some of the wallpaper in it.
    """

    box: CellBox
    windows: tuple[CellBox, ...]
    seen: NDArray[np.bool_]
    reached: NDArray[np.bool_]
    open: CellBox


@dataclass(frozen=True, slots=True)
class Region:
    """`box` is (left, top, right, bottom) in pixels of the screen as the network saw it.

    `beside` is whether its cells hang together with a wallpaper's; `wallpaper` is that itself.
    """

    box: NDArray[np.float64]
    score: float
    photograph: bool
    beside: bool = False
    wallpaper: Wallpaper | None = None
