"""A screen in the making: its pixels, what each of them is, and the pictures on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.data.ood_images import WORDS

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]  # left, top, right, bottom; the last two exclusive

INTERFACE, TEXT, PHOTOGRAPH, DRAWING = range(4)
IGNORED = 255  # neither right nor wrong: small pictures, such as avatars

LEAST_SIDE = 56  # pixels; smaller pictures are icons and avatars
_LEAST_SLIVER = 40  # pixels that must be seen of it
_LEAST_SHOWN = 0.7  # of a picture's bounding box, else it has no box of its own


@dataclass(slots=True)
class Canvas:
    """`kinds` and `owners` have one entry a pixel: its class, and its picture's number plus 1."""

    image: Image.Image
    kinds: NDArray[np.uint8]
    owners: NDArray[np.int16]
    scale: float = 1.0  # how large a point of text is
    pictures: list[bool] = field(default_factory=list)  # whether each may have a box

    @classmethod
    def blank(cls, size: tuple[int, int], scale: float, colour: Colour) -> Canvas:
        width, height = size
        return cls(Image.new("RGB", size, colour), np.zeros((height, width), np.uint8),
                   np.zeros((height, width), np.int16), scale)

    @property
    def pen(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self.image)

    def points(self, count: float) -> int:
        """Pixels for so many points, at least one."""
        return max(1, round(count * self.scale))

    def mark(self, box: Box, kind: int, owner: int = 0) -> None:
        left, top, right, bottom = (max(0, side) for side in box)
        self.kinds[top:bottom, left:right] = kind
        self.owners[top:bottom, left:right] = owner

    def panel(self, box: Box, colour: Colour, *, radius: int = 0, outline: Colour | None = None
              ) -> None:
        """A plain part of the interface, which covers what was there."""
        if box[2] - box[0] < 2 or box[3] - box[1] < 2:
            return
        edge = (box[0], box[1], box[2] - 1, box[3] - 1)
        self.pen.rounded_rectangle(edge, radius, fill=colour, outline=outline)
        self.mark(box, INTERFACE)

    def put(self, picture: Image.Image, box: Box, kind: int, *, boxed: bool = True,
            mask: Image.Image | None = None) -> None:
        """Show a picture as large as `box`, whose left top may lie outside."""
        self.image.paste(picture, box[:2], mask)
        owner = 0
        if min(box[2] - box[0], box[3] - box[1]) < LEAST_SIDE * self.scale ** 0.5:
            kind = IGNORED
        else:
            self.pictures.append(boxed)
            owner = len(self.pictures)
        self.mark(box, kind, owner)

    def boxes(self) -> NDArray[np.int32]:
        """→ (pictures, 4): what is seen of each; all -1 for one that has no box of its own."""
        result = np.full((len(self.pictures), 4), -1, np.int32)
        for number, boxed in enumerate(self.pictures):
            mine = self.owners == number + 1
            rows, columns = np.flatnonzero(mine.any(1)), np.flatnonzero(mine.any(0))
            if not boxed or not len(rows):
                continue
            box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
            if min(box[2] - box[0], box[3] - box[1]) < _LEAST_SLIVER:
                continue
            if mine.sum() >= _LEAST_SHOWN * (box[2] - box[0]) * (box[3] - box[1]):
                result[number] = box
        return result


@lru_cache(maxsize=256)
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """One of the fonts that come with matplotlib: the same on every machine."""
    from matplotlib import get_data_path

    return ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / name), size)


SANS = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSans-Oblique.ttf")
SERIF = ("DejaVuSerif.ttf", "STIXGeneral.ttf", "DejaVuSerif-Italic.ttf", "cmr10.ttf")
MONO = ("DejaVuSansMono.ttf", "cmtt10.ttf")
FONTS = (*SANS, *SERIF, *MONO)


def phrase(random: Generator, count: int) -> str:
    """So many words, now and then a number or a capital."""
    words = [str(random.integers(0, 10 ** int(random.integers(1, 6)))) if random.random() < 0.06
             else str(WORDS[int(random.integers(len(WORDS)))]) for _ in range(count)]
    if random.random() < 0.5:
        words[0] = words[0].title()
    return " ".join(words)


def write(
    canvas: Canvas, random: Generator, box: Box, ink: Colour, *, points: float = 11.0,
    face: str = SANS[0], lines: int | None = None, spacing: float = 1.4, marked: bool = True,
) -> int:
    """Fill `box` with text from its top; → where the last line ended."""
    left, top, right, bottom = box
    size = canvas.points(points)
    letters = font(face, max(6, size))
    pen, step = canvas.pen, max(1, int(size * spacing))
    while top + size <= bottom and (lines is None or lines > 0):
        width = (right - left) * (1.0 if random.random() < 0.75 else random.uniform(0.2, 1.0))
        text = phrase(random, max(1, int(width / (size * 2.9))))
        while len(text) > 1 and letters.getlength(text) > right - left:
            text = text[: int(len(text) * 0.85)]
        pen.text((left, top), text, fill=ink, font=letters)
        if marked:
            end = min(right, left + int(letters.getlength(text)))
            canvas.mark((left, top, end, min(bottom, top + step)), TEXT)
        top += step
        lines = None if lines is None else lines - 1
    return top
