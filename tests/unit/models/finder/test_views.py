"""Screens of every size and shape: seen in pieces, in bounded memory, and found to the pixel."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from models.finder import views
from models.finder.finder import Finder, load

if TYPE_CHECKING:
    from numpy.typing import NDArray

Sides = tuple[int, int]  # width, height


class Network:
    """Tells of each cell what stands at its first pixel, and remembers how much it saw at once."""

    most = 0

    def run(self, _: None, inputs: dict[str, NDArray[np.uint8]]) -> tuple[Any, ...]:
        seen = inputs["pixels"]
        self.most = max(self.most, seen[0, ..., 0].size)
        assert not any(side % 64 for side in seen.shape[1:3])
        answer = seen[:, ::8, ::8, :1].transpose(0, 3, 1, 2).astype(np.float32)
        return answer, answer + 1


@pytest.mark.parametrize(
    ("size", "factor"),
    [
        ((1920, 1080), 1),
        ((2560, 1440), 1),
        ((3840, 2160), 2),
        ((7680, 4320), 2),
        ((1200, 12000), 1),  # a page is no magnified screen
        ((2400, 24000), 2),
        ((300, 1400), 1),
        ((1, 1), 1),
        ((20000, 20000), 7),
        ((1000, 128000), 2),
    ],
)
def test_what_is_magnified_is_reduced(size: Sides, factor: int) -> None:
    assert views.factor(*size) == views.factor(*size[::-1]) == factor


@pytest.mark.parametrize("size", [(100, 60), (1200, 9001), (9003, 1200), (2400, 2300)])
def test_pieces_make_up_the_whole_and_none_is_large(size: Sides) -> None:
    width, height = size
    pixels = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    network = Network()
    kinds, reach = views.read(network, pixels, 8)
    assert (kinds[0] == pixels[::8, ::8, 0]).all()
    assert (reach == kinds + 1).all()
    assert network.most <= 1.05 * views.PIECE


@pytest.mark.parametrize("by", [1, 2, 3])
def test_bands_are_reduced_as_the_whole_is(by: int) -> None:
    pixels = np.random.default_rng(4).integers(0, 256, (1601, 37, 3), np.uint8)
    assert (views.reduced(pixels, by) == np.asarray(Image.fromarray(pixels).reduce(by))).all()


@pytest.fixture(scope="module")
def finder() -> Finder:
    return load()


@pytest.mark.parametrize(
    ("size", "scale"), [((300, 1400), 1), ((1200, 12000), 1), ((7680, 4320), 2)]
)
def test_every_shape_is_found_to_the_pixel_in_little_memory(
    finder: Finder, size: Sides, scale: int
) -> None:
    page = Image.new("RGB", size, (246, 246, 246))
    pen, letters = ImageDraw.Draw(page), ImageFont.load_default(14 * scale)
    side, boxes = 220 * scale, []
    for number, top in enumerate(range(40 * scale, size[1] - side, size[1] // 6)):
        left = (37 + 211 * number * (size[0] > 300)) % (size[0] - side)
        boxes.append((left, top, side, side))
        page.paste(Image.fromarray(data.astronaut()).resize((side, side)), (left, top))
        pen.text((left, top + side + 9), "What the picture shows", "black", letters)
    pixels = np.asarray(page)
    tracemalloc.start()
    found = finder.find(pixels).detections
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sorted((d.left, d.top, d.width, d.height) for d in found) == sorted(boxes)
    assert peak < 100e6  # of the 8K screen, which has 100 MB itself, 25 are its half
