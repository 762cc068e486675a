"""A hub with two small captioners, and a home to add them to."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from describer_daemon.catalogue import entries, hub
from describer_daemon.catalogue.entries import Entry, Piece
from tests.hub import LocalHub, served

ENCODER = "onnx/encoder_model_quantized.onnx"
DECODER = "onnx/decoder_model_merged_quantized.onnx"
TEXTS = ("tokenizer.json", "config.json", "preprocessor_config.json")
FILES = {
    ENCODER: random.Random(1).randbytes(700_000),
    DECODER: random.Random(2).randbytes(300_000),
    **{name: b'{"of": "%s"}' % name.encode() for name in TEXTS},
    "README.md": b"# A captioner\n",
}
SMALL = Entry(
    name="small",
    layout="encoder-decoder",
    repository="Someone/small",
    files=(
        *(Piece(name) for name in (ENCODER, DECODER, *TEXTS)),
        Piece("generation_config.json", optional=True),
    ),
    good_at="Nothing at all.",
    licence="MIT",
    languages=("en",),
)


@pytest.fixture
def local_hub(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """It is the hub that the commands know, and small is the one captioner in the catalogue."""
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(hub, "PAUSE", 0.0)
    monkeypatch.setattr(entries, "shipped", lambda: {"small": SMALL})
    monkeypatch.setenv("DESCRIBER_CONFIG", str(sandbox / "settings.toml"))
    with served({"Someone/small": dict(FILES), "Else/other-One": dict(FILES)}) as there:
        monkeypatch.setenv("HF_ENDPOINT", there.address)
        yield there
