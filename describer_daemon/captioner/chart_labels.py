"""What is written at a chart: its title and its axes, whatever else is written there.

A title is in large letters at the top, the name of an axis lies alone below the numbers, or is
written upwards at the left. Only these three strips are looked at, the left one turned, and in each
only the few lines that may be one of them are read: a chart may have hundreds of numbers, and
nobody asked for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

    from models.ocr.engine import OcrLine
    from models.ocr.reading_order import Box

    # which of the boxes of lines are to be read
    Wanted = Callable[[Sequence[Box]], Sequence[Box]]

_SURE_LINE = 0.8  # confidence of a line that is told although nobody asked for text
_TOP, _BOTTOM, _LEFT = 0.2, 0.8, 0.15  # shares of the sides where labels are
_NUMBERS = 0.7  # share of the height from where the numbers above the name of an axis are seen
_MIDDLE = (0.2, 0.8)  # between which shares of the width a title or an axis has its middle
_UPRIGHT = 1.5  # how much longer than high what is written is, even if it has two letters
_LETTERS = 0.5  # share of letters that words have, and numbers have not
_AS_LARGE = 0.8  # share of the largest letters' height that the rest of a title has
_SHORTEST, _SHORTEST_UPRIGHT, _LONGEST = 2, 3, 80  # characters; "ll" is as high as "Year" is wide
_STRIP_PIXELS = 250_000  # of what is looked at in one go, a quarter of a second on one core
_MOST = 6  # lines that are read in one strip


def chart_labels(
    image: Image.Image, read: Callable[[Image.Image, Wanted], Sequence[OcrLine]]
) -> tuple[str, ...]:
    """→ the title ("" where there is none) and the names of the axes of an RGB image of a chart,
    none where there is neither. `read` is `Reader.recognise_some`, whose errors are raised."""
    from PIL import Image

    width, height = image.size
    top = _strip(image, (0, 0, width, _TOP * height))
    title = _title(_words(read(top, lambda boxes: _tallest(boxes, top.size))), top.size)
    bottom = _strip(image, (0, _NUMBERS * height, width, height))
    across = _words(read(bottom, lambda boxes: _alone(boxes, bottom.size)))
    left = _strip(image, (0, 0, _LEFT * width, height)).transpose(Image.Transpose.ROTATE_270)
    upright = [
        line
        for line in _words(read(left, lambda boxes: _longest(boxes, left.size)))
        if len(line.text) >= _SHORTEST_UPRIGHT
    ]
    axes = [max(across, key=lambda line: line.box.top)] if across else []
    axes += [max(upright, key=lambda line: line.box.width)] if upright else []
    labels = (" ".join(line.text for line in title), *(line.text for line in axes))
    return labels if any(labels) else ()


def _strip(image: Image.Image, box: tuple[float, float, float, float]) -> Image.Image:
    left, top, right, bottom = map(round, box)
    strip = image.crop((left, top, max(left + 1, right), max(top + 1, bottom)))
    scale = (_STRIP_PIXELS / (strip.width * strip.height)) ** 0.5
    if scale >= 1:
        return strip
    size = (max(1, round(scale * strip.width)), max(1, round(scale * strip.height)))
    return strip.resize(size, reducing_gap=2.0)


def _tallest(boxes: Sequence[Box], size: tuple[int, int]) -> list[Box]:
    """Of the top strip: what may be a title, or tell that there is none."""
    whole = [box for box in boxes if not _is_cut(box, size) and not _is_upright(box)]
    return sorted(whole, key=lambda box: -box.height)[:_MOST]


def _alone(boxes: Sequence[Box], size: tuple[int, int]) -> list[Box]:
    """Of the bottom strip: what may name the axis across."""
    below = size[1] * (_BOTTOM - _NUMBERS) / (1 - _NUMBERS)
    alone = [
        box
        for box in boxes
        if box.middle > below
        and _is_in_the_middle(box, size)
        and not _is_upright(box)
        and not any(_same_row(box, other) for other in boxes if other is not box)
        and any(_is_just_above(other, box, size) for other in boxes)
    ]
    return sorted(alone, key=lambda box: -box.top)[:_MOST]


def _longest(boxes: Sequence[Box], size: tuple[int, int]) -> list[Box]:
    """Of the left strip, turned: what may name the axis upwards. Numbers are upright there."""
    lying = [box for box in boxes if box.width > _UPRIGHT * box.height and not _is_cut(box, size)]
    return sorted(lying, key=lambda box: -box.width)[:_MOST]


def _words(lines: Sequence[OcrLine]) -> list[OcrLine]:
    return [
        line
        for line in lines
        if line.confidence >= _SURE_LINE
        and _SHORTEST <= len(line.text) <= _LONGEST
        and sum(map(str.isalpha, line.text)) >= _LETTERS * len(line.text)
    ]


def _title(lines: Sequence[OcrLine], size: tuple[int, int]) -> list[OcrLine]:
    """The lines in the largest letters of those at the top, from above."""
    middle = [line for line in lines if _is_in_the_middle(line.box, size)]
    largest = max((line.box.height for line in middle), default=0.0)
    large = sorted(
        (line for line in middle if line.box.height >= _AS_LARGE * largest),
        key=lambda line: line.box.top,
    )
    if not large:
        return []
    first = large[0]
    if any(_same_row(line.box, first.box) for line in lines if line is not first):
        return []  # a legend, or the names of columns
    return [line for line in large[:2] if line.box.top - first.box.top < 2 * first.box.height]


def _is_just_above(box: Box, other: Box, size: tuple[int, int]) -> bool:
    """Where the numbers of an axis lie, if `other` names it."""
    near = size[1] * (1 - _BOTTOM) / (1 - _NUMBERS)
    return other.top - near < box.bottom <= other.middle


def _is_in_the_middle(box: Box, size: tuple[int, int]) -> bool:
    return _MIDDLE[0] * size[0] < (box.left + box.right) / 2 < _MIDDLE[1] * size[0]


def _is_cut(box: Box, size: tuple[int, int]) -> bool:
    """Whether it goes on in the rest of the chart, which is below."""
    return box.bottom >= size[1] - 1


def _is_upright(box: Box) -> bool:
    return box.height > _UPRIGHT * box.width


def _same_row(one: Box, other: Box) -> bool:
    return abs(one.middle - other.middle) < min(one.height, other.height) / 2
