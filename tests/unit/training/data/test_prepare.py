"""What was decoded or encoded once is used again for the same pictures, and for no others."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from models.captioning.preprocess import Preprocessing
from tests.variants import TinyEncoder
from training.data import prepare
from training.data.datasets import Example

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOW = Preprocessing(32)


@pytest.fixture
def examples(tmp_path: Path) -> list[Example]:
    random = np.random.default_rng(1)
    found = []
    for name in "abc":
        path = tmp_path / f"{name}.png"
        Image.fromarray(random.integers(0, 256, (40, 50, 3), np.uint8)).save(path)
        found.append(Example(path, ()))
    return found


def again(path: Path) -> None:
    """Have a file be another picture of the same name."""
    random = np.random.default_rng(2)
    Image.fromarray(random.integers(0, 256, (40, 50, 3), np.uint8)).save(path)


def older(examples: list[Example]) -> None:
    again(examples[1].path)


def sharper(examples: list[Example]) -> None:
    """Nothing about the files changes."""


@pytest.mark.parametrize(
    ("change", "how"), [(older, HOW), (sharper, Preprocessing(32, interpolation="lanczos"))]
)
def test_decoded_pictures_are_of_these_files_and_this_preprocessing(
    examples: list[Example],
    tmp_path: Path,
    change: Callable[[list[Example]], None],
    how: Preprocessing,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "work" / "pictures.npy"
    before = np.array(prepare.pictures(examples, HOW, path))
    change(examples)
    wanted = np.stack([prepare.picture(each, how) for each in examples])
    assert not np.array_equal(wanted, before)
    assert np.array_equal(prepare.pictures(examples, how, path), wanted)
    assert "pictures.npy is made anew" in capsys.readouterr().out


def test_pictures_by_another_decoder_are_decoded_anew(
    examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "work" / "pictures.npy"
    prepare.pictures(examples, HOW, path)
    before = path.stat().st_mtime_ns
    prepare.pictures(examples, HOW, path)
    assert path.stat().st_mtime_ns == before
    monkeypatch.setattr(prepare.PIL, "__version__", "1.1")
    prepare.pictures(examples, HOW, path)
    assert path.stat().st_mtime_ns > before


@pytest.mark.parametrize("kind", ["features", "classes"])
def test_what_an_encoder_made_is_of_these_files(
    examples: list[Example], tmp_path: Path, kind: str
) -> None:
    class Knowing(TinyEncoder):
        classes = 10

        def classify(self, features: torch.Tensor) -> torch.Tensor:
            return features.mean((2, 3))

    torch.manual_seed(1)
    encoder, path = Knowing(), tmp_path / "work" / f"{kind}.npy"

    def made() -> np.ndarray[tuple[int, ...], np.dtype[np.float16]]:
        images = prepare.pictures(examples, HOW, tmp_path / "work" / "pictures.npy")
        origin = prepare.origin_of(encoder, examples, HOW)
        make = prepare.features if kind == "features" else prepare.classes
        return np.array(make(encoder, images, HOW, path, origin))

    first = made()
    written = path.stat().st_mtime_ns
    assert np.array_equal(made(), first)
    assert path.stat().st_mtime_ns == written
    again(examples[0].path)
    changed = made()
    assert (changed != first).any()
    torch.nn.init.zeros_(encoder.look.weight)
    assert (made() != changed).any()


def test_maps_from_before_all_was_noted_are_taken_on_trust(
    examples: list[Example], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, note = tmp_path / "work" / "pictures.npy", tmp_path / "work" / "pictures.json"
    prepare.pictures(examples, HOW, path)
    old = {"shape": [3, 32, 32, 3], "files": ["a.png", "b.png", "c.png"]}
    note.write_text(json.dumps(old, sort_keys=True))
    before = path.stat().st_mtime_ns
    prepare.pictures(examples, HOW, path)
    assert path.stat().st_mtime_ns == before
    assert "taken on trust" in capsys.readouterr().out
    note.write_text(json.dumps(old | {"files": ["a.png", "b.png", "d.png"]}, sort_keys=True))
    prepare.pictures(examples, HOW, path)
    assert path.stat().st_mtime_ns > before


def test_findings_hold_for_what_decodes(
    examples: list[Example], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "work" / "checked.json"
    examples[0].path.write_bytes(b"no picture")
    found = prepare.faults(examples, path)
    assert list(found.values()) == ["not a picture"]
    looked: list[Path] = []

    def watched(path: Path) -> str:
        looked.append(path)
        return ""

    monkeypatch.setattr(prepare, "fault", watched)
    assert prepare.faults(examples, path) == found
    assert looked == []
    table = json.loads(path.read_text())
    del table[""]  # as before it was noted by what they were found
    path.write_text(json.dumps(table))
    assert prepare.faults(examples, path) == found
    table[""] = {"Pillow": "1.1"}
    path.write_text(json.dumps(table))
    assert prepare.faults(examples, path) == {}
    assert len(looked) == 3


def test_names_alone_do_not_make_pictures_the_same(examples: list[Example]) -> None:
    encoder = TinyEncoder()
    first = prepare.origin_of(encoder, examples, HOW)
    assert prepare.origin_of(encoder, examples, HOW) == first
    os.utime(examples[0].path, ns=(1, 1))
    assert prepare.origin_of(encoder, examples, HOW) != first
