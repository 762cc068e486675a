"""How pictures are cut up for reading, with a recogniser that sees letters as dark boxes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.ocr import engine
from models.ocr.engine import BAND_PIXELS, OVERLAP, OcrEngine, OcrLine, bands

Place = tuple[int, int, int, int]


def seen(pixels: NDArray[np.uint8], *, use_det: bool, use_rec: bool) -> Any:
    """One line for each grey level but white: "g70" for level 70; as RapidOCR would answer."""
    assert pixels.shape[0] * pixels.shape[1] <= BAND_PIXELS
    grey = pixels[:, :, 0]
    boxes, texts = [], []
    for level in sorted(set(np.unique(grey).tolist()) - {255}):
        rows, columns = np.nonzero(grey == level)
        left, top, right, bottom = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        boxes.append([[left, top], [right, top], [right, bottom], [left, bottom]])
        texts.append(f"g{level}")
    if not boxes:
        return SimpleNamespace(boxes=None, txts=None, scores=None)
    if not use_rec:
        return SimpleNamespace(boxes=np.array(boxes, float))
    if not use_det:
        return SimpleNamespace(txts=tuple(texts), scores=(0.9,) * len(texts))
    return SimpleNamespace(
        boxes=np.array(boxes, float), txts=tuple(texts), scores=(0.9,) * len(texts)
    )


def drawn(size: tuple[int, int], places: list[Place]) -> Image.Image:
    image = Image.new("RGB", size, "white")
    for number, (left, top, right, bottom) in enumerate(places):
        ImageDraw.Draw(image).rectangle((left, top, right - 1, bottom - 1), fill=(number,) * 3)
    return image


def places(lines: tuple[OcrLine, ...]) -> list[Place]:
    ordered = sorted(lines, key=lambda line: int(line.text[1:]))
    return [
        (round(line.box.left), round(line.box.top), round(line.box.right), round(line.box.bottom))
        for line in ordered
    ]


@pytest.mark.parametrize(
    "size",
    [(8, 8), (1920, 1080), (3840, 2160), (3840, 1080), (900, 9000), (1, 5_000_000), (100_000, 83)],
)
def test_bands_cover_everything_and_share_a_line(size: tuple[int, int]) -> None:
    cuts = bands(*size)
    assert cuts[0][0] == 0
    assert cuts[-1][1] == size[1]
    for (_, bottom), (top, _) in pairwise(cuts):
        assert bottom - top == OVERLAP
    tallest = max(BAND_PIXELS // size[0], 3 * OVERLAP)
    assert all(0 < bottom - top <= tallest + 1 for top, bottom in cuts)


def test_a_screen_is_read_in_one_go() -> None:
    assert bands(1920, 1080) == [(0, 1080)]


def test_lines_at_every_height_are_read_once_and_whole() -> None:
    lines = [(50 + row, 30 + 33 * row, 900, 52 + 33 * row) for row in range(240)]
    found = OcrEngine(seen).recognise(drawn((1000, 8000), lines))
    assert len(bands(1000, 8000)) > 3
    assert places(found) == lines


def test_a_picture_that_is_too_large_is_made_smaller_and_its_lines_are_not() -> None:
    line = (1000, 2000, 5000, 2080)
    found = OcrEngine(seen).recognise(drawn((6000, 4000), [line]))
    left, top, right, bottom = next(
        place for place, line in zip(places(found), found, strict=True) if line.text == "g0"
    )
    assert (left, top, right, bottom) == pytest.approx(line, abs=6)


def test_only_the_lines_that_are_wanted_are_read_and_the_next_picture_is_read_whole() -> None:
    read: list[tuple[int, int]] = []

    def look(pixels: NDArray[np.uint8], *, use_det: bool, use_rec: bool) -> Any:
        if use_rec:
            read.append((pixels.shape[1], pixels.shape[0]))
        return seen(pixels, use_det=use_det, use_rec=use_rec)

    lines = [(10, 10 + 40 * row, 60 + 10 * row, 30 + 40 * row) for row in range(9)]
    image = drawn((200, 400), lines)
    one = OcrEngine(look)
    found = one.recognise_some(image, lambda boxes: [box for box in boxes if box.width > 120])
    assert (places(found), [line.text for line in found]) == ([lines[8]], ["g8"])
    assert read == [(130, 20)]
    assert one.recognise_some(Image.new("RGB", (9, 9), "white"), lambda boxes: boxes) == ()
    assert places(one.recognise(image)) == lines


def test_colours_come_in_the_order_that_the_recogniser_expects() -> None:
    pictures: list[NDArray[np.uint8]] = []

    def look(pixels: NDArray[np.uint8], **_: bool) -> Any:
        pictures.append(pixels)
        return SimpleNamespace(boxes=None, txts=None, scores=None)

    assert OcrEngine(look).recognise(Image.new("RGB", (40, 30), (250, 100, 10))) == ()
    assert pictures[0].shape == (30, 40, 3)
    assert pictures[0][0, 0].tolist() == [10, 100, 250]  # blue first


def test_networks_that_are_not_there_are_not_fetched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    import rapidocr

    monkeypatch.setattr(rapidocr, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(FileNotFoundError, match="det"):
        engine.load()


def test_a_network_that_is_not_as_it_was_installed_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The record that pip keeps tells what was installed."""
    import rapidocr

    installed = Path(rapidocr.__file__).parent / "models"
    (tmp_path / "models").mkdir()
    for network in installed.glob("*.onnx"):
        (tmp_path / "models" / network.name).write_bytes(network.read_bytes())
    monkeypatch.setattr(rapidocr, "__file__", str(tmp_path / "__init__.py"))
    engine.load()
    for network in (tmp_path / "models").glob("*_rec_*.onnx"):
        content = bytearray(network.read_bytes())
        content[len(content) // 2] ^= 1
        network.write_bytes(content)
    with pytest.raises(engine.DamagedError, match="_rec_"):
        engine.load()
