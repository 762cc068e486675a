"""A picture that was found, between the steps of finding it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.finder.wallpapers import Wallpaper

LEFT, TOP, RIGHT, BOTTOM = range(4)  # of a box


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
