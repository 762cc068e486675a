"""Covers of books and records: a picture, and letters set as covers have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageOps

from training.finder import widgets
from training.finder.canvas import FONTS, font, phrase

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from training.finder.canvas import Box, Colour

    MakePicture = Callable[[Generator, tuple[int, int]], Image.Image]

_BOOK = (0.6, 0.78)  # how wide books are for their height


def book(random: Generator, side: int, inside: MakePicture) -> Image.Image:
    """A book's cover, `side` pixels high, around a picture: whole, in a window, over a panel."""
    return _laid_out(random, (max(40, int(side * random.uniform(*_BOOK))), side), inside)


def record(random: Generator, side: int, inside: MakePicture, *, letters_alone: bool = True
           ) -> Image.Image:
    """A record's square cover, around a picture or of letters alone, if those may be."""
    return _laid_out(random, (side, side), inside, letters_alone=letters_alone)


def _laid_out(random: Generator, size: tuple[int, int], inside: MakePicture, *,
              letters_alone: bool = True) -> Image.Image:
    width, height = size
    kind = float(random.uniform(0, 1 if letters_alone else 0.85))
    if kind < 0.35:  # letters lie on the picture
        cover = inside(random, size)
        top, bottom = int(height * random.uniform(0.15, 0.4)), int(height * 0.88)
        if random.random() < 0.4:
            pen = ImageDraw.Draw(cover)
            pen.rectangle((0, 0, width, top), fill=widgets.colour(random))
        _lines(random, cover, (0, int(height * 0.03), width, top), _ink(random))
        if random.random() < 0.8:
            _lines(random, cover, (0, bottom, width, height), _ink(random), most=1)
        return cover
    cover = Image.new("RGB", size, _paper(random))
    if random.random() < 0.2:
        cover = widgets.gradient(random, size)
    ink = _ink(random)
    if kind < 0.6:  # a window
        margin = int(width * random.uniform(0, 0.2))
        window = (margin, int(height * random.uniform(0.2, 0.4)), width - margin,
                  int(height * random.uniform(0.65, 0.92)))
        cover.paste(inside(random, _size(window)), window[:2])
        _lines(random, cover, (0, int(0.03 * height), width, window[1]), ink)
        _lines(random, cover, (0, window[3], width, height), ink, most=2)
    elif kind < 0.85:  # a picture above or below a panel
        line = int(height * random.uniform(0.35, 0.75))
        boxes: tuple[Box, Box] = ((0, 0, width, line), (0, line, width, height))
        picture, panel = boxes if random.random() < 0.7 else boxes[::-1]
        cover.paste(inside(random, _size(picture)), picture[:2])
        _lines(random, cover, panel, ink, most=4)
    else:  # letters alone
        if random.random() < 0.6:
            edge = max(2, int(width * random.uniform(0.02, 0.08)))
            ImageDraw.Draw(cover).rectangle((edge, edge, width - edge, height - edge), outline=ink,
                                            width=max(1, edge // 4))
        _lines(random, cover, (0, int(height * 0.08), width, height // 2), ink, most=4)
        _lines(random, cover, (0, int(height * 0.75), width, height), ink, most=2)
    return cover


def _size(box: Box) -> tuple[int, int]:
    return max(8, box[2] - box[0]), max(8, box[3] - box[1])


def _paper(random: Generator) -> Colour:
    if random.random() < 0.4:
        return (250, 248, 240) if random.random() < 0.6 else (18, 18, 22)
    return widgets.colour(random)


def _ink(random: Generator) -> Colour:
    if random.random() < 0.6:
        return (255, 255, 255) if random.random() < 0.6 else (10, 10, 10)
    return widgets.colour(random)


def _lines(random: Generator, cover: Image.Image, box: Box, ink: Colour, most: int = 3) -> None:
    """One to `most` lines that fill a box: small or large, in the middle or at the left."""
    width, height = _size(box)
    count = int(random.integers(1, most + 1))
    size = max(7, min(int(height / count / 1.2), int(width * random.uniform(0.08, 0.28))))
    letters, pen = font(str(random.choice(FONTS)), size), ImageDraw.Draw(cover)
    middle, capitals = random.random() < 0.7, random.random() < 0.5
    for number in range(count):
        text = phrase(random, int(random.integers(1, 3)))
        text = text.upper() if capitals else text
        while pen.textlength(text, font=letters) > width and len(text) > 3:
            text = text[: len(text) * 3 // 4]
        x = box[0] + int((width - pen.textlength(text, font=letters)) / 2 if middle else width / 20)
        pen.text((x, box[1] + int(number * size * 1.15)), text, fill=ink, font=letters)


def framed(random: Generator, picture: Image.Image) -> Image.Image:
    """A line or a margin around it, as many a program draws."""
    wide = int(random.integers(1, 4))
    if random.random() < 0.3:
        wide = max(1, int(min(picture.size) * random.uniform(0.02, 0.07)))
    level = int(random.choice([0, 40, 128, 200, 255]))
    return ImageOps.expand(picture, wide, (level, level, level))
