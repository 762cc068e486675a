"""Out-of-domain (OOD) images: made up, unlike any photograph; no captioner may be sure of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator

    Colour = tuple[int, int, int]

_TEXT = """\
the of and to a in that it is was for on are with as his they at be this from have or by one had
not but what all were when we there can an your which their said if do will each about how up out
them then she many some so these would other into has more two like him see time could no make"""
WORDS = _TEXT.split()
_LIGHT, _DARK = ((250, 250, 248), (28, 30, 34))


def draw(count: int, seed: int) -> Iterator[tuple[str, Image.Image]]:
    """`count` pictures of every kind, named: noise, plain, text, chart, map, drawing, icons,
    window. The same seed gives the same pictures."""
    random = np.random.default_rng(seed)
    for kind, make in _KINDS.items():
        for _ in range(count):
            size = (int(random.integers(160, 480)), int(random.integers(160, 480)))
            yield kind, make(random, size)


def draw_one(kind: str, random: Generator, size: tuple[int, int]) -> Image.Image:
    """One picture of a kind (see `draw`), of exactly this size."""
    return _KINDS[kind](random, size)


def _colour(random: Generator) -> Colour:
    red, green, blue = random.integers(0, 256, 3).tolist()
    return red, green, blue


def _paper(random: Generator) -> tuple[Colour, Colour]:
    """Background and ink, light or dark."""
    return (_LIGHT, _DARK) if random.random() < 0.6 else (_DARK, _LIGHT)


def _noise(random: Generator, size: tuple[int, int]) -> Image.Image:
    width, height = size
    channels = 3 if random.random() < 0.5 else 1
    values = random.normal(128, random.uniform(20, 90), (height, width, channels))
    pixels = np.broadcast_to(values, (height, width, 3)).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(pixels))
    return image.filter(ImageFilter.GaussianBlur(float(random.choice([0, 0, 2, 8]))))


def _plain(random: Generator, size: tuple[int, int]) -> Image.Image:
    """One colour running into another: wallpapers and empty panels."""
    width, height = size
    first, second = np.asarray(_colour(random)), np.asarray(_colour(random))
    share = np.linspace(0, 1, width)[None, :, None] * np.ones((height, 1, 1))
    return Image.fromarray((first * (1 - share) + second * share).astype(np.uint8))


def _text(random: Generator, size: tuple[int, int]) -> Image.Image:
    paper, ink = _paper(random)
    image = Image.new("RGB", size, paper)
    _lines(random, ImageDraw.Draw(image), (8, 8, size[0] - 8, size[1] - 8), ink)
    return image


def _lines(
    random: Generator, pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int], ink: Colour
) -> None:
    left, top, right, bottom = box
    height = int(random.integers(9, 18))
    font = ImageFont.load_default(height)
    while top + height < bottom:
        line = ""
        while pen.textlength(line, font=font) < right - left - 40:
            line += f"{random.choice(WORDS)} "
        if random.random() > 0.1:
            pen.text((left, top), line, fill=ink, font=font)
        top += int(height * 1.4)


def _chart(random: Generator, size: tuple[int, int]) -> Image.Image:
    paper, ink = _paper(random)
    image = Image.new("RGB", size, paper)
    pen = ImageDraw.Draw(image)
    left, bottom, right, top = 30, size[1] - 25, size[0] - 10, 15
    pen.line([(left, top), (left, bottom), (right, bottom)], fill=ink, width=2)
    count = int(random.integers(4, 12))
    step = (right - left) / count
    heights = random.uniform(0.1, 1, count) * (bottom - top)
    if random.random() < 0.5:
        colour = _colour(random)
        for n, height in enumerate(heights):
            start = left + n * step
            pen.rectangle(
                [start + step / 6, bottom - height, start + step * 5 / 6, bottom],
                fill=colour if random.random() < 0.7 else _colour(random),
            )
    else:
        for _ in range(int(random.integers(1, 4))):
            points = [
                (left + (n + 0.5) * step, bottom - height)
                for n, height in enumerate(random.permutation(heights))
            ]
            pen.line(points, fill=_colour(random), width=3)
    return image


def _map(random: Generator, size: tuple[int, int]) -> Image.Image:
    """Regions around random places, with roads and names."""
    width, height = size
    places = random.uniform(0, 1, (int(random.integers(5, 20)), 2)) * (width, height)
    tints = random.integers(190, 250, (len(places), 3))
    across, down = np.meshgrid(np.arange(width), np.arange(height))
    distances = (across[..., None] - places[:, 0]) ** 2 + (down[..., None] - places[:, 1]) ** 2
    image = Image.fromarray(tints[distances.argmin(-1)].astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(int(random.integers(3, 9))):
        ends = [tuple(places[i]) for i in random.integers(0, len(places), 3)]
        pen.line(ends, fill=(240, 200, 90), width=int(random.integers(2, 6)))
    for x, y in places:
        pen.text((x, y), str(random.choice(WORDS)).title(), fill=_DARK)
    return image


def _drawing(random: Generator, size: tuple[int, int]) -> Image.Image:
    """Outlines and flat shapes, as in clip art."""
    image = Image.new("RGB", size, _paper(random)[0])
    pen = ImageDraw.Draw(image)
    for _ in range(int(random.integers(3, 12))):
        x, y = random.uniform(0, 0.8, 2) * size
        box = [x, y, x + random.uniform(0.1, 0.5) * size[0], y + random.uniform(0.1, 0.5) * size[1]]
        fill = _colour(random) if random.random() < 0.6 else None
        shape = (pen.ellipse, pen.rectangle)[int(random.integers(2))]
        shape(box, fill=fill, outline=_colour(random), width=3)
    return image


def _icons(random: Generator, size: tuple[int, int]) -> Image.Image:
    paper, ink = _paper(random)
    image = Image.new("RGB", size, paper)
    pen = ImageDraw.Draw(image)
    for top in range(20, size[1] - 40, 70):
        for left in range(20, size[0] - 40, 70):
            pen.rounded_rectangle([left, top, left + 36, top + 36], 8, fill=_colour(random))
            pen.ellipse([left + 10, top + 10, left + 26, top + 26], fill=_colour(random))
            pen.text((left, top + 40), str(random.choice(WORDS)), fill=ink)
    return image


def _window(random: Generator, size: tuple[int, int]) -> Image.Image:
    """Title bar, side bar, text and buttons."""
    paper, ink = _paper(random)
    width, height = size
    image = Image.new("RGB", size, paper)
    pen = ImageDraw.Draw(image)
    accent = _colour(random)
    pen.rectangle([0, 0, width, 24], fill=accent)
    pen.rectangle(
        [0, 24, width // 4, height],
        fill=tuple((p * 9 + i) // 10 for p, i in zip(paper, ink, strict=True)),
    )
    _lines(random, pen, (6, 34, width // 4, height - 10), ink)
    _lines(random, pen, (width // 4 + 10, 34, width - 8, height - 50), ink)
    for left in (width - 90, width - 180):
        pen.rounded_rectangle(
            [left, height - 36, left + 80, height - 10],
            5,
            outline=ink,
            fill=accent if left > width - 100 else None,
        )
    return image


_KINDS: dict[str, Callable[[Generator, tuple[int, int]], Image.Image]] = {
    "noise": _noise,
    "plain": _plain,
    "text": _text,
    "chart": _chart,
    "map": _map,
    "drawing": _drawing,
    "icons": _icons,
    "window": _window,
}
