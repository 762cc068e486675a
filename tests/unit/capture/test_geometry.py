"""Rectangles, with properties that hold for all of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from describer_daemon.capture.geometry import (
    Desktop,
    aim,
    box_around,
    clip,
    enclosing,
    monitor_at,
    resolve,
    shared,
)
from describer_daemon.core.ports import Aim, DescriberError, Rectangle

places = st.integers(-5000, 5000)
sizes = st.integers(1, 5000)
rectangles = st.builds(Rectangle, places, places, sizes, sizes)

LEFT = Rectangle(0, 0, 1000, 800)
RIGHT = Rectangle(1000, -200, 1600, 900)
BOTH = Desktop(Rectangle(0, -200, 2600, 1000), (LEFT, RIGHT), pointer=(1500, 0))


def inside(area: Rectangle, bounds: Rectangle) -> bool:
    return area.width > 0 and area.height > 0 and enclosing([area, bounds]) == bounds


@settings(deadline=None)
@given(rectangles, rectangles)
def test_a_clip_is_inside_both(area: Rectangle, bounds: Rectangle) -> None:
    clipped = clip(area, bounds)
    assert clipped == clip(bounds, area)
    if clipped is not None:
        assert inside(clipped, area)
        assert inside(clipped, bounds)


@settings(deadline=None)
@given(places, places, sizes, sizes, rectangles)
def test_a_box_is_inside_its_monitor(
    x: int, y: int, width: int, height: int, monitor: Rectangle
) -> None:
    assert inside(box_around((x, y), (width, height), monitor), monitor)


@settings(deadline=None)
@given(st.sampled_from(["window", "pointer", "screen"]), places, places, rectangles)
def test_a_named_region_is_never_outside(region: str, x: int, y: int, window: Rectangle) -> None:
    desktop = Desktop(BOTH.bounds, BOTH.monitors, (x, y), window)
    assert inside(resolve(region, desktop, (800, 600)), desktop.bounds)  # type: ignore[arg-type]


def test_a_box_has_the_pointer_in_its_middle() -> None:
    assert box_around((500, 400), (80, 60), LEFT) == Rectangle(460, 370, 80, 60)
    assert box_around((0, 799), (80, 60), LEFT) == Rectangle(0, 769, 40, 31)


def test_the_monitor_under_the_pointer_or_the_nearest() -> None:
    assert monitor_at([LEFT, RIGHT], (999, 0)) == LEFT
    assert monitor_at([LEFT, RIGHT], (1000, 0)) == RIGHT
    assert monitor_at([LEFT, RIGHT], (1900, 799)) == RIGHT
    assert monitor_at([LEFT, RIGHT], (100, -150)) == LEFT


def test_regions() -> None:
    window = Rectangle(-50, 100, 200, 100)
    desktop = Desktop(BOTH.bounds, BOTH.monitors, BOTH.pointer, window)
    assert resolve("window", desktop, (80, 60)) == Rectangle(0, 100, 150, 100)
    assert resolve("screen", desktop, (80, 60)) == RIGHT
    assert resolve("pointer", desktop, (80, 60)) == Rectangle(1460, -30, 80, 60)
    assert resolve(Rectangle(2500, 0, 500, 50), desktop, (80, 60)) == Rectangle(2500, 0, 100, 50)


def test_what_is_missing_falls_back_to_a_monitor() -> None:
    assert resolve("window", BOTH, (80, 60)) == RIGHT
    hidden = Desktop(BOTH.bounds, BOTH.monitors, BOTH.pointer, Rectangle(9000, 0, 10, 10))
    assert resolve("window", hidden, (80, 60)) == RIGHT
    unknown = Desktop(BOTH.bounds, BOTH.monitors)
    assert resolve("pointer", unknown, (80, 60)) == LEFT
    assert resolve("screen", Desktop(LEFT, ()), (80, 60)) == LEFT


@pytest.mark.parametrize(
    ("window", "seen"),
    [
        (Rectangle(5, 5, 1, 1), False),  # of a program that owns the clipboard
        (Rectangle(5, 5, 300, 15), False),
        (Rectangle(5, 5, 16, 16), True),
        (Rectangle(-90, 5, 100, 100), False),  # nearly all of it outside
    ],
)
def test_a_window_that_nobody_sees_is_not_looked_at(window: Rectangle, seen: bool) -> None:
    screen = Rectangle(0, 0, 800, 600)
    desktop = Desktop(screen, (screen,), window=window)
    assert resolve("window", desktop, (80, 60)) == (window if seen else screen)


def test_a_rectangle_wholly_outside_is_told() -> None:
    with pytest.raises(DescriberError, match="outside the screen"):
        resolve(Rectangle(2600, 0, 10, 10), BOTH, (80, 60))


def test_an_aim_is_in_pixels_of_the_area() -> None:
    focus = Rectangle(1080, -150, 40, 30)
    assert aim(RIGHT, (1500, 0), focus) == Aim((500, 200), Rectangle(80, 50, 40, 30))
    assert aim(RIGHT, (1000, -200), None) == Aim((0, 0))
    # it may reach beyond, but not lie elsewhere; a pointer elsewhere is none
    assert aim(RIGHT, (999, 0), Rectangle(990, 0, 20, 10)) == Aim(None, Rectangle(-10, 200, 20, 10))
    assert aim(LEFT, None, focus) == Aim()


@settings(deadline=None)
@given(rectangles, rectangles)
def test_what_is_shared_lies_in_both(one: Rectangle, other: Rectangle) -> None:
    assert shared(one, other) == shared(other, one)
    assert 0 <= shared(one, other) <= min(one.width * one.height, other.width * other.height)
    assert shared(one, one) == one.width * one.height
