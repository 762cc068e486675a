"""Photographs, drawings and mere ground are told apart by their pixels, whatever their size."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from models.finder.surfaces import Surface
from tests.bundles import photograph

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIZES = [(30, 20), (300, 200), (1900, 1000), (64, 700)]


def shown(image: Image.Image, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    image = image.convert("RGB")
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS) if size else image)


def on_white(name: str) -> Image.Image:
    """A thing that was photographed on plain white, three quarters of it white."""
    page = Image.new("RGB", (800, 800), "white")
    page.paste(photograph(name).convert("RGB").resize((400, 400)), (200, 200))
    return page


def street_map(size: tuple[int, int]) -> Image.Image:
    width, height = size
    image = Image.new("RGB", size, (242, 239, 233))
    pen = ImageDraw.Draw(image)
    pen.ellipse((width // 3, height // 3, width // 2, height), fill=(200, 230, 190))
    pen.polygon([(0, height), (width // 3, height // 2), (width // 2, height)], (160, 200, 240))
    for place in (0.2, 0.45, 0.8):
        pen.line((0, place * height, width, 0.9 * place * height), "white", max(1, width // 40))
        pen.line(
            (place * width, 0, 0.8 * place * width, height), (250, 220, 130), max(1, width // 60)
        )
    return image


def radial(size: tuple[int, int]) -> Image.Image:
    width, height = size
    across, down = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    share = np.clip(np.hypot(across, down), 0, 1)[..., None]
    return Image.fromarray((share * [40, 180, 70] + (1 - share) * [190, 90, 60]).astype(np.uint8))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["astronaut", "coffee", "rocket", "camera"])
def test_a_photograph_is_neither(name: str, size: tuple[int, int]) -> None:
    pixels = shown(photograph(name), size)
    assert not Surface(pixels).is_drawn()
    assert not Surface(pixels).is_ground()


def test_a_photograph_that_was_saved_poorly_is_none() -> None:
    stream = io.BytesIO()
    photograph("chelsea").convert("RGB").save(stream, "JPEG", quality=15)
    assert not Surface(shown(Image.open(stream))).is_drawn()


def test_a_thing_on_plain_white_is_a_photograph() -> None:
    pixels = shown(on_white("coffee"))
    assert not Surface(pixels).is_drawn()
    assert not Surface(pixels).is_ground()


@pytest.mark.parametrize("size", SIZES[1:3])
def test_a_map_is_drawn(size: tuple[int, int]) -> None:
    assert Surface(shown(street_map(size))).is_drawn()
    assert not Surface(shown(street_map(size))).is_ground()


def test_a_letter_in_a_circle_is_drawn() -> None:
    image = Image.new("RGB", (920, 920), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((0, 0, 920, 920), "seagreen")
    pen.text((460, 460), "M", "white", ImageFont.load_default(400), "mm")
    assert Surface(shown(image.reduce(10))).is_drawn()


def test_a_photograph_in_one_tint_has_few_colours_but_grain() -> None:
    grey = np.asarray(photograph("camera").convert("L").resize((92, 92)))
    sepia = np.stack([grey, (grey * 0.9).astype(np.uint8), (grey * 0.7).astype(np.uint8)], -1)
    assert not Surface(sepia).is_drawn()


@pytest.mark.parametrize("name", ["astronaut", "coffee"])
def test_photographs_have_grain_and_drawings_have_none(name: str) -> None:
    picture = photograph(name)
    for size in ((120, 90), picture.size):
        assert Surface(shown(picture, size)).has_grain()
        assert not Surface(shown(picture, size)).is_monotonous()
    assert not Surface(shown(street_map((300, 200)))).has_grain()


def test_letters_on_a_gradient_are_monotonous() -> None:
    image, font = radial((2400, 1600)).crop((600, 400, 1200, 800)), ImageFont.load_default(120)
    shade = Image.new("L", image.size)
    ImageDraw.Draw(shade).text((300, 206), "Such", 160, font, "mm")
    image.paste("black", (0, 0), shade.filter(ImageFilter.GaussianBlur(6)))
    ImageDraw.Draw(image).text((300, 200), "Such", "white", font, "mm")
    letters = shown(image.crop((180, 150, 300, 250)))
    assert Surface(letters).is_monotonous()
    assert not Surface(letters).is_drawn()
    assert not Surface(letters).has_grain()


@pytest.mark.parametrize("ink", ["#2b2133", "white", "crimson"])
def test_letters_have_two_tones(ink: str) -> None:
    image = Image.new("RGB", (120, 160), "#f4f4f4" if ink != "white" else "navy")
    ImageDraw.Draw(image).text((60, 80), "2", ink, ImageFont.load_default(150), "mm")
    assert Surface(shown(image)).is_two_toned()
    assert not Surface(shown(street_map((120, 160)))).is_two_toned()
    assert not Surface(shown(photograph("coffee"), (120, 160))).is_two_toned()
    assert not Surface(np.zeros((20, 20, 3), np.uint8)).is_two_toned()


def test_a_photograph_in_one_tint_is_not_monotonous() -> None:
    assert not Surface(shown(photograph("camera").convert("L"), (150, 150))).is_monotonous()


@pytest.mark.parametrize("size", SIZES[1:])
def test_a_gradient_is_no_picture(size: tuple[int, int]) -> None:
    assert Surface(shown(radial(size))).is_ground()
    assert Surface(shown(Image.linear_gradient("L"), size)).is_ground()


@pytest.mark.parametrize("cell", [4, 10, 16])
def test_chequers_are_no_picture(cell: int) -> None:
    across, down = np.meshgrid(np.arange(200) // cell, np.arange(90) // cell)
    assert Surface(
        shown(Image.fromarray(((across + down) % 2 * 51 + 102).astype(np.uint8)))
    ).is_ground()


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (2, 2)])
def test_the_smallest_ones_are_judged_somehow(size: tuple[int, int]) -> None:
    pixels = shown(Image.new("RGB", size, "teal"))
    assert Surface(pixels).is_ground()
