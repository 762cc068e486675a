"""The order in which people read lines of text: column by column, and tables row by row.

A recursive X-Y cut (Nagy and Seth 1984) on the lines' boxes alone. All measures are in the
median height of the lines at hand, so that the size of the picture does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

_COLUMN_GAP = 0.8  # a narrower gap is one between words
_STRIP = 2.0  # a blank strip of this height ends columns, if it has none on one side
_SPANS = 0.6  # of the width: such a line may stand above or below several columns
_SAME_ROW = 0.5  # of the lesser height, shared
_LEVEL = 0.3  # the middles of a table's cells differ by less
_CELL = 8.0  # columns narrower than this, whose lines stand side by side, are those of a table
_PAIRED = 0.7  # of the rows have a partner beside them: a table
_LEADING = 0.7  # a wider gap ends a paragraph
_RATIO = 1.5  # of the heights, within a paragraph
_WORD = 1.25  # how much wider than its letters lead to expect a word may be
_PROSE = 8.0  # narrower paragraphs are lists, menus and labels: each line stands for itself


@dataclass(frozen=True, slots=True)
class Box:
    """Pixels from the top left; right and bottom exclusive."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Half way from top to bottom."""
        return (self.top + self.bottom) / 2

    def scaled(self, by: float) -> Box:
        return Box(self.left * by, self.top * by, self.right * by, self.bottom * by)


Boxes = Sequence[Box]
Part = list[int]


def order(boxes: Boxes) -> list[int]:
    """The places of the boxes in the order of reading; the same for every order of the input."""
    fixed = sorted(
        range(len(boxes)),
        key=lambda i: (boxes[i].top, boxes[i].left, boxes[i].bottom, boxes[i].right, i),
    )
    result: list[int] = []
    waiting = [fixed] if fixed else []
    while waiting:
        part = waiting.pop()
        smaller = _divided(boxes, part)
        if len(smaller) > 1:
            waiting += reversed(smaller)
        else:
            result += [i for row in _rows(boxes, part) for i in row]
    return result


def paragraphs(boxes: Boxes, words: Sequence[str]) -> list[int]:
    """How many lines each paragraph has, for lines that are in order.

    `words` has the text of each line. A line goes on to the next where that one begins with a
    small letter, or its first word would not have fitted behind the line before.
    """
    counts: list[int] = []
    begin = 0
    for end in range(1, len(boxes) + 1):
        if end < len(boxes) and _follows(boxes[end - 1], boxes[end]):
            continue
        counts += _wrapped(boxes[begin:end], words[begin:end])
        begin = end
    return counts


def _divided(boxes: Boxes, part: Part) -> list[Part]:
    """The parts that come one after the other; only one when there is nothing to cut."""
    if len(part) < 2 or not _side_by_side(boxes, part):
        return [part]
    return (
        _apart(boxes, part)
        or _columns(boxes, part)
        or _above_columns(boxes, part)
        or _between_spanning(boxes, part)
        or _stacked(boxes, part)
    )


def _side_by_side(boxes: Boxes, part: Part) -> bool:
    """Whether any two have a column's gap between them; without, rows are all there is."""
    gap = max(boxes[i].left for i in part) - min(boxes[i].right for i in part)
    return gap >= _COLUMN_GAP * _height(boxes, part)


def _apart(boxes: Boxes, part: Part) -> list[Part]:
    """Cut across at a broad strip that has columns on its one side only, or a lone row."""
    for width, at in sorted(_gaps(boxes, part, _down), reverse=True):
        if width < _STRIP * _height(boxes, part):
            break
        halves = _cut(boxes, part, at)
        if not all(_side_by_side(boxes, half) and len(_rows(boxes, half)) > 1 for half in halves):
            return halves
    return []


def _columns(boxes: Boxes, part: Part) -> list[Part]:
    """Left and right of the widest gap that goes all the way down; [] for none, or a table."""
    for width, at in sorted(_gaps(boxes, part, _across), reverse=True):
        if width < _COLUMN_GAP * _height(boxes, part):
            break
        left = [i for i in part if boxes[i].left < at]
        right = [i for i in part if boxes[i].left >= at]
        if not _is_table(boxes, left, right):
            return [left, right]
    return []


def _is_table(boxes: Boxes, left: Part, right: Part) -> bool:
    """Narrow columns whose rows stand side by side belong together row by row."""
    height = _height(boxes, left + right)
    rows = [_rows(boxes, left), _rows(boxes, right)]
    narrowest = min(_mean_width(boxes, side) for side in rows)
    if narrowest >= _CELL * height:
        return False
    middles = [[_middle(boxes, row) for row in side] for side in rows]
    paired = sum(
        min(abs(here - there) for there in middles[1]) < _LEVEL * height for here in middles[0]
    )
    return 2 * paired >= _PAIRED * (len(rows[0]) + len(rows[1]))


def _above_columns(boxes: Boxes, part: Part) -> list[Part]:
    """Cut across where most lines of one side then stand in columns, as below a heading."""
    best: tuple[int, float, list[Part]] = (0, 0.0, [])
    for width, at in _gaps(boxes, part, _down):
        halves = _cut(boxes, part, at)
        freed = sum(
            len(half) for half in halves if _side_by_side(boxes, half) and _columns(boxes, half)
        )
        if (freed, width) > best[:2]:
            best = (freed, width, halves)
    return best[2] if best[0] else []


def _between_spanning(boxes: Boxes, part: Part) -> list[Part]:
    """Cut at the lines that span columns, where the others then stand in columns."""
    whole = max(boxes[i].right for i in part) - min(boxes[i].left for i in part)
    wide = {i for i in part if boxes[i].width >= _SPANS * whole}
    narrow = [i for i in part if i not in wide]
    if not wide or len(narrow) < 2 or not _columns(boxes, narrow):
        return []
    strata: list[Part] = []
    for i in sorted(part, key=lambda i: boxes[i].middle):
        if strata and (i in wide) == (strata[-1][-1] in wide):
            strata[-1].append(i)
        else:
            strata.append([i])
    return strata


def _stacked(boxes: Boxes, part: Part) -> list[Part]:
    """Cut across at every gap that is about as wide as the widest."""
    gaps = _gaps(boxes, part, _down)
    widest = max((width for width, _ in gaps), default=0.0)
    cuts = sorted(at for width, at in gaps if width >= widest * _SPANS)
    parts: list[Part] = [[] for _ in range(len(cuts) + 1)]
    for i in part:
        parts[sum(boxes[i].top >= at for at in cuts)].append(i)
    return parts


def _gaps(
    boxes: Boxes, part: Part, side: Callable[[Box], tuple[float, float]]
) -> list[tuple[float, float]]:
    """Width and end of each gap in the shadow that the boxes cast on one axis."""
    spans = sorted(side(boxes[i]) for i in part)
    gaps, reached = [], -math.inf
    for begin, end in spans:
        if -math.inf < reached < begin:
            gaps.append((begin - reached, begin))
        reached = max(reached, end)
    return gaps


def _down(box: Box) -> tuple[float, float]:
    return box.top, box.bottom


def _across(box: Box) -> tuple[float, float]:
    return box.left, box.right


def _cut(boxes: Boxes, part: Part, at: float) -> list[Part]:
    """What is above and what is below."""
    return [[i for i in part if boxes[i].top < at], [i for i in part if boxes[i].top >= at]]


def _rows(boxes: Boxes, part: Part) -> list[Part]:
    """Lines that stand side by side, from the left; the rows from the top."""
    rows: list[Part] = []
    for i in sorted(part, key=lambda i: boxes[i].middle):
        if rows and _in_one_row(boxes[rows[-1][0]], boxes[i]):
            rows[-1].append(i)
        else:
            rows.append([i])
    return [sorted(row, key=lambda i: boxes[i].left) for row in rows]


def _in_one_row(one: Box, other: Box) -> bool:
    shared = min(one.bottom, other.bottom) - max(one.top, other.top)
    return shared > _SAME_ROW * min(one.height, other.height)


def _follows(above: Box, below: Box) -> bool:
    """Whether two lines stand close below each other and look alike."""
    height = max(above.height, below.height)
    return (
        below.middle > above.middle
        and not _in_one_row(above, below)
        and below.top - above.bottom <= _LEADING * height
        and min(above.right, below.right) > max(above.left, below.left)
        and height <= _RATIO * min(above.height, below.height)
    )


def _wrapped(boxes: Boxes, words: Sequence[str]) -> list[int]:
    """How many lines belong together in each piece of a block of lines."""
    edge = max(box.right for box in boxes)
    prose = edge - min(box.left for box in boxes) >= _PROSE * median(box.height for box in boxes)
    counts = [1]
    for above, below, text in zip(boxes, boxes[1:], words[1:], strict=False):
        letters = len((text.split() or [""])[0]) + 1  # and the space before it
        first = _WORD * below.width * letters / max(1, len(text))
        if prose and (edge - above.right < first or text[:1].islower()):
            counts[-1] += 1
        else:
            counts.append(1)
    return counts


def _height(boxes: Boxes, part: Part) -> float:
    return median(boxes[i].height for i in part)


def _middle(boxes: Boxes, row: Part) -> float:
    return sum(boxes[i].middle for i in row) / len(row)


def _mean_width(boxes: Boxes, rows: Sequence[Part]) -> float:
    return sum(boxes[i].width for row in rows for i in row) / sum(len(row) for row in rows)
