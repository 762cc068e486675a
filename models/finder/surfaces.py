"""What a found picture's pixels say that the network's cells cannot: a drawing, or mere ground.

A photograph has grain: neighbouring pixels are hardly ever quite equal. What a program has drawn
is equal nearly everywhere but for its outlines; a gradient changes, but always by as much; and
the chequers that viewers lay behind a picture have two colours.
"""

from __future__ import annotations

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


def is_drawn(pixels: NDArray[np.uint8]) -> bool:
    """Whether most neighbours in (H, W, 3) RGB are equal, the commonest colour left out.

    (Else a photograph of a thing on plain white were a drawing.) It may count where there are
    few colours anyway.
    """
    colours, counts = _colours(pixels)
    rows, columns = (_spread(side) for side in pixels.shape[:2])
    lines = _numbers(pixels[rows]), _numbers(pixels[:, columns]).T
    ground = colours[counts.argmax()]
    return min(_equal(each, ground) for each in lines) > _FLAT or (
        len(colours) < _FEW and min(_equal(each) for each in lines) > _MOSTLY
    )


def has_grain(pixels: NDArray[np.uint8]) -> bool:
    """Whether (H, W, 3) RGB has many colours and hardly any equal neighbours: a photograph.

    Nobody draws so. (But a gradient is not told apart.)
    """
    colours, counts = _colours(pixels)
    rows, columns = (_spread(side) for side in pixels.shape[:2])
    lines = _numbers(pixels[rows]), _numbers(pixels[:, columns]).T
    return (
        len(colours) > _MANY * counts.sum()
        and min(_equal(each, colours[counts.argmax()]) for each in lines) < _GRAINY
        and min(_equal(each) for each in lines) < _GRAINY_WITH_GROUND
    )


def is_rich(pixels: NDArray[np.uint8]) -> bool:
    """Whether (H, W, 3) RGB has as many colours as pictures have, and fewer equal neighbours than
    what a program draws."""
    return richness(pixels) >= _RICH and plainness(pixels) <= _PLAIN_SHARE


def richness(pixels: NDArray[np.uint8]) -> float:
    """Colours for each pixel of a sample, in 0..1."""
    colours, counts = _colours(pixels)
    return len(colours) / float(counts.sum())


def plainness(pixels: NDArray[np.uint8]) -> float:
    """The share of equal neighbours, in 0..1: of rows or of columns, whichever is less."""
    rows, columns = (_spread(side) for side in pixels.shape[:2])
    return min(_equal(each) for each in (_numbers(pixels[rows]), _numbers(pixels[:, columns]).T))


def ground_share(pixels: NDArray[np.uint8]) -> float:
    """The share of a sample that has about the commonest colour, in 0..1."""
    colours, counts = _colours(pixels)
    near = np.abs(_channels(colours) - _channels(colours[counts.argmax()])).max(-1) <= _NEAR
    return float(counts[near].sum() / counts.sum())


def is_monotonous(pixels: NDArray[np.uint8]) -> bool:
    """Whether (H, W, 3) RGB has fewer colours than a photograph: large letters on a gradient.

    A photograph in one tint has fewer still, and is not meant; nor is what has flat colours.
    """
    colours, counts = _colours(pixels)
    return _TINTS < len(colours) < _MONOTONOUS * int(counts.sum())


def is_two_toned(pixels: NDArray[np.uint8]) -> bool:
    """Whether (H, W, 3) RGB has but two colours and what lies between them: letters, icons."""
    colours, counts = _colours(pixels)
    if len(colours) < 2:
        return False
    first, second = (_channels(colours[place]) for place in np.argsort(-counts)[:2])
    along = second - first
    share = (_channels(colours) - first) @ along / (along @ along)
    nearest = first + share.clip(0, 1)[:, None] * along
    off = np.abs(_channels(colours) - nearest).max(-1) > _BLENDED
    return float(counts[off].sum() / counts.sum()) < _STRAY


def is_ground(pixels: NDArray[np.uint8]) -> bool:
    """Whether (H, W, 3) RGB shows nothing: colours that run into each other, or a pattern."""
    return len(_colours(pixels)[0]) <= _PLAIN or _is_gradient(pixels)


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


def _colours(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The colours of a sample of the pixels, as numbers, and how many have each."""
    rows, columns = (_spread(side) for side in pixels.shape[:2])
    return np.unique(_numbers(pixels[rows][:, columns]), return_counts=True)


def _spread(length: int) -> NDArray[np.int64]:
    """Up to `_LINES` places along a side."""
    return np.linspace(0, length - 1, min(length, _LINES)).astype(np.int64)


def _numbers(pixels: NDArray[np.uint8]) -> NDArray[np.int32]:
    """(…, 3) colours → (…) numbers."""
    red, green, blue = np.moveaxis(pixels.astype(np.int32), -1, 0)
    numbers: NDArray[np.int32] = (red << 16) | (green << 8) | blue
    return numbers


def _channels(numbers: NDArray[np.int32]) -> NDArray[np.float64]:
    """(…) numbers → (…, 3) colours."""
    return np.stack([numbers >> 16, numbers >> 8 & 255, numbers & 255], -1).astype(np.float64)


def _equal(lines: NDArray[np.int32], ground: np.int32 | None = None) -> float:
    """Share of neighbours along the lines that are equal, pairs of `ground` left out."""
    equal = lines[:, 1:] == lines[:, :-1]
    counted = np.ones_like(equal) if ground is None else ~(equal & (lines[:, 1:] == ground))
    return float(equal[counted].mean()) if counted.any() else 1.0
