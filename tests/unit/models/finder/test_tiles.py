"""Regular rows of pictures get their borders from each other; whatever else there is stays."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from models.finder.region import Region
from models.finder.tiles import straighten


def region(left: float, top: float, right: float, bottom: float, score: float = 0.9) -> Region:
    return Region(np.array([left, top, right, bottom]), score, photograph=True)


def row(*borders: float, top: float = 100, bottom: float = 240) -> list[Region]:
    return [region(begin, top, end, bottom) for begin, end in itertools.pairwise(borders)]


def boxes(regions: list[Region]) -> list[tuple[float, ...]]:
    return sorted(tuple(map(float, each.box)) for each in regions)


REGULAR = row(0, 250, 500, 750, 1000, 1250)
SIDE = 40


@pytest.mark.parametrize(
    "seen",
    [
        REGULAR,
        row(0, 250, 500, 750, 1250),  # no border between the last two
        row(0, 250, 500, 750, 850, 920, 1000, 1250),  # a doorpost in the fourth
        row(0, 250, 500, 750) + row(820, 1000, 1250),  # a piece was thrown away
        row(0, 250, 500, 750, 1000) + row(1001, 1252),  # a little askew
    ],
)
def test_a_row_is_put_right(seen: list[Region]) -> None:
    found = straighten(seen, SIDE)
    assert np.allclose(boxes(found), boxes(REGULAR), atol=3)
    assert len(found) == len(REGULAR)


@pytest.mark.parametrize(
    "seen",
    [
        [],
        row(0, 250, 500, 1000),  # two equal ones may be chance
        row(0, 200, 450, 570, 900, 1000),  # all of different widths
        [
            each
            for n in range(3)
            for each in row(90 * n, 90 * n + 90, top=150 * n, bottom=150 * n + 99)
        ],
        [*REGULAR, region(1280, 100, 1330, 240)],  # beside the row
        [*REGULAR, region(1250, 100, 1366, 240)],  # where the screen ends
        REGULAR + row(600, 740, 1111, top=300, bottom=444),  # another row
    ],
)
def test_what_is_no_regular_row_stays(seen: list[Region]) -> None:
    assert boxes(straighten(seen, SIDE)) == boxes(seen)


def test_a_piece_across_the_row_stays_as_it_is() -> None:
    across = region(100, 100, 640, 240)
    assert boxes(straighten([*REGULAR, across], SIDE)) == boxes([*REGULAR, across])


def test_a_part_has_the_score_of_what_it_was_in() -> None:
    pieces = [region(750, 100, 950, 240, 0.7), region(950, 100, 1000, 240, 0.8)]
    found = straighten([*REGULAR[:3], *pieces], SIDE)
    assert [each.score for each in found if each.box[0] == 750] == [0.8]


def test_the_last_two_were_one_and_the_screen_ends_in_the_second() -> None:
    found = straighten([*REGULAR[:3], region(750, 100, 1100, 240)], SIDE)
    assert boxes(found) == [*boxes(REGULAR[:4]), (1000, 100, 1100, 240)]
    found = straighten([*REGULAR[:3], region(750, 100, 1030, 240)], SIDE)
    assert boxes(found) == boxes(REGULAR[:4])
