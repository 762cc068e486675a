"""Any folder of pictures with a table: columns image, caption and, if wanted, split."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from training.data.annotations import PICTURES, Annotations

if TYPE_CHECKING:
    from collections.abc import Iterable

_SPLITS = {
    **dict.fromkeys(("train", "training", "restval", ""), "train"),
    **dict.fromkeys(("dev", "development", "val", "valid", "validation"), "development"),
    "test": "test",
}


def table_sign(root: Path) -> Path | None:
    """The one table that has the columns; of several, `captions.csv`.

    Raises ValueError when there are several others.
    """
    tables = [path for path in sorted(root.glob("*.[ct]sv")) if _columns(path)]
    named = [path for path in tables if path.stem == "captions"] or tables
    if len(named) > 1:
        raise ValueError(
            f"{root} holds several tables of captions "
            f"({', '.join(path.name for path in named)}): name one captions.csv"
        )
    return named[0] if named else None


def read_table(root: Path) -> Annotations:
    """A table (commas, semicolons, tabs or bars) with a row for each caption.

    `image` is a path within the folder, or within `Images/` or `images/`. Without a column
    `split` every eighth picture by name is development.
    """
    path = table_sign(root)
    if path is None:
        raise FileNotFoundError(
            f"{root} holds no table (.csv) whose first line names the columns image and caption"
        )
    captions: dict[str, list[str]] = defaultdict(list)
    splits: dict[str, set[str]] = {"train": set(), "development": set(), "test": set()}
    problems = []
    columns, separator = _columns(path) or ([], ",")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, columns, delimiter=separator)
        next(rows)  # the columns' names
        for row in rows:
            name, split = (row["image"] or "").strip(), (row.get("split") or "").strip().lower()
            if split not in _SPLITS:
                raise ValueError(
                    f"{path}, line {rows.line_num}: split {split} is none of "
                    f"{', '.join(filter(None, _SPLITS))}"
                )
            if not name:
                problems.append(f"{path.name}, line {rows.line_num}: no picture is named")
                continue
            splits[_SPLITS[split]].add(name)
            captions[name].append(row["caption"] or "")
    # a picture that is in the test split at all is not to be seen
    for name in splits["test"]:
        del captions[name]
    development = splits["development"] - splits["test"] if "split" in columns else None
    pictures = _pictures(path, [*captions, *splits["test"]], problems)
    return Annotations(captions, pictures, development, splits["test"], problems)


def _columns(path: Path) -> tuple[list[str], str] | None:
    """The columns' names and what parts them; None when image or caption is not among them."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        line = file.readline(10_000)
    for separator in ",;\t|":
        names = [name.strip().lower() for name in next(csv.reader([line], delimiter=separator), [])]
        if {"image", "caption"} <= set(names):
            return names, separator
    return None


def _pictures(path: Path, names: Iterable[str], problems: list[str]) -> dict[str, Path]:
    """The pictures that are there, by the table's names, and those that it does not name."""
    folders = [path.parent, path.parent / "Images", path.parent / "images"]
    names = sorted(names)
    folder = next(
        (each for each in folders if any((each / name).is_file() for name in names)), None
    )
    if folder is None:
        raise FileNotFoundError(
            f"none of the {len(names)} pictures that {path} names is in "
            f"{path.parent} or its folder Images"
        )
    pictures: dict[str, Path] = {}
    taken: dict[str, str] = {}
    for name in names:
        file = folder / name
        if not file.is_file():
            continue
        if taken.setdefault(file.name, name) != name:  # scores are kept by file name
            problems.append(f"{name}: of the same file name as {taken[file.name]}")
            continue
        pictures[name] = file
    known = {str(Path(name)) for name in names}
    strays = (
        each
        for each in folder.iterdir()
        if each.suffix.lower() in PICTURES and each.name not in known
    )
    return pictures | {each.name: each for each in strays}
