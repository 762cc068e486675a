"""Pictures with captions: the data sets' layouts, and what training makes of their words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.captioning.vocabulary import Vocabulary
from training.data.cleaning import Cleaning, clean
from training.data.coco import coco_sign, karpathy_sign, read_coco, read_karpathy
from training.data.flickr import flickr8k_sign, flickr30k_sign, read_flickr8k, read_flickr30k
from training.data.table import read_table, table_sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from training.data.annotations import Annotations

__all__ = [
    "LAYOUTS",
    "Cleaning",
    "Dataset",
    "Example",
    "Layout",
    "batches",
    "build_vocabulary",
    "clean",
    "count_words",
    "load",
    "load_flickr8k",
    "load_unlabelled",
    "mirrored",
    "most_frequent",
]

_MIRRORED = {"left": "right", "right": "left"}


@dataclass(frozen=True, slots=True)
class Example:
    """One picture and its captions, cleaned into words."""

    path: Path
    captions: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """The splits, and what was left out and why (never fatal); `found` says which layout it is.

    Pictures of a test split are in neither.
    """

    train: list[Example]
    development: list[Example]
    problems: list[str]
    found: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """A way to lay out a data set. `sign` finds the file by which it is known; `needs` says
    which files belong to it."""

    title: str
    needs: str
    sign: Callable[[Path], Path | None]
    read: Callable[[Path], Annotations]


# in order of preference: a split file is there to be used
LAYOUTS = {
    "karpathy": Layout(
        "Karpathy's split file",
        "dataset_{coco,flickr30k,flickr8k}.json and the pictures' folder",
        karpathy_sign,
        read_karpathy,
    ),
    "flickr8k": Layout(
        "Flickr8k",
        "Images/ and Flickr8k.token.txt with Flickr_8k.{train,dev,test}Images.txt, "
        "or captions.txt (Kaggle)",
        flickr8k_sign,
        read_flickr8k,
    ),
    "flickr30k": Layout(
        "Flickr30k",
        "flickr30k-images/ and results_20130124.token, or results.csv (Kaggle)",
        flickr30k_sign,
        read_flickr30k,
    ),
    "coco": Layout(
        "COCO captions",
        "annotations/captions_{train,val}{2017,2014}.json and the folders "
        "train2017/, val2017/ (or 2014)",
        coco_sign,
        read_coco,
    ),
    "table": Layout(
        "a table",
        "a .csv with the columns image, caption and, if wanted, split, and the pictures",
        table_sign,
        read_table,
    ),
}


def load(root: Path, kind: str = "auto", cleaning: Cleaning | None = None) -> Dataset:
    """Read a data set in any of the `LAYOUTS`; "auto" recognises which.

    Raises FileNotFoundError naming what is missing, ValueError for a file of the wrong form.
    """
    if kind != "auto" and kind not in LAYOUTS:
        raise ValueError(f"there is no layout {kind}; known: auto, {', '.join(LAYOUTS)}")
    if kind == "auto":
        signs = {name: sign for name, layout in LAYOUTS.items() if (sign := layout.sign(root))}
        if not signs:
            known = "".join(f"\n  {name}: {layout.needs}" for name, layout in LAYOUTS.items())
            raise FileNotFoundError(f"{root} holds no data set of a known layout:{known}")
        kind = next(iter(signs))
        others = ", ".join(name for name in signs if name != kind)
        also = f"; also there: {others}" if others else ""
    else:
        also = ""
    layout = LAYOUTS[kind]
    annotations = layout.read(root)
    dataset = _sorted_out(annotations, cleaning or Cleaning())
    sign = layout.sign(root)
    lists = (
        ""
        if annotations.development is not None
        else (f"; for want of lists one picture in {annotations.every} is development")
    )
    found = (
        f"{layout.title} ({sign.name if sign else root.name}): {len(dataset.train)} pictures "
        f"to train on, {len(dataset.development)} of development, "
        f"{len(annotations.held_out)} held out, {len(dataset.problems)} problems{lists}{also}"
    )
    return Dataset(dataset.train, dataset.development, dataset.problems, found)


def load_flickr8k(root: Path) -> Dataset:
    """Read Flickr8k in either layout: see `training.data.flickr.read_flickr8k`.

    Raises FileNotFoundError naming what is missing.
    """
    return load(root, "flickr8k")


def _sorted_out(annotations: Annotations, cleaning: Cleaning) -> Dataset:
    """Bring captions and pictures together, in order of name; what lacks its other is listed."""
    problems = list(annotations.problems)
    examples: dict[str, Example] = {}
    for name, texts in sorted(annotations.captions.items()):
        cleaned = tuple(filter(None, (cleaning(text) for text in texts)))
        if name not in annotations.pictures:
            problems.append(f"{name}: captions without a picture")
        elif not cleaned:
            problems.append(f"{name}: no usable caption")
        else:
            examples[name] = Example(annotations.pictures[name], cleaned)
    strays = set(annotations.pictures) - set(annotations.captions) - annotations.held_out
    problems += [f"{name}: picture without captions" for name in sorted(strays)]
    development = annotations.development
    if development is None:
        development = set(sorted(examples)[:: annotations.every])
    development = development - annotations.held_out
    held_out = development | annotations.held_out
    return Dataset(
        [example for name, example in examples.items() if name not in held_out],
        [example for name, example in examples.items() if name in development],
        problems,
    )


def load_unlabelled(root: Path) -> tuple[list[Example], list[Example]]:
    """Pictures without captions, in order of name: to train on, and every tenth to look at."""
    found = [
        Example(path, ())
        for path in sorted(root.iterdir())
        if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}
    ]
    if not found:
        raise FileNotFoundError(f"{root} holds no pictures")
    return [e for n, e in enumerate(found) if n % 10], found[::10]


def mirrored(caption: Iterable[str]) -> tuple[str, ...]:
    """What the caption becomes when its picture is mirrored: left and right change places."""
    return tuple(_MIRRORED.get(word, word) for word in caption)


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
    return sorted(
        (word for word, count in counts.items() if count >= minimum),
        key=lambda word: (-counts[word], word),
    )


def batches(count: int, size: int, seed: int) -> Iterator[list[int]]:
    """Indices of one epoch in an order that `seed` alone decides; a short last batch is dropped."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(count)
    for start in range(0, count - size + 1, size):
        yield order[start : start + size].tolist()
