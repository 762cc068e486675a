"""Heat maps: light where a word looked, dark elsewhere, and room for every picture and word."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from models.captioning.heatmap import draw

CELL = 232  # pixels from one tile's left edge to the next's
GAP = 12
WORDS = ("a", "dog")


def brightness(image: Image.Image, tile: int, box: tuple[int, int, int, int]) -> float:
    left, top, right, bottom = box
    start = GAP + tile * CELL
    part = image.crop((start + left, GAP + top, start + right, GAP + bottom))
    return float(np.asarray(part.convert("L")).mean())


@pytest.mark.parametrize("grey", [0, 90, 255])
def test_words_are_bright_where_they_looked(grey: int) -> None:
    attention = np.zeros((2, 7, 7), np.float32)
    attention[0, 0, 0] = attention[1, 6, 6] = 0.7
    drawn = draw(Image.new("RGB", (440, 440), (grey,) * 3), WORDS, attention, "a dog")
    first, last = (0, 0, 20, 20), (200, 200, 220, 220)
    assert brightness(drawn, 0, first) == brightness(drawn, 0, last) == grey
    assert brightness(drawn, 1, first) > brightness(drawn, 1, last) + 40
    assert brightness(drawn, 2, last) > brightness(drawn, 2, first) + 40


def test_rows_and_columns_are_not_confused() -> None:
    attention = np.zeros((1, 2, 3), np.float32)
    attention[0, 0, 2] = 1.0
    drawn = draw(Image.new("RGB", (220, 220), "grey"), ["a"], attention, "a")
    bright = brightness(drawn, 1, (200, 0, 220, 20))
    for dark in ((0, 0, 20, 20), (0, 200, 20, 220), (200, 200, 220, 220)):
        assert brightness(drawn, 1, dark) < bright - 40


def test_light_fades_smoothly() -> None:
    attention = np.zeros((1, 7, 7), np.float32)
    attention[0, 3, 3] = 1.0
    drawn = draw(Image.new("RGB", (220, 220), "grey"), ["a"], attention, "a")
    middle = np.asarray(drawn.convert("L"), dtype=int)[GAP + 110, GAP + CELL : GAP + CELL + 220]
    assert np.abs(np.diff(middle)).max() < 12
    assert middle.max() - middle.min() > 60


@pytest.mark.parametrize("value", [0.0, 1 / 49])
def test_an_even_attention_makes_an_even_tile(value: float) -> None:
    attention = np.full((1, 7, 7), value, np.float32)
    drawn = draw(Image.new("RGB", (220, 220), "grey"), ["a"], attention, "a")
    tile = drawn.crop((GAP + CELL, GAP, GAP + CELL + 220, GAP + 220))
    assert all(low == high for low, high in tile.getextrema())


@pytest.mark.parametrize("size", [(8, 8), (8, 5000), (5000, 8), (300, 200), (200, 300)])
def test_pictures_keep_their_shape(size: tuple[int, int]) -> None:
    drawn = draw(Image.new("RGB", size, "navy"), WORDS, np.ones((2, 7, 7), np.float32), "a dog")
    assert drawn.width == 3 * CELL + GAP
    assert drawn.height < 330 + 2 * GAP + 60
    navy = (np.asarray(drawn)[:, : GAP + 220] == (0, 0, 128)).all(2)
    rows, columns = navy.any(1).sum(), navy.any(0).sum()
    assert rows == 330 or columns == 220
    assert columns / rows == pytest.approx(size[0] / size[1], rel=0.02) or min(rows, columns) == 1


def test_every_word_has_its_tile_and_ink() -> None:
    words = [*"abcdefghij", "african-american", "merry-go-round" * 3]
    attention = np.ones((len(words), 7, 7), np.float32)
    drawn = draw(Image.new("RGB", (220, 100), "navy"), words, attention, " ".join(words))
    assert drawn.width == 5 * CELL + GAP  # five a row, so three rows
    ink = (np.asarray(drawn) == 0).all(2)
    for left in range(0, 5 * CELL, CELL):
        assert ink[:, left + GAP : left + CELL].any()
        assert not ink[:, left : left + GAP].any()  # nothing runs into its neighbour


def test_no_words_leave_the_photograph() -> None:
    drawn = draw(Image.new("RGB", (220, 100), "navy"), [], np.ones((0, 7, 7), np.float32), "")
    assert drawn.width == CELL + GAP
    assert brightness(drawn, 0, (0, 0, 220, 100)) < 50


def test_a_word_without_attention_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        draw(Image.new("RGB", (9, 9)), WORDS, np.ones((1, 7, 7), np.float32), "a dog")
