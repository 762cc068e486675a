"""A bundle is used whole or not at all, and the error names the part that is wrong."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.captioner import EngineName, load
from models.captioning.decoding import SearchConfig
from models.captioning.vocabulary import SPECIALS
from models.runtime.bundle import CONFIG, CONSENSUS, FORMAT, PARTS, PICTURES, BundleError, read
from models.runtime.tables import as_table, make
from tests.bundles import SIZE, WORDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

ENGINES: tuple[EngineName, ...] = ("onnx", "torch")
either_engine = pytest.mark.parametrize("engine", ENGINES)


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change config.json as somebody with an editor would."""
    table = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    change(table)
    (folder / CONFIG).write_text(json.dumps(table), encoding="utf-8")


def sign(folder: Path) -> None:
    """Make config.json vouch for the parts as they are now."""
    files = {part: hashlib.sha256((folder / part).read_bytes()).hexdigest() for part in PARTS}
    edit(folder, lambda table: table.update(files=files))


def test_what_was_written_is_read(tiny_bundle: Path) -> None:
    config, vocabulary, store = read(tiny_bundle)
    assert vocabulary.words == (*SPECIALS, *WORDS)
    assert config.preprocessing.size == SIZE
    assert config.preprocessing.mean == (0.5, 0.5, 0.5)
    assert config.search.max_words == 8
    assert config.grid == (2, 2)
    assert set(config.files) == set(PARTS)
    assert config.format == FORMAT == 2
    assert store.channels == 1280
    assert store.vocab_size <= len(vocabulary)


@either_engine
def test_no_folder(tmp_path: Path, engine: EngineName) -> None:
    with pytest.raises(BundleError, match="no captioner bundle at"):
        load(tmp_path / "none", engine)


@either_engine
@pytest.mark.parametrize("part", [CONFIG, *PARTS])
def test_a_missing_part(broken_bundle: Path, engine: EngineName, part: str) -> None:
    (broken_bundle / part).unlink()
    with pytest.raises(BundleError, match=f"lacks {part}"):
        load(broken_bundle, engine)


@either_engine
def test_a_part_too_many(broken_bundle: Path, engine: EngineName) -> None:
    (broken_bundle / "notes.txt").write_text("mine")
    with pytest.raises(BundleError, match=r"should not: notes\.txt"):
        load(broken_bundle, engine)


@either_engine
def test_the_cards_pictures_are_no_part_too_many(broken_bundle: Path, engine: EngineName) -> None:
    for name in PICTURES:
        (broken_bundle / name).write_bytes(b"drawn again")
    assert load(broken_bundle, engine).config.format == FORMAT


@either_engine
@pytest.mark.parametrize("part", PARTS)
def test_a_changed_part(broken_bundle: Path, engine: EngineName, part: str) -> None:
    data = bytearray((broken_bundle / part).read_bytes())
    data[len(data) // 2] ^= 1
    (broken_bundle / part).write_bytes(data)
    with pytest.raises(BundleError, match=f"{part} is damaged"):
        load(broken_bundle, engine)


@either_engine
@pytest.mark.parametrize("part", PARTS)
def test_a_truncated_part(broken_bundle: Path, engine: EngineName, part: str) -> None:
    data = (broken_bundle / part).read_bytes()
    (broken_bundle / part).write_bytes(data[: len(data) // 2])
    with pytest.raises(BundleError, match=f"{part} is damaged"):
        load(broken_bundle, engine)


@pytest.mark.parametrize("part", [CONFIG, *PARTS])
def test_a_folder_in_place_of_a_part(broken_bundle: Path, part: str) -> None:
    (broken_bundle / part).unlink()
    (broken_bundle / part).mkdir()
    with pytest.raises(BundleError, match=part):
        load(broken_bundle)


@either_engine
@pytest.mark.parametrize("number", [0, 1, 3, "2", None])
def test_another_format(broken_bundle: Path, engine: EngineName, number: object) -> None:
    edit(broken_bundle, lambda table: table.update(format=number))
    with pytest.raises(BundleError, match=r"has format .*; this program reads 2"):
        load(broken_bundle, engine)


@pytest.mark.parametrize("text", ["", "{", "\x00\x01", "[]", "7", "null", '"config"'])
def test_a_config_that_is_none(broken_bundle: Path, text: str) -> None:
    (broken_bundle / CONFIG).write_text(text)
    with pytest.raises(BundleError, match=r"config\.json cannot be used|has format None"):
        load(broken_bundle)


def test_a_config_that_is_not_text(broken_bundle: Path) -> None:
    (broken_bundle / CONFIG).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BundleError, match=r"config\.json cannot be used"):
        load(broken_bundle)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda t: t.pop("grid"), "grid"),
        (lambda t: t.update(grid=[2]), "grid"),
        (lambda t: t.update(grid=["2", "2"]), "grid"),
        (lambda t: t.update(files=[]), "files"),
        (lambda t: t.update(architecture=None), "architecture"),
        (lambda t: t.update(colour="red"), "colour"),
        (lambda t: t.pop("search"), "search"),
        (lambda t: t["search"].update(beam="3"), "beam"),
        (lambda t: t["search"].update(beam=True), "beam"),
        (lambda t: t["search"].update(beam=0), "beam"),
        (lambda t: t["search"].update(width=3), "width"),
        (lambda t: t["preprocessing"].update(size=64.5), "size"),
        (lambda t: t["preprocessing"].update(mean=0.5), "mean"),
        (lambda t: t["preprocessing"].update(mean=[0.5, 0.5]), "mean"),
        (lambda t: t["preprocessing"].update(interpolation="guess"), "interpolation"),
        (lambda t: t.update(preprocessing=[]), "preprocessing"),
        (lambda t: t["search"].update(consensus="much"), "consensus"),
        (lambda t: t["search"].update(neighbours=0), "neighbours"),
        (lambda t: t["calibration"].update(slope=1.0), "slope"),
        (lambda t: t["calibration"].update(offset=None), "offset"),
        (lambda t: t["calibration"].update(weights=[1.0]), "weights"),
        (lambda t: t["calibration"].update(familiar=[1.0]), "familiar"),
        (lambda t: t["calibration"].update(object_offsets=[1.0]), "object_offsets"),
        (lambda t: t["calibration"].update(object_offsets=0.5), "object_offsets"),
        (lambda t: t["calibration"].update(count_limits=[1.5]), "count_limits"),
        (lambda t: t["calibration"].update(object_slope=None), "object_slope"),
        (lambda t: t["calibration"].update(weights={"surest": 1.0}), "surest"),
    ],
)
def test_a_config_with_a_bad_entry_is_refused_by_name(
    broken_bundle: Path, change: Callable[[dict[str, Any]], object], named: str
) -> None:
    edit(broken_bundle, change)
    with pytest.raises(BundleError, match=rf"config\.json cannot be used: .*\b{named}\b"):
        load(broken_bundle)


@either_engine
@pytest.mark.parametrize("change", [lambda words: words[:-1], lambda words: [*words, "zebra"]])
def test_words_of_another_captioner(
    broken_bundle: Path, engine: EngineName, change: Callable[[list[str]], list[str]]
) -> None:
    path = broken_bundle / "vocabulary.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(BundleError, match=r"vocabulary\.json is damaged"):
        load(broken_bundle, engine)
    sign(broken_bundle)  # and when config.json vouches for them, they still do not fit
    with pytest.raises(BundleError, match=r"(vocabulary\.json|weights\.safetensors) cannot"):
        load(broken_bundle, engine)


@either_engine
def test_a_vocabulary_that_is_none(broken_bundle: Path, engine: EngineName) -> None:
    (broken_bundle / "vocabulary.json").write_text('["dog", "cat"]')
    sign(broken_bundle)
    with pytest.raises(BundleError, match=r"vocabulary\.json cannot be used: .*must begin with"):
        load(broken_bundle, engine)


@either_engine
@pytest.mark.parametrize("keep", [0, 5, 100_000])
def test_weights_that_do_not_fit(broken_bundle: Path, engine: EngineName, keep: int) -> None:
    path = broken_bundle / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    sign(broken_bundle)
    wanted = r"coder\.onnx|weights\.safetensors"
    with pytest.raises(BundleError, match=rf"({wanted}) cannot be used"):
        load(broken_bundle, engine)


def remember(folder: Path, **changes: NDArray[Any] | None) -> None:
    """Change arrays of the bundle's memory, or leave them out."""
    with np.load(folder / CONSENSUS) as file:
        arrays = {**file, **changes}
    kept = {name: array for name, array in arrays.items() if array is not None}
    np.savez_compressed(folder / CONSENSUS, **kept)
    sign(folder)


@either_engine
@pytest.mark.parametrize(
    "name", ["mean", "projection", "places", "captions", "unity", "grams", "frequencies"]
)
def test_a_memory_that_lacks_something(broken_bundle: Path, engine: EngineName, name: str) -> None:
    remember(broken_bundle, **{name: None})
    with pytest.raises(BundleError, match=rf"consensus\.npz cannot be used: it lacks {name}"):
        load(broken_bundle, engine)
    remember(broken_bundle, **{name: np.zeros((3, 3), np.float16)})
    with pytest.raises(BundleError, match=r"consensus\.npz cannot be used: its parts do not fit"):
        load(broken_bundle, engine)
    remember(broken_bundle, **{name: np.asarray(["dog"])})
    with pytest.raises(BundleError, match=r"consensus\.npz cannot be used"):
        load(broken_bundle, engine)


@pytest.mark.parametrize("data", [b"", b"PK", b"dog", b"\x93NUMPY", "half", "middle", "array"])
def test_a_memory_that_is_none(broken_bundle: Path, data: bytes | str) -> None:
    path = broken_bundle / CONSENSUS
    whole = path.read_bytes()
    if data == "array":
        with path.open("wb") as file:
            np.save(file, np.zeros(3))
    elif data == "half":
        path.write_bytes(whole[: len(whole) // 2])
    elif data == "middle":
        path.write_bytes(whole[:200] + bytes(len(whole) - 400) + whole[-200:])
    else:
        path.write_bytes(data)
    sign(broken_bundle)
    with pytest.raises(BundleError, match=r"consensus\.npz cannot be used"):
        load(broken_bundle)


@either_engine
def test_a_memory_of_another_captioner(broken_bundle: Path, engine: EngineName) -> None:
    with np.load(broken_bundle / CONSENSUS) as file:
        mean, projection, captions = file["mean"], file["projection"], file["captions"]
    remember(broken_bundle, mean=mean[1:], projection=projection[1:])
    with pytest.raises(BundleError, match=r"consensus\.npz cannot be used: it does not fit"):
        load(broken_bundle, engine)
    captions[0, 0, 0] = len(WORDS) + len(SPECIALS)
    remember(broken_bundle, mean=mean, projection=projection, captions=captions)
    with pytest.raises(BundleError, match=r"consensus\.npz cannot be used: it does not fit"):
        load(broken_bundle, engine)


def test_weights_of_another_shape(broken_bundle: Path) -> None:
    edit(broken_bundle, lambda t: t["architecture"]["decoder_options"].update(hidden=48))
    with pytest.raises(BundleError, match=r"weights\.safetensors cannot be used") as caught:
        load(broken_bundle, "torch")
    assert len(str(caught.value)) < 100  # it may be spoken


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t["architecture"].update(encoder="resnet"),
        lambda t: t["architecture"].pop("decoder"),
        lambda t: t["architecture"]["decoder_options"].update(layers=3),
        lambda t: t["architecture"]["decoder_options"].update(hidden="wide"),
        lambda t: t["architecture"].update(decoder_options=7),
    ],
)
def test_an_architecture_that_cannot_be_built(
    broken_bundle: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    edit(broken_bundle, change)
    with pytest.raises(BundleError, match=r"config\.json cannot be used"):
        load(broken_bundle, "torch")


@either_engine
def test_a_grid_or_a_size_that_does_not_fit(broken_bundle: Path, engine: EngineName) -> None:
    edit(broken_bundle, lambda t: t.update(grid=[3, 3]))
    with pytest.raises(BundleError, match=r"cannot be used: .* not fit"):
        load(broken_bundle, engine)
    edit(broken_bundle, lambda t: (t.update(grid=[2, 2]), t["preprocessing"].update(size=96)))
    with pytest.raises(BundleError, match=r"cannot be used: .* does not fit"):
        load(broken_bundle, engine)


@pytest.mark.parametrize("part", ["encoder.onnx", "decoder.onnx"])
def test_a_graph_that_is_none(broken_bundle: Path, part: str) -> None:
    (broken_bundle / part).write_bytes(b"not a graph")
    sign(broken_bundle)
    with pytest.raises(BundleError, match=rf"{part} cannot be used"):
        load(broken_bundle)


def test_a_graph_of_another_part(broken_bundle: Path) -> None:
    shutil.copyfile(broken_bundle / "encoder.onnx", broken_bundle / "decoder.onnx")
    sign(broken_bundle)
    with pytest.raises(BundleError, match=r"decoder\.onnx cannot be used"):
        load(broken_bundle)


def test_keys_of_files_that_exist_stand_beside_newer_names() -> None:
    table = {"beam": 2, "no_repeat": 4, "sample": True, "stutter": True}
    search = make(SearchConfig, table, "search")
    assert search == SearchConfig(
        2, no_repeat_ngram_size=4, do_sample=True, allow_immediate_repeat=True
    )
    assert table.items() <= as_table(search).items()
    with pytest.raises(ValueError, match="search: unknown beam_size; known: bandwidth, beam,"):
        make(SearchConfig, {"beam_size": 2}, "search")


def test_what_is_wrong_can_be_told_in_another_language() -> None:
    error = BundleError("{part} is gone.", part="{x}.onnx")
    assert str(error) == error.told() == "{x}.onnx is gone."
    assert error.told({"{part} is gone.": "{part} fehlt."}.__getitem__) == "{x}.onnx fehlt."
    assert str(BundleError("{x} is no value.")) == "{x} is no value."
