"""Rows of equal pictures that touch: where most borders are seen, the others follow from them.

A border between two dark or two blurred pictures cannot be seen, and a doorpost in a picture looks
like one. But shelves of covers and walls of thumbnails are regular: a row in which several
pictures have one width, and lie whole widths apart, has its borders at every width.

```
found        │ A │ A │   A   A   │ A │ a│      A: as wide as most, a: the screen ends
straightened │ A │ A │ A │ A     │ A │ a│      what was found there fills its place, or is kept cut
```
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from models.finder.limits import Limits
from models.finder.region import BOTTOM, LEFT, RIGHT, TOP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.finder.region import Region


def straighten(regions: Sequence[Region], side: float) -> list[Region]:
    """Put the borders of regular rows where they belong; all else stays as it is.

    Of what is in a row and no whole picture, because the screen ends or something lies on it,
    parts narrower than `side` pixels are left out.
    """
    left, result = list(regions), []
    while left:
        first = left[0]
        row = [
            each
            for each in left
            if np.abs(each.box - first.box)[[TOP, BOTTOM]].max() <= Limits.EQUAL
        ]
        left = [each for each in left if not any(each is one for one in row)]
        result += _straightened(row, side)
    return result


def _straightened(row: list[Region], side: float) -> list[Region]:
    """`row` has one top and one bottom."""
    best = max((_witnesses(row, each) for each in row), key=len)
    if len(best) < Limits.ROW_WITNESSES:
        return row
    model = best[0].box
    width = float(np.median([_width(each) for each in best]))
    places: dict[int, list[Region]] = {}
    result = list(best)
    taken = {_place(each, model, width) for each in best}
    for each in row:
        if any(each is one for one in best):
            continue
        begin, end = ((each.box[edge] - model[LEFT]) / width for edge in (LEFT, RIGHT))
        numbers = range(int(np.floor(begin + 0.1)), int(np.ceil(end - 0.1)))
        if taken.intersection(numbers):  # it lies otherwise than the row
            result.append(each)
            continue
        for number in numbers:
            places.setdefault(number, []).append(each)
    for number, parts in places.items():
        whole = model.copy()
        whole[LEFT] += number * width
        whole[RIGHT] = whole[LEFT] + width
        cut = [replace(each, box=_shared(each.box, whole)) for each in parts]
        if sum(map(_width, cut)) >= Limits.ROW_OVERLAP * width:
            result.append(replace(max(parts, key=lambda each: each.score), box=whole))
        else:
            result += [each for each in cut if _width(each) >= side]
    return result


def _shared(box: NDArray[np.float64], place: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array(
        [max(box[LEFT], place[LEFT]), box[TOP], min(box[RIGHT], place[RIGHT]), box[BOTTOM]]
    )


def _witnesses(row: Sequence[Region], model: Region) -> list[Region]:
    """Those as wide as `model`, whole widths away from it."""
    width = _width(model)
    return [
        each
        for each in row
        if abs(_width(each) - width) <= Limits.EQUAL
        and abs((each.box[LEFT] - model.box[LEFT] + width / 2) % width - width / 2) <= Limits.EQUAL
    ]


def _place(region: Region, model: NDArray[np.float64], width: float) -> int:
    return round(float(region.box[LEFT] - model[LEFT]) / width)


def _width(region: Region) -> float:
    return float(region.box[RIGHT] - region.box[LEFT])
