"""The benchmark's scenes on a real X server: where they say a picture is, there it is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from benchmarks.boxes import Box
from benchmarks.screens import scenes
from benchmarks.screens.desktop import Desktop
from benchmarks.screens.labels import sort_out
from benchmarks.screens.scenes import Scene
from benchmarks.screens.words import Words

COLOURS = {
    "pink.png": (250, 0, 250),
    "lime.png": (90, 250, 10),
    "blue.png": (10, 20, 250),
    "cyan.png": (20, 240, 250),
}


@pytest.fixture(scope="module")
def desktop() -> Iterator[Desktop]:
    with Desktop((1000, 700)) as started:
        yield started


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    """One picture of each colour, by which they are told apart on the screen."""
    paths = [tmp_path / name for name in COLOURS]
    for path in paths:
        Image.new("RGB", (500, 375), COLOURS[path.name]).save(path)
    return paths


def scene(desktop: Desktop, pictures: list[Path], seed: int) -> Scene:
    rng = Random(seed)
    return Scene(desktop, rng, Words(rng), cycle(pictures), 1.0, True)


def coloured(image: Image.Image, colour: tuple[int, int, int]) -> Box:
    """The rectangle around everything in that colour, which scaling may shift a little."""
    hit = (np.abs(np.asarray(image, np.int16) - np.array(colour)) < 8).all(axis=2)
    rows, columns = np.flatnonzero(hit.any(axis=1)), np.flatnonzero(hit.any(axis=0))
    return Box.from_edges(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)


@pytest.mark.parametrize("family", ["viewer", "toolkit"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pictures_are_where_the_label_says(
    desktop: Desktop, pictures: list[Path], family: str, seed: int
) -> None:
    made = scene(desktop, pictures, seed)
    try:
        scenes.PICTURED[family](made)
        image, placed = made.finished()
    finally:
        desktop.clear()
    shown, _ = sort_out(placed, Box(0, 0, *image.size), 1.0)
    assert len({each.file for each in shown}) == len(shown)
    for each in shown:
        assert each.box.iou(coloured(image, COLOURS[each.file])) > 0.98, each
    assert shown or family == "toolkit"  # there they may lie below the window's edge


def test_a_wallpaper_behind_a_window_does_not_count(desktop: Desktop, pictures: list[Path]) -> None:
    made = scene(desktop, pictures, 0)
    try:
        made.wallpaper(1.0)
        window = made.add(desktop.open(["zenity", "--info", "--text", "Done."]))
        image, placed = desktop.still(), made.finished()[1]
    finally:
        desktop.clear()
    counted, ignore = sort_out(placed, desktop.whole, 1.0)
    assert counted == ()
    assert image.getpixel((0, 0)) == COLOURS["pink.png"]
    assert sum(box.area for box in ignore) in (0, desktop.whole.area - window.frame.area)


def test_clearing_leaves_an_empty_desktop(desktop: Desktop, pictures: list[Path]) -> None:
    desktop.open(["feh", str(pictures[0])])
    desktop.open(["zenity", "--info", "--text", "Done."])
    assert len(desktop.windows()) == 2
    desktop.clear()
    assert desktop.windows() == []
