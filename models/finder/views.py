"""A grab of any size as the network sees it: reduced, and piece by piece, in bounded memory.

A screen with many pixels is mostly magnified, so half of them do. A page that was captured from its
top to its end is not: it is as many screens, and seen piece by piece, each with something of its
neighbours around:

```
    ┌───────┐ ┐             kept of the first piece      the network sees no more than
    │       │ │ seen        ┐                            `PIECE` pixels at once
    │┄┄┄┄┄┄┄│ │           ┐ ┘
    │       │ ┘           │ kept of the second
```
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

PIECE = 4_000_000  # pixels that the network sees at once
_HALVED = 9_000_000  # pixels that a screen may have after it was reduced by two, three, …
_MOST = 32_000_000  # … and anything at all
_LONG = 2  # times as long as wide, from which a grab is a page
_STRIDE = 64  # the network halves its picture so often
_AROUND = 256  # pixels of its neighbours that are seen with a piece
_BAND = 256  # rows that are reduced at once


def factor(height: int, width: int) -> int:
    """By how much a grab is reduced."""
    shorter, longer = sorted((height, width))
    screen = shorter * min(longer, _LONG * shorter)
    least = 1 if screen <= PIECE else max(2, math.ceil(math.sqrt(screen / _HALVED)))
    return max(least, math.ceil(math.sqrt(height * width / _MOST)))


def reduced(pixels: NDArray[np.uint8], by: int) -> NDArray[np.uint8]:
    """(H, W, 3) → (H / by, W / by, 3), rounded up: means of squares."""
    if by == 1:
        return pixels
    from PIL import Image

    height, width = (-(-side // by) for side in pixels.shape[:2])
    result = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _BAND):
        band = np.ascontiguousarray(pixels[top * by : (top + _BAND) * by])
        result[top : top + _BAND] = np.asarray(Image.fromarray(band).reduce(by))
    return result


def read(
    network: Any, pixels: NDArray[np.uint8], cell: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the network, an ONNX Runtime session, says of each cell of (H, W, 3), which has `cell`
    pixels along a side: its kinds and its reach, see `regions.pictures`."""
    upright = pixels.shape[0] >= pixels.shape[1]
    kinds: list[NDArray[np.float32]] = []
    reach: list[NDArray[np.float32]] = []
    for piece in pieces(*sorted(pixels.shape[:2])):
        seen = slice(piece.begin, piece.end)
        part = pixels[seen] if upright else pixels[:, seen]
        answers = network.run(None, {"pixels": _padded(part)[None]})
        rows, columns = (-(-side // cell) for side in part.shape[:2])
        kept = slice((piece.first - piece.begin) // cell, -(-(piece.last - piece.begin) // cell))
        for whole, answer in zip((kinds, reach), answers, strict=True):
            mine = answer[0, :, :rows, :columns]
            whole.append(mine[:, kept] if upright else mine[:, :, kept])
    along = 1 if upright else 2
    return np.concatenate(kinds, along), np.concatenate(reach, along)


class Piece(NamedTuple):
    """Along the longer side, in pixels: seen from `begin` to `end`, kept from `first` to `last`."""

    begin: int
    end: int
    first: int
    last: int


def pieces(shorter: int, longer: int) -> Iterator[Piece]:
    """How a grab with such sides is seen: as a whole, if it is not too large."""
    most = max(PIECE // max(shorter, 1), 4 * _AROUND)
    if longer <= most:
        yield Piece(0, longer, 0, longer)
        return
    count = math.ceil(longer / (most - 2 * _AROUND - _STRIDE))
    step = math.ceil(longer / count / _STRIDE) * _STRIDE
    for first in range(0, longer, step):
        last = min(first + step, longer)
        yield Piece(max(0, first - _AROUND), min(longer, last + _AROUND), first, last)


def _padded(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Black to the right and below, to whole cells of the deepest layer."""
    height, width = pixels.shape[:2]
    below, right = -height % _STRIDE, -width % _STRIDE
    if not below and not right:
        return np.ascontiguousarray(pixels)
    padded = np.zeros((height + below, width + right, 3), np.uint8)
    padded[:height, :width] = pixels
    return padded
