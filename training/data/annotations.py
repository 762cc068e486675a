"""What a data set's own files say, before anything is left out; shared by the layouts' readers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True, slots=True)
class Annotations:
    """`captions` as typed and `pictures` that are there, both by name.

    `development` are the names to score on; None where there is no list: then it is one picture
    of `every`, in order of name. `held_out` are those of a test split, which nobody looks at.
    """

    captions: Mapping[str, list[str]]
    pictures: Mapping[str, Path]
    development: set[str] | None
    held_out: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    every: int = 8


def first_there(root: Path, names: Iterable[str]) -> Path | None:
    """The first of these files or folders that exists."""
    return next((root / name for name in names if (root / name).exists()), None)


def files(folder: Path, whose: str) -> dict[str, Path]:
    """Everything in a folder, by name. Raises FileNotFoundError when there is none."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is missing: {whose} pictures belong there")
    return {path.name: path for path in folder.iterdir()}


def read_token_file(path: Path, captions: dict[str, list[str]]) -> None:
    """Lines of `name#number<TAB>caption`, as Flickr8k and Flickr30k were published."""
    for line in path.read_text(encoding="utf-8").splitlines():
        key, tab, text = line.partition("\t")
        if tab:
            captions[key.partition("#")[0]].append(text)


def read_json(path: Path) -> Any:
    """Raises ValueError naming a file that is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
