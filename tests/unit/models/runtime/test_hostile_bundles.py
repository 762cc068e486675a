"""Bundles made to do harm end in a caption or in one sentence."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmarks.fuzz import run as fuzz
from benchmarks.fuzz.bundles import Bundles
from models.captioner import load
from models.runtime.bundle import CONFIG, CONSENSUS, ENCODER, VOCABULARY, BundleError, read
from tests.unit.models.runtime.test_bundle import edit, sign


@pytest.mark.parametrize("part", [CONFIG, ENCODER])
def test_a_pipe_is_not_waited_for(broken_bundle: Path, part: str) -> None:
    (broken_bundle / part).unlink()
    os.mkfifo(broken_bundle / part)
    with pytest.raises(BundleError, match="no file"):
        read(broken_bundle)


def test_a_device_is_not_read(broken_bundle: Path) -> None:
    (broken_bundle / VOCABULARY).unlink()
    (broken_bundle / VOCABULARY).symlink_to("/dev/zero")
    with pytest.raises(BundleError, match="no file"):
        read(broken_bundle)


def test_brackets_inside_each_other(broken_bundle: Path) -> None:
    (broken_bundle / VOCABULARY).write_text("[" * 100_000)
    sign(broken_bundle)
    with pytest.raises(BundleError, match=r"vocabulary\.json cannot be used: it has too many"):
        read(broken_bundle)
    (broken_bundle / CONFIG).write_text("[" * 100_000)
    with pytest.raises(BundleError, match=r"config\.json cannot be used: it has too many"):
        read(broken_bundle)


@pytest.mark.parametrize(
    ("table", "value"),
    [
        ("search", {"beam": 10**9}),
        ("search", {"max_words": 10**9}),
        ("search", {"length_penalty": 1e308}),
        ("search", {"length_penalty": float("nan")}),
        ("calibration", {"offset": float("inf")}),
        ("calibration", {"weights": {"mean": "much"}}),
        ("calibration", {"weights": {"luck": 1.0}}),
        ("calibration", {"familiar": {"mean": "much"}}),
        ("calibration", {"familiar": {"luck": 1.0}}),
        ("preprocessing", {"std": [0.5, 0, 0.5]}),
        ("preprocessing", {"shorter_side": 2**31}),
    ],
)
def test_numbers_that_nothing_can_be_done_with(
    broken_bundle: Path, table: str, value: dict[str, object]
) -> None:
    edit(broken_bundle, lambda config: config[table].update(value))
    with pytest.raises(BundleError, match=r"config\.json cannot be used"):
        read(broken_bundle)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("places", lambda old: old * np.nan),
        ("grams", lambda old: old.astype(np.float32)),
        ("captions", lambda old: -old.astype(np.int32)),
        ("captions", lambda old: old * 0),
        ("frequencies", lambda old: old * 0),
        ("unity", lambda old: old.astype(np.complex64)),
        ("more", lambda old: old.repeat(300 << 18)),
    ],
)
def test_a_memory_that_nothing_can_be_done_with(
    broken_bundle: Path, name: str, change: Callable[[NDArray[Any]], NDArray[Any]]
) -> None:
    with np.load(broken_bundle / CONSENSUS) as file:
        arrays = dict(file)
    arrays[name] = change(arrays.get(name, np.zeros(1, np.float32)))
    np.savez_compressed(broken_bundle / CONSENSUS, allow_pickle=False, **arrays)
    sign(broken_bundle)
    with pytest.raises(BundleError, match=r"consensus\.npz cannot be used: "):
        read(broken_bundle)


@pytest.mark.parametrize("word", ["a\nb", "\x1b[0m", "\ud800", "\u202e", "a" * 10_000])
def test_a_word_that_nobody_should_hear(broken_bundle: Path, word: str) -> None:
    words = json.loads((broken_bundle / VOCABULARY).read_text(encoding="utf-8"))
    (broken_bundle / VOCABULARY).write_text(json.dumps([*words[:-1], word]))
    sign(broken_bundle)
    with pytest.raises(BundleError, match="a word of a vocabulary is too long or has control"):
        read(broken_bundle)


def test_a_bundles_own_names_are_cut_and_cleaned(broken_bundle: Path) -> None:
    edit(broken_bundle, lambda config: config["search"].update({"a\nb" + "c" * 10_000: 1}))
    with pytest.raises(
        BundleError, match=r"config\.json cannot be used: search: unknown a bc"
    ) as refused:
        read(broken_bundle)
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) < 300


def test_a_graph_that_loads_but_does_not_work(broken_bundle: Path) -> None:
    captioner = load(broken_bundle)
    with pytest.raises(BundleError, match=r"encoder\.onnx cannot be used"):
        captioner.engine.encode(np.zeros((1, 3, 7, 7), np.float32))


def test_weights_that_give_no_probabilities(broken_bundle: Path) -> None:
    captioner = load(broken_bundle)
    seen = captioner.encode(Image.new("RGB", (64, 64), "red"))
    lost = dataclasses.replace(seen, memory=tuple(part * np.nan for part in seen.memory))
    with pytest.raises(BundleError, match=r"weights\.safetensors cannot be used: the captioner's"):
        captioner.caption(lost)


def test_a_grid_of_less_than_nothing(broken_bundle: Path) -> None:
    edit(broken_bundle, lambda config: config.update(grid=[-2, -2]))
    with pytest.raises(BundleError, match="grid must be at least 1 by 1"):
        read(broken_bundle)


def test_dozens_of_hostile_bundles(tmp_path: Path) -> None:
    tally = fuzz.run(Bundles, "bundles", 3, range(1, 19), tmp_path)
    assert tally.tried == 18
    assert not tally.mishandled, json.dumps(tally.mishandled, indent=1)
