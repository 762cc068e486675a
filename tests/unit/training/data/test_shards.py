"""Shards give every picture once an epoch, in an order the seed decides, and survive damage."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from webdataset import tariterators

from models.captioning.preprocess import Preprocessing
from training import memory_curve
from training.__main__ import main
from training.data import prepare
from training.data.cleaning import Cleaning
from training.data.datasets import build_vocabulary, load
from training.data.shard_writer import Member, write_shards, write_splits
from training.data.shards import (
    INDEX,
    DamagedMemberError,
    ShardBatchSource,
    ShardReader,
    Shards,
    member_table,
    open_shards,
    places,
)
from training.data.shards import build_vocabulary as streamed_vocabulary
from training.trainer.training_data import tokenise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from training.data.shards import Batch

SIZE, PICTURES, WORDS = 16, 23, 6


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """23 pictures to train on, each of its own grey, and 2 of development; two are spoilt."""
    root = tmp_path_factory.mktemp("data")
    rows = ["image,caption,split"]
    for number in range(PICTURES + 2):
        name = f"{number:02}.{'png' if number % 2 else 'jpg'}"
        Image.new("RGB", (SIZE, SIZE + number % 3), (10 * number,) * 3).save(root / name)
        split = "train" if number < PICTURES else "val"
        rows += [f"{name},a dog to the left of number {number} and far more words,{split}"]
        rows += [f"{name},short,{split}"] * (number % 3)
    (root / "98.jpg").write_bytes(b"spoilt")
    (root / "99.jpg").write_bytes(b"")
    rows += ["98.jpg,spoilt,train", "99.jpg,spoilt,val", "97.jpg,gone,val"]
    (root / "captions.csv").write_text("\n".join(rows) + "\n")
    return root


@pytest.fixture(scope="module")
def folder(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, in five shards of five. Not to be changed."""
    out = tmp_path_factory.mktemp("shards") / "out"
    done = CliRunner().invoke(
        main,
        ["shards", "--data", str(data), "--out", str(out), "--size", str(SIZE), "--per-shard", "5"],
    )
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture
def broken(folder: Path, tmp_path: Path) -> Path:
    """A copy, to be spoilt."""
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def feed(folder: Path, batch: int = 4, **options: int) -> ShardBatchSource:
    shards = open_shards(folder)
    return ShardBatchSource(shards, streamed_vocabulary(shards, 1), WORDS, batch, **options)


def seen(batches: list[Batch]) -> list[list[str]]:
    return [batch.names for batch in batches]


def test_the_archives_are_webdatasets(folder: Path) -> None:
    assert sorted(path.name for path in folder.glob("*.tar")) == [
        "development-000000.tar",
        *(f"train-{number:06}.tar" for number in range(5)),
    ]
    with tarfile.open(folder / "train-000001.tar") as archive:
        assert archive.getnames()[:4] == [
            "00000005.jpg",
            "00000005.json",
            "00000006.jpg",
            "00000006.json",
        ]
        notes = archive.extractfile("00000005.json")
        assert notes is not None
        assert json.loads(notes.read()) == {
            "name": "05.png",
            "captions": ["a dog to the left of number 5 and far more words", "short", "short"],
        }
    index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    assert index["splits"]["train"] == {"captions": 3, "counts": [5, 5, 5, 5, 3]}
    assert index["cleaning"]["lower_case"]
    assert (folder / "problems.txt").read_text(encoding="utf-8").splitlines() == [
        "97.jpg: captions without a picture",
        "98.jpg: not a picture",
        "99.jpg: an empty file",
    ]


def test_webdataset_itself_reads_them(folder: Path) -> None:
    with (folder / "train-000000.tar").open("rb") as stream:
        parts = tariterators.tar_file_expander([{"url": "shard", "stream": stream}])
        samples = list(tariterators.group_by_keys(parts))
    assert [json.loads(sample["json"])["name"] for sample in samples] == [
        f"{number:02}.{'png' if number % 2 else 'jpg'}" for number in range(5)
    ]
    with Image.open(io.BytesIO(samples[3]["jpg"])) as picture:
        assert picture.size == (SIZE, SIZE)


def test_a_batch_is_what_the_same_pictures_give_without_shards(data: Path, folder: Path) -> None:
    examples = {each.path.name: each for each in load(data).train}
    sound = [each for each in examples.values() if each.path.name != "98.jpg"]
    source = feed(folder, batch=PICTURES)
    (batch,) = source.epoch(1)
    assert source.vocabulary.words == build_vocabulary(sound, 1).words
    tokens = tokenise(sound, source.vocabulary, WORDS)
    images = prepare.pictures(sound, Preprocessing(SIZE), folder.parent / "pictures.npy")
    order = [sound.index(examples[name]) for name in batch.names]
    assert torch.equal(batch.tokens, tokens[:, order])
    assert batch.images.dtype == np.uint8
    assert batch.images.shape == (PICTURES, SIZE, SIZE, 3)
    # those that were square JPEGs are the same to the bit, the others were compressed
    difference = np.abs(batch.images.astype(int) - images[order])
    assert difference.max() <= 3
    same = [row for row, name in enumerate(batch.names) if int(name[:2]) % 6 == 0]
    assert len(same) == 4
    assert not difference[same].any()


def test_an_epoch_has_every_picture_once_in_an_order_of_its_own(folder: Path) -> None:
    source = feed(folder)
    first, again, other = (seen(list(source.epoch(seed))) for seed in (1, 1, 2))
    assert len(first) == len(source) == 5
    assert [len(names) for names in first] == [4] * 5
    assert len({name for names in first for name in names}) == 20
    assert first == again
    assert first != other
    assert sorted(places((5, 5, 3), 7, 2)) == [
        (shard, number) for shard, count in enumerate((5, 5, 3)) for number in range(count)
    ]


def test_pictures_of_a_few_shards_are_mixed_at_a_time() -> None:
    order = list(places((50,) * 10, 3, mixed=4))
    for start in (0, 200, 400):
        part = order[start : start + 200]
        assert len({shard for shard, _ in part}) == min(4, 10 - start // 50)
        assert part != sorted(part)


def test_neither_threads_nor_reading_ahead_change_anything(folder: Path) -> None:
    plain = seen(list(feed(folder, workers=1, ahead=0).epoch(5)))
    assert seen(list(feed(folder, workers=4, ahead=9).epoch(5))) == plain


@pytest.mark.parametrize("skip", [0, 1, 3, 5])
def test_batches_are_skipped_without_being_read(
    folder: Path, skip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = feed(folder)
    whole = seen(list(source.epoch(4)))
    read: list[object] = []
    row = source._row

    def watched(place: tuple[int, int]) -> object:
        read.append(place)
        return row(place)

    monkeypatch.setattr(source, "_row", watched)
    assert seen(list(source.epoch(4, skip))) == whole[skip:]
    assert len(read) == 4 * (5 - skip)


@pytest.mark.parametrize("world", [2, 3, 4])
def test_processes_together_see_the_batches_of_one(folder: Path, world: int) -> None:
    whole = list(feed(folder).epoch(6))
    parts = [list(feed(folder, rank=rank, world=world).epoch(6)) for rank in range(world)]
    for number, batch in enumerate(whole):
        assert [name for part in parts for name in part[number].names] == batch.names
        assert torch.equal(torch.cat([part[number].tokens for part in parts], 1), batch.tokens)


def test_an_epoch_that_is_left_early_leaves_no_threads(folder: Path) -> None:
    for _ in feed(folder, workers=3).epoch(1):
        break
    assert not [each for each in threading.enumerate() if each.name.startswith("shards")]


def test_damaged_members_are_listed_and_another_takes_their_place(broken: Path) -> None:
    path = broken / "train-000000.tar"
    table = member_table(path)
    content = bytearray(path.read_bytes())
    picture, length, _, _ = table[1]
    content[picture : picture + length] = bytes(length)
    _, _, notes, length = table[4]
    content[notes : notes + length] = b"?" * length
    path.write_bytes(content)
    path = broken / "train-000001.tar"  # cut off at the third picture
    path.write_bytes(path.read_bytes()[: member_table(path)[2][0]])
    source = feed(broken, batch=PICTURES)
    (batch,) = source.epoch(1)
    assert len(batch.names) == PICTURES
    counts = {name: batch.names.count(name) for name in batch.names}
    assert {name: count for name, count in counts.items() if count > 1} == {
        "02.jpg": 2,
        "00.jpg": 2,
        "05.png": 4,
    }
    told = sorted(problem.split(":")[0] for problem in source.problems)
    assert told == [f"train-000000.tar, picture {number}" for number in (1, 4)] + [
        f"train-000001.tar, picture {number}" for number in (2, 3, 4)
    ]
    assert any("the archive ends after 2" in problem for problem in source.problems)
    names = [sample.name for sample in ShardReader(open_shards(broken))]
    assert len(names) == PICTURES - 5
    # whoever reads a share of it sees the same
    halves = [next(feed(broken, PICTURES, rank=rank, world=2).epoch(1)) for rank in range(2)]
    assert [name for half in halves for name in half.names] == batch.names


def test_pictures_of_another_size_are_damaged(folder: Path) -> None:
    shards = open_shards(folder)
    other = Shards(shards.folder, shards.split, 8, shards.captions, shards.counts)
    with pytest.raises(DamagedMemberError, match="no picture that can be read: write"):
        ShardReader(other).sample((0, 0))


def test_a_shard_without_any_good_picture_is_an_error(broken: Path) -> None:
    (broken / "train-000002.tar").write_bytes(b"no archive")
    with pytest.raises(DamagedMemberError, match=r"train-000002\.tar has no picture"):
        list(feed(broken).epoch(1))


def test_how_the_captions_were_cleaned_is_known(data: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main,
        [
            "shards",
            "--data",
            str(data),
            "--out",
            str(tmp_path / "out"),
            "--size",
            "8",
            "--no-digits",
            "--maximum-words",
            "3",
        ],
    )
    assert done.exit_code == 0, done.output
    shards = open_shards(tmp_path / "out")
    assert shards.cleaning == Cleaning(digits=False, maximum_words=3)
    assert {words for each in ShardReader(shards) for words in each.captions} == {("short",)}


def test_what_is_missing_is_named(broken: Path) -> None:
    with pytest.raises(ValueError, match="knows no split test, only train, development"):
        open_shards(broken, "test")
    (broken / "train-000003.tar").unlink()
    with pytest.raises(FileNotFoundError, match=r"train-000003\.tar is missing"):
        open_shards(broken)
    (broken / INDEX).write_text('{"size": 8}')
    with pytest.raises(ValueError, match=r"damaged .*write the shards again"):
        open_shards(broken)
    (broken / INDEX).unlink()
    with pytest.raises(FileNotFoundError, match="python -m training shards"):
        open_shards(broken)


@pytest.mark.parametrize(("batch", "world"), [(24, 1), (1, 2)])
def test_batches_that_do_not_fit_are_refused(folder: Path, batch: int, world: int) -> None:
    with pytest.raises(ValueError, match="does not fit 23 pictures"):
        feed(folder, batch, world=world)


def test_shards_are_never_written_over(data: Path, folder: Path) -> None:
    with pytest.raises(FileExistsError, match="holds shards already"):
        write_shards(load(data), folder, SIZE, 5, {})


def test_a_run_that_was_killed_is_begun_anew(tmp_path: Path) -> None:
    def killed() -> Iterator[Member]:
        yield from memory_curve.made_up(3, 2, 8)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_splits({"train": killed()}, tmp_path, 8, 2, {})
    with pytest.raises(FileNotFoundError, match="python -m training shards"):
        open_shards(tmp_path)
    write_splits({"train": memory_curve.made_up(2, 2, 8)}, tmp_path, 8, 2, {})
    assert [path.name for path in sorted(tmp_path.iterdir())] == [INDEX, "train-000000.tar"]
    assert len(open_shards(tmp_path)) == 2


def test_a_split_without_pictures_is_refused(tmp_path: Path) -> None:
    nothing: list[Member] = []
    with pytest.raises(ValueError, match="train split has no picture"):
        write_splits({"train": iter(nothing)}, tmp_path, 8, 2, {})


def test_memory_is_measured_over_an_epoch(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        memory_curve.main,
        ["--pictures", "2100", "--size", "8", "--batch", "50", "--out", str(tmp_path)],
    )
    assert done.exit_code == 0, done.output
    table = json.loads((tmp_path / "memory.json").read_text(encoding="utf-8"))
    assert table["captions"] == 10_500
    readings = table["readings"]
    assert [readings[0]["pictures"], readings[-1]["pictures"]] == [0, 2100]
    assert all(0 < each["proportional"] <= each["resident"] for each in readings)
    # the pictures and captions of this epoch would not fit into what it grew by
    assert readings[-1]["resident"] - readings[1]["resident"] < 30
    with Image.open(tmp_path / "memory.png") as plot:
        assert plot.size[0] > 300
