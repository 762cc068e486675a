"""From what each cell says to boxes: cells of one picture vote for its four sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

INTERFACE, TEXT, PHOTOGRAPH, DRAWING = range(4)
_CELL = 8
_MOST = 100  # pictures on one screen


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as a picture; chosen on screens that were composed for it.

    A cell belongs to a picture from `cell` on. A picture has a shorter side of at least
    `side` pixels (of the screen as the network saw it), is filled by its cells to at least
    `fill`, and has a score of at least `score`.
    """

    cell: float = 0.5
    side: float = 48.0
    fill: float = 0.6
    score: float = 0.5


@dataclass(frozen=True, slots=True)
class Elected:
    """`box` is (left, top, right, bottom) in pixels, not yet whole ones."""

    box: NDArray[np.float64]
    score: float
    photograph: bool


def elect(
    kinds: NDArray[np.float32], sides: NDArray[np.float32], size: tuple[int, ...], limits: Limits
) -> list[Elected]:
    """Cluster the votes; → the pictures, best first.

    `kinds` (4, h, w) are the probabilities of each cell's class, `sides` (4, h, w) the pixels
    from its centre to the left, top, right and bottom of its picture; `size` is (H, W) in
    pixels. The cell that seems nearest the middle of its picture leads; all that vote much as
    it does (IoU over a half) follow, each counting most for the side that it is nearest to.
    """
    height, width = size
    picture = kinds[PHOTOGRAPH] + kinds[DRAWING]
    inside = picture > limits.cell
    counts = np.pad(inside.astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    rows, columns = np.nonzero(inside)
    x, y = (columns + 0.5) * _CELL, (rows + 0.5) * _CELL
    reach = sides[:, rows, columns].astype(np.float64)
    votes = np.stack([x - reach[0], y - reach[1], x + reach[2], y + reach[3]], 1)
    votes = votes.clip(0, (width, height, width, height))
    quality = picture[rows, columns] * _central(reach)
    left_over = np.arange(len(rows))
    result: list[Elected] = []
    for _ in range(_MOST):
        if not len(left_over):
            break
        lead = left_over[quality[left_over].argmax()]
        alike = left_over[_iou(votes[left_over], votes[lead]) > 0.5]
        weights = (reach[:, alike].T + _CELL) ** -2
        box = (votes[alike] * weights).sum(0) / weights.sum(0)
        gone = ((x[left_over] > box[0]) & (x[left_over] < box[2])
                & (y[left_over] > box[1]) & (y[left_over] < box[3]))
        gone |= left_over == lead
        members = left_over[gone]
        left_over = left_over[~gone]
        across, down = box[2] - box[0], box[3] - box[1]
        filled = _filled(counts, box)
        score = float(picture[rows[alike], columns[alike]].mean()) * min(1.0, filled)
        # parts of what lies around a picture that was found already follow no lead
        support = len(members) * _CELL**2 / max(1.0, across * down)
        if (min(across, down) < limits.side or filled < limits.fill or support < limits.fill / 2
                or score < limits.score):
            continue
        photograph = kinds[PHOTOGRAPH][rows[members], columns[members]].sum()
        drawing = kinds[DRAWING][rows[members], columns[members]].sum()
        result.append(Elected(box, score, bool(photograph >= drawing)))
    return sorted(result, key=lambda each: -each.score)


def _central(reach: NDArray[np.float64]) -> NDArray[np.float64]:
    """How near the middle each cell believes itself (Tian et al. 2019, FCOS, equation 3)."""
    reach = reach.clip(1e-3)
    across = np.minimum(reach[0], reach[2]) / np.maximum(reach[0], reach[2])
    down = np.minimum(reach[1], reach[3]) / np.maximum(reach[1], reach[3])
    result: NDArray[np.float64] = np.sqrt(across * down)
    return result


def _iou(boxes: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    across = np.minimum(boxes[:, 2], box[2]) - np.maximum(boxes[:, 0], box[0])
    down = np.minimum(boxes[:, 3], box[3]) - np.maximum(boxes[:, 1], box[1])
    shared = across.clip(0) * down.clip(0)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    area = (box[2] - box[0]) * (box[3] - box[1])
    result: NDArray[np.float64] = shared / np.maximum(areas + area - shared, 1e-6)
    return result


def _filled(counts: NDArray[np.int64], box: NDArray[np.float64]) -> float:
    """Share of the cells inside a box that belong to pictures."""
    rows, columns = counts.shape[0] - 1, counts.shape[1] - 1
    left, right = (int(np.clip(round(side / _CELL), 0, columns)) for side in (box[0], box[2]))
    top, bottom = (int(np.clip(round(side / _CELL), 0, rows)) for side in (box[1], box[3]))
    area = (right - left) * (bottom - top)
    if area <= 0:
        return 0.0
    return float(counts[bottom, right] - counts[top, right] - counts[bottom, left]
                 + counts[top, left]) / area
