"""Composed screens of every shape say where their pictures are, and the table counts them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from benchmarks import shapes
from benchmarks.matching import Find

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    path = tmp_path / "a.png"
    Image.new("RGB", (40, 30), (200, 30, 90)).save(path)
    return [path]


@pytest.mark.parametrize("shape", shapes.SHAPES, ids=lambda shape: str(shape.name))
def test_what_is_composed_is_where_it_says(shape: shapes.Shape, paths: list[Path]) -> None:
    small = replace(shape, size=(900, 700), scale=1.0)
    screen = shapes.compose(small, paths, np.random.default_rng(2))
    assert screen.pixels.shape == (700, 900, 3)
    assert (screen.wallpaper is not None) is (shape.behind == "photograph")
    assert screen.boxes or shape.behind
    for box in screen.boxes:
        seen = screen.pixels[box.top : box.bottom, box.left : box.right]
        assert (seen == (200, 30, 90)).all()


def test_the_table_has_a_line_a_shape(monkeypatch: pytest.MonkeyPatch, paths: list[Path]) -> None:
    monkeypatch.setattr(shapes, "SHAPES", [replace(shapes.SHAPES[0], size=(900, 700))])
    known = shapes.compose(shapes.SHAPES[0], paths, np.random.default_rng([1, 0]))

    def find(_: NDArray[np.uint8]) -> list[Find]:
        return [Find(box, "photograph", 1.0) for box in known.boxes[1:]]

    results = shapes.measure(find, paths, count=1, seed=1)
    (result,) = results.values()
    assert sorted(result.ious) == [0.0] + [1.0] * (len(known.boxes) - 1)
    assert result.strays == 0
    assert "1920 by 1080" in shapes.table(results).splitlines()[1]
