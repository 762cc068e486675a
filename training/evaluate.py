"""Caption a split by free-running search and score it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image
from tqdm import tqdm

from training import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.captioner import Captioner
    from models.decoding import Search
    from training.datasets import Example


@dataclass(frozen=True, slots=True)
class Result:
    """`captions`, `signals` of their confidence and `ciders` are keyed by file name."""

    scores: dict[str, float]
    captions: dict[str, str]
    signals: dict[str, dict[str, float]]
    ciders: dict[str, float]

    def save(self, path: Path) -> None:
        rows = [
            {"file": name, "caption": self.captions[name], "CIDEr": round(self.ciders[name], 2)}
            for name in sorted(self.captions)
        ]
        table = {"scores": self.scores, "captions": rows}
        path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def evaluate(
    captioner: Captioner, examples: Sequence[Example], how: Search | None = None,
    name: str = "evaluate",
) -> Result:
    """Caption every example's picture and score the captions against its own."""
    captions, known = {}, {}
    for example in tqdm(examples, desc=name, unit="picture", leave=False):
        with Image.open(example.path) as image:
            caption = captioner.describe(image, how)
        captions[example.path.name] = " ".join(caption.words)
        known[example.path.name] = caption.signals
    references = {e.path.name: [" ".join(words) for words in e.captions] for e in examples}
    scores, ciders = metrics.score(captions, references)
    return Result(scores | metrics.variety(captions), captions, known, ciders)
