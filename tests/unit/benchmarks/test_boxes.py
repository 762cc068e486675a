"""Rectangles of the benchmark, by hand and by property."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.boxes import Box, remaining, uncovered

SCREEN = Box(0, 0, 100, 80)
sides = st.integers(0, 100)
boxes = st.builds(Box, sides, sides, st.integers(1, 60), st.integers(1, 60))


def test_edges_are_rounded_each() -> None:
    # 10.4 to 20.6 is 10.2 wide, yet covers the pixels 10 to 20
    assert Box.from_edges(10.4, 0.5, 20.6, 9.5) == Box(10, 0, 11, 10)
    assert Box.from_edges(5, 5, 3, 3).area == 0


def test_iou_by_hand() -> None:
    # half of each: 50 in common of 150
    assert Box(0, 0, 10, 10).iou(Box(5, 0, 10, 10)) == pytest.approx(1 / 3)
    assert Box(0, 0, 10, 10).iou(Box(10, 0, 10, 10)) == 0
    assert Box(3, 4, 5, 6).iou(Box(3, 4, 5, 6)) == 1


@given(boxes, boxes)
def test_iou_is_symmetric_and_within_bounds(one: Box, other: Box) -> None:
    assert one.iou(other) == other.iou(one)
    assert 0 <= one.iou(other) <= 1
    assert one.overlap(other) <= min(one.area, other.area)


def test_a_cover_along_a_side_cuts_the_box() -> None:
    assert uncovered(SCREEN, [Box(0, 0, 100, 20)]) == Box(0, 20, 100, 60)
    assert uncovered(SCREEN, [Box(-5, 70, 200, 50)]) == Box(0, 0, 100, 70)
    assert uncovered(SCREEN, [Box(0, 0, 30, 80)]) == Box(30, 0, 70, 80)
    assert uncovered(SCREEN, [Box(90, 0, 30, 80)]) == Box(0, 0, 90, 80)


def test_a_small_cover_is_borne_and_a_large_one_is_not() -> None:
    assert uncovered(SCREEN, [Box(40, 40, 10, 10)]) == SCREEN
    assert uncovered(SCREEN, [Box(20, 20, 60, 40)]) is None
    assert uncovered(SCREEN, [Box(-1, -1, 200, 200)]) is None


@given(st.lists(boxes, max_size=5))
def test_what_remains_is_disjoint_and_free_of_windows(windows: list[Box]) -> None:
    rest = remaining(SCREEN, windows)
    covered = {
        (x, y)
        for window in windows
        for x in range(window.left, min(100, window.right))
        for y in range(window.top, min(80, window.bottom))
    }
    assert sum(box.area for box in rest) == SCREEN.area - len(covered)
    assert not any(box.overlap(window) for box in rest for window in windows)
