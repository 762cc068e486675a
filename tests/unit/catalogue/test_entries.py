"""The catalogue is sound, and no name from outside leads out of a captioner's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from describer_daemon.catalogue import entries, installed, layouts
from describer_daemon.catalogue.entries import Entry, EntryError, Piece
from describer_daemon.core.ports import DescriberError
from models.runtime import bundle


def test_every_entry_that_ships_is_one_a_person_can_choose_by() -> None:
    shipped = entries.shipped()
    assert set(shipped) == {"distilvit", "vit-gpt2", "florence-2", "smolvlm-256m"}
    for name, entry in shipped.items():
        assert entry.name == name
        assert entry.title
        assert entry.good_at.endswith(".")
        assert entry.licence in ("MIT", "Apache-2.0")
        assert entry.languages == ("en",)
        assert entry.memory_megabytes * entries.MEGABYTE > entry.bytes > 100 * entries.MEGABYTE
        # the files are those that would be chosen where nobody says which
        names = [piece.name for piece in entry.files]
        assert layouts.choose(names).layout == entry.layout
        assert set(layouts.choose(names).names) == set(names)
        # what nobody could ask the hub for is left out, not made up
        assert not entry.is_pinned
        page = (entries.FOLDER / f"{name}.toml").read_text(encoding="utf-8")
        assert len(page.splitlines()) < 70


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a/../b",
        "/etc/passwd",
        "a//b",
        ".hidden",
        "onnx/.hidden",
        "a\\b",
        "C:/x",
        "a\0b",
        "a\nb",
        "con",
        "onnx/NUL.onnx",
        "x.",
        "a/b/c/d",
        "ä.onnx",
        "x" * 200,
    ],
)
def test_a_name_that_leads_elsewhere_is_no_name(name: str) -> None:
    assert not entries.is_safe(name)
    with pytest.raises(EntryError, match="a file cannot be called"):
        Piece(name)
    assert not entries.is_name(name)


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"name": "../x"}, "a captioner cannot be called"),
        ({"repository": "../../x"}, "there is no repository"),
        ({"revision": "main"}, "40 hexadecimals"),
        ({"files": []}, "of different names"),
        ({"files": [{"name": "a"}, {"name": "A"}]}, "of different names"),
        ({"files": [{"name": "a", "sha256": "A" * 64}]}, "64 hexadecimals"),
        ({"files": [{"name": "a", "size": -1}]}, "not be negative"),
        ({"files": [{"name": "a", "size": True}]}, "whole numbers"),
        ({"files": ["a"]}, "it is no entry"),
        ({"more": 1}, "it is no entry"),
        ({"seconds": 0}, "above 0"),
        ({"licence": "M\nIT"}, "one line"),
    ],
)
def test_an_entry_that_says_what_it_must_not_is_refused(
    table: dict[str, object], told: str
) -> None:
    sound = {"name": "x", "layout": "florence2", "repository": "a/b", "files": [{"name": "a"}]}
    assert entries.make(sound).name == "x"
    with pytest.raises(EntryError, match=told):
        entries.make({**sound, **table})


def test_a_manifest_is_read_as_it_was_written() -> None:
    piece = Piece("a", 3, "0" * 64)
    entry = Entry("x", "florence2", "a/b", (piece,), revision="1" * 40, languages=("en",))
    assert installed.parse(installed.text(entry, "https://a.org")) == (entry, "https://a.org")
    for told in ("", "[]", "{}", '{"format": 1}', "[" * 100_000, "7"):
        with pytest.raises(EntryError):
            installed.parse(told)


def test_of_many_files_those_of_one_captioner_are_chosen() -> None:
    texts = layouts.TEXTS
    both = ["onnx/encoder_model.onnx", "onnx/decoder_model_merged.onnx"]
    more = ["onnx/encoder_model_q4.onnx", "onnx/decoder_model_merged_q4.onnx"]
    assert layouts.choose([*both, *texts]).names == (*both, *texts)
    assert layouts.choose([*both, *more, *texts, "x.safetensors"]).names == (*more, *texts)
    assert layouts.choose([*both, more[0], *texts], "q4").names == (more[0], both[1], *texts)
    assert layouts.choose([*both, f"{both[0]}_data", *texts]).names[2] == f"{both[0]}_data"
    smol = ["vision_encoder.onnx", "embed_tokens.onnx", "decoder_model_merged.onnx"]
    assert layouts.choose([*smol, *texts]).layout == "image-tokens"
    assert layouts.choose([*smol, "encoder_model.onnx", *texts]).layout == "florence2"
    with pytest.raises(DescriberError, match="no captioner that I can use"):
        layouts.choose([*texts, "model.safetensors"])
    with pytest.raises(DescriberError, match=r"lacks tokenizer\.json"):
        layouts.choose([*both, "config.json", "preprocessor_config.json"])
    with pytest.raises(DescriberError, match="no variant"):
        layouts.choose([*both, *texts], "../q4")


def test_our_own_bundles_are_known_by_their_parts(tiny_bundle: Path) -> None:
    chosen = layouts.choose([path.name for path in tiny_bundle.iterdir()])
    assert chosen.layout == layouts.BUNDLE
    assert set(chosen.names) == {bundle.CONFIG, *bundle.PARTS}
