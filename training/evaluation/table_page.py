"""The table as files: Markdown to read, JSON to work with, a picture to look at."""

from __future__ import annotations

import csv
import dataclasses
import json
from typing import TYPE_CHECKING

from training.trainer.curves import draw_losses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from training.evaluation.table import Row

_SCORES = ("BLEU-1", "BLEU-4", "ROUGE-L", "CIDEr")
_REPORTED = """Each number of a pair is of greedy search and of a beam. The loss is the
cross-entropy of the development captions in nats a word, and e to it the perplexity; vocabularies
of different sizes make it easier or harder. Two of the ancestors report nothing but a loss, 2.689
and 1.625, and one a BLEU of 0.0089, all on splits and with scorers of their own. Times are those of
this machine, in torch, a caption's from the picture's file to its words, by beam.
"""


def write(rows: Sequence[Row], folder: Path, pictures: str) -> str:
    """Write table.md, table.json, table.png and losses.png to `folder`.

    `pictures` says in a sentence what was trained on. → the Markdown.
    """
    text = markdown(rows, pictures)
    (folder / "table.md").write_text(text, encoding="utf-8")
    table = [dataclasses.asdict(row) for row in rows]
    (folder / "table.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    _draw(rows, folder / "table.png")
    draw_losses({row.name: _losses(folder / row.name) for row in rows}, folder / "losses.png")
    return text


def markdown(rows: Sequence[Row], pictures: str) -> str:
    """The table; the best of each column is bold."""
    titles = [
        "recipe",
        *_SCORES,
        "loss",
        "perplexity",
        "parameters (decoder)",
        "training",
        "a caption",
        "epochs of the recipe's",
    ]
    columns = [
        [row.name for row in rows],
        *(_scores(rows, name) for name in _SCORES),
        _column(rows, lambda row: -row.loss, lambda row: f"{row.loss:.3f}"),
        _column(rows, lambda row: -row.perplexity, lambda row: f"{row.perplexity:.1f}"),
        [f"{row.parameters[0] / 1e6:.1f} M ({row.parameters[1] / 1e6:.1f} M)" for row in rows],
        _column(rows, lambda row: -row.minutes, lambda row: f"{row.minutes:.1f} min"),
        _column(
            rows, lambda row: -row.milliseconds[1], lambda row: f"{row.milliseconds[1]:.0f} ms"
        ),
        [f"{row.epochs[0]} of {row.epochs[1]}" for row in rows],
    ]
    lines = [
        "# The ancestors and ours",
        "",
        pictures,
        "",
        "| " + " | ".join(titles) + " |",
        "|" + "---|" * len(titles),
    ]
    lines += ["| " + " | ".join(cells) + " |" for cells in zip(*columns, strict=True)]
    best = max(rows, key=lambda row: row.beam["CIDEr"])
    lines += ["", f"The highest CIDEr has `{best.name}`: {best.about}.", "", _REPORTED]
    lines += [
        f"- `{row.name}`: {row.about}; {row.decoder} with {row.words} words"
        + "".join(f"; {note}" for note in row.notes)
        + "."
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _scores(rows: Sequence[Row], name: str) -> list[str]:
    return _column(
        rows,
        lambda row: row.beam[name],
        lambda row: f"{row.greedy[name]:.1f} / {row.beam[name]:.1f}",
    )


def _column(
    rows: Sequence[Row], value: Callable[[Row], float], text: Callable[[Row], str]
) -> list[str]:
    """Cells of a column; where `value` is greatest, bold."""
    best = max(value(row) for row in rows)
    return [
        f"**{text(row)}**" if value(row) == best and len(rows) > 1 else text(row) for row in rows
    ]


def _losses(folder: Path) -> list[tuple[int, int, float]]:
    with (folder / "losses.csv").open(encoding="utf-8", newline="") as file:
        return [
            (int(row["stage"]), int(row["step"]), float(row["loss"]))
            for row in csv.DictReader(file)
        ]


def _draw(rows: Sequence[Row], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure((9, 1.5 + 0.45 * len(rows)), layout="constrained")
    places = range(len(rows))
    for number, name in enumerate(("CIDEr", "BLEU-4"), 1):
        axes = figure.add_subplot(1, 2, number)
        axes.barh(
            [place - 0.2 for place in places],
            [row.greedy[name] for row in rows],
            0.4,
            label="greedy",
        )
        axes.barh(
            [place + 0.2 for place in places], [row.beam[name] for row in rows], 0.4, label="beam"
        )
        axes.set_yticks(places, [row.name for row in rows] if number == 1 else [])
        axes.invert_yaxis()
        axes.set_title(f"{name}, development split")
        axes.grid(visible=True, axis="x", alpha=0.4)
    axes.legend()
    figure.savefig(path, dpi=90, metadata={"Software": None})
