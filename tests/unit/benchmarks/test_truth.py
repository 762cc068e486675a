"""Real screenshots with a truth.json: what is found, what is found in vain, what is told apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from benchmarks import truth
from benchmarks.__main__ import main
from benchmarks.boxes import Box
from benchmarks.matching import Find

COVER = {"left": 10, "top": 10, "width": 120, "height": 110}
SMALL = {"left": 150, "top": 10, "width": 70, "height": 64}


def screens(folder: Path, rows: dict[str, dict[str, Any]]) -> Path:
    for name in rows:
        Image.new("RGB", (240, 160), "white").save(folder / name)
    (folder / "truth.json").write_text(json.dumps(rows), encoding="utf-8")
    return folder


def measured(folder: Path, finds: list[Find]) -> list[truth.Judged]:
    def find(pixels: NDArray[np.uint8]) -> list[Find]:
        assert pixels.shape == (160, 240, 3)
        return finds

    return truth.measure(truth.read(folder), find)


def shares(folder: Path, finds: list[Find]) -> dict[str, str]:
    rows = truth.Table(measured(folder, finds)).rows()
    return {name: share.partition(" (")[0] for name, share in rows}


def test_photographs_are_counted_by_size_and_agreement(tmp_path: Path) -> None:
    boxes = [{**COVER, "kind": "photograph"}, {**SMALL, "kind": "artwork-drawing"}]
    folder = screens(tmp_path, {"a.png": {"boxes": boxes}})
    finds = [
        Find(Box(10, 10, 120, 100), "photograph", 1.0),
        Find(Box(150, 10, 70, 64), "photograph", 1.0),
    ]
    told = shares(folder, finds)
    assert told["photographs ≥ 100 px, IoU 0.75"] == "100.0 %"
    assert told["photographs ≥ 100 px, IoU 0.9"] == "100.0 %"
    assert told["all pictures ≥ 64 px, IoU 0.75"] == "100.0 %"
    assert told["kind right, of those found"] == "50.0 %"
    assert told["screens without a picture that yield one"] == "-"
    missed = shares(folder, [Find(Box(10, 10, 120, 80), "drawing", 1.0)])
    assert missed["photographs ≥ 100 px, IoU 0.75"] == "0.0 %"
    assert missed["all pictures ≥ 64 px, IoU 0.75"] == "0.0 %"
    assert missed["kind right, of those found"] == "0.0 %"


def test_what_is_found_in_vain_counts_but_where_nothing_counts(tmp_path: Path) -> None:
    folder = screens(
        tmp_path,
        {"a.png": {"boxes": [], "ignore": [COVER]}, "b.png": {"boxes": []}},
    )
    told = shares(folder, [Find(Box(10, 10, 100, 100), "photograph", 1.0)])
    assert told["screens without a picture that yield one"] == "50.0 %"
    assert told["… that yield a photograph"] == "50.0 %"
    told = shares(folder, [Find(Box(10, 10, 100, 100), "drawing", 1.0)])
    assert told["… that yield a photograph"] == "0.0 %"


def test_windows_that_were_laid_on_white_have_a_column_of_their_own(tmp_path: Path) -> None:
    folder = screens(
        tmp_path,
        {
            "a.png": {"boxes": [{**COVER, "kind": "photograph"}]},
            "b.png": {"boxes": [], "note": "transparent parts laid on white"},
        },
    )
    text = truth.table(measured(folder, [Find(Box(10, 10, 120, 110), "photograph", 1.0)]))
    row = next(line for line in text.splitlines() if line.startswith("screens without"))
    assert row.split("yield one")[1].split()[:3] == ["-", "100.0", "%"]
    assert "1 laid on white" in text


@pytest.mark.parametrize("content", ["", "[1]", '{"a.png": {"boxes": [{"left": 1}]}}'])
def test_a_folder_without_truth_says_what_it_needs(tmp_path: Path, content: str) -> None:
    if content:
        (tmp_path / "truth.json").write_text(content, encoding="utf-8")
    result = CliRunner().invoke(main, ["finder", "--truth", str(tmp_path)])
    assert result.exit_code == 2
    assert "truth.json" in result.output
    assert "Traceback" not in result.output


def test_the_command_needs_one_folder(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["finder"]).exit_code == 2
    both = CliRunner().invoke(main, ["finder", str(tmp_path), "--truth", str(tmp_path)])
    assert both.exit_code == 2
