"""What screens are made of besides pictures: bars, lists, tables, icons, buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.finder.canvas import FONTS, MONO, SANS, TEXT, phrase, write
from training.finder.canvas import font as letters_of

if TYPE_CHECKING:
    from numpy.random import Generator

    from training.finder.canvas import Box, Canvas, Colour


class Theme:
    """Colours and letters of one program."""

    def __init__(self, random: Generator) -> None:
        grey = random.integers(-4, 5, 3)
        light = random.random() < 0.6
        level = int(random.integers(225, 256) if light else random.integers(0, 60))
        self.paper = _tuple(grey + level)
        self.bar = _tuple(random.integers(-6, 7, 3) + level + (-20 if light else 22))
        if random.random() < 0.25:
            self.bar = colour(random)
        self.ink = _tuple(random.integers(0, 70, 3) if light else random.integers(175, 256, 3))
        self.faint = _tuple((np.asarray(self.ink) + 2 * np.asarray(self.paper)) // 3)
        self.line = _tuple(np.asarray(self.paper) + (-25 if light else 30))
        self.accent = colour(random)
        self.face = str(random.choice(FONTS if random.random() < 0.3 else SANS[:2]))
        self.points = float(random.uniform(9, 15))


def _tuple(values: object) -> Colour:
    red, green, blue = np.asarray(values).clip(0, 255).astype(int).tolist()
    return red, green, blue


def colour(random: Generator) -> Colour:
    red, green, blue = random.integers(0, 256, 3).tolist()
    return red, green, blue


def gradient(random: Generator, size: tuple[int, int]) -> Image.Image:
    """Colours that run into each other along any direction, now and then with soft spots."""
    width, height = (max(2, side // 4) for side in size)
    angle = random.uniform(0, 2 * np.pi)
    x, y = np.linspace(0, 1, width), np.linspace(0, 1, height)
    share = (np.cos(angle) * x[None, :] + np.sin(angle) * y[:, None])
    if random.random() < 0.4:
        share = share + np.sin(random.uniform(1, 5) * x[None, :] + random.uniform(0, 6)) * 0.5
        share = share + np.cos(random.uniform(1, 5) * y[:, None] + random.uniform(0, 6)) * 0.5
    share = (share - share.min()) / max(float(np.ptp(share)), 1e-6)
    stops = random.integers(0, 256, (int(random.integers(2, 5)), 3))
    if random.random() < 0.4:
        stops = (stops[:1] + random.integers(-30, 31, stops.shape)).clip(0, 255)
    places = np.linspace(0, 1, len(stops))
    pixels = np.stack([np.interp(share, places, stops[:, c]) for c in range(3)], -1)
    return Image.fromarray(pixels.astype(np.uint8)).resize(size, Image.Resampling.BILINEAR)


def icon(canvas: Canvas, random: Generator, box: Box) -> None:
    """A small sign: flat shapes, a letter, or a glossy blob."""
    left, top, right, bottom = box
    pen = canvas.pen
    side = min(right - left, bottom - top)
    if side < 4:
        return
    shape = random.random()
    edge = (left, top, left + side - 1, top + side - 1)
    if shape < 0.2 and side >= 16:
        blob = gradient(random, (side, side))
        mask = Image.new("L", (side, side), 0)
        ImageDraw.Draw(mask).ellipse((0, 0, side - 1, side - 1), fill=255)
        canvas.image.paste(blob, (left, top), mask)
    elif shape < 0.6:
        pen.rounded_rectangle(edge, side // 5, fill=colour(random))
    else:
        pen.ellipse(edge, fill=colour(random) if random.random() < 0.5 else None,
                    outline=colour(random), width=max(1, side // 12))
    inner = (left + side // 4, top + side // 4, left + side * 3 // 4, top + side * 3 // 4)
    for _ in range(int(random.integers(0, 4))):
        kind = random.random()
        if kind < 0.4:
            pen.rectangle((*inner[:2], max(inner[0], inner[2] - int(random.integers(side))),
                           inner[3]), fill=colour(random))
        elif kind < 0.7:
            ends = [(left + int(a * side), top + int(b * side)) for a, b in random.random((4, 2))]
            pen.polygon(ends, fill=colour(random))
        else:
            pen.text(inner[:2], phrase(random, 1)[:1], fill=colour(random),
                     font=letters_of(SANS[1], max(6, side // 2)))


def button(canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    fill = theme.accent if random.random() < 0.4 else theme.bar
    canvas.panel(box, fill, radius=int(random.integers(0, 8)), outline=theme.line)
    inset = canvas.points(5)
    write(canvas, random, (box[0] + inset, box[1] + inset // 2, box[2] - inset, box[3]),
          theme.ink if fill == theme.bar else (255, 255, 255), points=theme.points, lines=1,
          face=theme.face)


def bar(canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    """A title bar, tool bar, tab bar or task bar: icons, words, fields."""
    canvas.panel(box, theme.bar)
    if random.random() < 0.2:
        canvas.image.paste(gradient(random, (box[2] - box[0], box[3] - box[1])), box[:2])
    left, height = box[0] + canvas.points(6), box[3] - box[1]
    while left < box[2] - height * 2:
        choice = random.random()
        side = max(8, int(height * random.uniform(0.5, 0.8)))
        top = box[1] + (height - side) // 2
        if choice < 0.45:
            icon(canvas, random, (left, top, left + side, top + side))
            left += side + canvas.points(8)
        elif choice < 0.75:
            width = min(box[2] - left, canvas.points(float(random.uniform(30, 120))))
            write(canvas, random, (left, top, left + width, box[3]), theme.ink, lines=1,
                  points=theme.points, face=theme.face)
            left += width + canvas.points(10)
        elif choice < 0.85:
            width = min(box[2] - left, canvas.points(float(random.uniform(80, 300))))
            canvas.panel((left, top, left + width, top + side), theme.paper, radius=4,
                         outline=theme.line)
            left += width + canvas.points(10)
        else:
            left += canvas.points(float(random.uniform(20, 250)))


def rows(canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    """A list: mails, files, contacts, menu entries, with or without icons."""
    step = canvas.points(float(random.uniform(20, 64)))
    signs = random.random() < 0.6
    top = box[1]
    while top + step <= box[3]:
        left = box[0] + canvas.points(6)
        if random.random() < 0.08:
            canvas.panel((box[0], top, box[2], top + step), theme.accent)
        if signs:
            side = int(step * 0.6)
            icon(canvas, random, (left, top + step // 5, left + side, top + step // 5 + side))
            left += side + canvas.points(8)
        write(canvas, random, (left, top + step // 8, box[2] - 4, top + step), theme.ink,
              points=theme.points, face=theme.face, lines=max(1, step // canvas.points(24)))
        if random.random() < 0.5:
            canvas.pen.line((box[0], top, box[2], top), fill=theme.line)
        top += step


def cells(canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    """A table or spreadsheet."""
    row = canvas.points(float(random.uniform(16, 34)))
    column = canvas.points(float(random.uniform(50, 160)))
    pen = canvas.pen
    for top in range(box[1], box[3], row):
        pen.line((box[0], top, box[2], top), fill=theme.line)
        for left in range(box[0], box[2] - column, column):
            if random.random() < 0.05:
                canvas.panel((left, top, left + column, min(box[3], top + row)), colour(random))
            if random.random() < 0.7:
                inner = (left + 3, top + 2, left + column - 3, min(box[3], top + row))
                write(canvas, random, inner, theme.ink, points=theme.points * 0.9,
                      face=theme.face, lines=1)
    for left in range(box[0], box[2], column):
        pen.line((left, box[1], left, box[3]), fill=theme.line)


def code(canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    """Program text or a terminal: every line with its own indent and colours."""
    top, size = box[1] + 4, canvas.points(theme.points)
    letters = letters_of(str(random.choice(MONO)), max(6, size))
    inks = [theme.ink, *(colour(random) for _ in range(4))]
    pen = canvas.pen
    while top + size < box[3]:
        left = box[0] + 4 + int(random.integers(0, 5)) * size * 2
        for _ in range(int(random.integers(0, 9))):
            word = phrase(random, int(random.integers(1, 3)))
            if left + letters.getlength(word) > box[2] - 4:
                break
            pen.text((left, top), word, fill=inks[int(random.integers(len(inks)))], font=letters)
            end = left + int(letters.getlength(word)) + size // 2
            canvas.mark((left, top, min(end, box[2]), min(box[3], top + int(size * 1.35))), TEXT)
            left = end
        top += int(size * 1.35)


def form(canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    """Labels with fields, ticks, sliders and buttons."""
    top, step = box[1] + canvas.points(8), canvas.points(float(random.uniform(28, 60)))
    middle = box[0] + int((box[2] - box[0]) * random.uniform(0.25, 0.5))
    while top + step < box[3]:
        write(canvas, random, (box[0] + canvas.points(10), top, middle - 6, top + step), theme.ink,
              points=theme.points, face=theme.face, lines=1)
        height = int(step * 0.6)
        choice = random.random()
        width = int((box[2] - middle) * random.uniform(0.2, 0.95))
        if choice < 0.5:
            canvas.panel((middle, top, middle + width, top + height), theme.paper, radius=3,
                         outline=theme.line)
        elif choice < 0.7:
            button(canvas, random, theme, (middle, top, middle + width // 2, top + height))
        elif choice < 0.85:
            icon(canvas, random, (middle, top, middle + height, top + height))
        else:
            canvas.pen.line((middle, top + height // 2, middle + width, top + height // 2),
                            fill=theme.accent, width=3)
        top += step


def shadow(canvas: Canvas, box: Box, strength: float) -> None:
    """The soft dark edge around a window; what lies below stays what it is."""
    reach = canvas.points(14)
    around = (max(0, box[0] - reach), max(0, box[1] - reach),
              min(canvas.image.width, box[2] + reach), min(canvas.image.height, box[3] + reach))
    mask = Image.new("L", (around[2] - around[0], around[3] - around[1]), 0)
    inner = (box[0] - around[0], box[1] - around[1], box[2] - around[0], box[3] - around[1])
    mask.paste(int(255 * strength), inner)
    mask = mask.filter(ImageFilter.BoxBlur(reach / 2))
    canvas.image.paste((0, 0, 0), around[:2] + around[2:], mask)
