"""Flickr8k and Flickr30k, each as it was published and as Kaggle hands it out."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from typing import TYPE_CHECKING

from training.data.annotations import Annotations, files, first_there, read_token_file

if TYPE_CHECKING:
    from pathlib import Path

_PUBLISHED_30K = "results_20130124.token"
_FOLDERS_30K = (
    "flickr30k-images",
    "flickr30k_images/flickr30k_images",
    "flickr30k_images",
    "Images",
    "images",
)
_TABLES_30K = ("results.csv", "flickr30k_images/results.csv")
# image_name| comment_number| comment; in one row of Kaggle's file the second bar is missing
_ROW = re.compile(r"([^|]+)\|\s*\d+\s*\|?(.*)")


def flickr8k_sign(root: Path) -> Path | None:
    return first_there(root, ("Flickr8k.token.txt", "captions.txt"))


def read_flickr8k(root: Path) -> Annotations:
    """`Images/` (or `Flicker8k_Dataset/`) and either layout's captions.

    Published: `Flickr8k.token.txt` and `Flickr_8k.{train,dev,test}Images.txt`; what is in no
    list is trained on. Kaggle: `captions.txt` (image,caption); having no lists, every eighth
    picture by name is development.
    """
    captions: dict[str, list[str]] = defaultdict(list)
    published, kaggle = root / "Flickr8k.token.txt", root / "captions.txt"
    if published.is_file():
        read_token_file(published, captions)
    elif kaggle.is_file():
        with kaggle.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"image", "caption"} <= set(rows.fieldnames or ()):
                raise ValueError(f"{kaggle}: its first line must be image,caption")
            for row in rows:
                captions[row["image"]].append(row["caption"] or "")
    else:
        raise FileNotFoundError(f"{root} holds neither Flickr8k.token.txt nor captions.txt")
    folder = first_there(root, ("Images", "Flicker8k_Dataset")) or root / "Images"
    return Annotations(
        captions,
        files(folder, "Flickr8k's"),
        _names(root / "Flickr_8k.devImages.txt"),
        _names(root / "Flickr_8k.testImages.txt") or set(),
    )


def flickr30k_sign(root: Path) -> Path | None:
    if (root / _PUBLISHED_30K).is_file():
        return root / _PUBLISHED_30K
    table = first_there(root, _TABLES_30K)
    if table is None or not table.is_file():
        return None
    with table.open(encoding="utf-8-sig", errors="replace") as file:
        return table if "|" in file.readline() else None


def read_flickr30k(root: Path) -> Annotations:
    """Captions in `results_20130124.token` or Kaggle's `results.csv`, pictures in
    `flickr30k-images/` or one of the other usual folders.

    `{train,val,test}.txt` with the pictures' numbers are the lists of Flickr30k Entities; without
    them every 31st picture by name is development: about a thousand, as in the usual split.
    """
    path = flickr30k_sign(root)
    if path is None:
        raise FileNotFoundError(
            f"{root} holds neither {_PUBLISHED_30K} nor results.csv "
            "(image_name| comment_number| comment)"
        )
    captions: dict[str, list[str]] = defaultdict(list)
    problems = []
    if path.name == _PUBLISHED_30K:
        read_token_file(path, captions)
    else:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        for number, line in enumerate(lines[1:], 2):
            if match := _ROW.fullmatch(line):
                captions[match[1].strip()].append(match[2])
            elif line.strip():
                problems.append(f"{path.name}, line {number}: not image_name| number| caption")
    found = (root / name for name in _FOLDERS_30K)
    folder = next((each for each in found if _holds_pictures(each)), root / _FOLDERS_30K[0])
    # results.csv lies beside the pictures
    pictures = {
        name: picture for name, picture in files(folder, "Flickr30k's").items() if name != path.name
    }
    development, test = _names(root / "val.txt", ".jpg"), _names(root / "test.txt", ".jpg")
    return Annotations(captions, pictures, development, test or set(), problems, every=31)


def _holds_pictures(folder: Path) -> bool:
    return folder.is_dir() and any(path.suffix.lower() == ".jpg" for path in folder.iterdir())


def _names(path: Path, suffix: str = "") -> set[str] | None:
    """The names in a list; `suffix` is added where it is missing. None when there is no list."""
    if not path.is_file():
        return None
    return {
        name if name.endswith(suffix) else name + suffix
        for name in path.read_text(encoding="utf-8").split()
    }
