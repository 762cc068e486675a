"""Pictures of each medium, composed: photographs, artwork, and graphics, as screens show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from training.finder import covers, drawings, plots, widgets
from training.finder.canvas import DRAWING, FONTS, PHOTOGRAPH, font, phrase
from training.finder.photographs import Photographs, as_jpeg
from training.finder.screens import Composer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.random import Generator

    from models.captioning.medium import Medium
    from training.finder.sources import Sources

_SHORTEST, _LONGEST = 64, 360  # pixels of a side
_MOST_CLIPS = 5
_WINDOW = 320  # pixels a side of a program's window, at least
_TRIES, _HARDLY = 40, 0.03  # screens until one has hardly any share of pictures
_MOST_PIXELS = 2_500_000  # of a drawing's file


class Pictures:
    """Composes pictures of a medium."""

    def __init__(self, sources: Sources) -> None:
        self._files = sources
        self._screens = Composer(Photographs(sources.photographs))

    def __call__(self, random: Generator, medium: Medium) -> Image.Image:
        """One RGB picture, as a screen shows it."""
        make = {"photograph": self._photograph, "artwork": self._artwork, "chart": _chart,
                "map": self._map, "sign": self._sign, "other": self._other}[medium]
        side = int(np.exp(random.uniform(np.log(_SHORTEST), np.log(_LONGEST))))
        if medium in ("chart", "map", "other"):  # smaller ones show nothing
            side *= 2
        ratio = float(np.exp(random.uniform(-0.5, 0.5))) if random.random() < 0.6 else 1.0
        picture = make(random, (max(48, int(side * ratio**0.5)), max(48, int(side / ratio**0.5))))
        return _shown(random, picture)

    def _photo(self, random: Generator, size: tuple[int, int]) -> Image.Image:
        path = _one(random, self._files.photographs)
        with Image.open(path) as file:
            picture = file.convert("RGB")
        if random.random() < 0.5:
            share = float(random.uniform(0.15, 1))  # down to a piece of sky
            wide, high = (int(side * share) for side in picture.size)
            left = int(random.integers(picture.width - wide + 1))
            top = int(random.integers(picture.height - high + 1))
            picture = picture.crop((left, top, left + wide, top + high))
        return ImageOps.fit(picture, size, Image.Resampling.LANCZOS)

    def _photograph(self, random: Generator, size: tuple[int, int]) -> Image.Image:
        kind = random.random()
        if random.random() < 0.12:  # a record's cover that is a photograph
            return covers.record(random, max(size), self._photo, letters_alone=False)
        picture = _sky(random, size) if kind > 0.92 else self._photo(random, size)
        if kind < 0.12:
            picture = ImageOps.grayscale(picture).convert("RGB")
        elif kind < 0.3:
            picture = ImageEnhance.Brightness(picture).enhance(float(random.uniform(0.4, 1.3)))
        elif kind < 0.45:
            picture = ImageEnhance.Color(picture).enhance(float(random.uniform(0.3, 2.3)))
            picture = ImageEnhance.Contrast(picture).enhance(float(random.uniform(0.7, 1.7)))
        elif kind < 0.55:
            picture = picture.filter(ImageFilter.GaussianBlur(float(random.uniform(0.5, 3))))
        elif kind < 0.65:  # taken at night: little light on black
            power = float(random.uniform(1.5, 4))
            picture = picture.point([round(255 * (n / 255) ** power) for n in range(256)] * 3)
            if random.random() < 0.5:
                picture = ImageOps.grayscale(picture).convert("RGB")
        marks = random.random()  # a photograph with a play button or a title is one all the same
        if marks < 0.15:
            _badge(random, picture)
        elif marks < 0.4:
            _title(random, picture)
        return picture

    def _artwork(self, random: Generator, size: tuple[int, int]) -> Image.Image:
        kind = random.random()
        if kind < 0.25:
            return self._painting(random, size)
        if kind < 0.55:
            if random.random() < 0.6:
                return covers.book(random, max(size), self._on_book)
            return covers.record(random, max(size), self._on_record)
        if kind < 0.8:
            return self._scene(random, size)
        if kind < 0.85:
            picture = drawings.drawn_as(random, size, drawings.ILLUSTRATIONS)
        else:
            make = TREATMENTS[int(random.integers(len(TREATMENTS)))]
            picture = make(random, self._photo(random, size))
        if random.random() < 0.5:
            _title(random, picture)
        return picture

    def _on_book(self, random: Generator, size: tuple[int, int]) -> Image.Image:
        if random.random() < 0.2:
            return self._photo(random, size)
        return self._on_record(random, size)

    def _on_record(self, random: Generator, size: tuple[int, int]) -> Image.Image:
        kind = random.random()
        if kind < 0.55:
            return self._painting(random, size)
        if kind < 0.75:
            make = TREATMENTS[int(random.integers(len(TREATMENTS)))]
            return make(random, self._photo(random, size))
        return self._scene(random, size)

    def _painting(self, random: Generator, size: tuple[int, int]) -> Image.Image:
        """A painting or a part of one; what is cut out lies on another, or on a ground."""
        painting = _opened(random, self._files.paintings)
        if random.random() < 0.7:
            share = float(random.uniform(0.4, 1))
            wide, high = (max(1, int(side * share)) for side in painting.size)
            left = int(random.integers(painting.width - wide + 1))
            top = int((painting.height - high) * random.uniform(0, 0.5))  # faces are at the top
            painting = painting.crop((left, top, left + wide, top + high))
        if random.random() < 0.5:
            painting = ImageOps.mirror(painting)
        ground = self._ground(random, size)
        if random.random() < 0.4:
            behind = _opened(random, self._files.paintings).convert("RGB")
            ground = ImageOps.fit(behind, size, Image.Resampling.LANCZOS)
            ground = ground.filter(ImageFilter.GaussianBlur(float(random.uniform(0, 4))))
        shown = ImageOps.fit(painting, size, Image.Resampling.LANCZOS)
        ground.paste(shown, (0, 0), shown)
        if random.random() < 0.3:
            ground = ImageEnhance.Color(ground).enhance(float(random.uniform(0, 1.8)))
        return ground

    def _scene(self, random: Generator, size: tuple[int, int]) -> Image.Image:
        """Drawn things on a ground, as on a cover, a poster or in a cartoon."""
        picture = self._ground(random, size)
        for _ in range(int(random.integers(1, _MOST_CLIPS))):
            self._paste(random, picture, self._files.scenes, float(random.uniform(0.35, 1.1)))
        if random.random() < 0.45:
            _title(random, picture)
        return picture

    def _map(self, random: Generator, size: tuple[int, int]) -> Image.Image:
        if random.random() < 0.5:
            return drawings.drawn_as(random, size, drawings.MAPS)
        picture = Image.new("RGB", size, _paper(random))
        drawn = ImageOps.fit(_opened(random, self._files.maps), size, Image.Resampling.LANCZOS)
        picture.paste(drawn, (0, 0), drawn)
        if random.random() < 0.6:
            drawings.name_places(random, picture)
        return picture

    def _sign(self, random: Generator, size: tuple[int, int]) -> Image.Image:
        flat = random.random() < 0.8
        picture = Image.new("RGB", size, _paper(random)) if flat else widgets.gradient(random, size)
        self._paste(random, picture, self._files.signs, float(random.uniform(0.5, 0.9)),
                    middle=True)
        if random.random() < 0.3:
            _title(random, picture)
        return picture

    def _other(self, random: Generator, size: tuple[int, int]) -> Image.Image:
        """A diagram, or a program's window: what is told of it is neither a chart nor a map."""
        if random.random() < 0.5:
            return drawings.drawn_as(random, size, drawings.DIAGRAMS)
        for _ in range(_TRIES):
            canvas = self._screens.screen(random, (max(_WINDOW, size[0]), max(_WINDOW, size[1])))
            if np.isin(canvas.kinds, (PHOTOGRAPH, DRAWING)).mean() < _HARDLY:
                return canvas.image
        return Image.new("RGB", size, _paper(random))

    def _ground(self, random: Generator, size: tuple[int, int]) -> Image.Image:
        kind = random.random()
        if kind < 0.35:
            return Image.new("RGB", size, _paper(random))
        if kind < 0.75:
            return widgets.gradient(random, size)
        picture = widgets.gradient(random, size)
        noise = random.normal(0, float(random.uniform(3, 18)), (size[1], size[0], 1))
        pixels = np.asarray(picture, np.float64) + noise
        return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))

    def _paste(self, random: Generator, picture: Image.Image, files: Sequence[Path], share: float,
               *, middle: bool = False) -> None:
        clip = _opened(random, files)
        side = max(8, int(share * min(picture.size)))
        clip.thumbnail((side, side), Image.Resampling.LANCZOS)
        room = (picture.width - clip.width, picture.height - clip.height)
        if middle:
            place = (room[0] // 2, room[1] // 2)
        else:
            place = (int(room[0] * random.uniform(-0.1, 1.1)), int(room[1] * random.uniform(0, 1)))
        picture.paste(clip, place, clip)


def _chart(random: Generator, size: tuple[int, int]) -> Image.Image:
    if random.random() < 0.35:
        return drawings.drawn_as(random, size, drawings.CHARTS)
    picture = plots.plotted(random)
    picture.thumbnail((max(size),) * 2, Image.Resampling.LANCZOS)
    return picture


def _one(random: Generator, files: Sequence[Path]) -> Path:
    return files[int(random.integers(len(files)))]


def _opened(random: Generator, files: Sequence[Path]) -> Image.Image:
    """A drawing with its see-through ground; none that is so large that it takes seconds."""
    for _ in range(100):
        try:
            with Image.open(_one(random, files)) as file:
                if file.width * file.height <= _MOST_PIXELS:
                    return file.convert("RGBA")
        except Image.DecompressionBombError:
            continue
    raise ValueError("nearly all of the drawings are too large: 2.5 million pixels are the most")


def _paper(random: Generator) -> tuple[int, int, int]:
    if random.random() < 0.4:
        return (255, 255, 255) if random.random() < 0.6 else (30, 30, 34)
    return widgets.colour(random)


def _badge(random: Generator, picture: Image.Image) -> None:
    side, pen = min(picture.size), ImageDraw.Draw(picture)
    if random.random() < 0.5:
        x, y, r = picture.width // 2, picture.height // 2, side // 7
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(20, 20, 20))
        pen.polygon([(x - r // 3, y - r // 2), (x - r // 3, y + r // 2), (x + r // 2, y)],
                    fill=(255, 255, 255))
    else:
        pen.rectangle((picture.width - side // 3, picture.height - side // 6, picture.width - 3,
                       picture.height - 3), fill=(0, 0, 0))


def _sky(random: Generator, size: tuple[int, int]) -> Image.Image:
    """Stars and clouds of light in the dark, as through a telescope: a photograph, too."""
    width, height = size
    light = random.normal(random.uniform(4, 40), random.uniform(1, 8), (height, width))
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    for _ in range(int(random.integers(0, 4))):
        centre, spread = random.uniform(0, 1, 2) * size, random.uniform(0.04, 0.25) * max(size)
        tilt = random.uniform(0.3, 1)
        far = ((x - centre[0]) ** 2 + ((y - centre[1]) / tilt) ** 2) / spread**2
        rough = np.asarray(widgets.gradient(random, size).convert("L"), float) / 255
        light += random.uniform(40, 220) * np.exp(-far) * rough
    for _ in range(int(random.integers(3, 200))):
        at, strong = (int(random.integers(height)), int(random.integers(width))), random.random()
        light[at] += 300 * strong**3
    picture = Image.fromarray(light.clip(0, 255).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(float(random.uniform(0.3, 1))))
    if random.random() < 0.5:
        return picture.convert("RGB")
    ink = tuple(int(level) for level in random.integers(150, 256, 3))
    return ImageOps.colorize(picture, (0, 0, 0), ink)


def _title(random: Generator, picture: Image.Image) -> None:
    """One to three lines in large letters, as covers have."""
    pen, ink = ImageDraw.Draw(picture), widgets.colour(random)
    if random.random() < 0.5:
        ink = (255, 255, 255) if random.random() < 0.6 else (0, 0, 0)
    size = max(9, int(min(picture.size) * random.uniform(0.09, 0.28)))
    letters = font(str(random.choice(FONTS)), size)
    y = float(random.uniform(0.02, 0.75)) * picture.height
    for _ in range(int(random.integers(1, 4))):
        text = phrase(random, int(random.integers(1, 3)))
        text = text.upper() if random.random() < 0.5 else text
        pen.text((int(random.uniform(0.02, 0.3) * picture.width), y), text, fill=ink, font=letters)
        y += size * 1.1


def _duotone(random: Generator, picture: Image.Image) -> Image.Image:
    grey = ImageOps.autocontrast(ImageOps.grayscale(picture), cutoff=2)
    return ImageOps.colorize(grey, widgets.colour(random), widgets.colour(random))


def _posterised(random: Generator, picture: Image.Image) -> Image.Image:
    smooth = picture.filter(ImageFilter.ModeFilter(5))
    return smooth.quantize(int(random.integers(4, 16)), dither=Image.Dither.NONE).convert("RGB")


def _painted(random: Generator, picture: Image.Image) -> Image.Image:
    """Strokes that are wide for the picture: no camera is that coarse, and that sharp."""
    side = max(5, min(picture.size) // 24 * 2 + 1)
    smooth = picture.filter(ImageFilter.ModeFilter(side))
    return ImageEnhance.Color(smooth).enhance(float(random.uniform(1.0, 2.0)))


def cartoon(random: Generator, picture: Image.Image) -> Image.Image:
    """Flat areas with dark lines around them."""
    flat = _posterised(random, picture)
    lines = ImageOps.grayscale(picture.filter(ImageFilter.GaussianBlur(1.2)))
    lines = ImageOps.invert(lines.filter(ImageFilter.FIND_EDGES)).point(
        lambda level: 255 if level > 225 else 0)
    return Image.composite(flat, Image.new("RGB", flat.size, (15, 15, 15)), lines)


def _sketched(random: Generator, picture: Image.Image) -> Image.Image:
    lines = ImageOps.grayscale(picture).filter(ImageFilter.CONTOUR)
    ink, paper = widgets.colour(random), (250, 248, 240)
    return ImageOps.colorize(ImageOps.autocontrast(lines, cutoff=5), ink, paper)


TREATMENTS: tuple[Callable[[Generator, Image.Image], Image.Image], ...] = (
    _duotone, _posterised, _painted, cartoon, _sketched,
)


def _shown(random: Generator, picture: Image.Image) -> Image.Image:
    """As programs show it: packed as JPEG, scaled, dimmed, with rounded corners."""
    if random.random() < 0.25:
        share = float(random.uniform(0.5, 0.9))
        small = (max(40, int(picture.width * share)), max(40, int(picture.height * share)))
        picture = picture.resize(small, Image.Resampling.BILINEAR)
    if random.random() < 0.2:
        share = float(random.uniform(1.1, 1.8))
        large = (int(picture.width * share), int(picture.height * share))
        picture = picture.resize(large, Image.Resampling.BICUBIC)
    if random.random() < 0.12:
        picture = covers.framed(random, picture)
    if random.random() < 0.5:
        picture = as_jpeg(picture, int(random.integers(50, 96)))
    if random.random() < 0.12:
        picture = ImageEnhance.Brightness(picture).enhance(float(random.uniform(0.35, 0.8)))
    if random.random() < 0.2:
        mask = Image.new("L", picture.size, 0)
        radius = int(random.uniform(0.03, 0.15) * min(picture.size))
        box = (0, 0, picture.width - 1, picture.height - 1)
        ImageDraw.Draw(mask).rounded_rectangle(box, radius, fill=255)
        ground = Image.new("RGB", picture.size, _paper(random))
        picture = Image.composite(picture, ground, mask)
    return picture
