"""From what each cell is to boxes: regions of picture cells, cut where pictures touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.finder import edges, tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

INTERFACE, TEXT, PHOTOGRAPH, DRAWING = range(4)
CELL = 8  # pixels along a side of a cell
_DEEPEST = 12  # cuts one after another
_MOST = 100  # pictures on one screen
_BEYOND = 3.0  # times its own area that the cells of a fragment take for their picture
_AMONG_PICTURES = 0.65  # share of what they take for it that is picture where others touch it
_SURELY = 2.0  # times as much drawing as photograph
_HARDLY = 0.25  # share of the cells of a row or column
_TRUST = 0.3  # in what the cells beside a line say of it, against what is seen of it
_THIN = 10  # pixels; strips that are thinner are part of a picture
_DOUBT = 0.25  # by so much must the border of a strip be clearer that is too thin for a picture
_LEFT, _TOP, _RIGHT, _BOTTOM = range(4)


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as a picture; chosen on screens that were composed for it.

    A cell belongs to a picture from `cell` on. A picture has a shorter side of at least
    `side` pixels (of the screen as the network saw it), is filled by its cells to at least
    `fill`, and has a score of at least `score`, a drawing of at least `drawing`. A line through
    a region is a border between two pictures when its clearness and what the cells beside it
    say of it come to `border`.
    """

    cell: float = 0.4
    side: float = 40.0
    fill: float = 0.6
    score: float = 0.5
    border: float = 0.5
    drawing: float = 0.65


@dataclass(frozen=True, slots=True)
class Region:
    """`box` is (left, top, right, bottom) in pixels of the screen as the network saw it."""

    box: NDArray[np.float64]
    score: float
    photograph: bool


def pictures(
    pixels: NDArray[np.uint8], kinds: NDArray[np.float32], reach: NDArray[np.float32],
    limits: Limits,
) -> list[Region]:
    """→ the pictures on a screen, best first.

    `pixels` (H, W, 3); `kinds` (4, h, w) are the probabilities of each cell's class, `reach`
    (4, h, w) the pixels from its centre to the left, top, right and bottom of its picture.
    """
    search = _Search(pixels, kinds, reach, limits)
    for box in components(search.inside):
        search.split(edges.settle(pixels, box.astype(np.float64) * CELL, 2 * CELL), 0)
    found = tiles.straighten(search.result[:_MOST], limits.side)
    return sorted(found, key=lambda each: -each.score)


class _Search:
    def __init__(self, pixels: NDArray[np.uint8], kinds: NDArray[np.float32],
                 reach: NDArray[np.float32], limits: Limits) -> None:
        self.pixels, self.kinds, self.reach, self.limits = pixels, kinds, reach, limits
        self.picture = kinds[PHOTOGRAPH] + kinds[DRAWING]
        self.inside = self.picture > limits.cell
        self.result: list[Region] = []

    def split(self, box: NDArray[np.float64], depth: int) -> None:
        """Cut `box` along the clearest border in it, and its parts again; keep what has none."""
        box = self._trimmed(box)
        if min(box[2] - box[0], box[3] - box[1]) < self.limits.side:
            return
        border = self._border(box) if depth < _DEEPEST else None
        if border is None:
            self._keep(box)
            return
        upright, before, after = border
        first, second = box.copy(), box.copy()
        first[_RIGHT if upright else _BOTTOM] = before
        second[_LEFT if upright else _TOP] = after
        for part in (first, second):
            self.split(part, depth + 1)

    def _trimmed(self, box: NDArray[np.float64]) -> NDArray[np.float64]:
        """Leave out what at the sides of a box is hardly filled by picture cells."""
        rows, columns = self._cells(box)
        part = self.inside[rows, columns]
        if not part.size:
            return box[[0, 1, 0, 1]]  # no picture
        down, across = (np.flatnonzero(part.mean(axis) > _HARDLY) for axis in (1, 0))
        if not len(down) or not len(across):
            return box[[0, 1, 0, 1]]  # no picture
        tight = CELL * np.array([columns.start + across[0], rows.start + down[0],
                                 columns.start + across[-1] + 1, rows.start + down[-1] + 1.0])
        loose = np.abs(tight - box) > 1.5 * CELL
        if not loose.any():
            return box
        moved = edges.settle(self.pixels, np.where(loose, tight, box), 2 * CELL)
        return np.where(loose, moved, box)

    def _keep(self, box: NDArray[np.float64]) -> None:
        rows, columns = self._cells(box)
        part = self.inside[rows, columns]
        filled = float(part.mean()) if part.size else 0.0
        if filled < self.limits.fill:
            return
        across, down = (self.reach[one, rows, columns] + self.reach[other, rows, columns]
                        for one, other in ((_LEFT, _RIGHT), (_TOP, _BOTTOM)))
        said = float(np.median((across * down)[part]))
        if (said > _BEYOND * (box[_RIGHT] - box[_LEFT]) * (box[_BOTTOM] - box[_TOP])
                and self._around(rows, columns) < _AMONG_PICTURES):
            return  # what is left of something that windows cover
        score = float(self.picture[rows, columns][part].mean()) * filled
        photograph, drawing = (float(self.kinds[kind, rows, columns].sum())
                               for kind in (PHOTOGRAPH, DRAWING))
        # nobody describes a drawing: in doubt it is a photograph
        drawn = drawing > _SURELY * photograph
        if score >= (self.limits.drawing if drawn else self.limits.score):
            self.result.append(Region(box, score, not drawn))

    def _around(self, rows: slice, columns: slice) -> float:
        """How much of what these cells take for their picture, beyond them, is picture at all.

        Where windows cover one, it is not; where other pictures touch this one, it is.
        """
        part = self.inside[rows, columns]
        down, across = np.mgrid[rows, columns] + 0.5
        ends = [float(np.median((centre + sign * self.reach[side, rows, columns] / CELL)[part]))
                for side, centre, sign in ((_LEFT, across, -1), (_TOP, down, -1),
                                           (_RIGHT, across, 1), (_BOTTOM, down, 1))]
        left, top, right, bottom = (max(0, round(end)) for end in ends)
        said = self.inside[min(top, rows.start) : max(bottom, rows.stop),
                           min(left, columns.start) : max(right, columns.stop)]
        beyond = said.size - part.size
        return float(said.sum() - part.sum()) / beyond if beyond > 0 else 1.0

    def _border(self, box: NDArray[np.float64]) -> tuple[bool, float, float] | None:
        """The clearest border inside a box: whether it is upright, its begin and its end."""
        best: tuple[float, bool, int, int] | None = None
        for upright in (True, False):
            for place, end, clear in edges.lines(self.pixels, box, self.inside, CELL,
                                                 upright=upright, margin=_THIN):
                worth = clear + _TRUST * self._agreement(box, place, end, upright=upright)
                first, last = (box[_LEFT], box[_RIGHT]) if upright else (box[_TOP], box[_BOTTOM])
                thin = min(place - first, last - end) < self.limits.side
                if worth >= max(self.limits.border + _DOUBT * thin, best[0] if best else 0.0):
                    best = worth, upright, place, end
        return None if best is None else (best[1], float(best[2]), float(best[3]))

    def _agreement(self, box: NDArray[np.float64], place: int, end: int, *, upright: bool
                   ) -> float:
        """How far the cells beside a line take it for their picture's side, in -1..1.

        Cells that reach up to the line count for it, those that reach on to the end of the
        box against it.
        """
        rows, columns = self._cells(box)
        said = []
        for towards, line, last, step in (
            (_RIGHT if upright else _BOTTOM, place, box[_RIGHT if upright else _BOTTOM], -1),
            (_LEFT if upright else _TOP, end, box[_LEFT if upright else _TOP], 1),
        ):
            cell = line / CELL
            near = slice(max(0, int(cell) - 4), int(cell)) if step < 0 else slice(
                int(np.ceil(cell)), int(np.ceil(cell)) + 4)
            part = (rows, near) if upright else (near, columns)
            ours = self.inside[part]
            if not ours.any():
                continue
            centres = (np.arange(near.start, near.start + ours.shape[1 if upright else 0]) + 0.5)
            centres = centres[None, :] if upright else centres[:, None]
            short = np.abs(line - centres * CELL)
            far = np.abs(last - centres * CELL)
            there = self.reach[towards][part]
            # between both on a logarithmic scale: 1 at the line, -1 at the end of the box
            share = np.log((there + CELL) / (short + CELL)) / np.log((far + CELL) / (short + CELL))
            said.append(float(np.median((1 - 2 * share.clip(0, 1))[ours])))
        return float(np.mean(said)) if said else 0.0

    def _cells(self, box: NDArray[np.float64]) -> tuple[slice, slice]:
        """The cells whose centres are inside, at least one each way."""
        left, top, right, bottom = (int(np.floor(side / CELL + 0.5)) for side in box)
        return slice(top, max(top + 1, bottom)), slice(left, max(left + 1, right))


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
    for row, cells in enumerate(inside):
        changes = np.flatnonzero(np.diff(np.concatenate(([0], cells.view(np.int8), [0]))))
        runs = []
        for first, last in changes.reshape(-1, 2).tolist():
            touching = {root(label) for begin, end, label in above if begin < last and end > first}
            label = min(touching, default=len(parents))
            if label == len(parents):
                parents.append(label)
                boxes.append([first, row, last, row + 1])
            for other in {label} | touching:
                parents[other] = label
                a, b = boxes[label], boxes[other]
                boxes[label] = [min(a[0], b[0], first), min(a[1], b[1]), max(a[2], b[2], last),
                                row + 1]
            runs.append((first, last, label))
        above = runs
    return [np.array(box) for label, box in enumerate(boxes) if parents[label] == label]
