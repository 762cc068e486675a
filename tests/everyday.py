"""A small set of everyday pictures for the tests, with kinds of thing, a detector's boxes, text."""

from __future__ import annotations

import csv
import gzip
from itertools import cycle, islice, product
from typing import TYPE_CHECKING

from tests import bundles

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

THINGS = {"circle": ("sports ball", "ball"), "square": ("book", "book")}
"""What each shape passes for: the kind of thing, and the word."""
PICTURES = 24
BOXES = {"left": (5 / 80, 0.2, 35 / 80, 0.8), "right": (45 / 80, 0.2, 75 / 80, 0.8)}
Box = tuple[str, float, tuple[float, float, float, float]]


def write_labels(folder: Path, labels: Mapping[str, str]) -> None:
    """`objects.csv`: the kinds on each picture, joined by commas."""
    with (folder / "objects.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("image", "objects"), *labels.items()])


def write_detections(folder: Path, boxes: Mapping[str, Iterable[Box]]) -> None:
    """`detections.csv.gz`: (kind, score, (left, top, right, bottom)) of each picture."""
    with gzip.open(folder / "detections.csv.gz", "wt", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(("image", "kind", "score", "left", "top", "right", "bottom"))
        out.writerows(
            (name, kind, score, *sides)
            for name, found in boxes.items()
            for kind, score, sides in found
        )


def write_text(folder: Path, lines: Iterable[str]) -> None:
    """`text.txt.gz`: captions without pictures."""
    with gzip.open(folder / "text.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def draw_everyday(root: Path) -> Path:
    """24 drawings; every third has no captions, the others two. 10 and 20 are held out."""
    (root / "Images").mkdir(parents=True)
    captions, labels, boxes = ["image,caption"], {}, {}
    drawings = cycle(product(bundles.COLOURS, bundles.SHAPES, bundles.PLACES))
    for number, (colour, shape, place) in enumerate(islice(drawings, PICTURES), 1):
        name, (kind, word) = f"{number}.png", THINGS[shape]
        bundles.drawing(colour, shape, place).save(root / "Images" / name)
        labels[name] = kind
        boxes[name] = [(kind, 0.8, BOXES[place])]
        if number % 3:
            captions += [
                f"{name},A {colour} {word} on the {place} .",
                f"{name},there is a {colour} {word} at the {place}",
            ]
    write_labels(root, labels)
    write_detections(root, boxes)
    write_text(
        root,
        [
            f"{begin} {colour} {word} {end}"
            for begin in ("a", "there is a")
            for colour in bundles.COLOURS
            for _, word in THINGS.values()
            for end in ("on a lawn", "at the left", "at the right", "on a lawn beside two books")
        ],
    )
    (root / "captions.csv").write_text("\n".join(captions) + "\n", encoding="utf-8")
    return root


RECIPE = f"""
seed = 5
minimum_count = 1
minimum_text_count = 4
everyday_times = 2

[architecture]
encoder = "tiny"
decoder = "grounded_lstm"

[architecture.objects]
kinds = 80
folds = 2

[architecture.decoder_options]
kinds = 80
evidence = 6
grid = 32
hidden = 48
embedding = 32
attention = 16
dropout = 0.2

[preprocessing]
size = {bundles.SIZE}

[search]
max_words = 10

[[stages]]
name = "things"
train = "decoder"
objective = "objects"
objects = 1.0
epochs = 2
rate = 3e-2
batch = 8

[[stages]]
name = "text"
train = "decoder"
objective = "text"
text = 8
epochs = 2
rate = 2e-2

[[stages]]
name = "decoder"
train = "decoder"
epochs = 1
rate = 1e-2
batch = 8
text = 4
captions = 1

[[stages]]
name = "everything"
train = "all"
epochs = 1
rate = 2e-3
encoder_rate = 1e-4
batch = 8
size = 48
unlabelled = 2
objects = 1.0
text = 4
captions = 1

[[stages]]
name = "everything again"
begin = "decoder"
train = "all"
epochs = 1
rate = 2e-3
encoder_rate = 1e-4
batch = 8
size = 48
captions = 1
blend = 0.5

[[stages]]
name = "self-critical"
train = "decoder"
objective = "self-critical"
epochs = 1
rate = 1e-3
batch = 8
truth = 0.3
captions = 1
invented = 0.5
"""
"""Every kind of stage, on an encoder that costs nothing (`tests.variants.TinyEncoder`)."""


def prepare(folder: Path) -> Path:
    """Write a data set, everyday pictures and a recipe to `folder`."""
    bundles.draw_data_set(folder / "data")
    draw_everyday(folder / "everyday")
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    return folder
