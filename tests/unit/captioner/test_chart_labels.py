"""What is written at a chart: its title and the names of its axes, and none of the numbers."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from PIL import Image, ImageDraw

from describer_daemon.captioner.chart_labels import chart_labels
from describer_daemon.captioner.reading import Reader
from describer_daemon.core.ports import TextLine
from models.ocr.engine import OcrLine
from models.ocr.reading_order import Box

Wanted = Callable[[Sequence[Box]], Sequence[Box]]

SIZE = (640, 480)
TITLE = TextLine("Sales by region", 0.95, 220, 12, 200, 24)
BELOW = TextLine("Year", 0.95, 300, 452, 40, 16)
UPRIGHT = TextLine("Revenue (EUR)", 0.9, 8, 180, 16, 120)
TICKS = tuple(TextLine(str(2000 + n), 0.99, 60 + 90 * n, 430, 34, 14) for n in range(6))
SIDE = tuple(TextLine(str(10 * n), 0.99, 36, 400 - 60 * n, 20, 14) for n in range(6))
LEGEND = (TextLine("North", 0.9, 540, 60, 40, 14), TextLine("South", 0.9, 540, 80, 40, 14))
CHART = (TITLE, BELOW, UPRIGHT, *TICKS, *SIDE, *LEGEND)


@pytest.mark.parametrize(
    ("lines", "labels"),
    [
        (CHART, ("Sales by region", "Year", "Revenue (EUR)")),
        ((BELOW, *TICKS, *SIDE), ("", "Year")),
        ((TITLE, *TICKS, *SIDE), ("Sales by region",)),
        (
            (TITLE, TextLine("in Europe", 0.9, 260, 40, 120, 22), *TICKS),
            ("Sales by region in Europe",),
        ),
        ((*TICKS, *SIDE), ()),
        ((), ()),
        # the names of columns are in one row, and no title; nor are those of bars an axis
        (
            tuple(
                TextLine(name, 0.9, 200 * n, 12, 80, 24)
                for n, name in enumerate(["aa", "bb", "cc"])
            ),
            (),
        ),
        (
            tuple(
                TextLine(name, 0.9, 200 * n, 430, 80, 14)
                for n, name in enumerate(["aa", "bb", "cc"])
            ),
            (),
        ),
        ((TextLine("S4L35 ~ r3g10n", 0.9, 220, 12, 200, 24),), ()),
        ((TextLine("Sales by region", 0.5, 220, 12, 200, 24),), ()),
        # upwards it must be as sure; a short word that is higher than wide is not upwards
        ((TITLE, TextLine("Rvnue", 0.75, 8, 180, 16, 120)), ("Sales by region",)),
        ((TITLE, TextLine("ll", 0.95, 20, 180, 8, 16)), ("Sales by region",)),
        ((TITLE, TextLine("it", 0.95, 300, 452, 8, 16), *TICKS), ("Sales by region",)),
        # at the side is a legend, of one line or more, and no title
        ((LEGEND[0], BELOW, *TICKS), ("", "Year")),
        (LEGEND, ()),
        ((TITLE, TextLine("North", 0.9, 540, 60, 60, 28)), ("Sales by region",)),
        # what goes on below the top is not all there to be read
        ((TextLine("Sales by region", 0.9, 220, 80, 200, 30),), ()),
    ],
)
def test_title_and_axes_are_told_from_numbers_and_legends(
    lines: tuple[TextLine, ...], labels: tuple[str, ...]
) -> None:
    image = Image.new("RGB", SIZE, "white")
    for number, line in enumerate(lines):
        box = (line.left, line.top, line.left + line.width - 1, line.top + line.height - 1)
        ImageDraw.Draw(image).rectangle(box, fill=(number,) * 3)

    def read(strip: Image.Image, wanted: Wanted) -> list[OcrLine]:
        """Lines by their shades of grey, wherever they are."""
        grey = np.asarray(strip)[:, :, 0]
        boxes: dict[Box, TextLine] = {}
        for level in sorted(set(np.unique(grey).tolist()) - {255}):
            rows, columns = np.nonzero(grey == level)
            box = Box(columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            boxes[box] = lines[level]
        return [OcrLine(boxes[box].text, boxes[box].confidence, box) for box in wanted([*boxes])]

    assert chart_labels(image, read) == labels


def test_of_a_chart_full_of_numbers_little_is_looked_at_and_few_lines_are_read() -> None:
    looked_at: list[int] = []
    asked: list[int] = []

    def read(strip: Image.Image, wanted: Wanted) -> list[OcrLine]:
        looked_at.append(strip.width * strip.height)
        across, down = strip.width / 20, strip.height / 20
        cells = [
            Box(x * across, y * down, x * across + 0.8 * across, y * down + 0.8 * down)
            for x in range(20)
            for y in range(20)
        ]
        asked.append(len(wanted(cells)))
        return []

    assert chart_labels(Image.new("RGB", (4000, 3000), "white"), read) == ()
    assert len(looked_at) == 3
    assert sum(looked_at) < 800_000
    assert max(asked) < 10


@pytest.mark.skipif(importlib.util.find_spec("rapidocr") is None, reason="needs describer[text]")
@pytest.mark.parametrize("name", ["Temperature", "Revenue", "Number of patients", "Accuracy"])
def test_what_is_written_upwards_is_read_as_it_is_written(name: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), dpi=100)
    figure.add_subplot().plot([12, 18, 15, 27, 31])
    figure.axes[0].set(ylabel=name)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    image = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    assert chart_labels(image, Reader(1).recognise_some) == ("", name)
