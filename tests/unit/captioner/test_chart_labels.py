"""What is written at a chart: its title and the names of its axes, and none of the numbers."""

from __future__ import annotations

import pytest

from describer_daemon.captioner.chart_labels import chart_labels
from describer_daemon.core.ports import OcrResult, TextLine

SIZE = (640, 480)
TITLE = TextLine("Sales by region", 0.95, 220, 12, 200, 24)
BELOW = TextLine("Year", 0.95, 300, 452, 40, 16)
UPRIGHT = TextLine("Revenue (EUR)", 0.7, 8, 180, 16, 120)
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
    ],
)
def test_title_and_axes_are_told_from_numbers_and_legends(
    lines: tuple[TextLine, ...], labels: tuple[str, ...]
) -> None:
    assert chart_labels(OcrResult(tuple((line,) for line in lines)), SIZE) == labels
