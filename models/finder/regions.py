"""From what each cell is to boxes: regions of picture cells, cut where pictures touch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.finder import edges, tiles
from models.finder.region import Region

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
_WHOLE = 0.7  # IoU of what cells take for their picture with a box that they say is one
_PARTED = 0.2  # share of the cells that may say otherwise
_STRIP = 0.15  # of a box; what is narrower is no part of it that could have a horizon
_FRAMED = 0.4  # clearness of the edge all around that makes a picture of uncertain cells …
_UNCERTAIN = 0.25  # … of which so many must be, and be so sure on average
_SMALL = 200  # pixels; larger ones have cells enough to be sure
_PART = 64  # pixels; parts between strips of ground that are smaller are no pictures
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


def pictures(
    pixels: NDArray[np.uint8], kinds: NDArray[np.float32], reach: NDArray[np.float32],
    limits: Limits,
) -> list[Region]:
    """→ the pictures on a screen, best first.

    `pixels` (H, W, 3); `kinds` (4, h, w) are the probabilities of each cell's class, `reach`
    (4, h, w) the pixels from its centre to the left, top, right and bottom of its picture.
    """
    search = _Search(pixels, kinds, reach, limits)
    search.look(search.inside, (0, 0))
    found = tiles.straighten(search.result[:_MOST], limits.side)
    return sorted(found, key=lambda each: -each.score)


class _Search:
    def __init__(self, pixels: NDArray[np.uint8], kinds: NDArray[np.float32],
                 reach: NDArray[np.float32], limits: Limits) -> None:
        self.pixels, self.kinds, self.reach, self.limits = pixels, kinds, reach, limits
        self.picture = kinds[PHOTOGRAPH] + kinds[DRAWING]
        self.inside = self.picture > limits.cell
        self.result: list[Region] = []
        self._again = _MOST  # so often may be looked at what a box leaves out

    def look(self, inside: NDArray[np.bool_], corner: tuple[int, int]) -> None:
        """Find what is in some cells, whose first has the place `corner` (row, column)."""
        shift = np.array([corner[1], corner[0]] * 2)
        for box in components(inside):
            place = (box + shift).astype(np.float64) * CELL
            self.split(edges.settle(self.pixels, place, 2 * CELL), 0)

    def split(self, box: NDArray[np.float64], depth: int) -> None:
        """Cut `box` along the clearest border in it, and its parts again; keep what has none."""
        whole, box = box, self._trimmed(box)
        self._look_beside(box, whole)
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

    def _look_beside(self, box: NDArray[np.float64], whole: NDArray[np.float64]) -> None:
        """Look at the picture cells of `whole` beside `box`: a last row that is hardly filled."""
        if self._again < 1 or box[2] <= box[0] or box[3] <= box[1]:
            return
        rows, columns = self._cells(whole)
        beside = self.inside[rows, columns].copy()
        ours, across = self._cells(box)
        # the cells at its sides are its own
        beside[max(0, ours.start - 1 - rows.start) : max(0, ours.stop + 1 - rows.start),
               max(0, across.start - 1 - columns.start) : max(0, across.stop + 1 - columns.start)
               ] = False
        least = self.limits.side / CELL - 1
        if min(np.count_nonzero(beside.any(axis)) for axis in (0, 1)) >= least:
            self._again -= 1
            self.look(beside, (rows.start, columns.start))

    def _keep(self, box: NDArray[np.float64]) -> None:
        rows, columns = self._cells(box)
        part = self.inside[rows, columns]
        filled = float(part.mean()) if part.size else 0.0
        if filled < self.limits.fill:
            self._keep_framed(box)
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
        elif not drawn:
            self._keep_framed(box)

    def _keep_framed(self, box: NDArray[np.float64]) -> None:
        """Keep a small photograph that few cells are sure of, if all its sides are clear."""
        rows, columns = self._cells(box)
        sure, part = self.picture[rows, columns], self.inside[rows, columns]
        photograph, drawing = (float(self.kinds[kind, rows, columns].sum())
                               for kind in (PHOTOGRAPH, DRAWING))
        if (part.size and min(part.mean(), sure.mean()) >= _UNCERTAIN
                and max(box[_RIGHT] - box[_LEFT], box[_BOTTOM] - box[_TOP]) <= _SMALL
                and drawing <= _SURELY * photograph
                and edges.framed(self.pixels, box) >= _FRAMED):
            self.result.append(Region(box, self.limits.score, photograph=True))

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
        for upright in (True, False):
            gap = edges.strip_of_ground(self.pixels, box, upright=upright, margin=_PART)
            if gap is not None:
                return upright, float(gap[0]), float(gap[1])
        best: tuple[float, bool, int, int] | None = None
        for upright in (True, False):
            for place, end, clear in edges.lines(self.pixels, box, self.inside, CELL,
                                                 upright=upright, margin=_THIN):
                worth = clear + _TRUST * self._agreement(box, place, end, upright=upright)
                first, last = (box[_LEFT], box[_RIGHT]) if upright else (box[_TOP], box[_BOTTOM])
                thin = min(place - first, last - end) < self.limits.side
                if (worth >= max(self.limits.border + _DOUBT * thin, best[0] if best else 0.0)
                        and not self._is_whole(box, place, end, upright=upright)):
                    best = worth, upright, place, end
        return None if best is None else (best[1], float(best[2]), float(best[3]))

    def _is_whole(self, box: NDArray[np.float64], place: int, end: int, *, upright: bool) -> bool:
        """Whether the cells on both sides of a line take all of the box for their picture.

        Then it is a horizon, or a doorpost. A gap between pictures is none, whatever they say, and
        a narrow strip may be ground that the cells near a picture are wrong about.
        """
        first, last = (box[_LEFT], box[_RIGHT]) if upright else (box[_TOP], box[_BOTTOM])
        if end > place or min(place - first, last - place) < _STRIP * (last - first):
            return False
        before, after = box.copy(), box.copy()
        before[_RIGHT if upright else _BOTTOM] = place
        after[_LEFT if upright else _TOP] = place
        for part in (before, after):
            rows, columns = self._cells(part)
            ours = self.inside[rows, columns]
            if not ours.any():
                return False
            down, across = (CELL * (each[ours] + 0.5) for each in np.mgrid[rows, columns])
            left, top, right, bottom = self.reach[:, rows, columns][:, ours]
            said = np.stack([across - left, down - top, across + right, down + bottom])
            of_all, of_part = _iou(said, box), _iou(said, part)
            if np.median(of_all) <= _WHOLE or (of_part > of_all).mean() >= _PARTED:
                return False
        return True

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


def _iou(boxes: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of (4, N) boxes with another one → (N,)."""
    width, height = (np.minimum(boxes[end], box[end]) - np.maximum(boxes[begin], box[begin])
                     for begin, end in ((_LEFT, _RIGHT), (_TOP, _BOTTOM)))
    common = width.clip(0) * height.clip(0)
    areas = [(each[_RIGHT] - each[_LEFT]) * (each[_BOTTOM] - each[_TOP]) for each in (boxes, box)]
    found: NDArray[np.float64] = common / np.maximum(areas[0] + areas[1] - common, 1e-9)
    return found


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
