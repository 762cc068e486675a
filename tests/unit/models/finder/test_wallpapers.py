"""A wallpaper is one picture although windows lie on it, and theirs are found beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from models.finder import wallpapers
from models.finder.finder import Finder, load
from models.finder.limits import Limits
from models.finder.regions import pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Box = tuple[int, int, int, int]  # left, top, right, bottom

SIZE = (1280, 800)
WINDOWS = [[(150, 90, 860, 640)], [(60, 60, 560, 400), (640, 300, 1180, 740)]]


@pytest.fixture(scope="module")
def finder() -> Finder:
    return load()


def desktop(behind: Image.Image, windows: Sequence[Box]) -> tuple[Image.Image, list[Box]]:
    """Windows with words and a photograph each; → the photographs' boxes, too."""
    screen, boxes = behind.resize(SIZE), []
    pen = ImageDraw.Draw(screen)
    for left, top, right, bottom in windows:
        pen.rectangle((left, top, right - 1, bottom - 1), fill=(245, 245, 245))
        pen.rectangle((left, top, right - 1, top + 30), fill=(60, 62, 66))
        for line in range(top + 40, bottom - 30, 22):
            pen.text((left + 12, line), "Words of a program", "black", ImageFont.load_default(14))
        box = (left + 220, top + 60, left + 420, top + 210)
        pen.rectangle((box[0] - 24, box[1] - 24, right - 12, box[3] + 24), fill=(245, 245, 245))
        screen.paste(Image.fromarray(data.chelsea()).resize((200, 150)), box[:2])
        boxes.append(box)
    return screen, boxes


def found(finder: Finder, screen: Image.Image) -> list[Box]:
    detections = finder.find(np.asarray(screen)).detections
    return [(d.left, d.top, d.left + d.width, d.top + d.height) for d in detections]


@pytest.mark.parametrize("windows", WINDOWS)
def test_a_wallpaper_is_one_picture_and_comes_after_those_in_windows(
    finder: Finder, windows: list[Box]
) -> None:
    screen, boxes = desktop(Image.fromarray(data.coffee()), windows)
    *others, last = found(finder, screen)
    assert last == (0, 0, *SIZE)
    assert sorted(others) == sorted(boxes)


@pytest.mark.parametrize("behind", ["colour", "gradient"])
def test_a_plain_desktop_is_none(finder: Finder, behind: str) -> None:
    plain = Image.new("RGB", SIZE, (40, 90, 130))
    slope = Image.linear_gradient("L").convert("RGB")
    screen, boxes = desktop(plain if behind == "colour" else slope, WINDOWS[0])
    assert found(finder, screen) == boxes


# ---- by its cells


def cells(*windows: Box, claimed: float = 700.0) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """What a screen of 160 by 100 cells believes, and how far each reaches."""
    inside = np.ones((100, 160), bool)
    for left, top, right, bottom in windows:
        inside[top:bottom, left:right] = False
    return inside, np.full((4, 100, 160), claimed / 2, np.float32)


def test_what_lies_open_is_told() -> None:
    wallpaper = wallpapers.find(*cells((20, 12, 90, 80)), 8)
    assert wallpaper is not None
    assert (wallpaper.box, wallpaper.windows) == ((0, 0, 160, 100), ((20, 12, 90, 80),))
    assert wallpaper.open == (92, 0, 160, 100)


def test_what_lies_between_two_windows_hangs_together_with_it() -> None:
    inside, reach = cells((20, 12, 60, 50), (50, 45, 90, 80))
    inside[20:30, 30:45] = True  # a picture in a window
    wallpaper = wallpapers.find(inside, reach, 8)
    assert wallpaper is not None
    assert wallpaper.windows == ((20, 12, 90, 80),)
    assert wallpapers.hangs_together(wallpaper, slice(14, 40), slice(62, 88))
    assert not wallpapers.hangs_together(wallpaper, slice(20, 30), slice(30, 45))


@pytest.mark.parametrize(
    ("windows", "claimed"),
    [
        ([], 700.0),  # a photograph that fills the screen
        ([(20, 12, 90, 80)], 250.0),  # pictures that stand wall to wall
        ([(0, 0, 60, 100)], 700.0),  # half a screen
        ([(0, 0, 160, 60)], 700.0),  # a picture below a page
        ([(2, 2, 158, 98)], 700.0),  # hardly anything of it is seen
        ([(30, 30, 36, 40)], 700.0),  # an icon is no window
    ],
)
def test_what_else_fills_much_of_a_screen_is_none(windows: list[Box], claimed: float) -> None:
    assert wallpapers.find(*cells(*windows, claimed=claimed), 8) is None


@pytest.mark.parametrize("count", [1, 4])
def test_pictures_wall_to_wall_around_a_window_are_no_wallpaper(count: int) -> None:
    inside, reach = cells((90, 30, 130, 90))
    kinds = np.stack([~inside, inside & False, 0.9 * inside, inside & False]).astype(np.float32)
    levels = np.repeat(np.arange(count), 1280 // count) * 55
    noise = np.random.default_rng(5).integers(20, 50, (800, 1280, 3))
    pixels = np.where(inside.repeat(8, 0).repeat(8, 1)[..., None], noise + levels[:, None], 250)
    found = pictures(pixels.astype(np.uint8), kinds, reach, Limits())
    assert any(each.wallpaper is not None for each in found) is (count == 1)


@pytest.mark.parametrize("size", [(1916, 1080), (1020, 765), (1022, 700)])
def test_cells_may_jut_beyond_the_screen(finder: Finder, size: tuple[int, int]) -> None:
    screen = Image.fromarray(data.astronaut()).resize(size)
    draw = ImageDraw.Draw(screen)
    draw.rectangle((150, 120, 800, 640), "white")
    for row in range(140, 620, 24):
        draw.text((170, row), "what is written in a window " * 3, "black")
    assert len(found(finder, screen)) <= 2
