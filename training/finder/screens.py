"""Screens that nobody ever saw: windows over desktops, full of text, controls and pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from training.finder import looks, widgets
from training.finder.canvas import DRAWING, PHOTOGRAPH, Canvas, write
from training.finder.drawings import drawn
from training.finder.photographs import rounded
from training.finder.widgets import Theme

if TYPE_CHECKING:
    from numpy.random import Generator

    from training.finder.canvas import Box
    from training.finder.photographs import Photographs

_RATIOS = (1.0, 1.33, 1.5, 1.78, 0.75, 0.67, 2.3)


class Composer:
    """Draws one screen after another; what is on them is decided by `random` alone."""

    def __init__(self, photographs: Photographs) -> None:
        self._photographs = photographs

    def screen(self, random: Generator, size: tuple[int, int]) -> Canvas:
        """A screen of `size` (width, height) in pixels."""
        scale = float(random.choice([1, 1, 1.25, 1.5, 2]))
        canvas = Canvas.blank(size, scale, widgets.colour(random))
        whole = (0, 0, *size)
        if random.random() < 0.04:  # a photograph is no screen: all of it is the picture
            self._picture(canvas, random, whole)
            return canvas
        self._desktop(canvas, random, whole)
        if random.random() < 0.35:
            self._window(canvas, random, whole, bare=random.random() < 0.5)
        else:
            for _ in range(int(random.choice([0, 1, 1, 2, 3]))):
                width = int(size[0] * random.uniform(0.3, 0.95))
                height = int(size[1] * random.uniform(0.3, 0.95))
                left = int(random.integers(-width // 8, size[0] - width + width // 8))
                top = int(random.integers(0, max(1, size[1] - height + height // 6)))
                box = (left, top, left + width, top + height)
                if random.random() < 0.6:
                    widgets.shadow(canvas, _inside(box, whole), float(random.uniform(0.1, 0.6)))
                self._window(canvas, random, box, bare=random.random() < 0.15)
        if random.random() < 0.3:
            height = canvas.points(float(random.uniform(24, 44)))
            edge = (0, 0, size[0], height) if random.random() < 0.4 else (
                0, size[1] - height, *size)
            widgets.bar(canvas, random, Theme(random), edge)
        return canvas

    def _desktop(self, canvas: Canvas, random: Generator, box: Box) -> None:
        """What lies behind all windows: plain, colours, or a photograph with icons on it."""
        choice = random.random()
        size = (box[2], box[3])
        if choice < 0.3:
            canvas.put(self._photographs(random, size), box, PHOTOGRAPH, boxed=True)
        elif choice < 0.6:
            canvas.image.paste(widgets.gradient(random, size))
        if random.random() < 0.5:
            side, step = canvas.points(36), canvas.points(84)
            for left in range(canvas.points(20), size[0] - step, step):
                for top in range(canvas.points(20), size[1] - step, step):
                    if random.random() < 0.25:
                        widgets.icon(canvas, random, (left, top, left + side, top + side))
                        write(canvas, random, (left, top + side, left + side * 2, top + step),
                              (255, 255, 255), points=9, lines=1, marked=False)

    def _window(self, canvas: Canvas, random: Generator, box: Box, *, bare: bool) -> None:
        theme = Theme(random)
        canvas.panel(box, theme.paper, outline=theme.line)
        left, top, right, bottom = box
        if not bare:
            title = canvas.points(float(random.uniform(22, 40)))
            widgets.bar(canvas, random, theme, (left, top, right, top + title))
            top += title
        if random.random() < 0.4:
            tools = canvas.points(float(random.uniform(24, 50)))
            widgets.bar(canvas, random, theme, (left, top, right, top + tools))
            top += tools
        if random.random() < 0.3:
            side = int((right - left) * random.uniform(0.12, 0.3))
            panel = (left, top, left + side, bottom)
            canvas.panel(panel, theme.bar)
            widgets.rows(canvas, random, theme, panel)
            left += side
        content = (left, top, right, bottom)
        if right - left > 120 and bottom - top > 100:
            which = int(random.choice(len(_CONTENTS), p=_WEIGHTS))
            _CONTENTS[which](self, canvas, random, theme, content)

    # Each of these fills the content of one window.

    def _article(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        """Paragraphs and headings with pictures between or beside them."""
        margin = int((box[2] - box[0]) * random.uniform(0.02, 0.22))
        left, right, top = box[0] + margin, box[2] - margin, box[1] + canvas.points(12)
        if random.random() < 0.25:
            top = self._hero(canvas, random, (box[0], box[1], box[2], box[3]))
        while top < box[3] - canvas.points(30):
            choice = random.random()
            if choice < 0.2:
                top = write(canvas, random, (left, top, right, box[3]), theme.ink, face=theme.face,
                            points=theme.points * random.uniform(1.4, 2.6), lines=1)
            elif choice < 0.6:
                top = write(canvas, random, (left, top, right, box[3]), theme.ink,
                            face=theme.face, points=theme.points, lines=int(random.integers(2, 9)))
            elif choice < 0.8:
                width = int((right - left) * random.uniform(0.2, 1.0))
                height = int(width / random.choice(_RATIOS))
                begin = left if random.random() < 0.6 else right - width
                shown = (begin, top, begin + width, top + height)
                self._either(canvas, random, shown, clip=box)
                if width < (right - left) * 0.6:  # text runs beside it
                    beside = ((shown[2] + 12, right) if begin == left else (left, begin - 12))
                    write(canvas, random, (beside[0], top, beside[1], min(box[3], shown[3])),
                          theme.ink, face=theme.face, points=theme.points)
                top += height
            else:
                self._table(canvas, random, theme, (left, top, right, min(box[3], top + 150)))
                top += 150
            top += canvas.points(float(random.uniform(4, 26)))

    def _hero(self, canvas: Canvas, random: Generator, box: Box) -> int:
        """A wide picture with large words on it."""
        height = int((box[3] - box[1]) * random.uniform(0.25, 0.7))
        shown = (box[0], box[1], box[2], box[1] + height)
        self._picture(canvas, random, shown)
        for _ in range(int(random.integers(0, 3))):
            left = int(random.integers(box[0], box[2] - (box[2] - box[0]) // 3))
            top = int(random.integers(box[1], box[1] + max(1, height - height // 4)))
            write(canvas, random, (left, top, box[2], shown[3]), (255, 255, 255), lines=1,
                  points=float(random.uniform(14, 40)), marked=False)
        return shown[3]

    def _gallery(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        """Rows of pictures that touch or keep apart, with or without names."""
        gap = int(random.choice([0, 0, 2, 4, 8, 16, 30]))
        named = canvas.points(24) if random.random() < 0.4 else 0
        columns = int(random.integers(1, 7))
        width = (box[2] - box[0] - gap) // columns - gap
        if width < 30:
            return
        ratio = float(random.choice(_RATIOS))
        even, top = random.random() < 0.6, box[1] + gap - int(random.integers(0, 2) * width * 0.3)
        while top < box[3]:
            left, height = box[0] + gap, int(width / ratio)
            while left + width <= box[2]:
                wide = width if even else int(width * random.uniform(0.6, 1.8))
                wide = min(wide, box[2] - left)
                if random.random() < 0.93:
                    self._either(canvas, random, (left, top, left + wide, top + height), clip=box,
                                 drawings=0.08)
                if named:
                    write(canvas, random, (left, top + height + 2, left + wide,
                                           min(box[3], top + height + named)),
                          theme.ink, points=theme.points, face=theme.face, lines=1)
                left += wide + gap
            top += height + gap + named

    def _feed(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        """Posts or messages: a face, words, a picture."""
        chat = random.random() < 0.5
        width = int((box[2] - box[0]) * random.uniform(0.35, 0.8))
        top = box[1] + canvas.points(8) - int(random.integers(0, 120))
        while top < box[3] - 20:
            right = chat and random.random() < 0.5
            left = box[2] - width - 10 if right else box[0] + int((box[2] - box[0] - width) *
                                                                 (0.05 if chat else 0.5))
            face = canvas.points(float(random.uniform(24, 44)))
            if top > box[1]:
                canvas.put(self._photographs(random, (face, face)),
                           (left, top, left + face, top + face), PHOTOGRAPH,
                           mask=rounded(random, (face, face)))
            words = (left + face + 8, max(box[1], top), left + width, box[3])
            below = write(canvas, random, words, theme.ink, points=theme.points, face=theme.face,
                          lines=int(random.integers(1, 5)))
            if random.random() < 0.55:
                across = int((width - face) * random.uniform(0.4, 1))
                height = int(across / random.choice(_RATIOS))
                self._either(canvas, random, (left + face + 8, below + 4, left + face + 8 + across,
                                              below + 4 + height), clip=box, drawings=0.1)
                below += height
            top = below + canvas.points(float(random.uniform(8, 40)))

    def _viewer(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        """One picture on a plain ground, or a film with its controls."""
        if random.random() < 0.5:
            canvas.panel(box, (0, 0, 0) if random.random() < 0.5 else theme.bar)
        width, height = box[2] - box[0], box[3] - box[1]
        ratio, share = float(random.choice(_RATIOS)), float(random.choice([1, 1, 0.9, 0.6, 0.3]))
        across = min(width, int(height * ratio)) * share
        size = (max(30, int(across)), max(30, int(across / ratio)))
        left, top = box[0] + (width - size[0]) // 2, box[1] + (height - size[1]) // 2
        shown = (left, top, left + size[0], top + size[1])
        self._either(canvas, random, shown, clip=box, drawings=0.15)
        if random.random() < 0.4:  # controls and subtitles over it, which leave it a picture
            line = shown[3] - canvas.points(14)
            canvas.pen.line((shown[0] + 10, line, shown[2] - 10, line), fill=theme.accent, width=3)
            side = canvas.points(16)
            for n in range(int(random.integers(0, 5))):
                start = (shown[0] + 10 + n * side * 2, line - side - 4)
                if start[0] + side < shown[2]:
                    widgets.icon(canvas, random, (*start, start[0] + side, start[1] + side))
        if random.random() < 0.3:
            write(canvas, random, (shown[0] + size[0] // 4, shown[3] - canvas.points(50),
                                   shown[2] - size[0] // 4, shown[3]), (255, 255, 255),
                  points=float(random.uniform(12, 22)), lines=2, marked=False)

    def _slide(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        """A title, points, and sometimes a picture or a chart."""
        margin = (box[2] - box[0]) // 12
        inner = (box[0] + margin, box[1] + margin // 2, box[2] - margin, box[3] - margin // 2)
        if random.random() < 0.3:
            _colour_in(canvas, random, box)
        below = write(canvas, random, inner, theme.ink, points=float(random.uniform(22, 40)),
                      face=theme.face, lines=1)
        middle = inner[0] + int((inner[2] - inner[0]) * random.uniform(0.35, 0.65))
        alone = random.random() < 0.5
        write(canvas, random, (inner[0], below + 10, inner[2] if alone else middle - 10, inner[3]),
              theme.ink, points=float(random.uniform(13, 24)), face=theme.face, spacing=1.8)
        if not alone:
            self._either(canvas, random, (middle, below + 10, inner[2], inner[3]), clip=box,
                         drawings=0.4)

    def _chart(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        """Drawings alone: dashboards and maps."""
        across, down = int(random.integers(1, 4)), int(random.integers(1, 3))
        width, height = (box[2] - box[0]) // across, (box[3] - box[1]) // down
        gap = int(random.integers(0, 24))
        for row in range(down):
            for column in range(across):
                left, top = box[0] + column * width + gap, box[1] + row * height + gap
                shown = (left, top, left + width - 2 * gap, top + height - 2 * gap)
                if random.random() < 0.85 and min(shown[2] - left, shown[3] - top) > 60:
                    self._either(canvas, random, shown, clip=box, drawings=0.9)

    def _icons(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        """A folder or an app menu."""
        side = canvas.points(float(random.uniform(20, 56)))
        step = int(side * random.uniform(1.6, 3))
        for top in range(box[1] + 10, box[3] - step, step):
            for left in range(box[0] + 10, box[2] - step, step):
                if random.random() < 0.9:
                    widgets.icon(canvas, random, (left, top, left + side, top + side))
                    write(canvas, random, (left, top + side + 2, left + step - 4, top + step),
                          theme.ink, points=theme.points * 0.8, face=theme.face, lines=2)

    def _files(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        """A folder of pictures: small ones, each fitted into its square, among other files."""
        side = canvas.points(float(random.choice([48, 64, 64, 80, 96, 128, 160])))
        step, line = int(side * random.uniform(1.15, 1.7)), canvas.points(theme.points * 1.5)
        framed = random.random() < 0.3
        for top in range(box[1] + int(random.integers(4, 24)), box[3] - side, side + line * 2):
            for left in range(box[0] + int(random.integers(4, 24)), box[2] - side, step):
                cell = (left, top, left + side, top + side)
                if random.random() < 0.12:
                    widgets.icon(canvas, random, cell)
                else:
                    if framed:
                        canvas.panel(cell, theme.bar, outline=theme.line)
                    ratio = float(random.choice(_RATIOS))
                    across = int(side * min(1.0, ratio))
                    down = int(side * min(1.0, 1 / ratio))
                    begin = (left + (side - across) // 2, top + (side - down) // 2)
                    self._either(canvas, random, (*begin, begin[0] + across, begin[1] + down),
                                 clip=box, drawings=0.06)
                if random.random() < 0.9:
                    write(canvas, random, (left, top + side + 2, left + step - 4,
                                           min(box[3], top + side + line)),
                          theme.ink, points=theme.points * 0.8, face=theme.face, lines=1)

    def _text(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        margin = int((box[2] - box[0]) * random.uniform(0.01, 0.2))
        write(canvas, random, (box[0] + margin, box[1] + 10, box[2] - margin, box[3] - 6),
              theme.ink, points=theme.points * random.uniform(0.8, 1.6), face=theme.face,
              spacing=float(random.uniform(1.2, 2)))

    def _code(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        widgets.code(canvas, random, theme, box)

    def _table(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        widgets.cells(canvas, random, theme, box)

    def _list(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        widgets.rows(canvas, random, theme, box)

    def _form(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        widgets.form(canvas, random, theme, box)

    def _empty(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        """Nothing at all, or colours that run into each other."""
        if random.random() < 0.6:
            _colour_in(canvas, random, box)

    def _other(self, canvas: Canvas, random: Generator, theme: Theme, box: Box) -> None:
        """One of the looks of other people's programs."""
        looks.draw(self._picture, canvas, random, theme, box)

    def _either(self, canvas: Canvas, random: Generator, box: Box, *, clip: Box,
                drawings: float = 0.2) -> None:
        """A photograph or a drawing at `box`, of which `clip` is seen."""
        if random.random() < drawings:
            shown = _inside(box, clip)
            size = (shown[2] - shown[0], shown[3] - shown[1])
            if min(size) >= 70:
                canvas.put(drawn(random, size), shown, DRAWING)
                return
        self._picture(canvas, random, box, clip)

    def _picture(self, canvas: Canvas, random: Generator, box: Box, clip: Box | None = None
                 ) -> None:
        shown = _inside(box, clip or box)
        size = (box[2] - box[0], box[3] - box[1])
        if min(size) < 12 or min(shown[2] - shown[0], shown[3] - shown[1]) < 12:
            return
        picture = self._photographs(random, size)
        picture = picture.crop((shown[0] - box[0], shown[1] - box[1],
                                shown[2] - box[0], shown[3] - box[1]))
        if random.random() < 0.1:
            width = int(random.integers(1, 4))
            canvas.panel((shown[0] - width, shown[1] - width, shown[2] + width, shown[3] + width),
                         widgets.colour(random))
        canvas.put(picture, shown, PHOTOGRAPH, mask=rounded(random, picture.size))


def _colour_in(canvas: Canvas, random: Generator, box: Box) -> None:
    """Fill a part of the interface with colours that run into each other."""
    canvas.image.paste(widgets.gradient(random, (box[2] - box[0], box[3] - box[1])), box[:2])


def _inside(box: Box, clip: Box) -> Box:
    return (max(box[0], clip[0]), max(box[1], clip[1]), min(box[2], clip[2]), min(box[3], clip[3]))


_CONTENTS: tuple[Callable[[Composer, Canvas, Generator, Theme, Box], None], ...] = (
    Composer._article, Composer._gallery, Composer._feed, Composer._viewer, Composer._slide,
    Composer._chart, Composer._icons, Composer._text, Composer._code, Composer._table,
    Composer._list, Composer._form, Composer._empty, Composer._files, Composer._other,
)
_WEIGHTS = (0.11, 0.09, 0.08, 0.08, 0.05, 0.08, 0.03, 0.05, 0.04, 0.04, 0.03, 0.03, 0.01, 0.04,
            0.24)
