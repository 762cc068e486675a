"""The picture finder, with the real network, on screens that the test draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from models.finder import parts
from models.finder.components import components
from models.finder.edges import snap
from models.finder.finder import Detection, Finder, load
from models.finder.limits import Limits
from models.finder.regions import pictures
from models.runtime.bundle import BundleError
from models.runtime.engines.onnx import session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.finder.region import Region

_WORDS = "The picture shows nothing of what these lines tell and they go on and on"


@pytest.fixture(scope="module")
def finder() -> Finder:
    return load()


def _page(
    size: tuple[int, int] = (1280, 800), *, dark: bool = False, scale: int = 1
) -> Image.Image:
    """A window full of text, with a title bar and buttons."""
    paper, ink = ((34, 36, 40), (225, 225, 220)) if dark else ((252, 252, 252), (20, 20, 20))
    page = Image.new("RGB", size, paper)
    pen = ImageDraw.Draw(page)
    pen.rectangle((0, 0, size[0], 36 * scale), fill=(60, 90, 160))
    letters = ImageFont.load_default(15 * scale)
    for top in range(60 * scale, size[1] - 20, 24 * scale):
        pen.text((40, top), _WORDS * 2, fill=ink, font=letters)
    pen.rounded_rectangle((40, size[1] - 60, 160, size[1] - 20), 6, fill=(60, 90, 160))
    return page


def _photograph(name: str, width: int) -> Image.Image:
    image = Image.fromarray(getattr(data, name)())
    return image.resize((width, width * image.height // image.width), Image.Resampling.LANCZOS)


def _iou(found: Detection, box: tuple[int, int, int, int]) -> float:
    across = min(box[2], found.left + found.width) - max(box[0], found.left)
    down = min(box[3], found.top + found.height) - max(box[1], found.top)
    shared = max(0, across) * max(0, down)
    area = (box[2] - box[0]) * (box[3] - box[1])
    return shared / (area + found.width * found.height - shared)


def _show(
    page: Image.Image, picture: Image.Image, left: int, top: int
) -> tuple[int, int, int, int]:
    page.paste(picture, (left, top))
    return left, top, left + picture.width, top + picture.height


@pytest.mark.parametrize("dark", [False, True])
def test_two_photographs_among_text(finder: Finder, dark: bool) -> None:
    page = _page(dark=dark)
    boxes = [
        _show(page, _photograph("astronaut", 300), 90, 130),
        _show(page, _photograph("chelsea", 360), 700, 300),
    ]
    found = finder.find(np.asarray(page)).detections
    assert len(found) == 2
    assert all(each.kind == "photograph" for each in found)
    for box in boxes:
        assert max(_iou(each, box) for each in found) > 0.9


@pytest.mark.parametrize("scale", [1, 2])
@pytest.mark.parametrize("dark", [False, True])
def test_text_and_controls_are_no_picture(finder: Finder, dark: bool, scale: int) -> None:
    screen = finder.find(np.asarray(_page(dark=dark, scale=scale)))
    assert screen.detections == ()
    assert screen.interface > 0.95
    assert screen.text > 0.3


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (40, 90, 160)])
def test_a_plain_screen_has_no_picture(finder: Finder, colour: tuple[int, int, int]) -> None:
    assert finder.find(np.full((720, 1280, 3), colour, np.uint8)).detections == ()


def test_a_photograph_alone_is_all_of_it(finder: Finder) -> None:
    picture = _photograph("coffee", 600)
    screen = finder.find(np.asarray(picture))
    assert [_iou(each, (0, 0, *picture.size)) > 0.9 for each in screen.detections] == [True]
    assert screen.interface < 0.2


@pytest.mark.parametrize("cell", [8, 10, 16])
def test_a_viewers_chequers_are_no_pictures(finder: Finder, cell: int) -> None:
    across, down = np.meshgrid(np.arange(900) // cell, np.arange(560) // cell)
    page = Image.fromarray(((across + down) % 2 * 51 + 102).astype(np.uint8)).convert("RGB")
    box = _show(page, _photograph("coffee", 600), 150, 60)
    (found,) = finder.find(np.asarray(page)).detections
    assert _iou(found, box) > 0.9
    assert found.kind == "photograph"


def test_large_grabs_are_found_to_the_pixel(finder: Finder) -> None:
    page = _page((3840, 2160), scale=2)
    box = _show(page, _photograph("rocket", 1200), 801, 503)
    (found,) = finder.find(np.asarray(page)).detections
    assert _iou(found, box) > 0.95


def test_the_same_screen_gives_the_same_answer(finder: Finder) -> None:
    page = _page()
    _show(page, _photograph("astronaut", 300), 90, 130)
    pixels = np.asarray(page)
    found = finder.find(pixels)
    assert found.detections
    assert finder.find(pixels) == found


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (63, 700), (65, 65), (1, 900)])
def test_any_size_will_do(finder: Finder, size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    found = finder.find(pixels).detections
    assert_inside(found, size)


@pytest.mark.parametrize("size", [(417, 613), (331, 1001), (703, 350)])
def test_finds_are_inside_screens_of_odd_sizes(finder: Finder, size: tuple[int, int]) -> None:
    page = _page((size[1], size[0]))
    _show(page, _photograph("astronaut", 260), size[1] - 280, size[0] - 280)
    found = finder.find(np.asarray(page)).detections
    assert len(found) == 1
    assert_inside(found, size)


def assert_inside(found: Sequence[Detection], size: tuple[int, int]) -> None:
    for each in found:
        assert 0 <= each.left < each.left + each.width <= size[1]
        assert 0 <= each.top < each.top + each.height <= size[0]
        assert 0 <= each.score <= 1


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 4), np.uint8), np.zeros((5, 5, 3), np.float32)],
)
def test_other_arrays_are_refused(finder: Finder, wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="a screen is"):
        finder.find(wrong)


def test_an_empty_array_shows_nothing(finder: Finder) -> None:
    assert finder.find(np.zeros((0, 5, 3), np.uint8)).detections == ()


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"config\.json"):
        load(tmp_path)


def _copied(folder: Path) -> Path:
    for file in parts.SHIPPED.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def test_a_damaged_network_is_refused_though_it_would_load(tmp_path: Path) -> None:
    """With so many weights turned it finds one picture as large as the screen."""
    network = _copied(tmp_path) / parts.NETWORK
    content = np.frombuffer(network.read_bytes(), np.uint8).copy()
    content[300_000:304_000] ^= 0xFF
    network.write_bytes(content.tobytes())
    session(network, 1)  # ONNX Runtime has nothing against it
    with pytest.raises(BundleError, match=r"^The picture finder's finder\.onnx is damaged\."):
        load(tmp_path)
    network.unlink()
    with pytest.raises(BundleError, match=r"finder\.onnx"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"cell": 0.4', '"cell": -1'),
        ('"cell": 0.4', '"cell": 0'),
        ('"score": 0.5', '"score": NaN'),
        ('"side": 40.0', '"side": Infinity'),
        ('"drawing": 0.65', '"drawing": 65'),
        ('"finder.onnx"', '"other.onnx"'),
        ('"files"', '"file"'),
        ('"limits"', '"limit"'),
        ("{", "[" * 100_000),
        ("{", "7"),
    ],
)
def test_a_damaged_table_is_refused(tmp_path: Path, old: str, new: str) -> None:
    config = _copied(tmp_path) / parts.CONFIG
    text = config.read_text(encoding="utf-8")
    assert old in text
    config.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(BundleError, match=r"config\.json cannot be used"):
        load(tmp_path)


def _cells(
    size: tuple[int, int], boxes: dict[tuple[int, int, int, int], int]
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
    """A white screen with noise in each box (in cells), and what a perfect network says of it."""
    rows, columns = size
    pixels = np.full((rows * 8, columns * 8, 3), 250, np.uint8)
    kinds, reach = np.zeros((4, rows, columns), np.float32), np.ones((4, rows, columns), np.float32)
    kinds[0] = 1
    for number, ((left, top, right, bottom), kind) in enumerate(boxes.items()):
        shape = ((bottom - top) * 8, (right - left) * 8, 3)
        noise = np.random.default_rng(number).integers(20 + 90 * number, 70 + 90 * number, shape)
        pixels[top * 8 : bottom * 8, left * 8 : right * 8] = noise
        kinds[:, top:bottom, left:right] = 0
        kinds[kind, top:bottom, left:right] = 0.9
        x, y = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
        reach[:, top:bottom, left:right] = 8 * np.stack([x - left, y - top, right - x, bottom - y])
    return pixels, kinds, reach


def test_pictures_that_touch_are_told_apart() -> None:
    screen = _cells((20, 40), {(2, 3, 12, 17): 2, (12, 3, 30, 17): 3})
    found = pictures(*screen, Limits())
    assert {(tuple(each.box), each.photograph) for each in found} == {
        ((16, 24, 96, 136), True),
        ((96, 24, 240, 136), False),
    }


def test_a_wide_picture_over_a_narrow_one() -> None:
    screen = _cells((30, 40), {(2, 3, 36, 12): 2, (2, 12, 14, 26): 2})
    assert sorted(tuple(each.box) for each in pictures(*screen, Limits())) == [
        (16, 24, 288, 96),
        (16, 96, 112, 208),
    ]


def _grid(pixels: NDArray[np.uint8], number: int, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    noise = np.random.default_rng(number).integers(20, 110, (bottom - top, right - left, 3))
    pixels[top:bottom, left:right] = noise


def test_a_horizon_is_no_border_between_pictures() -> None:
    pixels, kinds, reach = _cells((30, 40), {(4, 4, 34, 26): 2})
    pixels[104:208, 32:272] += 110  # as clear as can be, but every cell knows the whole picture
    whole = [tuple(each.box) for each in pictures(pixels, kinds, reach, Limits())]
    assert whole == [(32, 32, 272, 208)]
    # where the cells below take what is below for their picture, it is one
    rows = np.arange(13, 26)[:, None] + 0.5
    reach[1, 13:26, 4:34] = 8 * (rows - 13)
    reach[3, 4:13, 4:34] = 8 * (13 - (np.arange(4, 13)[:, None] + 0.5))
    assert sorted(tuple(each.box) for each in pictures(pixels, kinds, reach, Limits())) == [
        (32, 32, 272, 104),
        (32, 104, 272, 208),
    ]


def test_ground_between_pictures_parts_them_whatever_the_cells_say() -> None:
    pixels, kinds, reach = _cells((30, 40), {(4, 4, 34, 26): 2})
    pixels[:, 150:156] = 250
    assert sorted(tuple(each.box) for each in pictures(pixels, kinds, reach, Limits())) == [
        (32, 32, 150, 208),
        (156, 32, 272, 208),
    ]


def test_a_strip_within_a_picture_is_no_ground() -> None:
    pixels, kinds, reach = _cells((30, 40), {(4, 4, 34, 26): 2})
    pixels[:, 150:156] = 250
    pixels[32:208, 150:156] = 60  # flat, too, but of another colour than outside
    assert [tuple(each.box) for each in pictures(pixels, kinds, reach, Limits())] == [
        (32, 32, 272, 208)
    ]


def test_a_picture_alone_in_the_last_row_is_found() -> None:
    places = [(3 + 12 * number, 3, 14 + 12 * number, 15) for number in range(6)]
    pixels, kinds, reach = _cells((32, 80), dict.fromkeys(places[:0], 2))
    for number, (left, top, right, bottom) in enumerate([*places, (3, 16, 14, 28)]):
        _grid(pixels, number, (8 * left, 8 * top, 8 * right, 8 * bottom))
        x, y = np.meshgrid(np.arange(left, right) + 0.5, np.arange(top, bottom) + 0.5)
        reach[:, top:bottom, left:right] = 8 * np.stack([x - left, y - top, right - x, bottom - y])
    kinds[:, 3:15, 3:74] = kinds[:, 15:28, 3:14] = np.array([0.1, 0, 0.9, 0])[:, None, None]
    found = {tuple(each.box) for each in pictures(pixels, kinds, reach, Limits())}
    assert found == {
        (8 * left, 8 * top, 8 * right, 8 * bottom)
        for left, top, right, bottom in [*places, (3, 16, 14, 28)]
    }


def test_a_small_picture_that_few_cells_are_sure_of_needs_a_frame() -> None:
    pixels, kinds, reach = _cells((20, 30), {(4, 4, 14, 14): 2})
    kinds[:, 4:14:2, 5:14] = np.array([0.7, 0, 0.3, 0])[:, None, None]
    assert [tuple(each.box) for each in pictures(pixels, kinds, reach, Limits())] == [
        (32, 32, 112, 112)
    ]
    pixels[:] = np.random.default_rng(5).integers(0, 250, pixels.shape)  # nothing plain outside
    assert pictures(pixels, kinds, reach, Limits()) == []


def _covered(
    size: tuple[int, int], picture: tuple[int, int, int, int], window: tuple[int, int, int, int]
) -> list[Region]:
    """What is found of a picture below a window, both in cells."""
    pixels, kinds, reach = _cells(size, {picture: 2})
    left, top, right, bottom = window
    pixels[8 * top : 8 * bottom, 8 * left : 8 * right] = 250
    kinds[:, top:bottom, left:right] = 0
    kinds[0, top:bottom, left:right] = 1
    return pictures(pixels, kinds, reach, Limits())


def test_a_picture_that_windows_cover_is_background_unless_it_fills_the_desktop() -> None:
    assert _covered((50, 60), (8, 8, 48, 38), (11, 12, 42, 36)) == []
    (wallpaper,) = _covered((30, 40), (0, 0, 40, 30), (3, 4, 34, 28))
    assert wallpaper.box.tolist() == [0, 0, 320, 240]
    assert wallpaper.wallpaper is not None


def test_components_hang_together_by_their_sides() -> None:
    cells = np.array([[1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0]], bool)
    assert sorted(map(list, components(cells))) == [[0, 0, 3, 2], [0, 3, 1, 4], [3, 2, 4, 3]]
    assert components(np.zeros((3, 3), bool)) == []


def test_sides_settle_on_the_edge_nearby() -> None:
    pixels = np.full((200, 300, 3), 250, np.uint8)
    pixels[40:160, 50:230] = np.random.default_rng(1).integers(0, 120, (120, 180, 3), np.uint8)
    assert snap(pixels, np.array([54.0, 37.0, 225.0, 163.0]), 8).tolist() == [50, 40, 230, 160]


def test_sides_stay_where_there_is_no_edge() -> None:
    pixels = np.full((200, 300, 3), 250, np.uint8)
    assert snap(pixels, np.array([54.0, 37.0, 225.0, 163.0]), 8).tolist() == [54, 37, 225, 163]
