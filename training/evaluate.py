"""Caption a split by free-running search and score it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tqdm import tqdm

from models.decoding import Engine, Search, search
from models.preprocess import Preprocessing, to_array, upright_rgb
from training import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.vocabulary import Vocabulary
    from training.datasets import Example


@dataclass(frozen=True, slots=True)
class Result:
    """`captions`, `log_probabilities` (one a token) and `ciders` are keyed by file name."""

    scores: dict[str, float]
    captions: dict[str, str]
    log_probabilities: dict[str, tuple[float, ...]]
    ciders: dict[str, float]

    def save(self, path: Path) -> None:
        rows = [
            {"file": name, "caption": self.captions[name], "CIDEr": round(self.ciders[name], 2)}
            for name in sorted(self.captions)
        ]
        table = {"scores": self.scores, "captions": rows}
        path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def evaluate(
    engine: Engine, vocabulary: Vocabulary, preprocessing: Preprocessing,
    examples: Sequence[Example], how: Search, name: str = "evaluate",
) -> Result:
    """Caption every example's picture and score the captions against its own."""
    captions, log_probabilities = {}, {}
    for example in tqdm(examples, desc=name, unit="picture", leave=False):
        with Image.open(example.path) as image:
            pixels = to_array(upright_rgb(image), preprocessing)
        best = search(engine, pixels, how)[0]
        captions[example.path.name] = " ".join(vocabulary.decode(best.tokens))
        log_probabilities[example.path.name] = best.log_probabilities
    references = {e.path.name: [" ".join(words) for words in e.captions] for e in examples}
    scores, ciders = metrics.score(captions, references)
    return Result(scores | metrics.variety(captions), captions, log_probabilities, ciders)


def mean_log_probabilities(result: Result) -> dict[str, float]:
    """Mean log-probability a token of each caption."""
    return {name: float(np.mean(each)) for name, each in result.log_probabilities.items()}
