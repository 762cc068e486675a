"""Charts as matplotlib draws them, in the styles that it has."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from training.finder.canvas import phrase

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

_SHORTEST, _LONGEST = 2.6, 8.0  # inches of a figure's width
_DOTS = (60, 130)  # an inch


def plotted(random: Generator) -> Image.Image:
    """One figure: of one or, seldom, of several plots; RGB, some hundred pixels wide."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    style = str(random.choice(sorted(plt.style.available))) if random.random() < 0.75 else "default"
    width = float(random.uniform(_SHORTEST, _LONGEST))
    size = (width, width * float(random.uniform(0.5, 1.0)))
    with plt.style.context(style, after_reset=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # letters that a font lacks, no room for the labels
        figure = plt.figure(figsize=size, dpi=int(random.integers(*_DOTS)), layout="constrained")
        columns = 2 if random.random() < 0.12 else 1
        for column in range(columns):
            _plot(random, figure, (1, columns, column + 1))
        file = io.BytesIO()
        figure.savefig(file, format="png")
        plt.close(figure)
    with Image.open(file) as image:
        return image.convert("RGB")


def _plot(random: Generator, figure: Any, place: tuple[int, int, int]) -> None:
    draw = _KINDS[int(random.integers(len(_KINDS)))]
    axes = figure.add_subplot(*place, projection="polar" if draw is _rays else None)
    draw(random, axes)
    if random.random() < 0.7:
        axes.set_title(phrase(random, int(random.integers(1, 5))))
    if draw is not _pie and random.random() < 0.7:
        axes.set_xlabel(phrase(random, int(random.integers(1, 3))))
        axes.set_ylabel(phrase(random, int(random.integers(1, 3))))
    if random.random() < 0.3:
        axes.grid(visible=True)
    if random.random() < 0.3 and axes.get_legend_handles_labels()[0]:
        axes.legend()


def _walks(random: Generator, axes: Any) -> None:
    for _ in range(int(random.integers(1, 6))):
        walk = random.normal(0, 1, int(random.integers(5, 120))).cumsum()
        marker = str(random.choice(["", "", "o", "."]))
        axes.plot(walk, marker=marker, label=phrase(random, 1), lw=float(random.uniform(0.6, 3)))


def _areas(random: Generator, axes: Any) -> None:
    heights = random.random((int(random.integers(1, 5)), 20)) + 0.3
    axes.stackplot(np.arange(20), heights, labels=[phrase(random, 1) for _ in heights])


def _bars(random: Generator, axes: Any) -> None:
    count, groups = int(random.integers(2, 12)), int(random.integers(1, 4))
    names = [phrase(random, 1)[:9] for _ in range(count)]
    lying, base = random.random() < 0.35, np.zeros(count)
    for _ in range(groups):
        heights = random.random(count) + 0.1
        if lying:
            axes.barh(np.arange(count), heights, left=base, label=phrase(random, 1))
        else:
            axes.bar(np.arange(count), heights, bottom=base, label=phrase(random, 1))
        base = base + heights
    if lying:
        axes.set_yticks(np.arange(count), names)
    else:
        axes.set_xticks(np.arange(count), names, rotation=int(random.choice([0, 45, 90])))


def _dots(random: Generator, axes: Any) -> None:
    for _ in range(int(random.integers(1, 5))):
        x, y = random.normal(random.normal(0, 2, (2, 1)), 1, (2, int(random.integers(20, 200))))
        axes.scatter(x, y, s=float(random.uniform(4, 60)), alpha=float(random.uniform(0.4, 1)),
                     label=phrase(random, 1))


def _histogram(random: Generator, axes: Any) -> None:
    for _ in range(int(random.integers(1, 3))):
        axes.hist(random.normal(random.normal(), 1, 300), bins=int(random.integers(8, 50)),
                  alpha=0.7, label=phrase(random, 1))


def _pie(random: Generator, axes: Any) -> None:
    shares = random.dirichlet(np.ones(int(random.integers(2, 8))))
    names = [phrase(random, 1) for _ in shares] if random.random() < 0.7 else None
    axes.pie(shares, labels=names, autopct="%1.0f%%" if random.random() < 0.5 else None,
             wedgeprops={"width": 0.4} if random.random() < 0.3 else None)


def _boxes(random: Generator, axes: Any) -> None:
    middles = random.normal(0, 1, (int(random.integers(2, 8)), 1))
    rows = list(middles + random.normal(0, 1, (len(middles), 60)))
    if random.random() < 0.6:
        axes.boxplot(rows, patch_artist=bool(random.random() < 0.5))
    else:
        axes.violinplot(rows)


def _cells(random: Generator, axes: Any) -> None:
    rows, columns = random.integers(3, 20, 2)
    ramp = str(random.choice(["viridis", "Blues", "coolwarm", "hot", "Greys", "plasma"]))
    shown = axes.imshow(random.random((rows, columns)), cmap=ramp, aspect="auto")
    if random.random() < 0.6:
        axes.figure.colorbar(shown, ax=axes)


def _errors(random: Generator, axes: Any) -> None:
    x = np.arange(int(random.integers(4, 15)))
    y = random.normal(0, 1, len(x)).cumsum()
    axes.errorbar(x, y, yerr=random.random(len(x)), fmt="o-", capsize=3, label=phrase(random, 1))
    axes.fill_between(x, y - 1, y + 1, alpha=0.2)


def _rays(random: Generator, axes: Any) -> None:
    count = int(random.integers(4, 16))
    angles = np.linspace(0, 2 * np.pi, count, endpoint=False)
    axes.bar(angles, random.random(count) + 0.1, width=5 / count, alpha=0.7)


_KINDS: tuple[Callable[[Generator, Any], None], ...] = (
    _walks, _walks, _areas, _bars, _bars, _dots, _histogram, _pie, _boxes, _cells, _errors, _rays,
)
