"""Flat drawings as programs show them: charts, maps, diagrams, illustrations.

The finder must tell them from photographs however rich they are, so they have shaded fills,
hatching and soft edges, too. All are drawn twice as large and reduced: lines are smooth.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.finder.canvas import FONTS, SANS, font, phrase

if TYPE_CHECKING:
    from numpy.random import Generator

    from training.finder.canvas import Colour

_TWICE = 2
CHARTS, MAPS, DIAGRAMS = ("_chart", "_shares"), ("_street_map",), ("_diagram", "_relief")
ILLUSTRATIONS = ("_illustration", "_line_art")


def drawn(random: Generator, size: tuple[int, int]) -> Image.Image:
    """A flat drawing of exactly this size, of a kind that `random` decides."""
    sheet = _Sheet(random, size)
    _KINDS[int(random.choice(len(_KINDS), p=_WEIGHTS))](sheet)
    return sheet.image.resize(size, Image.Resampling.BOX)


def drawn_as(random: Generator, size: tuple[int, int], names: Sequence[str]) -> Image.Image:
    """A drawing of one of these kinds (see `CHARTS`, `ILLUSTRATIONS` …)."""
    sheet = _Sheet(random, size)
    name = names[int(random.integers(len(names)))]
    next(kind for kind in _KINDS if kind.__name__ == name)(sheet)
    return sheet.image.resize(size, Image.Resampling.BOX)


def name_places(random: Generator, picture: Image.Image) -> None:
    """Write some names on a map that has none."""
    pen, dark = ImageDraw.Draw(picture), random.random() < 0.7
    for _ in range(int(random.integers(3, 25))):
        letters = font(SANS[0], int(random.integers(8, 15)))
        x, y = random.random(2) * (picture.width * 0.9, picture.height)
        pen.text((x, y), phrase(random, 1), fill=(40, 40, 40) if dark else (250, 250, 250),
                 font=letters)


class _Sheet:
    """Paper with its own few colours; `unit` is a pixel of the finished drawing."""

    def __init__(self, random: Generator, size: tuple[int, int]) -> None:
        self.random, self.unit = random, _TWICE
        self.width, self.height = size[0] * _TWICE, size[1] * _TWICE
        dark = random.random() < 0.3
        level = int(random.integers(10, 60) if dark else random.integers(225, 256))
        self.paper = self.tint((level,) * 3, 8)
        self.ink = self.tint((210,) * 3 if dark else (50,) * 3, 40)
        self.faint = self.between(self.paper, self.ink, 0.15)
        hue = random.integers(0, 256, 3)
        near = random.random() < 0.5  # shades of one colour, or several
        self.colours = [self.tint(hue if near else random.integers(0, 256, 3), 60 if near else 5)
                        for _ in range(int(random.integers(2, 7)))]
        self.image = Image.new("RGB", (self.width, self.height), self.paper)
        self.pen = ImageDraw.Draw(self.image)

    def tint(self, colour: object, reach: int) -> Colour:
        change = self.random.integers(-reach, reach + 1, 3)
        red, green, blue = (np.asarray(colour) + change).clip(0, 255).astype(int).tolist()
        return red, green, blue

    def between(self, first: Colour, second: Colour, share: float) -> Colour:
        mixed = np.asarray(first) * (1 - share) + np.asarray(second) * share
        red, green, blue = mixed.astype(int).tolist()
        return red, green, blue

    def colour(self) -> Colour:
        return self.colours[int(self.random.integers(len(self.colours)))]

    def chance(self, share: float) -> bool:
        return bool(self.random.random() < share)

    def among(self, low: float, high: float) -> float:
        return float(self.random.uniform(low, high))

    def say(self, x: float, y: float, points: float = 9, ink: Colour | None = None,
            words: int = 1) -> None:
        letters = font(FONTS[int(self.random.integers(len(FONTS)))] if self.chance(0.3)
                       else SANS[0], max(6, int(points * self.unit)))
        self.pen.text((x, y), phrase(self.random, words), fill=ink or self.ink, font=letters)

    def shade(self, mask: Image.Image, first: Colour, second: Colour) -> None:
        """Fill where `mask` is with one colour that runs into another."""
        angle = self.among(0, 2 * math.pi)
        x, y = np.linspace(-1, 1, self.width // 8), np.linspace(-1, 1, self.height // 8)
        share = (math.cos(angle) * x[None, :] + math.sin(angle) * y[:, None]).clip(-1, 1) / 2 + 0.5
        pixels = (np.asarray(first) * (1 - share[..., None])
                  + np.asarray(second) * share[..., None])
        image = Image.fromarray(pixels.astype(np.uint8))
        self.image.paste(image.resize(self.image.size, Image.Resampling.BILINEAR), (0, 0), mask)

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """A flat or, now and then, a shaded area."""
        if self.chance(0.75):
            self.pen.polygon(points, fill=colour)
            return
        mask = Image.new("L", self.image.size, 0)
        ImageDraw.Draw(mask).polygon(points, fill=255)
        self.shade(mask, colour, self.tint(colour, 50))


def _chart(sheet: _Sheet) -> None:
    """Axes with lines, areas, bars or points, a grid, a legend."""
    unit = sheet.unit
    left, top = sheet.among(10, 45) * unit, sheet.among(8, 34) * unit
    right, bottom = sheet.width - 8 * unit, sheet.height - sheet.among(10, 28) * unit
    if right - left < 20 or bottom - top < 20:
        return
    if sheet.chance(0.6):
        for n in range(int(sheet.random.integers(3, 9))):
            y = top + (bottom - top) * n / 8
            sheet.pen.line((left, y, right, y), fill=sheet.faint, width=unit)
            sheet.say(2 * unit, y - 5 * unit, 8)
    if sheet.chance(0.4):
        sheet.say(left, 2 * unit, sheet.among(9, 15), words=3)
    count = int(sheet.random.integers(4, 40))
    box = (left, top, right, bottom)
    kind = float(sheet.random.random())
    for number in range(1 if kind < 0.3 else int(sheet.random.integers(1, 4))):
        _series(sheet, box, count, kind, sheet.colours[number % len(sheet.colours)])
    sheet.pen.line((left, top, left, bottom, right, bottom), fill=sheet.ink, width=unit)
    for x in np.linspace(left, right, 6):
        sheet.say(float(x), bottom + 2 * unit, 8)


def _series(sheet: _Sheet, box: tuple[float, float, float, float], count: int, kind: float,
            colour: Colour) -> None:
    """Bars, an area, a line or points, for smaller or larger `kind` in 0..1."""
    left, top, right, bottom = box
    unit = sheet.unit
    walk = sheet.random.normal(0, 1, count).cumsum()
    if sheet.chance(0.4):
        walk = sheet.random.random(count)
    share = (walk - walk.min()) / max(float(np.ptp(walk)), 1e-6)
    ys = bottom - (0.08 + 0.85 * share) * (bottom - top)
    line = list(zip(np.linspace(left, right, count).tolist(), ys.tolist(), strict=True))
    if kind < 0.35:
        step = (right - left) / count
        for x, y in line:
            sheet.pen.rectangle((x, y, x + step * 0.7, bottom),
                                fill=colour if sheet.chance(0.9) else sheet.colour())
    elif kind < 0.6:
        sheet.polygon([(left, bottom), *line, (right, bottom)],
                      sheet.between(sheet.paper, colour, sheet.among(0.2, 1)))
        sheet.pen.line(line, fill=colour, width=2 * unit)
    elif kind < 0.85:
        sheet.pen.line(line, fill=colour, width=int(sheet.random.integers(1, 4)) * unit)
    else:
        for across, down in sheet.random.normal(0.5, 0.2, (count * 6, 2)).tolist():
            x, y, r = left + across * (right - left), top + down * (bottom - top), 2 * unit
            sheet.pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def _shares(sheet: _Sheet) -> None:
    """A pie or a ring with its names, or squares whose colour is a number."""
    unit = sheet.unit
    if sheet.chance(0.6):
        side = int(min(sheet.width, sheet.height) * sheet.among(0.5, 0.9))
        left = (sheet.width - side) // 2 if sheet.chance(0.5) else 6 * unit
        box = (left, (sheet.height - side) // 2, left + side, (sheet.height + side) // 2)
        start = sheet.among(0, 360)
        for share in sheet.random.dirichlet(np.ones(int(sheet.random.integers(2, 8)))):
            sheet.pen.pieslice(box, start, start + 360 * share, fill=sheet.tint(sheet.colour(), 40),
                               outline=sheet.paper, width=unit)
            start += 360 * share
        if sheet.chance(0.5):
            hole = side * sheet.among(0.2, 0.35)
            middle = (left + side / 2, sheet.height / 2)
            sheet.pen.ellipse((middle[0] - hole, middle[1] - hole, middle[0] + hole,
                               middle[1] + hole), fill=sheet.paper)
        for n in range(int(sheet.random.integers(0, 6))):
            sheet.say(left + side + 12 * unit, (20 + 16 * n) * unit, 9, words=2)
        return
    first, second = np.asarray(sheet.colour()), np.asarray(sheet.paper)
    columns, rows = (int(sheet.random.integers(4, 30)) for _ in range(2))
    shares = sheet.random.random((rows, columns))
    if sheet.chance(0.5):  # neighbours are alike
        wide = Image.fromarray((shares * 255).astype(np.uint8)).filter(ImageFilter.BoxBlur(1))
        shares = np.asarray(wide) / 255
    values = first * shares[..., None] + second * (1 - shares[..., None])
    how = Image.Resampling.NEAREST if sheet.chance(0.8) else Image.Resampling.BILINEAR
    sheet.image.paste(Image.fromarray(values.astype(np.uint8)).resize(sheet.image.size, how))


def _street_map(sheet: _Sheet) -> None:
    """A ground, waters and greens, streets with their edges, names."""
    unit, random = sheet.unit, sheet.random
    dark = sheet.chance(0.25)
    ground = sheet.tint((38, 42, 52) if dark else (240, 236, 226), 10)
    sheet.image.paste(ground, (0, 0, sheet.width, sheet.height))
    for _ in range(int(random.integers(2, 12))):
        natural = [(170, 211, 223), (200, 230, 180), (220, 220, 215), (245, 225, 200)]
        area = sheet.tint(natural[int(random.integers(4))], 14)
        if dark:
            area = sheet.between(ground, area, 0.25)
        sheet.pen.polygon(_blob(sheet, sheet.among(0.05, 0.3)), fill=area)
    if sheet.chance(0.5):  # houses
        for _ in range(int(random.integers(20, 200))):
            x, y = random.random(2) * (sheet.width, sheet.height)
            side = sheet.among(3, 12) * unit
            sheet.pen.rectangle((x, y, x + side, y + side * sheet.among(0.4, 2)),
                                fill=sheet.between(ground, sheet.ink, 0.12))
    edge = sheet.between(ground, (0, 0, 0), 0.25)
    street = sheet.tint((70, 74, 84) if dark else (255, 255, 255), 6)
    main = sheet.tint((120, 100, 60) if dark else (250, 215, 120), 20)
    angle, curved = sheet.among(0, math.pi), sheet.chance(0.5)
    roads = []
    for _ in range(int(random.integers(5, 36))):
        turn = angle + (math.pi / 2 if sheet.chance(0.5) else 0) + sheet.among(-0.12, 0.12)
        x, y = random.random(2) * (sheet.width, sheet.height)
        points = [(x - math.cos(turn) * 3 * sheet.width, y - math.sin(turn) * 3 * sheet.width)]
        bend = sheet.among(-0.2, 0.2) * sheet.width if curved else 0.0
        points += [(x + bend, y + bend),
                   (x + math.cos(turn) * 3 * sheet.width, y + math.sin(turn) * 3 * sheet.width)]
        roads.append((points, int(random.integers(1, 8)) * unit, sheet.chance(0.2)))
    for points, width, _ in roads:
        sheet.pen.line(points, fill=edge, width=width + unit, joint="curve")
    for points, width, large in roads:
        sheet.pen.line(points, fill=main if large else street, width=width, joint="curve")
    for _ in range(int(random.integers(3, 25))):
        x, y = random.random(2) * (sheet.width * 0.9, sheet.height)
        sheet.say(x, y, sheet.among(7, 13), words=int(random.integers(1, 3)),
                  ink=(200, 200, 205) if dark else sheet.tint((90, 90, 90), 30))
    for _ in range(int(random.integers(0, 5))):  # pins
        x, y, r = *(random.random(2) * (sheet.width, sheet.height)), sheet.among(4, 9) * unit
        sheet.pen.ellipse((x - r, y - r, x + r, y + r), fill=sheet.colour())


def _relief(sheet: _Sheet) -> None:
    """Heights as colours, with or without shadow and contour lines: weather, terrain."""
    random = sheet.random
    rows, columns = max(4, sheet.height // 16), max(4, sheet.width // 16)
    heights = np.zeros((rows, columns))
    for size in (3, 6, 12, 24):
        small = Image.fromarray((random.random((size, size)) * 255).astype(np.uint8))
        grown = small.resize((columns, rows), Image.Resampling.BICUBIC)
        heights += np.asarray(grown, np.float64) / 255 / size
    share = (heights - heights.min()) / max(float(np.ptp(heights)), 1e-6)
    levels = int(random.integers(4, 14))
    if sheet.chance(0.7):
        share = np.floor(share * levels) / levels
    stops = random.integers(60, 256, (int(random.integers(2, 6)), 3))
    pixels = np.stack([np.interp(share, np.linspace(0, 1, len(stops)), stops[:, c])
                       for c in range(3)], -1)
    if sheet.chance(0.4):
        slopes = np.asarray(np.gradient(heights, axis=1))
        pixels = pixels + slopes[..., None] * sheet.among(300, 1500)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    how = Image.Resampling.NEAREST if sheet.chance(0.3) else Image.Resampling.BILINEAR
    sheet.image.paste(image.resize(sheet.image.size, how))
    for _ in range(int(random.integers(0, 10))):
        x, y = random.random(2) * (sheet.width * 0.9, sheet.height)
        sheet.say(x, y, sheet.among(7, 12), ink=sheet.ink)


def _diagram(sheet: _Sheet) -> None:
    """Boxes and circles with words, joined by lines."""
    unit, random = sheet.unit, sheet.random
    columns, rows = int(random.integers(1, 6)), int(random.integers(1, 5))
    wide, high = sheet.width / columns, sheet.height / rows
    places = [((c + 0.5) * wide, (r + 0.5) * high) for c in range(columns) for r in range(rows)
              if sheet.chance(0.85)]
    for first, second in itertools.pairwise(places):
        sheet.pen.line((*first, *second), fill=sheet.ink, width=unit)
    fill = sheet.between(sheet.paper, sheet.colour(), sheet.among(0, 0.7))
    for x, y in places:
        across, down = wide * sheet.among(0.2, 0.4), high * sheet.among(0.15, 0.35)
        box = (x - across, y - down, x + across, y + down)
        if sheet.chance(0.8):
            sheet.pen.rounded_rectangle(box, sheet.among(0, 8) * unit, fill=fill,
                                        outline=sheet.colour(), width=unit)
        else:
            sheet.pen.ellipse(box, fill=fill, outline=sheet.colour(), width=unit)
        sheet.say(x - across * 0.7, y - 6 * unit, sheet.among(8, 13))


def _illustration(sheet: _Sheet) -> None:
    """Layers of flat shapes: skies, hills, blobs, houses and people, outlined or not."""
    unit, random = sheet.unit, sheet.random
    whole = Image.new("L", sheet.image.size, 255)
    sheet.shade(whole, sheet.colour(), sheet.colour() if sheet.chance(0.4) else sheet.paper)
    outline = sheet.ink if sheet.chance(0.4) else None
    for level in range(int(random.integers(0, 5))):
        base = sheet.height * (0.35 + 0.13 * level)
        waves = [(x, base + math.sin(x / sheet.width * sheet.among(2, 9)) * sheet.height * 0.08)
                 for x in np.linspace(0, sheet.width, 24)]
        sheet.polygon([(0, sheet.height), *waves, (sheet.width, sheet.height)],
                      sheet.tint(sheet.colour(), 30))
    for _ in range(int(random.integers(2, 14))):
        x, y = random.random(2) * (sheet.width, sheet.height)
        side = sheet.among(0.04, 0.25) * min(sheet.width, sheet.height)
        choice = sheet.random.random()
        if choice < 0.35:
            sheet.polygon(_blob(sheet, side / sheet.width, (x, y)), sheet.colour())
        elif choice < 0.6:
            sheet.pen.ellipse((x - side, y - side, x + side, y + side), fill=sheet.colour(),
                              outline=outline, width=2 * unit)
        elif choice < 0.8:
            sheet.pen.rectangle((x, y, x + side, y + side * 1.2), fill=sheet.colour(),
                                outline=outline, width=2 * unit)
            sheet.polygon([(x - side * 0.2, y), (x + side / 2, y - side * 0.7),
                           (x + side * 1.2, y)], sheet.colour())
        else:  # somebody
            sheet.pen.rounded_rectangle((x - side / 2, y, x + side / 2, y + side * 1.6), side / 3,
                                        fill=sheet.colour(), outline=outline, width=2 * unit)
            sheet.pen.ellipse((x - side / 3, y - side * 0.6, x + side / 3, y + side * 0.1),
                              fill=sheet.tint((190, 140, 110), 60), outline=outline, width=unit)
    if sheet.chance(0.15):
        sheet.say(sheet.width * 0.1, sheet.height * 0.1, sheet.among(14, 36), words=2)


def _line_art(sheet: _Sheet) -> None:
    """Strokes on paper: sketches, technical drawings, hatching."""
    unit, random = sheet.unit, sheet.random
    for _ in range(int(random.integers(4, 40))):
        points = random.random((int(random.integers(2, 6)), 2)) * (sheet.width, sheet.height)
        middle = points.mean(0)
        points = middle + (points - middle) * sheet.among(0.1, 0.8)
        sheet.pen.line([tuple(each) for each in points.tolist()], fill=sheet.ink, joint="curve",
                       width=int(random.integers(1, 4)) * unit)
    for _ in range(int(random.integers(0, 4))):
        x, y = random.random(2) * (sheet.width, sheet.height)
        for n in range(int(random.integers(4, 30))):
            sheet.pen.line((x + n * 4 * unit, y, x + (n * 4 - 12) * unit, y + 24 * unit),
                           fill=sheet.ink, width=unit)


def _blob(sheet: _Sheet, share: float, middle: tuple[float, float] | None = None
          ) -> list[tuple[float, float]]:
    """A closed wavy line as wide as `share` of the sheet."""
    x, y = middle or tuple((sheet.random.random(2) * (sheet.width, sheet.height)).tolist())
    angles = np.linspace(0, 2 * math.pi, int(sheet.random.integers(4, 24)), endpoint=False)
    radii = share * sheet.width * sheet.random.uniform(0.6, 1.2, len(angles))
    return [(x + r * math.cos(a), y + r * math.sin(a))
            for r, a in zip(radii.tolist(), angles.tolist(), strict=True)]


_KINDS: tuple[Callable[[_Sheet], None], ...] = (
    _chart, _shares, _street_map, _relief, _diagram, _illustration, _line_art,
)
_WEIGHTS = (0.22, 0.1, 0.22, 0.06, 0.12, 0.2, 0.08)
