"""What is written at a chart: its title and its axes, among all the lines that were read there.

Pure arithmetic: a title is in large letters at the top, the name of an axis lies alone below the
numbers, or upright at the left.
"""

from __future__ import annotations

from describer_daemon.core.ports import OcrResult, TextLine

_SURE_LINE = 0.8  # confidence of a line that is told although nobody asked for text
_SURE_UPRIGHT = 0.65  # what is written upwards is read less surely, and mostly right
_TOP, _BOTTOM, _LEFT = 0.2, 0.8, 0.15  # shares of the sides where labels are
_MIDDLE = (0.2, 0.8)  # between which shares of the width the name of an axis has its middle
_UPRIGHT = 1.5  # how much higher than wide what is written upwards is
_LETTERS = 0.5  # share of letters that words have, and numbers have not
_AS_LARGE = 0.8  # share of the largest letters' height that the rest of a title has
_SHORTEST, _LONGEST = 2, 80  # characters


def chart_labels(text: OcrResult, size: tuple[int, int]) -> tuple[str, ...]:
    """→ the title ("" where there is none) and the names of the axes, none where there is
    neither. `size` has the width and height of the image in whose pixels the lines are."""
    lines = [line for line in text.lines if _is_words(line)]
    title = _title(lines, size)
    upright = [line for line in lines if _is_upright(line) and _middle(line)[0] < _LEFT * size[0]]
    across = [line for line in lines if _names_the_axis(line, text, size)]
    axes = [max(across, key=lambda line: line.top)] if across else []
    axes += [max(upright, key=lambda line: line.height)] if upright else []
    labels = (" ".join(line.text for line in title), *(line.text for line in axes))
    return labels if any(labels) else ()


def _is_words(line: TextLine) -> bool:
    letters = sum(map(str.isalpha, line.text))
    return (
        line.confidence >= (_SURE_UPRIGHT if _is_upright(line) else _SURE_LINE)
        and _SHORTEST <= len(line.text) <= _LONGEST
        and letters >= _LETTERS * len(line.text)
    )


def _title(lines: list[TextLine], size: tuple[int, int]) -> list[TextLine]:
    """The lines in the largest letters of those at the top, from above."""
    top = [line for line in lines if _middle(line)[1] < _TOP * size[1] and not _is_upright(line)]
    largest = max((line.height for line in top), default=0)
    large = sorted((line for line in top if line.height >= _AS_LARGE * largest), key=_top)
    if not large:
        return []
    first = large[0]
    if any(_same_row(line, first) for line in top if line is not first):
        return []  # a legend, or the names of columns
    return [line for line in large[:2] if line.top - first.top < 2 * first.height]


def _names_the_axis(line: TextLine, text: OcrResult, size: tuple[int, int]) -> bool:
    across, down = _middle(line)
    return (
        down > _BOTTOM * size[1]
        and _MIDDLE[0] * size[0] < across < _MIDDLE[1] * size[0]
        and not _is_upright(line)
        and not any(_same_row(line, other) for other in text.lines if other is not line)
        and any(_is_just_above(other, line, size) for other in text.lines)
    )


def _is_just_above(line: TextLine, other: TextLine, size: tuple[int, int]) -> bool:
    """Where the numbers of an axis lie, if `other` names it."""
    bottom = line.top + line.height
    return other.top - (1 - _BOTTOM) * size[1] < bottom <= other.top + other.height / 2


def _is_upright(line: TextLine) -> bool:
    return line.height > _UPRIGHT * line.width


def _same_row(one: TextLine, other: TextLine) -> bool:
    return abs(_middle(one)[1] - _middle(other)[1]) < min(one.height, other.height) / 2


def _middle(line: TextLine) -> tuple[float, float]:
    return line.left + line.width / 2, line.top + line.height / 2


def _top(line: TextLine) -> int:
    return line.top
