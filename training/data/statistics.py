"""What a data set is like: how long its captions are, how many words it has, how many are rare."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from training.data.datasets import Dataset, count_words
from training.data.prepare import faults

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from training.data.cleaning import Cleaning
    from training.data.datasets import Example

MINIMUM_COUNTS = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20)


@dataclass(frozen=True, slots=True)
class Kept:
    """A vocabulary of the words that occur `minimum` times in the training captions.

    `coverage`: share of their running words that it has; `unknown`: share of the development
    captions' running words that it lacks. Both in percent.
    """

    minimum: int
    words: int
    coverage: float
    unknown: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """`lengths`: how many training captions have so many words. `pictures`, `captions`: how many,
    by split. `problems`: how many things were left out."""

    pictures: dict[str, int]
    captions: dict[str, int]
    lengths: dict[int, int]
    vocabulary: list[Kept]
    problems: int

    def percentile(self, share: float) -> int:
        """The length that `share` percent of the training captions do not exceed."""
        wanted, seen = share / 100 * sum(self.lengths.values()), 0
        for length, count in sorted(self.lengths.items()):
            seen += count
            if seen >= wanted:
                return length
        return 0

    def table(self) -> str:
        """The statistics in lines, for a terminal."""
        lines = [
            f"{split:12s} {self.pictures[split]:9,d} pictures {self.captions[split]:9,d} captions"
            for split in self.pictures
        ]
        marks = ", ".join(
            f"{share} % have at most {self.percentile(share)}" for share in (50, 95, 99, 100)
        )
        lines += [
            f"{'words':12s} of the training captions: {marks}",
            f"{'left out':12s} {self.problems:9,d} problems",
            "",
            "words that occur    kept   of the running words   unknown in development",
        ]
        lines += [
            f"{each.minimum:8d} times {each.words:9,d} {each.coverage:20.2f} % "
            f"{each.unknown:22.2f} %"
            for each in self.vocabulary
        ]
        return "\n".join(lines)


def inspected(dataset: Dataset, folder: Path | None) -> Dataset:
    """Decode every picture: the data set without those that cannot be, and all that is left out.

    Findings are kept in `folder` for the next time.
    """
    everything = [*dataset.train, *dataset.development]
    bad = faults(everything, None if folder is None else folder / "checked.json")
    train, development = (
        [each for each in split if each.path not in bad]
        for split in (dataset.train, dataset.development)
    )
    problems = [*dataset.problems, *(f"{path.name}: {why}" for path, why in bad.items())]
    return Dataset(train, development, problems, dataset.found)


def collect(dataset: Dataset) -> Statistics:
    """Count everything once."""
    splits = {"train": dataset.train, "development": dataset.development}
    seen, other = count_words(dataset.train), count_words(dataset.development)
    lengths = Counter(len(words) for each in dataset.train for words in each.captions)
    return Statistics(
        {name: len(split) for name, split in splits.items()},
        {name: _captions(split) for name, split in splits.items()},
        dict(sorted(lengths.items())),
        [kept(seen, other, minimum) for minimum in MINIMUM_COUNTS],
        len(dataset.problems),
    )


def kept(seen: Counter[str], other: Counter[str], minimum: int) -> Kept:
    """A vocabulary's share of the words that were `seen`, and what it lacks of the `other`."""
    words = {word for word, count in seen.items() if count >= minimum}
    covered = sum(seen[word] for word in words)
    unknown = sum(count for word, count in other.items() if word not in words)
    return Kept(
        minimum, len(words), _percent(covered, seen.total()), _percent(unknown, other.total())
    )


def write(statistics: Statistics, dataset: Dataset, cleaning: Cleaning, folder: Path) -> None:
    """Write statistics.json, problems.txt and the plots."""
    folder.mkdir(parents=True, exist_ok=True)
    table = {"found": dataset.found, "cleaning": asdict(cleaning), **asdict(statistics)}
    (folder / "statistics.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    (folder / "problems.txt").write_text(
        "".join(f"{line}\n" for line in dataset.problems), encoding="utf-8"
    )
    plot(statistics, folder)


def plot(statistics: Statistics, folder: Path) -> None:
    """Write lengths.png, vocabulary.png and unknown.png."""
    from matplotlib.figure import Figure

    figure = Figure((6, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(list(statistics.lengths), list(statistics.lengths.values()), width=0.9)
    for share in (50, 95):
        axes.axvline(statistics.percentile(share), linestyle="--", color="grey")
    axes.set(
        xlabel="words",
        ylabel="training captions",
        title="Lengths of captions; half and 95 % are left of the lines",
    )
    figure.savefig(folder / "lengths.png", dpi=90, metadata={"Software": None})

    minimums = [each.minimum for each in statistics.vocabulary]
    figure = Figure((6, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(minimums, [each.words for each in statistics.vocabulary], "o-")
    axes.set(
        xlabel="least count of a word",
        ylabel="words kept",
        xticks=minimums,
        title="Vocabulary by least count",
    )
    axes.set_ylim(bottom=0)
    right = axes.twinx()
    right.plot(minimums, [each.coverage for each in statistics.vocabulary], "s--", color="tab:red")
    right.set_ylabel("of the running words (%)", color="tab:red")
    figure.savefig(folder / "vocabulary.png", dpi=90, metadata={"Software": None})

    figure = Figure((6, 4), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(minimums, [each.unknown for each in statistics.vocabulary], "o-")
    axes.set(
        xlabel="least count of a word",
        ylabel="unknown words of development (%)",
        xticks=minimums,
        title="Unknown rate by least count",
    )
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.4)
    figure.savefig(folder / "unknown.png", dpi=90, metadata={"Software": None})


def _captions(examples: Iterable[Example]) -> int:
    return sum(len(example.captions) for example in examples)


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 3) if whole else 0.0
