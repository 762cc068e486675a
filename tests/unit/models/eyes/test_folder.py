"""A folder is told apart by what is in it, and what is wrong with it is said."""

from __future__ import annotations

import json
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from models.eyes.captioner import load
from models.eyes.folder import layout, read
from models.runtime.bundle import SHIPPED, BundleError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(gpt2_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(gpt2_folder, tmp_path / "eyes", ignore=shutil.ignore_patterns("hf"))


def test_layouts_are_told_apart_by_the_kind_of_model(gpt2_folder: Path, tmp_path: Path) -> None:
    assert layout(SHIPPED) == "bundle"
    assert layout(gpt2_folder) == "encoder-decoder"
    for kind, name in (("florence2", "florence2"), ("idefics3", "image-tokens")):
        (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}), encoding="utf-8")
        assert layout(tmp_path) == name


def test_of_several_graphs_the_small_one_is_taken_or_the_one_that_is_wanted(folder: Path) -> None:
    onnx = folder / "onnx"
    shutil.copy(onnx / "encoder_model.onnx", onnx / "encoder_model_quantized.onnx")
    assert read(folder).graphs["encoder_model"].name == "encoder_model_quantized.onnx"
    assert read(folder, "").graphs["encoder_model"].name == "encoder_model.onnx"
    assert read(folder).graphs["decoder_model_merged"].name == "decoder_model_merged.onnx"
    with pytest.raises(BundleError, match=r"lacks encoder_model\.onnx as q4\.$"):
        read(folder, "q4")


def test_graphs_may_lie_beside_the_tables(folder: Path) -> None:
    for graph in (folder / "onnx").iterdir():
        graph.rename(folder / graph.name)
    assert load(folder, threads=1).engine.generation("brief").max_length == 12


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:99])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: shutil.rmtree(f), r"There is no captioner bundle at"),
        (lambda f: (f / "config.json").unlink(), r"lacks config\.json"),
        (lambda f: (f / "config.json").write_text("[]"), r"config\.json .*: it is no table"),
        (lambda f: (f / "config.json").write_text("[" * 99999), r"too many brackets"),
        (lambda f: _cut(f / "config.json"), r"config\.json cannot be used"),
        (lambda f: (f / "config.json").write_text('{"model_type": "blip"}'), r"model_type is none"),
        (lambda f: (f / "tokenizer.json").unlink(), r"lacks tokenizer\.json"),
        (lambda f: _cut(f / "tokenizer.json"), r"tokenizer\.json cannot be used"),
        (lambda f: _cut(f / "onnx" / "encoder_model.onnx"), r"encoder_model\.onnx cannot be used"),
        (
            lambda f: (f / "onnx" / "decoder_model_merged.onnx").unlink(),
            r"lacks decoder_model_merged\.onnx\.",
        ),
        (
            lambda f: shutil.copy(
                f / "onnx" / "encoder_model.onnx", f / "onnx" / "decoder_model_merged.onnx"
            ),
            r"decoder_model_merged\.onnx .* does not fit the others",
        ),
        (
            lambda f: (f / "generation_config.json").write_text('{"num_beams": 900}'),
            r"generation_config\.json cannot be used",
        ),
    ],
)
def test_whatever_is_wrong_is_said_in_a_sentence(
    folder: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(folder)
    with pytest.raises(BundleError, match=message):
        load(folder, threads=1)


def test_the_package_that_is_missing_is_named(
    gpt2_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(BundleError, match=r"Please install describer\[eyes\]\.$"):
        load(gpt2_folder, threads=1)
