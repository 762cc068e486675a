"""A data set in one small archive, from which the same is trained."""

from __future__ import annotations

import subprocess
import tarfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from models.networks.registry import ENCODERS
from tests import bundles, everyday
from tests.variants import TinyEncoder
from training.__main__ import main
from training.data import packing
from training.data.packing import pack
from training.trainer.recipe import load_recipe
from training.trainer.training_data import TrainingData, prepare_data

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 2**20


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(ENCODERS, "tiny", TinyEncoder)
    return everyday.prepare(tmp_path / "here")


def unpacked(archive: Path, to: Path) -> Path:
    to.mkdir()
    subprocess.run(["tar", "xf", archive, "-C", to], check=True, timeout=60)  # as the help has it
    return to


def prepared(folder: Path, recipe: Path, maps: Path) -> TrainingData:
    return prepare_data(load_recipe(recipe), folder / "data", maps, everyday=folder / "everyday")


def test_the_same_is_trained_elsewhere(folder: Path, tmp_path: Path) -> None:
    archive, recipe = tmp_path / "new" / "packed.tar.gz", folder / "recipe.toml"
    packed = pack([folder / "data", folder / "everyday"], archive, MEGABYTE, 64)
    assert packed.size == archive.stat().st_size <= MEGABYTE
    assert packed.quality == 80
    there = unpacked(archive, tmp_path / "there")
    here, other = (
        prepared(each, recipe, tmp_path / each.name / "maps") for each in (folder, there)
    )
    assert packed.pictures == len([*there.rglob("*.png")]) == len([*folder.rglob("*.png")])
    assert here.vocabulary.words == other.vocabulary.words
    assert np.array_equal(here.tokens, other.tokens)
    assert here.everyday is not None
    assert other.everyday is not None
    assert np.array_equal(here.everyday.targets.presence, other.everyday.targets.presence)
    assert np.array_equal(here.everyday.text.tokens, other.everyday.text.tokens)
    apart = np.abs(np.asarray(here.images, np.float32) - np.asarray(other.images))
    assert 0 < apart.mean() < 6  # of 255


def test_the_best_quality_that_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(1)
    for number in range(9):
        soft = Image.fromarray(noise.integers(0, 256, (24, 24, 3), dtype=np.uint8))
        (tmp_path / "set").mkdir(exist_ok=True)
        soft.resize((160, 120)).save(tmp_path / "set" / f"{number}.jpg", quality=95)
    sizes = {}
    for limit in (60_000, 20_000, 12_000):
        packed = pack([tmp_path / "set"], tmp_path / "packed.tar.gz", limit, 96)
        assert packed.size <= limit
        sizes[packed.quality] = packed.size
    assert [*sizes] == sorted(sizes, reverse=True)
    assert len(sizes) == 3
    with tarfile.open(tmp_path / "packed.tar.gz") as archive:
        for member in archive:
            contents = archive.extractfile(member)
            assert contents is not None
            with Image.open(contents) as image:
                assert (image.size, image.format) == ((96, 96), "AVIF")
    # a sample may have been smaller than the rest: then the next worse quality is taken
    monkeypatch.setattr(packing, "_best_quality", lambda *_: (80, 0))
    assert pack([tmp_path / "set"], tmp_path / "packed.tar.gz", 12_000, 96).size <= 12_000
    before = (tmp_path / "packed.tar.gz").read_bytes()
    with pytest.raises(ValueError, match=r"does not fit into 0\.0 MiB.* takes about 0\.0\."):
        pack([tmp_path / "set"], tmp_path / "packed.tar.gz", 2_000, 96)
    assert (tmp_path / "packed.tar.gz").read_bytes() == before
    assert not [*tmp_path.glob("*.part")]


def test_what_is_no_picture_or_cannot_be_read_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "set" / "inside").mkdir(parents=True)
    contents = {
        "inside/table.csv": b"image,caption\n",
        "cut.png": b"\x89PNG\r\n\x1a\n",
        "a.jpg": b"",
    }
    for name, data in contents.items():
        (tmp_path / "set" / name).write_bytes(data)
    (tmp_path / "weights.safetensors").write_bytes(b"weights")
    bundles.drawing("red", "circle", "left").resize((40, 20)).save(tmp_path / "set" / "small.png")
    sources = [tmp_path / "set", tmp_path / "weights.safetensors"]
    packed = pack(sources, tmp_path / "packed.tar.gz", MEGABYTE, 64)
    assert (packed.pictures, packed.other) == (3, 2)
    there = unpacked(tmp_path / "packed.tar.gz", tmp_path / "there")
    again = pack(sources, tmp_path / "set" / "packed.tar.gz", MEGABYTE, 64)
    assert pack(sources, tmp_path / "set" / "packed.tar.gz", MEGABYTE, 64) == again  # not itself
    for name, data in contents.items():
        assert (there / "set" / name).read_bytes() == data
    assert (there / "weights.safetensors").read_bytes() == b"weights"
    with Image.open(there / "set" / "small.png") as image:
        assert image.size == (40, 40)  # no larger than it was


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        (["one/set", "two/set"], "two of them have the name set/a.txt"),
        (["empty"], "there is nothing to pack"),
        (["nowhere"], "does not exist"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_packed_is_told(tmp_path: Path, sources: list[str], said: str) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "set").mkdir(parents=True)
        (tmp_path / name / "set" / "a.txt").write_text("a", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    paths = [str(tmp_path / name) for name in sources]
    done = CliRunner().invoke(main, ["pack", *paths, "--out", str(tmp_path / "packed.tar.gz")])
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())


def test_without_a_codec_nothing_is_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.features.check", lambda _: False)
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    with pytest.raises(ValueError, match="built without AVIF"):
        pack([tmp_path / "a.txt"], tmp_path / "packed.tar.gz", MEGABYTE, 64)


def test_the_command_tells_what_it_packed(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "packed.tar.gz"
    done = CliRunner().invoke(main, ["pack", str(folder / "everyday"), "--out", str(archive)])
    assert done.exit_code == 0, done.output
    assert f"24 pictures in quality 80 of 100 and 4 other files, 0.0 MiB: {archive}" in done.output
