"""Which cells hang together: connected components by runs, row by row.

A run is what is true without a break in a row; runs that touch one above are its component's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def components(inside: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Boxes (left, top, right, bottom) in cells around those that hang together by their sides."""
    parents: list[int] = []
    boxes: list[list[int]] = []

    def root(label: int) -> int:
        while parents[label] != label:
            parents[label] = parents[parents[label]]
            label = parents[label]
        return label

    above: list[tuple[int, int, int]] = []  # first, last + 1, label of each run
    runs: list[tuple[int, int, int]] = []
    previous = -1
    for row, first, last in _runs(inside):
        if row != previous:
            above = runs if row == previous + 1 else []
            runs, previous = [], row
        touching = {root(label) for begin, end, label in above if begin < last and end > first}
        label = min(touching, default=len(parents))
        if label == len(parents):
            parents.append(label)
            boxes.append([first, row, last, row + 1])
        for other in {label} | touching:
            parents[other] = label
            a, b = boxes[label], boxes[other]
            boxes[label] = [
                min(a[0], b[0], first),
                min(a[1], b[1]),
                max(a[2], b[2], last),
                row + 1,
            ]
        runs.append((first, last, label))
    return [np.array(box) for label, box in enumerate(boxes) if parents[label] == label]


def _runs(inside: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Row, first and last + 1 of each run of true cells, row by row."""
    rows, columns = inside.shape
    padded = np.zeros((rows, columns + 2), np.int8)
    padded[:, 1:-1] = inside
    row, change = np.nonzero(padded[:, 1:] != padded[:, :-1])
    return zip(row[::2].tolist(), change[::2].tolist(), change[1::2].tolist(), strict=True)
