"""Which picture is meant, and in which order the others follow."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from describer_daemon.captioner.selection import DetectionResult, Selection, in_order, select
from describer_daemon.capture import geometry
from describer_daemon.core.ports import Aim, Detection, Rectangle

SIZE = (1000, 800)


def photo(left: int, top: int, width: int, height: int) -> Detection:
    return Detection(Rectangle(left, top, width, height), 0.9, "photograph")


def drawing(left: int, top: int, width: int, height: int) -> Detection:
    return Detection(Rectangle(left, top, width, height), 0.9, "drawing")


LARGE = photo(0, 0, 400, 300)
SMALL = photo(600, 100, 100, 100)
MIDDLE = photo(500, 500, 200, 200)
CHART = drawing(0, 400, 450, 380)
ALL = (CHART, SMALL, MIDDLE, LARGE)
EVERYTHING = Rectangle(0, 0, 1000, 800)


def first(aim: Aim, found: tuple[Detection, ...] = ALL) -> Detection:
    pictures, number = in_order(found, SIZE, aim)
    assert number == 1
    assert sorted(map(repr, pictures)) == sorted(map(repr, found))
    return pictures[0]


def test_without_an_aim_photographs_come_first_and_large_ones_before_small_ones() -> None:
    assert in_order(ALL, SIZE, Aim()) == ((LARGE, MIDDLE, SMALL, CHART), 1)


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ((650, 150), SMALL),  # on it
        ((720, 150), SMALL),  # nearest to it
        ((510, 480), MIDDLE),
        ((10, 10), LARGE),
        ((10, 390), LARGE),  # nearer to the chart, but only beside it
        ((10, 410), CHART),
    ],  # who points at a chart means it
)
def test_the_one_at_the_pointer_or_the_nearest(
    pointer: tuple[int, int], expected: Detection
) -> None:
    assert first(Aim(pointer)) == expected


@pytest.mark.parametrize(
    ("focus", "expected"),
    [
        (Rectangle(590, 90, 120, 120), SMALL),  # a button around it
        (Rectangle(630, 130, 20, 20), SMALL),  # something on it
        (Rectangle(0, 400, 450, 380), CHART),  # a chart that has the focus is what is asked about
        (Rectangle(0, 350, 1000, 450), MIDDLE),  # two in it: the photograph
        (Rectangle(590, 190, 120, 120), LARGE),  # it only touches the small one
        (Rectangle(800, 700, 50, 20), LARGE),  # there is no picture in it
        (Rectangle(0, 0, 1000, 500), LARGE),
        (Rectangle(0, 350, 1000, 500), LARGE),
    ],  # most of the window tells nothing
)
def test_the_focused_object_tells_which(focus: Rectangle, expected: Detection) -> None:
    assert first(Aim(focus=focus)) == expected


def test_the_focus_counts_for_more_than_the_pointer() -> None:
    assert first(Aim((10, 10), Rectangle(590, 90, 120, 120))) == SMALL
    assert first(Aim((650, 150), EVERYTHING)) == SMALL  # unless it tells nothing


def test_what_others_lie_in_comes_after_them_unless_it_is_pointed_at() -> None:
    wallpaper = photo(0, 0, 1000, 800)
    found = (wallpaper, SMALL, CHART)
    assert in_order(found, SIZE, Aim())[0] == (SMALL, CHART, wallpaper)
    assert first(Aim((900, 700)), found) == wallpaper
    assert first(Aim((650, 150)), found) == SMALL


def test_what_was_passed_keeps_its_place_in_the_order() -> None:
    shaken = Rectangle(603, 98, 98, 101)
    assert in_order(ALL, SIZE, Aim(), [shaken]) == ((SMALL, LARGE, MIDDLE, CHART), 2)
    already_described = [MIDDLE.box, shaken]
    assert in_order(ALL, SIZE, Aim(), already_described) == ((MIDDLE, SMALL, LARGE, CHART), 3)
    assert in_order(ALL, SIZE, Aim((10, 410)), already_described) == (
        (MIDDLE, SMALL, CHART, LARGE),
        3,
    )


def test_boxes_of_pictures_that_are_gone_do_no_harm() -> None:
    assert in_order(ALL, SIZE, Aim(), [Rectangle(900, 0, 50, 50)])[1] == 1
    half = Rectangle(600, 150, 100, 100)  # the page was scrolled: no longer the same place
    assert in_order(ALL, SIZE, Aim(), [half])[1] == 1


boxes = st.builds(Rectangle, *[st.integers(0, 900)] * 2, *[st.integers(8, 300)] * 2)
kinds: st.SearchStrategy[Literal["photograph", "drawing"]] = st.sampled_from(
    ["photograph", "drawing"]
)
some = st.lists(st.builds(Detection, boxes, st.just(0.5), kinds), min_size=1, max_size=6)
aims = st.builds(
    Aim, st.none() | st.tuples(st.integers(0, 999), st.integers(0, 799)), st.none() | boxes
)


@settings(deadline=None)
@given(some, aims)
def test_every_picture_has_its_turn_and_then_it_starts_over(
    found: list[Detection], aim: Aim
) -> None:
    already_described: list[Rectangle] = []
    pictures, number = first, _ = in_order(found, SIZE, aim)
    while number > len(already_described):
        assert sorted(map(repr, pictures)) == sorted(map(repr, found))
        already_described.append(pictures[number - 1].box)
        pictures, number = in_order(found, SIZE, aim, already_described)
    assert (pictures, number) == (first, 1)
    for one in found:  # but what lies upon another is the same picture
        assert any(geometry.shared(one.box, box) for box in already_described)


def sight(*found: Detection, interface: float = 0.0, text: float = 0.0) -> DetectionResult:
    return DetectionResult(found, SIZE, interface, text)


@pytest.mark.parametrize("interface", [0.0, 0.2, 0.9, 1.0])
def test_on_a_screen_a_picture_is_looked_for(interface: float) -> None:
    assert select(sight(*ALL, interface=interface), Aim()) == Selection(
        (LARGE, MIDDLE, SMALL, CHART), 1
    )
    assert select(sight(CHART, interface=interface), Aim()) == Selection((CHART,), 1, "drawing")


def test_a_screen_without_a_picture() -> None:
    assert select(sight(interface=1.0), Aim()) == Selection(finding="none")
    assert select(sight(interface=1.0, text=0.02), Aim()) == Selection(finding="none")
    assert select(sight(interface=1.0, text=0.4), Aim()) == Selection(finding="text")


def test_a_photograph_from_elsewhere_is_taken_whole() -> None:
    assert select(sight(interface=0.0), None) == Selection()
    assert select(sight(interface=0.5), None) == Selection()  # much sky, it seems
    assert select(sight(photo(0, 0, 990, 790), interface=0.01), None) == Selection()
    assert select(sight(photo(0, 60, 1000, 740), interface=0.4), None) == Selection()
    assert select(sight(LARGE, SMALL, interface=0.1), None) == Selection()


def test_a_screenshot_from_elsewhere_is_looked_through() -> None:
    shot = sight(SMALL, LARGE, interface=0.7)
    assert select(shot, None) == Selection((LARGE, SMALL), 1)
    assert select(shot, None, [LARGE.box]) == Selection((LARGE, SMALL), 2)
    assert select(sight(interface=0.97, text=0.5), None) == Selection(finding="text")
    assert select(sight(interface=0.97), None) == Selection(finding="none")


def test_a_drawing_is_never_captioned() -> None:
    whole = drawing(10, 10, 950, 760)
    assert select(sight(whole, interface=0.1), None) == Selection(finding="drawing")
    assert select(sight(whole, interface=0.6), None) == Selection(finding="drawing")
    assert select(sight(CHART, interface=0.1), None) == Selection()
