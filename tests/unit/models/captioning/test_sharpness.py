"""Sharpness by the variance of the Laplacian, on drawn pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from skimage import data

from models.captioning.sharpness import laplacian_variance, sharpness

PHOTOGRAPHS = ("astronaut", "coffee", "chelsea", "rocket")


def shapes(size: int = 400) -> Image.Image:
    """Circles and bars in greys, with edges as sharp as pixels are."""
    image = Image.new("RGB", (size, size), (200, 210, 190))
    draw = ImageDraw.Draw(image)
    for number in range(6):
        left = size // 8 * number
        draw.ellipse(
            (left, left // 2, left + size // 5, left // 2 + size // 5), (60, 30 * number, 90)
        )
        draw.rectangle(
            (size - left - 20, left, size - left, left + size // 4), (20, 20, 20 * number)
        )
    return image


@pytest.mark.parametrize("size", [200, 400, 1600])
def test_drawn_edges_are_sharp_at_any_size(size: int) -> None:
    assert sharpness(shapes(size)) == "sharp"


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_are_sharp_and_blurred_ones_blurred(name: str) -> None:
    image = Image.fromarray(getattr(data, name)()).convert("RGB")
    assert sharpness(image) != "blurred"
    assert sharpness(image.filter(ImageFilter.GaussianBlur(0.012 * max(image.size)))) == "blurred"


@pytest.mark.parametrize("size", [200, 400, 1600])
def test_a_blurred_drawing_is_blurred_at_any_size(size: int) -> None:
    image = shapes(size).filter(ImageFilter.GaussianBlur(0.015 * size))
    assert sharpness(image) == "blurred"


def test_one_sharp_part_is_enough() -> None:
    """A portrait's background is blurred on purpose."""
    image = shapes().filter(ImageFilter.GaussianBlur(8))
    image.paste(shapes().crop((0, 0, 120, 120)), (20, 20))
    assert sharpness(image) == "sharp"


def test_the_more_blur_the_less_variance() -> None:
    found = [
        laplacian_variance(shapes().filter(ImageFilter.GaussianBlur(radius)))
        for radius in (0, 1, 2, 4, 8)
    ]
    kept = [each for each in found if each is not None]
    assert len(kept) == len(found)
    assert kept == sorted(kept, reverse=True)


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (300, 300), "blue"),
        Image.new("RGB", (1, 1)),
        Image.new("RGB", (4000, 2), "white"),
        Image.fromarray(np.random.default_rng(1).integers(0, 9, (200, 200, 3), dtype=np.uint8)),
    ],
    ids=["plain", "a pixel", "a line", "nearly black"],
)
def test_without_contrast_or_size_nothing_is_claimed(image: Image.Image) -> None:
    assert sharpness(image) == ""
