"""Looks of other people's programs, which windows of text and pictures lack.

Chosen by what the finder got wrong on real screenshots: covers with titles in dark players, cards
with a selection around them, masonry, banners before a blurred backdrop; and what is no picture
though it has colours: gauges, placeholders, rows of program icons, minimaps of code.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from training.finder import widgets
from training.finder.canvas import FONTS, SANS, font, phrase, write

if TYPE_CHECKING:
    from numpy.random import Generator

    from training.finder.canvas import Box, Canvas, Colour
    from training.finder.widgets import Theme

Show = Callable[["Canvas", "Generator", "Box", "Box"], None]  # a picture at a box, and its clip
Look = Callable[[Show, "Canvas", "Generator", "Theme", "Box"], None]
Plain = Callable[["Canvas", "Generator", "Theme", "Box"], None]


def draw(show: Show, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    """Fill a box with one of them."""
    if random.random() < _WITH_PICTURES:
        PICTURED[int(random.integers(len(PICTURED)))](show, canvas, random, theme, box)
    else:
        PLAIN[int(random.integers(len(PLAIN)))](canvas, random, theme, box)


def player(show: Show, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    """A music player: shelves of covers in cards on a dark gradient, one playing below."""
    top, bottom = np.asarray(_dark(random)), np.asarray(_dark(random))
    share = np.linspace(0, 1, box[3] - box[1])[:, None, None]
    size = (box[3] - box[1], box[2] - box[0], 3)
    slope = np.broadcast_to(top * (1 - share) + bottom * share, size)
    canvas.image.paste(Image.fromarray(slope.astype(np.uint8)), box[:2])
    foot = box[3] - canvas.points(float(random.uniform(56, 90)))
    y, inset = box[1] + canvas.points(10), canvas.points(14)
    while y < foot - canvas.points(70):
        below = write(canvas, random, (box[0] + inset, y, box[2], foot), (240, 240, 240),
                      points=15, face=SANS[1], lines=1)
        flat = random.random() < 0.4  # the cover fills the left of its card
        side = canvas.points(float(random.uniform(60, 84) if flat else random.uniform(90, 180)))
        step = side * 3 if flat else int(side * random.uniform(1.1, 1.4))
        card, colour = random.random() < 0.6, _dark(random)
        for left in range(box[0] + inset, box[2] - side, step):
            shown = (left, below + inset, left + side, below + inset + side)
            if card:
                around = (left, shown[1], left + step - 12, shown[3]) if flat else (
                    left - 8, shown[1] - 8, shown[2] + 8, shown[3] + canvas.points(40))
                canvas.panel(_clipped(around, (*box[:3], foot)), colour, radius=6)
            cover(show, canvas, random, shown, (*box[:3], foot))
            words = (shown[2] + 8, shown[1] + 8, left + step - 16, shown[3]) if flat else (
                left, shown[3] + 4, shown[2], shown[3] + canvas.points(34))
            write(canvas, random, _clipped(words, (*box[:3], foot)), (220, 220, 220), points=10,
                  lines=2)
        y = below + inset + side + canvas.points(52)
    canvas.panel((box[0], foot, *box[2:]), _dark(random))
    small = box[3] - foot - canvas.points(16)
    cover(show, canvas, random, (box[0] + 8, foot + 8, box[0] + 8 + small, foot + 8 + small), box)
    widgets.bar(canvas, random, theme, (box[0] + (box[2] - box[0]) // 3, foot + 8, box[2] - 8,
                                        box[3] - 8))


def cover(show: Show, canvas: Canvas, random: Generator, shown: Box, clip: Box) -> None:
    """A picture with its title, a band, a badge or a play button on it: all of it picture."""
    show(canvas, random, shown, clip)
    seen = _clipped(shown, clip)
    side = min(seen[2] - seen[0], seen[3] - seen[1])
    if side < 40:
        return
    overlay = Image.new("RGBA", (seen[2] - seen[0], seen[3] - seen[1]))
    pen, kind = ImageDraw.Draw(overlay), random.random()
    ink = (*widgets.colour(random), 255)
    letters = font(str(random.choice(FONTS)), max(8, int(side * random.uniform(0.08, 0.2))))
    if kind < 0.3:  # a title on a plain band, at the top or the bottom
        high = int(overlay.height * random.uniform(0.15, 0.45))
        begin = 0 if random.random() < 0.5 else overlay.height - high
        pen.rectangle((0, begin, overlay.width, begin + high), fill=(*widgets.colour(random), 255))
        pen.text((4, begin + 3), phrase(random, 3), fill=ink, font=letters)
    elif kind < 0.5:  # a title on the picture itself
        pen.text((4, int(random.uniform(0, 0.8) * overlay.height)), phrase(random, 2), fill=ink,
                 font=letters)
    elif kind < 0.6:  # a play button
        x, y, r = overlay.width // 2, overlay.height // 2, side // 6
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(20, 20, 20, 170))
        pen.polygon([(x - r // 3, y - r // 2), (x - r // 3, y + r // 2), (x + r // 2, y)],
                    fill=(255, 255, 255, 230))
    elif kind < 0.7:  # a length, a number
        pen.rounded_rectangle((overlay.width - side // 3, overlay.height - side // 6,
                               overlay.width - 3, overlay.height - 3), 3, fill=(0, 0, 0, 200))
    elif kind < 0.8:  # dimmed, as what is not in front
        pen.rectangle((0, 0, *overlay.size), fill=(0, 0, 0, int(random.integers(40, 150))))
    canvas.image.paste(overlay, seen[:2], overlay)


def selected(show: Show, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    """Cards of pictures with their names, some with a frame, a shadow, or the accent around."""
    side = canvas.points(float(random.uniform(80, 170)))
    names = canvas.points(theme.points * 1.5) * int(random.integers(1, 5))
    for top in range(box[1] + 12, box[3] - side, side + names + 24):
        for left in range(box[0] + 12, box[2] - side - 8, side + int(random.integers(12, 40))):
            card = _clipped((left - 8, top - 8, left + side + 8, top + side + names + 8), box)
            choice = random.random()
            if choice < 0.2:
                canvas.panel(card, theme.accent, radius=int(random.integers(0, 8)))
            elif choice < 0.5:
                canvas.panel(card, theme.bar, outline=theme.line)
            ratio = float(random.choice((1.0, 1.5, 0.67, 1.78)))
            wide, high = int(side * min(1, ratio)), int(side * min(1, 1 / ratio))
            shown = (left + (side - wide) // 2, top + (side - high) // 2)
            if random.random() < 0.4:
                widgets.shadow(canvas, (*shown, shown[0] + wide, shown[1] + high), 0.5)
            cover(show, canvas, random, (*shown, shown[0] + wide, shown[1] + high), box)
            write(canvas, random, _clipped((left, top + side + 4, left + side, card[3]), box),
                  theme.ink, points=theme.points * 0.9, face=theme.face)


def masonry(show: Show, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    """Columns of pictures of any height, close together."""
    canvas.panel(box, theme.bar)
    gap, count = int(random.choice((2, 4, 8, 16))), int(random.integers(2, 7))
    width = (box[2] - box[0]) // count
    for number in range(count):
        left, top = box[0] + number * width + gap, box[1] - int(random.integers(0, width))
        while top < box[3] - 30 and width > 60:
            high = int((width - gap) * random.uniform(0.5, 1.7))
            cover(show, canvas, random, (left, top, left + width - gap, top + high), box)
            top += high + gap


def backdrop(show: Show, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    """A poster and words before its own blurred picture, which is ground."""
    show(canvas, random, box, box)
    part = canvas.image.crop(box).filter(ImageFilter.GaussianBlur(canvas.points(24)))
    canvas.image.paste(Image.blend(part, Image.new("RGB", part.size, _dark(random)),
                                   float(random.uniform(0.4, 0.8))), box[:2])
    canvas.mark(box, 0)
    high = int((box[3] - box[1]) * random.uniform(0.4, 0.8))
    left, top = box[0] + canvas.points(30), box[1] + (box[3] - box[1] - high) // 2
    cover(show, canvas, random, (left, top, left + int(high * 0.67), top + high), box)
    write(canvas, random, (left + high, top, box[2] - 20, top + high), (240, 240, 240),
          points=theme.points * 1.3, face=theme.face)


def gauges(canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    """A dashboard of dials, bars, small curves and numbers: part of the interface."""
    side = canvas.points(float(random.uniform(90, 180)))
    for top in range(box[1] + 10, box[3] - side, side + 16):
        for left in range(box[0] + 10, box[2] - side, side + 16):
            canvas.panel((left, top, left + side, top + side), theme.bar, radius=8,
                         outline=theme.line)
            pen, inner = canvas.pen, (left + 14, top + 14, left + side - 14, top + side - 14)
            kind = random.random()
            if kind < 0.5:
                end = 140 + float(random.uniform(10, 260))
                pen.arc(inner, 140, 400, fill=theme.line, width=side // 12)
                pen.arc(inner, 140, end, fill=widgets.colour(random), width=side // 12)
            elif kind < 0.75:
                walk = random.random(24) * (side - 40)
                across = np.linspace(inner[0], inner[2], 24)
                pen.line(list(zip(across.tolist(), (inner[1] + walk).tolist(), strict=True)),
                         fill=theme.accent, width=2)
            write(canvas, random, (left + side // 3, top + side // 2, left + side - 8, top + side),
                  theme.ink, points=theme.points, face=theme.face, lines=2)


def placeholders(canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    """What a page shows until it has loaded: grey circles, bars and boxes."""
    grey, y = theme.line, box[1] + 12
    while y < box[3] - 60:
        size = canvas.points(float(random.uniform(24, 90)))
        edge = (box[0] + 12, y, box[0] + 12 + size, y + size)
        (canvas.pen.ellipse if random.random() < 0.6 else canvas.pen.rectangle)(edge, fill=grey)
        for number in range(int(random.integers(1, 5))):
            wide = int((box[2] - edge[2] - 40) * random.uniform(0.3, 1))
            high = canvas.points(10)
            start = (edge[2] + 14, y + number * high * 2)
            canvas.pen.rounded_rectangle((*start, start[0] + max(4, wide), start[1] + high), 3,
                                         fill=grey)
        y += size + canvas.points(30)


def programs(canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    """Icons as shops and launchers show them: square ones with gradients, large, with a name."""
    side = canvas.points(float(random.uniform(48, 110)))
    for top in range(box[1] + 14, box[3] - side - 20, int(side * 1.7)):
        for left in range(box[0] + 14, box[2] - side, int(side * random.uniform(1.5, 3))):
            mask = Image.new("L", (side, side), 0)
            ImageDraw.Draw(mask).rounded_rectangle((0, 0, side - 1, side - 1),
                                                   int(side * random.uniform(0.05, 0.3)), fill=255)
            canvas.image.paste(widgets.gradient(random, (side, side)), (left, top), mask)
            third = side // 3
            widgets.icon(canvas, random, (left + third, top + third, left + 2 * third,
                                          top + 2 * third))
            write(canvas, random, (left, top + side + 4, left + int(side * 1.4), box[3]), theme.ink,
                  points=theme.points, face=theme.face, lines=1)


def minimap(canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
    """An editor with all of its file beside it, a line a pixel high or two."""
    wide = min((box[2] - box[0]) // 3, canvas.points(90))
    widgets.code(canvas, random, theme, (box[0], box[1], box[2] - wide, box[3]))
    inks = [theme.ink, theme.faint, *(widgets.colour(random) for _ in range(3))]
    for y in range(box[1], box[3], 3):
        x = box[2] - wide + int(random.integers(0, 12))
        while x < box[2] - 8 and random.random() < 0.85:
            run = int(random.integers(2, 14))
            canvas.pen.line((x, y, min(box[2] - 2, x + run), y),
                            fill=inks[int(random.integers(len(inks)))], width=2)
            x += run + 2


def _dark(random: Generator) -> Colour:
    red, green, blue = (int(random.integers(8, 48)) + random.integers(-6, 7, 3)).tolist()
    return max(0, red), max(0, green), max(0, blue)


def _clipped(box: Box, clip: Box) -> Box:
    return (max(box[0], clip[0]), max(box[1], clip[1]), min(box[2], clip[2]), min(box[3], clip[3]))


_WITH_PICTURES = 0.6
PICTURED: tuple[Look, ...] = (player, selected, masonry, backdrop)
PLAIN: tuple[Plain, ...] = (gauges, placeholders, programs, minimap)
