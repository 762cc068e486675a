"""The colours that are told of a picture are those that a person would tell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.captioning.colours import NAMES, brightness, main_colours
from models.captioning.preprocess import upright_rgb
from tests.bundles import photograph

SHADES = {
    "black": [(0, 0, 0), (20, 20, 22)],
    "blue": [(30, 60, 200), (15, 25, 90), (150, 190, 240), (0, 200, 220), (135, 206, 235)],
    "brown": [(120, 70, 30), (90, 50, 20), (160, 110, 70), (210, 180, 140)],
    "green": [(0, 160, 60), (20, 70, 25), (150, 220, 150), (107, 142, 35)],
    "grey": [(128, 128, 128), (90, 92, 95), (190, 190, 192)],
    "orange": [(255, 140, 0), (240, 120, 30)],
    "pink": [(255, 105, 180), (255, 190, 200), (250, 160, 190)],
    "purple": [(110, 30, 160), (70, 20, 100), (190, 150, 220), (128, 0, 128)],
    "red": [(255, 0, 0), (220, 20, 30), (150, 10, 15)],
    "white": [(255, 255, 255), (240, 240, 238)],
    "yellow": [(255, 230, 0), (240, 220, 120), (250, 240, 150)],
}
RGB = st.tuples(*[st.integers(0, 255)] * 3)


def plain(colour: tuple[int, int, int]) -> Image.Image:
    return Image.new("RGB", (50, 30), colour)


def striped(*shares: tuple[str, int]) -> Image.Image:
    """Stripes of so many columns, each in the first shade of its colour."""
    columns = [SHADES[name][0] for name, width in shares for _ in range(width)]
    return Image.fromarray(np.asarray([columns] * 30, np.uint8))


def test_there_are_eleven_names() -> None:
    assert list(NAMES) == sorted(SHADES)


@pytest.mark.parametrize("name", NAMES)
def test_pale_and_dark_shades_have_their_colours_name(name: str) -> None:
    for shade in SHADES[name]:
        assert main_colours(plain(shade)) == (name,), shade


def test_the_larger_of_two_colours_comes_first() -> None:
    assert main_colours(striped(("red", 40), ("blue", 24))) == ("red", "blue")
    assert main_colours(striped(("red", 24), ("blue", 40))) == ("blue", "red")
    assert main_colours(striped(("red", 10), ("green", 30), ("blue", 24))) == ("green", "blue")


def test_a_spot_is_no_main_colour() -> None:
    assert main_colours(striped(("white", 56), ("red", 8))) == ("white",)


def test_of_many_colours_the_first_is_told_nevertheless() -> None:
    many = striped(
        ("red", 8),
        ("orange", 8),
        ("yellow", 8),
        ("green", 8),
        ("blue", 12),
        ("purple", 8),
        ("black", 8),
        ("white", 4),
    )
    assert main_colours(many) == ("blue",)


@pytest.mark.parametrize(
    ("shade", "wanted"),
    [
        ((0, 0, 0), "dark"),
        ((255, 255, 255), "light"),
        ((128, 128, 128), ""),
        ((20, 30, 60), "dark"),
        ((250, 240, 150), "light"),
    ],
)
def test_dark_and_light(shade: tuple[int, int, int], wanted: str) -> None:
    assert brightness(plain(shade)) == wanted


@given(RGB)
def test_every_colour_has_one_name(shade: tuple[int, int, int]) -> None:
    (name,) = main_colours(Image.new("RGB", (2, 3), shade))
    assert name in NAMES


@given(st.lists(RGB, min_size=1, max_size=12), st.integers(1, 5))
def test_there_are_one_or_two_of_any_picture(shades: list[tuple[int, int, int]], rows: int) -> None:
    told = main_colours(Image.fromarray(np.asarray([shades] * rows, np.uint8)))
    assert 1 <= len(set(told)) == len(told) <= 2
    assert set(told) <= set(NAMES)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (64, 64)])
def test_no_shape_is_too_strange(size: tuple[int, int]) -> None:
    picture = Image.new("RGB", size, SHADES["red"][0])
    assert main_colours(picture) == ("red",)
    assert brightness(picture) == ""


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("astronaut", "grey"),
        ("brick", ""),
        ("camera", ""),
        ("chelsea", "brown"),
        ("coffee", "brown"),
        ("color", ""),
        ("grass", ""),
        ("horse", "white"),
        ("hubble_deep_field", "black"),
        ("ihc", ""),
        ("logo", ""),
        ("moon", "grey"),
        ("phantom", "black"),
        ("retina", ""),
        ("rocket", "blue"),
        ("text", ""),
    ],
)
def test_photographs_of_all_sorts_have_colours(name: str, wanted: str) -> None:
    picture = upright_rgb(photograph(name))
    told = main_colours(picture)
    assert told[0] == wanted or (not wanted and told[0] in NAMES)
    assert brightness(picture) in ("dark", "light", "")
