"""Pictures with captions: Flickr8k in its published and its Kaggle layout."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_WORD = re.compile(r"[a-z0-9]+(?:[-'][a-z0-9]+)*|'s")
_MIRRORED = {"left": "right", "right": "left"}


@dataclass(frozen=True, slots=True)
class Example:
    """One picture and its captions, cleaned into words."""

    path: Path
    captions: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """The splits, and what was left out and why (never fatal)."""

    train: list[Example]
    development: list[Example]
    problems: list[str]


def clean(caption: str) -> tuple[str, ...]:
    """Lower-case words without punctuation; hyphens and apostrophes inside words stay."""
    return tuple(_WORD.findall(caption.lower()))


def mirrored(caption: Iterable[str]) -> tuple[str, ...]:
    """What the caption becomes when its picture is mirrored: left and right change places."""
    return tuple(_MIRRORED.get(word, word) for word in caption)


def load_flickr8k(root: Path) -> Dataset:
    """Read Flickr8k from `root`, holding `Images/` and either layout's captions.

    Published: `Flickr8k.token.txt` and `Flickr_8k.{train,dev,test}Images.txt`; what is in no
    list is trained on. Kaggle: `captions.txt` (image,caption); having no lists, every eighth
    picture by name is development. Raises FileNotFoundError naming what is missing.
    """
    captions = _read_captions(root)
    problems = []
    examples: dict[str, Example] = {}
    images = root / "Images"
    if not images.is_dir():
        raise FileNotFoundError(f"{images} is missing: Flickr8k's pictures belong there")
    present = {path.name for path in images.iterdir()}
    for name, texts in sorted(captions.items()):
        cleaned = tuple(filter(None, (clean(text) for text in texts)))
        if name not in present:
            problems.append(f"{name}: captions without a picture")
        elif not cleaned:
            problems.append(f"{name}: no usable caption")
        else:
            examples[name] = Example(images / name, cleaned)
    problems += [f"{name}: picture without captions" for name in sorted(present - set(captions))]
    development, test = _read_list(root, "dev"), _read_list(root, "test")
    if development is None:
        development = set(sorted(examples)[::8])
    held_out = development | (test or set())
    return Dataset(
        [example for name, example in examples.items() if name not in held_out],
        [example for name, example in examples.items() if name in development],
        problems,
    )


def load_unlabelled(root: Path) -> tuple[list[Example], list[Example]]:
    """Pictures without captions, in order of name: to train on, and every tenth to look at."""
    found = [Example(path, ()) for path in sorted(root.iterdir())
             if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}]
    if not found:
        raise FileNotFoundError(f"{root} holds no pictures")
    return [e for n, e in enumerate(found) if n % 10], found[::10]


def _read_captions(root: Path) -> dict[str, list[str]]:
    captions: dict[str, list[str]] = defaultdict(list)
    published, kaggle = root / "Flickr8k.token.txt", root / "captions.txt"
    if published.is_file():
        for line in published.read_text(encoding="utf-8").splitlines():
            key, tab, text = line.partition("\t")
            if tab:
                captions[key.partition("#")[0]].append(text)
    elif kaggle.is_file():
        with kaggle.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"image", "caption"} <= set(rows.fieldnames or ()):
                raise ValueError(f"{kaggle}: its first line must be image,caption")
            for row in rows:
                captions[row["image"]].append(row["caption"] or "")
    else:
        raise FileNotFoundError(f"{root} holds neither Flickr8k.token.txt nor captions.txt")
    return captions


def _read_list(root: Path, split: str) -> set[str] | None:
    path = root / f"Flickr_8k.{split}Images.txt"
    return set(path.read_text(encoding="utf-8").split()) if path.is_file() else None


def count_words(examples: Iterable[Example]) -> Counter[str]:
    """How often each word occurs in the captions."""
    return Counter(word for example in examples for words in example.captions for word in words)


def build_vocabulary(
    examples: Iterable[Example], minimum: int, more: Iterable[str] = ()
) -> Vocabulary:
    """Every word seen at least `minimum` times, most frequent first, ties in order of letters.

    Behind them come the words of `more`.
    """
    kept = most_frequent(count_words(examples), minimum)
    return Vocabulary.from_words(dict.fromkeys([*kept, *more]))


def most_frequent(counts: Counter[str], minimum: int) -> list[str]:
    """The words counted at least `minimum` times, most frequent first, ties in order of letters."""
    return sorted((word for word, count in counts.items() if count >= minimum),
                  key=lambda word: (-counts[word], word))


def batches(count: int, size: int, seed: int) -> Iterator[list[int]]:
    """Indices of one epoch in an order that `seed` alone decides; a short last batch is dropped."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(count)
    for start in range(0, count - size + 1, size):
        yield order[start : start + size].tolist()
