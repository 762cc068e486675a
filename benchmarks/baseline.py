"""What one would write in an afternoon: many colours in a block make it a part of a picture."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.boxes import Box
from benchmarks.matching import Find

_BLOCK = 16  # pixels
_COLOURS = 24  # of 4096; text on one ground has fewer in a block
_FEWEST_BLOCKS = 12
_FILLED = 0.5  # of a component's rectangle


def find(pixels: NDArray[np.uint8]) -> list[Find]:
    """Find pictures in an (H, W, 3) grab: colourful blocks, joined, with edges moved to pixels."""
    height, width, _ = pixels.shape
    colourful = _colours(pixels) >= _COLOURS
    found = []
    for rows, columns in _components(colourful):
        box = Box(
            int(columns.min()), int(rows.min()), int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
        )
        filled = len(rows) / box.area
        if len(rows) >= _FEWEST_BLOCKS and filled >= _FILLED:
            whole = Box.from_edges(*(edge * _BLOCK for edge in box.edges()))
            found.append(
                Find(
                    _refined(pixels, whole.clipped(Box(0, 0, width, height))), "photograph", filled
                )
            )
    return sorted(found, key=lambda each: -each.score * each.box.area)


def _colours(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """How many colours each block has → (rows, columns); what is left at the edges is dropped."""
    rows, columns = pixels.shape[0] // _BLOCK, pixels.shape[1] // _BLOCK
    coarse = (pixels[: rows * _BLOCK, : columns * _BLOCK] >> 4).astype(np.uint16)
    codes = coarse[..., 0] << 8 | coarse[..., 1] << 4 | coarse[..., 2]
    blocks = codes.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2).reshape(rows, columns, -1)
    ordered = np.sort(blocks, axis=2)
    return np.asarray(1 + np.count_nonzero(np.diff(ordered, axis=2), axis=2))


def _components(mask: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows and columns of the cells of each component; diagonal neighbours do not touch."""
    left = mask.copy()
    for start in zip(*np.nonzero(mask), strict=True):
        if not left[start]:
            continue
        left[start] = False
        cells, waiting = [], [(int(start[0]), int(start[1]))]
        while waiting:
            row, column = waiting.pop()
            cells.append((row, column))
            for down, across in ((-1, 0), (1, 0), (0, -1), (0, 1)):
                near = row + down, column + across
                if 0 <= near[0] < mask.shape[0] and 0 <= near[1] < mask.shape[1] and left[near]:
                    left[near] = False
                    waiting.append(near)
        rows, columns = np.array(cells).T
        yield rows, columns


def _refined(pixels: NDArray[np.uint8], box: Box) -> Box:
    """Move each edge to the strongest step in brightness within a block of it."""
    grey = pixels.sum(axis=2, dtype=np.int32)
    across, down = grey[box.top : box.bottom], grey[:, box.left : box.right].T
    left, right = _edge(across, box.left), _edge(across, box.right)
    top, bottom = _edge(down, box.top), _edge(down, box.bottom)
    return Box.from_edges(left, top, right, bottom) if left < right and top < bottom else box


def _edge(strip: NDArray[np.int32], near: int) -> int:
    first, last = max(1, near - _BLOCK), min(strip.shape[1] - 1, near + _BLOCK)
    if last <= first or near in (0, strip.shape[1]):
        return near
    steps = np.abs(np.diff(strip[:, first - 1 : last + 1], axis=1)).mean(axis=0)
    return first + int(steps.argmax())
