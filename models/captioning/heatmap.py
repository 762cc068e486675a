"""Where each word of a caption looked, drawn for the eye: Pillow and numpy alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_WIDTH, _HEIGHT = 220, 330  # pixels that a tile's picture may take
_GAP = 12
_COLUMNS = 5
_LETTERS = 20
_PAPER, _INK = "white", "black"
# seen or not is told by light, which everybody sees; the tint tells it on dark pictures too
_WARM = (255, 170, 50)
_TINT, _DARKEST = 0.35, 0.25


def draw(
    image: Image.Image, words: Sequence[str], attention: NDArray[np.float32], title: str
) -> Image.Image:
    """Draw tiles, at most five a row: an RGB image with its title, then one for each word.

    `attention` has shape (words, rows, columns) over the whole image and is nowhere negative;
    a tile is brightest where its word looked most, so an even attention makes an even tile.
    """
    picture = _fitted(image)
    looks = [_lit(picture, each) for each in attention]
    return _arranged(
        [
            _labelled(each, text)
            for each, text in zip([picture, *looks], [title, *words], strict=True)
        ]
    )


def is_even(attention: NDArray[np.float32], least: float = 0.02) -> bool:
    """Tell whether a map (words, rows, columns) says nothing, as of a decoder without attention.

    It does where no cell of any word has more than `least` above that word's mean, relative to it.
    """
    means = attention.mean((1, 2), keepdims=True)
    return bool((attention <= means * (1 + least)).all())


def _fitted(image: Image.Image) -> Image.Image:
    scale = min(_WIDTH / image.width, _HEIGHT / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _lit(picture: Image.Image, attention: NDArray[np.float32]) -> Image.Image:
    """Light up the picture where (rows, columns) of attention are high, darken it elsewhere."""
    shares = Image.fromarray(attention / max(float(attention.max()), 1e-9))
    smooth = np.asarray(shares.resize(picture.size, Image.Resampling.BICUBIC))
    strength = np.clip(smooth, 0.0, 1.0)[..., None]  # bicubic overshoots
    pixels = np.asarray(picture, dtype=np.float32)
    tinted = pixels + (np.asarray(_WARM) - pixels) * _TINT * strength
    light = _DARKEST + (1 - _DARKEST) * strength
    return Image.fromarray((tinted * light).round().astype(np.uint8))


def _labelled(picture: Image.Image, text: str) -> Image.Image:
    font = ImageFont.load_default(_LETTERS)
    lines = _wrapped(text, font)
    line = _LETTERS * 5 // 4
    tile = Image.new("RGB", (_WIDTH, picture.height + (len(lines) + 1) * line), _PAPER)
    tile.paste(picture, ((_WIDTH - picture.width) // 2, 0))
    pen = ImageDraw.Draw(tile)
    for number, words in enumerate(lines):
        left = (_WIDTH - font.getlength(words)) / 2
        pen.text((left, picture.height + line // 4 + number * line), words, _INK, font)
    return tile


def _wrapped(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font.getlength(longer) <= _WIDTH:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _arranged(tiles: Sequence[Image.Image]) -> Image.Image:
    rows = [tiles[start : start + _COLUMNS] for start in range(0, len(tiles), _COLUMNS)]
    heights = [max(tile.height for tile in row) + _GAP for row in rows]
    size = (len(rows[0]) * (_WIDTH + _GAP) + _GAP, sum(heights) + _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    top = _GAP
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            sheet.paste(tile, (_GAP + column * (_WIDTH + _GAP), top))
        top += height
    return sheet
