"""What the answers are worth to who cannot check them: is something true in them, or false?

Measured on pictures whose kinds of thing are known (`training.data.objects`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tqdm import tqdm

from models.captioning.preprocess import upright_rgb
from training.data.objects import mean_average_precision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.captioner import Caption, Captioner
    from training.data.datasets import Example
    from training.data.objects import ObjectTargets

COUNTED = 3  # counts from here on are one class: "several"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was said of one picture: its `form`, the kinds that it `named`; what the head told
    of all kinds (`probabilities`, `counts`)."""

    form: str
    named: frozenset[int]
    probabilities: NDArray[np.float64]
    counts: NDArray[np.int64]


def asked(caption: Caption, kinds: int) -> Asked:
    """Read off a caption what it would say."""
    probabilities, counts = np.zeros(kinds), np.zeros(kinds, np.int64)
    for thing in caption.things:
        probabilities[thing.kind], counts[thing.kind] = thing.probability, thing.count
    return Asked(caption.answer.form, caption.answer.said, probabilities, counts)


def ask(captioner: Captioner, examples: Sequence[Example], kinds: int) -> list[Asked]:
    """Have each picture described."""
    answers = []
    for example in tqdm(examples, desc="honesty", unit="picture", leave=False):
        with Image.open(example.path) as image:
            answers.append(asked(captioner.describe(upright_rgb(image)), kinds))
    return answers


@dataclass(frozen=True, slots=True)
class Row:
    """Shares in percent over the answers of one form: of all (`share`), of those that name a
    kind that is there (`helpful`), of those that name one that is not (`invented`); and of the
    kinds named, those that are not there (`chair`: CHAIRi of Rohrbach et al. 2018)."""

    form: str
    share: float
    helpful: float
    invented: float
    chair: float


@dataclass(frozen=True, slots=True)
class Honesty:
    """`rows` in all and by form; `mean_average_precision` and `counts` (right, where a kind that
    is there is believed to be and its number is known) in percent, of so many `pictures`."""

    rows: tuple[Row, ...]
    mean_average_precision: float
    counts: float
    pictures: int

    def lines(self) -> list[str]:
        """A table for the terminal."""
        return [
            "form            share   helpful  invented  CHAIRi",
            *(
                f"{row.form:12s}{row.share:7.1f} %{row.helpful:7.1f} %{row.invented:8.1f} %"
                f"{row.chair:7.1f} %"
                for row in self.rows
            ),
            f"mean average precision of the kinds {self.mean_average_precision:6.1f}",
            f"numbers that are right              {self.counts:6.1f} %",
            f"pictures                            {self.pictures:6d}",
        ]


def judge(answers: Sequence[Asked], truth: ObjectTargets, believed: float = 0.5) -> Honesty:
    """Hold the answers against what is known; `believed` is the least probability of a kind
    whose count is judged."""
    right: Counter[bool] = Counter()
    for place, each in enumerate(answers):
        for kind in np.flatnonzero((each.probabilities >= believed) & (truth.counts[place] > 0)):
            known = min(COUNTED, int(truth.counts[place, kind]))
            right[known == min(COUNTED, int(each.counts[kind]))] += 1
    return Honesty(
        by_form(answers, truth),
        100
        * mean_average_precision(
            np.stack([each.probabilities for each in answers]), truth.presence
        ),
        _percent(right[True], right.total()),
        len(answers),
    )


def by_form(answers: Sequence[Asked], truth: ObjectTargets) -> tuple[Row, ...]:
    """A row for all answers, and one for those of each form."""
    there = [frozenset(np.flatnonzero(row > 0.5).tolist()) for row in truth.presence]
    groups: dict[str, list[int]] = {"all": list(range(len(answers)))}
    for place, each in enumerate(answers):
        groups.setdefault(each.form, []).append(place)
    return tuple(_row(form, places, answers, there) for form, places in groups.items())


def _row(
    form: str, places: Sequence[int], answers: Sequence[Asked], there: Sequence[frozenset[int]]
) -> Row:
    named = [answers[place].named for place in places]
    wrong = [answers[place].named - there[place] for place in places]
    return Row(
        form,
        _percent(len(places), len(answers)),
        _percent(
            sum(bool(kinds - false) for kinds, false in zip(named, wrong, strict=True)), len(places)
        ),
        _percent(sum(map(bool, wrong)), len(places)),
        _percent(sum(map(len, wrong)), sum(map(len, named))),
    )


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole else float("nan")
