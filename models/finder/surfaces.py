"""What a found picture's pixels say that the network's cells cannot: a drawing, or mere ground.

A photograph has grain: neighbouring pixels are hardly ever quite equal. What a program has drawn
is equal nearly everywhere but for its outlines; a gradient changes, but always by as much; and
the chequers that viewers lay behind a picture have two colours.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LINES = 64  # rows and columns that are looked at
_FLAT = 0.7  # of the photographs of the trial screens none has more than 0.62 …
_FEW = 200  # colours of _LINES by _LINES pixels; those photographs have at least 886
_MOSTLY = 0.6
_MANY = 0.2  # colours for each pixel of the sample …
_GRAINY = 0.3  # … and share of equal neighbours, of the trial screens' photographs nearly all
_GRAINY_WITH_GROUND = 0.4  # … the ground counted: dots on white are no photograph
_RICH = 0.3  # colours for each pixel of what is found by its frame …
_PLAIN_SHARE = 0.5  # … and its equal neighbours at most
_NEAR = 8  # levels from the commonest colour
_MONOTONOUS = 0.28  # … and which no uncertain one of them falls short of
_TINTS = 256
_BLENDED = 12  # levels by which a colour may lie beside the line between two others
_STRAY = 0.02
_PLAIN = 3  # colours of a pattern
_PATCHES = 32  # a side
_ENOUGH = 8  # pixels of a patch, a side
_MARGIN = 5  # patches at each side that may be of something else
_BENT = 8.0  # … and of 3,000 photographs one, a blank one, has less than 20


class Surface:
    """(H, W, 3) RGB that is asked one thing after another; it is looked at once."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._pixels = pixels

    def is_drawn(self) -> bool:
        """Whether most neighbours are equal, the commonest colour left out.

        (Else a photograph of a thing on plain white were a drawing.) It may count where there are
        few colours anyway.
        """
        return self._equal_off_ground > _FLAT or (
            len(self._colours[0]) < _FEW and self.plainness > _MOSTLY
        )

    def has_grain(self) -> bool:
        """Whether it has many colours and hardly any equal neighbours: a photograph.

        Nobody draws so. (But a gradient is not told apart.)
        """
        colours, counts = self._colours
        return (
            len(colours) > _MANY * int(counts.sum())
            and self._equal_off_ground < _GRAINY
            and self.plainness < _GRAINY_WITH_GROUND
        )

    def is_rich(self) -> bool:
        """Whether it has as many colours as pictures have, and fewer equal neighbours than what a
        program draws."""
        return self.richness >= _RICH and self.plainness <= _PLAIN_SHARE

    @property
    def richness(self) -> float:
        """Colours for each pixel of a sample, in 0..1."""
        colours, counts = self._colours
        return len(colours) / float(counts.sum())

    @cached_property
    def plainness(self) -> float:
        """The share of equal neighbours, in 0..1: of rows or of columns, whichever is less."""
        return min(float(equal.mean()) if equal.size else 1.0 for _, equal in self._neighbours)

    def ground_share(self) -> float:
        """The share of a sample that has about the commonest colour, in 0..1."""
        colours, counts = self._colours
        ground = _channels(colours[counts.argmax() :][:1])
        near = np.abs(_channels(colours) - ground).max(-1) <= _NEAR
        return float(counts[near].sum() / counts.sum())

    def is_monotonous(self) -> bool:
        """Whether it has fewer colours than a photograph: large letters on a gradient.

        A photograph in one tint has fewer still, and is not meant; nor is what has flat colours.
        """
        colours, counts = self._colours
        return _TINTS < len(colours) < _MONOTONOUS * int(counts.sum())

    def is_two_toned(self) -> bool:
        """Whether it has but two colours and what lies between them: letters, icons."""
        colours, counts = self._colours
        if len(colours) < 2:
            return False
        first, second = (_channels(colours[place]) for place in np.argsort(-counts)[:2])
        along = second - first
        share = (_channels(colours) - first) @ along / (along @ along)
        nearest = first + share.clip(0, 1)[:, None] * along
        off = np.abs(_channels(colours) - nearest).max(-1) > _BLENDED
        return float(counts[off].sum() / counts.sum()) < _STRAY

    def is_ground(self) -> bool:
        """Whether it shows nothing: colours that run into each other, or a pattern."""
        return len(self._colours[0]) <= _PLAIN or _is_gradient(self._pixels)

    @cached_property
    def _colours(self) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The colours of a sample of the pixels, as numbers, and how many have each."""
        rows, columns = (_spread(side) for side in self._pixels.shape[:2])
        return np.unique(_numbers(self._pixels[rows][:, columns]), return_counts=True)

    @property
    def _ground(self) -> np.int32:
        """The commonest colour."""
        colours, counts = self._colours
        ground: np.int32 = colours[counts.argmax()]
        return ground

    @cached_property
    def _neighbours(self) -> list[tuple[NDArray[np.int32], NDArray[np.bool_]]]:
        """Of a sample of rows, and one of columns: the second of each two neighbours, and
        whether they are equal."""
        rows, columns = (_spread(side) for side in self._pixels.shape[:2])
        lines = _numbers(self._pixels[rows]), _numbers(self._pixels[:, columns]).T
        return [(each[:, 1:], each[:, 1:] == each[:, :-1]) for each in lines]

    @cached_property
    def _equal_off_ground(self) -> float:
        """As `plainness`, pairs of the commonest colour left out."""
        shares = []
        for second, equal in self._neighbours:
            ours = np.count_nonzero(equal)
            ground = np.count_nonzero(equal & (second == self._ground))
            counted = equal.size - ground
            shares.append((ours - ground) / counted if counted else 1.0)
        return min(shares)


def _is_gradient(pixels: NDArray[np.uint8]) -> bool:
    fewer = pixels[
        tuple(slice(None, None, max(1, side // (_PATCHES * _ENOUGH))) for side in pixels.shape[:2])
    ]
    size = min(_PATCHES, fewer.shape[1]), min(_PATCHES, fewer.shape[0])
    small = np.asarray(Image.fromarray(fewer).resize(size, Image.Resampling.BOX), np.float32)
    inner = small[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    if min(inner.shape) < 3:
        return False
    bends = (np.abs(np.diff(inner, 2, axis)).max(-1) for axis in (0, 1))
    return all(float(np.percentile(each, 95)) < _BENT for each in bends)


def _spread(length: int) -> NDArray[np.int64]:
    """Up to `_LINES` places along a side."""
    return np.linspace(0, length - 1, min(length, _LINES)).astype(np.int64)


def _numbers(pixels: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(…, 3) colours → (…) numbers."""
    numbers: NDArray[np.int32] = pixels[..., 0].astype(np.int32)
    for channel in (1, 2):
        numbers <<= 8
        numbers |= pixels[..., channel]
    return numbers


def _channels(numbers: NDArray[np.int32]) -> NDArray[np.float64]:
    """(…) numbers → (…, 3) colours."""
    return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], -1).astype(np.float64)
