"""Data sets in every layout that is known, each with the faults that real copies have."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from training.data.cleaning import Cleaning
from training.data.datasets import LAYOUTS, Dataset, load

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def touch(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"")


def names(dataset: Dataset) -> tuple[list[str], list[str]]:
    train, development = (
        [each.path.name for each in split] for split in (dataset.train, dataset.development)
    )
    assert all(each.path.is_file() for each in (*dataset.train, *dataset.development))
    return train, development


def write_30k(root: Path, kaggle: bool) -> Path:
    pictures = [f"{number:03}.jpg" for number in range(40)]
    if kaggle:
        folder = root / "flickr30k_images"
        touch(folder / "flickr30k_images", *pictures)
        rows = ["image_name| comment_number| comment"]
        rows += [f"{name}| {n}| Dog {n} , a | runs ." for name in pictures for n in range(5)]
        rows[3] = rows[3].replace("| Dog", "   Dog", 1)  # as in Kaggle's one bad row
        (folder / "results.csv").write_text("\n".join(rows) + "\n")
    else:
        touch(root / "flickr30k-images", *pictures)
        lines = [f"{name}#{n}\tDog {n} , a | runs ." for name in pictures for n in range(5)]
        (root / "results_20130124.token").write_text("\n".join(lines) + "\n")
    return root


@pytest.mark.parametrize("kaggle", [False, True], ids=["published", "kaggle"])
def test_flickr30k(tmp_path: Path, kaggle: bool) -> None:
    dataset = load(write_30k(tmp_path, kaggle))
    train, development = names(dataset)
    assert development == ["000.jpg", "031.jpg"]
    assert len(train) == 38
    assert dataset.train[0].captions == tuple(
        ("dog", str(number), "a", "runs") for number in range(5)
    )
    assert dataset.problems == []
    assert dataset.found.startswith("Flickr30k (results")
    assert "one picture in 31 is development" in dataset.found


def test_the_lists_of_flickr30k_entities_are_taken(tmp_path: Path) -> None:
    write_30k(tmp_path, kaggle=False)
    (tmp_path / "val.txt").write_text("001\n002\n")
    (tmp_path / "test.txt").write_text("003\n")
    train, development = names(load(tmp_path))
    assert development == ["001.jpg", "002.jpg"]
    assert "003.jpg" not in train
    assert len(train) == 37


def test_kaggles_table_lies_in_the_pictures_folder(tmp_path: Path) -> None:
    write_30k(tmp_path, kaggle=True)
    folder = tmp_path / "flickr30k_images"
    with (folder / "results.csv").open("a") as file:
        file.write("no bar at all\nlost.jpg| 0| a dog\n")
    dataset = load(folder)
    assert dataset.problems == [
        "results.csv, line 202: not image_name| number| caption",
        "lost.jpg: captions without a picture",
    ]
    assert len(dataset.train) == 38


def write_coco(root: Path, year: int) -> Path:
    (root / "annotations").mkdir(parents=True, exist_ok=True)
    for split, first, count in (("train", 1, 6), ("val", 11, 3)):
        ids = range(first, first + count)
        pictures = {number: f"{split}{number:012}.jpg" for number in ids}
        touch(root / f"{split}{year}", *pictures.values())
        table = {
            "images": [{"id": number, "file_name": name} for number, name in pictures.items()],
            "annotations": [
                {"image_id": number, "id": 10 * number + n, "caption": f"Dog {n} runs in {year}."}
                for number in ids
                for n in range(5)
            ],
        }
        (root / "annotations" / f"captions_{split}{year}.json").write_text(json.dumps(table))
    return root


@pytest.mark.parametrize("year", [2014, 2017])
def test_coco(tmp_path: Path, year: int) -> None:
    dataset = load(write_coco(tmp_path, year))
    train, development = names(dataset)
    assert train == [f"train{number:012}.jpg" for number in range(1, 7)]
    assert development == [f"val{number:012}.jpg" for number in range(11, 14)]
    assert dataset.train[0].captions[4] == ("dog", "4", "runs", "in", str(year))
    assert dataset.problems == []


def test_of_two_years_of_coco_only_one_is_read(tmp_path: Path) -> None:
    for year in (2014, 2017):
        write_coco(tmp_path, year)
    dataset = load(tmp_path)
    assert len(dataset.train) == 6
    assert all("2017" in each.captions[0] for each in (*dataset.train, *dataset.development))


def test_the_faults_of_a_copy_of_coco_are_listed(tmp_path: Path) -> None:
    write_coco(tmp_path, 2017)
    (tmp_path / "train2017" / f"train{2:012}.jpg").unlink()
    touch(tmp_path / "val2017", "stray.jpg")
    path = tmp_path / "annotations" / "captions_val2017.json"
    table = json.loads(path.read_text())
    table["annotations"] = [each for each in table["annotations"] if each["image_id"] != 12]
    table["annotations"][0]["image_id"] = 99
    path.write_text(json.dumps(table))
    dataset = load(tmp_path)
    assert dataset.problems == [
        "captions_val2017.json: caption of picture 99, which is not in its list",
        f"train{2:012}.jpg: captions without a picture",
        f"val{12:012}.jpg: no usable caption",
        "stray.jpg: picture without captions",
    ]
    assert (len(dataset.train), len(dataset.development)) == (5, 2)


def write_karpathy(root: Path, folder: str, splits: Iterable[str]) -> Path:
    images = []
    for number, split in enumerate(splits):
        name = f"{number}.jpg"
        sentences: list[dict[str, object]] = [
            {"tokens": ["a", "dog", str(n)], "raw": f"A dog {n}!"} for n in range(5)
        ]
        del sentences[0]["raw"]
        images.append(
            {"filename": name, "split": split, "sentences": sentences}
            | ({"filepath": folder} if folder else {})
        )
        touch(root / (folder or "flickr30k-images"), name)
    name = f"dataset_{'coco' if folder else 'flickr30k'}.json"
    (root / name).write_text(json.dumps({"images": images, "dataset": "x"}))
    return root


@pytest.mark.parametrize("folder", ["val2014", ""], ids=["coco", "flickr"])
def test_karpathys_split_file(tmp_path: Path, folder: str) -> None:
    splits = ("train", "restval", "val", "test", "train")
    dataset = load(write_karpathy(tmp_path, folder, splits))
    assert names(dataset) == (["0.jpg", "1.jpg", "4.jpg"], ["2.jpg"])
    assert dataset.train[0].captions == tuple(("a", "dog", str(n)) for n in range(5))
    assert dataset.problems == []
    assert "1 held out" in dataset.found


def test_a_split_file_decides_where_there_is_one(tmp_path: Path) -> None:
    write_30k(tmp_path, kaggle=False)
    write_karpathy(tmp_path, "", ["train", "val", "test"])
    dataset = load(tmp_path)
    assert "Karpathy" in dataset.found
    assert "also there: flickr30k" in dataset.found
    assert names(dataset) == (["0.jpg"], ["1.jpg"])
    assert len(load(tmp_path, "flickr30k").train) == 38


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_table_with_splits(tmp_path: Path, separator: str) -> None:
    touch(tmp_path / "images" / "deep", "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    rows = [
        ("Caption", "Image", "Split"),
        ("A dog .", "deep/a.jpg", "train"),
        ("A cat .", "deep/b.jpg", "val"),
        ("Two cats .", "deep/b.jpg", "Validation"),
        ("A cow .", "deep/c.jpg", "test"),
        ("A hen .", "deep/d.jpg", ""),
    ]
    lines = "\n".join(separator.join(row) for row in rows)
    (tmp_path / "any.csv").write_text(lines + "\n", encoding="utf-8-sig")
    dataset = load(tmp_path)
    assert names(dataset) == (["a.jpg", "d.jpg"], ["b.jpg"])
    assert dataset.development[0].captions == (("a", "cat"), ("two", "cats"))
    assert dataset.problems == []


def test_a_table_without_splits(tmp_path: Path) -> None:
    touch(tmp_path, *(f"{number:02}.png" for number in range(20)), "stray.png")
    rows = [
        "image,caption",
        *(f'{number:02}.png,"A dog, running"' for number in range(20)),
        ",lost",
        "gone.png,a dog",
    ]
    (tmp_path / "captions.csv").write_text("\n".join(rows))
    (tmp_path / "other.csv").write_text("image,caption\n")
    dataset = load(tmp_path)
    assert names(dataset)[1] == ["00.png", "08.png", "16.png"]
    assert dataset.train[0].captions == (("a", "dog", "running"),)
    assert dataset.problems == [
        "captions.csv, line 22: no picture is named",
        "gone.png: captions without a picture",
        "stray.png: picture without captions",
    ]


def test_two_pictures_of_one_name_would_be_scored_as_one(tmp_path: Path) -> None:
    for folder in "ab":
        touch(tmp_path / folder, "x.jpg")
    (tmp_path / "t.csv").write_text("image,caption,split\na/x.jpg,dog,train\nb/x.jpg,cat,val\n")
    dataset = load(tmp_path)
    assert len(dataset.train) == 1
    assert dataset.development == []
    assert dataset.problems[0] == "b/x.jpg: of the same file name as a/x.jpg"


def test_a_picture_of_the_test_split_is_in_no_other(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    rows = [
        "image,caption,split",
        "a.jpg,dog,test",
        "a.jpg,cat,train",
        "a.jpg,cow,dev",
        "b.jpg,dog,train",
        "c.jpg,dog,dev",
    ]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    assert names(load(tmp_path)) == (["b.jpg"], ["c.jpg"])


def test_cleaning_rules_reach_every_caption(tmp_path: Path) -> None:
    write_karpathy(tmp_path, "", ["train", "val"])
    dataset = load(tmp_path, cleaning=Cleaning(digits=False, lower_case=False))
    assert {
        words for each in (*dataset.train, *dataset.development) for words in each.captions
    } == {("a", "dog"), ("A", "dog")}


def test_every_layout_is_named_where_none_is_recognised(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no data set of a known layout") as error:
        load(tmp_path)
    assert all(layout.needs in str(error.value) for layout in LAYOUTS.values())


@pytest.mark.parametrize("kind", list(LAYOUTS))
def test_what_a_layout_lacks_is_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(FileNotFoundError, match="holds n"):
        load(tmp_path, kind)


def test_an_unknown_layout_is_told_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no layout imagenet; known: auto, karpathy"):
        load(tmp_path, "imagenet")


def test_missing_parts_of_a_layout_are_named(tmp_path: Path) -> None:
    write_coco(tmp_path, 2017)
    (tmp_path / "annotations" / "captions_val2017.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"captions_val2017\.json is missing"):
        load(tmp_path)
    (tmp_path / "dataset_coco.json").write_text(
        json.dumps(
            {
                "images": [
                    {"filename": "1.jpg", "filepath": "test2014", "split": "train", "sentences": []}
                ]
            }
        )
    )
    with pytest.raises(FileNotFoundError, match="test2014 is missing"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("dataset_coco.json", "{", "is damaged"),
        ("dataset_coco.json", '{"images": [{}]}', "form of a split file"),
        (
            "dataset_coco.json",
            '{"images": [{"filename": "1.jpg", "split": "spare"}]}',
            "split spare, which is none of train, restval, val, test",
        ),
        (
            "annotations/captions_train2017.json",
            '{"images": [{"id": 1}]}',
            "form of COCO's captions",
        ),
        ("t.csv", "image,caption,split\n1.jpg,dog,spare\n", "line 2: split spare is none of"),
    ],
)
def test_files_of_the_wrong_form_are_named(
    tmp_path: Path, name: str, text: str, complaint: str
) -> None:
    (tmp_path / "annotations").mkdir()
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=complaint):
        load(tmp_path)


def test_several_tables_are_not_chosen_between(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("image,caption\n")
    with pytest.raises(ValueError, match=r"several tables of captions \(a\.csv, b\.csv\)"):
        load(tmp_path)


def test_a_table_whose_pictures_are_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,caption\n1.jpg,a dog\n")
    with pytest.raises(FileNotFoundError, match="none of the 1 pictures"):
        load(tmp_path)
