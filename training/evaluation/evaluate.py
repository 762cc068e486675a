"""Caption a split by free-running search and score it."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from PIL import Image
from tqdm import tqdm

from training.evaluation import likelihood, metrics

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.captioner import Caption, Captioner
    from models.captioning.decoding import SearchConfig
    from training.data.datasets import Example
    from training.evaluation.likelihood import Likelihood

_DECIMALS = {"loss": 4}  # two for the others


@dataclass(frozen=True, slots=True)
class Result:
    """All but `scores` and `each` is keyed by file name; `each` has every score by file name.

    `signals` are those of the `confidences`; `seconds` is the mean time a caption, from the
    picture's file to the words. Why a score is missing is a sentence of `left_out`.
    """

    scores: dict[str, float]
    captions: dict[str, str]
    signals: dict[str, dict[str, float]]
    ciders: dict[str, float]
    each: dict[str, dict[str, float]] = field(default_factory=dict)
    references: dict[str, list[str]] = field(default_factory=dict)
    confidences: dict[str, float] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    seconds: float = 0.0

    def lines(self) -> list[str]:
        """The scores of the whole split, a line each, and why others are missing."""
        scores = [
            f"{name:24s}{value:8.{_DECIMALS.get(name, 2)}f}" for name, value in self.scores.items()
        ]
        return [*scores, f"{'seconds a caption':24s}{self.seconds:8.3f}", *self.left_out]

    def save(self, path: Path, **about: Any) -> None:
        """Write it as JSON with what else is to be known `about` it."""
        rows = [
            {
                "file": name,
                "caption": self.captions[name],
                **self.of(name),
                **({"confidence": round(self.confidences[name], 4)} if self.confidences else {}),
                **({"references": self.references[name]} if self.references else {}),
            }
            for name in sorted(self.captions)
        ]
        table = {
            **about,
            "seconds": round(self.seconds, 4),
            "scores": self.scores,
            "left out": self.left_out,
            "captions": rows,
        }
        path.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")

    def of(self, name: str) -> dict[str, float]:
        """One picture's scores."""
        return {
            score: round(values[name], _DECIMALS.get(score, 2))
            for score, values in {"CIDEr": self.ciders, **self.each}.items()
        }


@dataclass(frozen=True, slots=True)
class _Look:
    caption: Caption
    seconds: float
    likelihood: Likelihood


def evaluate(
    captioner: Captioner,
    examples: Sequence[Example],
    config: SearchConfig | None = None,
    name: str = "evaluate",
    *,
    thorough: bool = False,
) -> Result:
    """Caption every example's picture and score the captions against its own.

    `thorough` adds the cross-entropy of the examples' captions (see `likelihood`) and the
    scores that run on Java. A picture that cannot be read is reported and left out. Raises
    ValueError when none is left.
    """
    looks: dict[str, _Look] = {}
    references = {}
    for example in tqdm(examples, desc=name, unit="picture", leave=False):
        try:
            look = _look(captioner, example, config, thorough)
        except OSError as error:  # of Pillow, too, for what is no picture
            tqdm.write(f"left out: {example.path.name}: {error}")
            continue
        looks[example.path.name] = look
        references[example.path.name] = [" ".join(words) for words in example.captions]
    if not looks:
        raise ValueError("there is no picture to caption")
    captions = {each: " ".join(look.caption.words) for each, look in looks.items()}
    found = metrics.score_all(captions, references, java=thorough)
    scores, each = dict(found.corpus), dict(found.each)
    if thorough:
        total = sum((look.likelihood for look in looks.values()), likelihood.Likelihood())
        scores |= total.scores()
        each["loss"] = {file: look.likelihood.loss for file, look in looks.items()}
    return Result(
        scores | metrics.variety(captions),
        captions,
        {file: look.caption.signals for file, look in looks.items()},
        found.each["CIDEr"],
        each,
        references,
        {file: look.caption.confidence for file, look in looks.items()},
        found.left_out,
        sum(look.seconds for look in looks.values()) / len(looks),
    )


def _look(
    captioner: Captioner, example: Example, config: SearchConfig | None, thorough: bool
) -> _Look:
    began = time.perf_counter()
    with Image.open(example.path) as image:
        encoding = captioner.encode(image)
    caption = captioner.caption(encoding, config)
    seconds = time.perf_counter() - began
    captions = example.captions if thorough else ()
    return _Look(
        caption,
        seconds,
        likelihood.of_captions(captioner.engine, encoding, captioner.vocabulary, captions),
    )


def searching(
    config: SearchConfig,
    kind: str | None = None,
    beam: int | None = None,
    temperature: float | None = None,
    seed: int | None = None,
) -> SearchConfig:
    """Change a bundle's own search: "greedy", "beam" of so many captions, or "sample".

    None leaves what it is; of samples one is drawn unless `beam` says more, of which the best
    is taken. Raises ValueError for what does not go together.
    """
    drawing: dict[str, Any] = {
        name: value
        for name, value in (("temperature", temperature), ("seed", seed))
        if value is not None
    }
    if drawing and kind != "sample":
        raise ValueError(
            f"a {' and a '.join(drawing)} are for words that are drawn: say --search sample"
        )
    if kind == "greedy" and beam is not None:
        raise ValueError("greedy search has no beam: leave out --beam, or say --search beam")
    if kind in ("greedy", "sample"):
        beam = beam or 1
    elif kind == "beam" and beam is None and config.beam_size == 1:
        beam = type(config)().beam_size
    return dataclasses.replace(
        config,
        beam_size=config.beam_size if beam is None else beam,
        do_sample=config.do_sample if kind is None else kind == "sample",
        **drawing,
    )
