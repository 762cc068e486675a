"""Flickr8k in both layouts, with the faults that real copies have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.captioning.vocabulary import SPECIALS
from training.data.datasets import (
    batches,
    build_vocabulary,
    clean,
    count_words,
    load_flickr8k,
    load_unlabelled,
    mirrored,
)

if TYPE_CHECKING:
    from pathlib import Path


def touch(root: Path, *names: str) -> None:
    (root / "Images").mkdir()
    for name in names:
        (root / "Images" / name).write_bytes(b"")


@pytest.fixture
def published(tmp_path: Path) -> Path:
    names = [f"{n}.jpg" for n in range(6)]
    touch(tmp_path, *names)
    lines = [f"{name}#{n}\tA dog number {n} runs ." for name in names for n in range(5)]
    (tmp_path / "Flickr8k.token.txt").write_text("\n".join(lines) + "\n")
    for split, chosen in (("train", names[:3]), ("dev", names[3:4]), ("test", names[4:5])):
        (tmp_path / f"Flickr_8k.{split}Images.txt").write_text("\n".join(chosen) + "\n")
    return tmp_path


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    names = [f"{n:02}.jpg" for n in range(20)]
    touch(tmp_path, *names)
    rows = ["image,caption", *(f'{name},"A dog , which runs ."' for name in names)]
    (tmp_path / "captions.txt").write_text("\n".join(rows) + "\n")
    return tmp_path


def test_the_published_layout(published: Path) -> None:
    dataset = load_flickr8k(published)
    assert [example.path.name for example in dataset.development] == ["3.jpg"]
    # 5.jpg is in no list and is trained on; 4.jpg is for testing only
    assert [e.path.name for e in dataset.train] == ["0.jpg", "1.jpg", "2.jpg", "5.jpg"]
    assert dataset.train[0].captions[4] == ("a", "dog", "number", "4", "runs")
    assert dataset.train[0].path.is_file()
    assert dataset.problems == []


def test_the_kaggle_layout(kaggle: Path) -> None:
    dataset = load_flickr8k(kaggle)
    assert [e.path.name for e in dataset.development] == ["00.jpg", "08.jpg", "16.jpg"]
    assert len(dataset.train) == 17
    assert dataset.train[0].captions == (("a", "dog", "which", "runs"),)
    assert dataset.problems == []


@pytest.mark.parametrize("layout", ["published", "kaggle"])
def test_no_picture_is_in_two_splits(request: pytest.FixtureRequest, layout: str) -> None:
    dataset = load_flickr8k(request.getfixturevalue(layout))
    assert dataset.train
    assert dataset.development
    assert not {e.path for e in dataset.train} & {e.path for e in dataset.development}


def test_a_byte_order_mark_does_no_harm(kaggle: Path) -> None:
    path = kaggle / "captions.txt"
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert len(load_flickr8k(kaggle).train) == 17


def test_what_is_left_out_is_told_and_never_fatal(published: Path) -> None:
    (published / "Images" / "2.jpg").unlink()
    (published / "Images" / "stray.jpg").write_bytes(b"")
    with (published / "Flickr8k.token.txt").open("a") as file:
        file.write("6.jpg#0\t . \na line without a tab\n")
    (published / "Images" / "6.jpg").write_bytes(b"")
    dataset = load_flickr8k(published)
    assert dataset.problems == [
        "2.jpg: captions without a picture",
        "6.jpg: no usable caption",
        "stray.jpg: picture without captions",
    ]
    assert [example.path.name for example in dataset.train] == ["0.jpg", "1.jpg", "5.jpg"]


def test_a_row_without_a_caption_is_a_problem_only(kaggle: Path) -> None:
    path = kaggle / "captions.txt"
    path.write_text(path.read_text().replace('07.jpg,"A dog , which runs ."', "07.jpg"))
    assert load_flickr8k(kaggle).problems == ["07.jpg: no usable caption"]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"neither Flickr8k\.token\.txt nor captions\.txt"):
        load_flickr8k(tmp_path)
    (tmp_path / "captions.txt").write_text("image,caption\n")
    with pytest.raises(FileNotFoundError, match="Images is missing"):
        load_flickr8k(tmp_path)
    (tmp_path / "captions.txt").write_text("1.jpg,A dog runs .\n")
    with pytest.raises(ValueError, match=r"first line must be image,caption"):
        load_flickr8k(tmp_path)


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A dog runs .", "a dog runs"),
        ("Two men , one in a T-shirt , wait .", "two men one in a t-shirt wait"),
        ("A dog 's ball", "a dog 's ball"),
        ("The dog's ball", "the dog's ball"),
        ('A sign says " STOP ! "', "a sign says stop"),
        ("A 5 year old -- alone", "a 5 year old alone"),
        ("' quoted '", "quoted"),
        (" .", ""),
    ],
)
def test_cleaning(caption: str, words: str) -> None:
    assert clean(caption) == tuple(words.split())


def test_left_and_right_change_places_in_a_mirror() -> None:
    caption = ("left", "of", "a", "man", "on", "the", "right", "with", "leftovers")
    assert mirrored(caption) == (
        "right",
        "of",
        "a",
        "man",
        "on",
        "the",
        "left",
        "with",
        "leftovers",
    )
    assert mirrored(mirrored(caption)) == caption


def test_the_vocabulary_is_by_frequency_then_letters(published: Path) -> None:
    examples = load_flickr8k(published).train
    words = build_vocabulary(examples, minimum=5).words[len(SPECIALS) :]
    assert words == ("a", "dog", "number", "runs")
    words = build_vocabulary(examples, minimum=4).words[len(SPECIALS) :]
    assert words[4:] == ("0", "1", "2", "3", "4")


def test_words_are_counted_in_every_caption(published: Path) -> None:
    counts = count_words(load_flickr8k(published).train)
    assert counts["dog"] == 20
    assert counts["3"] == 4


def test_words_that_the_captions_lack_come_last_and_once(published: Path) -> None:
    examples = load_flickr8k(published).train
    words = build_vocabulary(examples, 5, ["zebra", "dog", "apple", "zebra"]).words
    assert words[len(SPECIALS) :] == ("a", "dog", "number", "runs", "zebra", "apple")


def test_every_tenth_picture_without_captions_is_held_out(tmp_path: Path) -> None:
    for number in range(23):
        (tmp_path / f"{number:02}.{('jpg', 'PNG', 'webp')[number % 3]}").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no picture")
    train, held_out = load_unlabelled(tmp_path)
    assert [example.path.stem for example in held_out] == ["00", "10", "20"]
    assert sorted(e.path.stem for e in (*train, *held_out)) == [f"{n:02}" for n in range(23)]
    assert not any(example.captions for example in (*train, *held_out))


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(FileNotFoundError, match="holds no pictures"):
        load_unlabelled(tmp_path)


def test_an_epoch_sees_every_picture_once_in_an_order_the_seed_decides() -> None:
    epoch = list(batches(23, 5, seed=3))
    seen = [index for batch in epoch for index in batch]
    assert [len(batch) for batch in epoch] == [5] * 4
    assert len(set(seen)) == 20
    assert set(seen) <= set(range(23))
    assert epoch == list(batches(23, 5, seed=3))
    assert epoch != list(batches(23, 5, seed=4))
