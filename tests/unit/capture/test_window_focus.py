"""From a place in a window to a place in a picture of it, whatever is drawn around it."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from describer_daemon.capture.window_focus import InWindow, in_picture, size_of
from describer_daemon.core.ports import Rectangle

FRAME = Rectangle(0, 0, 800, 600)
BOX = Rectangle(100, 50, 200, 150)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((800, 600), (100, 50, 200, 150)),
        ((1000, 750), (125, 62, 250, 188)),  # scale 1.25
        ((1600, 1200), (200, 100, 400, 300)),  # scale 2
        ((852, 652), (126, 76, 200, 150)),  # a shadow of 26 pixels
        ((852, 684), (126, 108, 200, 150)),  # and a title bar of 32 above
        ((1704, 1304), (252, 152, 400, 300)),  # the shadow at scale 2
        ((798, 579), (99, 30, 200, 150)),  # without the frame, and its title bar of 20
        ((748, 548), (74, 24, 200, 150)),  # without the shadow that the program draws itself
    ],
)
def test_shadow_and_scale_are_told_from_the_sizes(
    size: tuple[int, int], expected: tuple[int, int, int, int]
) -> None:
    assert in_picture(InWindow(BOX, FRAME), size) == Rectangle(*expected)


def test_a_frame_that_does_not_begin_at_nought() -> None:
    moved = InWindow(Rectangle(126, 73, 200, 150), Rectangle(26, 23, 800, 600))
    assert in_picture(moved, (800, 600)) == BOX


@pytest.mark.parametrize("size", [(300, 200), (3000, 600), (800, 2000)])
def test_a_picture_of_something_else_tells_nothing(size: tuple[int, int]) -> None:
    assert in_picture(InWindow(BOX, FRAME), size) is None
    assert in_picture(InWindow(BOX, Rectangle(0, 0, 0, 0)), size) is None


@pytest.mark.parametrize(("kind", "known"), [("PNG", True), ("PPM", True), ("JPEG", False)])
def test_the_size_is_read_from_the_head(kind: str, known: bool) -> None:
    file = io.BytesIO()
    Image.new("RGB", (321, 45)).save(file, kind)
    assert size_of(file.getvalue()) == ((321, 45) if known else None)
    assert size_of(file.getvalue()[:5]) is None
