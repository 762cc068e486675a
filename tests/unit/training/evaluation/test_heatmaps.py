"""The heat map of a bundle: drawn and told, and honest where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from PIL import Image

from models.captioner import Caption, Captioner, load
from models.captioning import heatmap
from models.captioning.decoding import SearchConfig
from models.runtime.bundle import SHIPPED
from tests.bundles import drawing, photograph
from training.__main__ import main
from training.evaluation import heatmaps


class Looking(Captioner):
    """The shipped captioner, whose attention is replaced."""

    def __init__(self, attention: NDArray[np.float32]) -> None:
        shipped = load(SHIPPED, threads=1)
        super().__init__(shipped.engine, shipped.config, shipped.vocabulary, shipped.caption_store)
        self._attention = attention

    def describe(self, image: Image.Image, config: SearchConfig | None = None) -> Caption:
        return Caption(("a", "dog"), (-0.5, -1.0, -0.1), self._attention, 0.5, (), {})


def command(*options: object) -> Result:
    return CliRunner().invoke(main, ["heatmap", *map(str, options)])


def test_the_shipped_bundle_draws_what_the_daemon_draws(tmp_path: Path) -> None:
    picture, out = tmp_path / "cat.jpg", tmp_path / "looks.png"
    photograph("chelsea").save(picture)
    done = command(picture, "--out", out)
    assert done.exit_code == 0, done.output
    with Image.open(picture) as image:
        caption = load(SHIPPED, threads=1).describe(image)
        drawn = heatmap.draw(image, caption.words, caption.attention, " ".join(caption.words))
    with Image.open(out, formats=["PNG"]) as saved:
        assert saved.size == drawn.size
        assert np.array_equal(np.asarray(saved), np.asarray(drawn))
    first, *others = done.output.splitlines()
    assert first == " ".join(caption.words)
    assert [line.split()[0] for line in others] == list(caption.words)


def test_any_bundle_and_both_engines(tiny_bundle: Path, tmp_path: Path) -> None:
    picture = tmp_path / "drawn.png"
    drawing("red", "circle", "left").save(picture)
    said = []
    for engine in ("onnx", "torch"):
        out = tmp_path / f"{engine}.png"
        done = command(picture, "--bundle", tiny_bundle, "--engine", engine, "--out", out)
        assert done.exit_code == 0, done.output
        assert out.stat().st_size > 1000
        said.append(done.output)
    assert said[0] == said[1]


def test_the_words_tell_where_it_looked() -> None:
    attention = np.full((2, 7, 7), 0.001, np.float32)
    attention[0, 0, 6] = 0.7
    attention[1, 3, 3] = 0.3
    attention[1, 2:5, 0] = 0.2
    drawn = heatmaps.draw(Looking(attention), drawing("red", "circle", "left"))
    assert drawn.lines == (
        "a dog",
        "a                 61 %  top right, 94 %",
        "dog               37 %  middle left, 64 %",
    )


@pytest.mark.parametrize("cells", [(7, 7), (2, 3), (14, 14), (1, 4)])
def test_every_grid_has_its_places(cells: tuple[int, int]) -> None:
    attention = np.zeros((2, *cells), np.float32)
    attention[:, -1, -1] = 1
    drawn = heatmaps.draw(Looking(attention), drawing("red", "circle", "left"))
    row = "middle" if cells[0] == 1 else "bottom"
    assert [line.split("  ")[-1] for line in drawn.lines[1:]] == [f"{row} right, 100 %"] * 2


@pytest.mark.parametrize("value", [0.0, 1 / 49])
def test_without_attention_a_sentence_says_so(value: float) -> None:
    image = drawing("red", "circle", "left")
    drawn = heatmaps.draw(Looking(np.full((2, 7, 7), value, np.float32)), image)
    assert drawn.lines == ("a dog", heatmaps.EVEN)
    bare = heatmap.draw(image, (), np.zeros((0, 7, 7), np.float32), "a dog")
    assert np.array_equal(np.asarray(drawn.image), np.asarray(bare))


def test_little_differences_are_still_no_attention_and_large_ones_are() -> None:
    even = np.full((3, 7, 7), 1 / 49, np.float32)
    assert heatmap.is_even(even * np.float32(1 + 1e-6))
    even[1, 2, 2] *= 1.5
    assert not heatmap.is_even(even)


def test_mistakes_are_told(tmp_path: Path) -> None:
    picture, text = tmp_path / "drawn.png", tmp_path / "text.jpg"
    drawing("red", "circle", "left").save(picture)
    text.write_text("no picture", encoding="utf-8")
    before = picture.read_bytes()
    for options, message in (
        ((picture, "--out", picture), "is the picture itself"),
        ((text, "--out", tmp_path / "looks.png"), "cannot identify image file"),
        ((picture, "--out", tmp_path / "none" / "looks.png"), "there is no folder"),
        ((picture, "--bundle", tmp_path, "--out", tmp_path / "looks.png"), "bundle lacks"),
    ):
        done = command(*options)
        assert done.exit_code == 2
        assert message in " ".join(done.output.split())
    assert picture.read_bytes() == before
    assert not (tmp_path / "looks.png").exists()
