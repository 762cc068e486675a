"""How a training goes: losses and scores as pictures, and as events for TensorBoard."""

from __future__ import annotations

import json
import time
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_SMOOTH = 50  # steps over which a drawn loss is averaged
_SOON = 5.0  # seconds; drawing takes half of one
_DRAWN = ("loss", "CIDEr", "BLEU-4")


class Curves:
    """Files of one training in its work folder: loss.png, scores.png and tensorboard/.

    They are made of what the checkpoint and scores.jsonl hold, so they go on with the training.
    """

    def __init__(self, work: Path, done: int) -> None:
        """`done` steps were made before; later events of a training that was killed are hidden."""
        self.work, self._written = work, done
        self._drawn = -_SOON
        self._writer: Any = None

    def losses(self, losses: Sequence[tuple[int, int, float]]) -> None:
        """Hand TensorBoard the losses since the last time; a step's number counts all stages."""
        for number in range(self._written, len(losses)):
            self._add("loss", losses[number][2], number + 1)
        self._written = len(losses)
        self._flush()

    def score(self, scores: Mapping[str, float], step: int) -> None:
        """Hand TensorBoard the scores of the development split after so many steps."""
        for name, value in scores.items():
            self._add(f"development/{name}", value, step)
        self._flush()

    def draw(self, losses: Sequence[tuple[int, int, float]], *, soon: bool = False) -> None:
        """Draw loss.png and scores.png anew; `soon`, unless that was done seconds ago."""
        if soon and time.monotonic() - self._drawn < _SOON:
            return
        self._drawn = time.monotonic()
        draw_losses({"": losses}, self.work / "loss.png")
        path = self.work / "scores.jsonl"
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
            draw_scores([json.loads(line) for line in lines], self.work / "scores.png")

    def close(self) -> None:
        """End the file of events."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _add(self, name: str, value: float, step: int) -> None:
        if self._writer is None and not find_spec("tensorboard"):
            if step == 1:
                tqdm.write("no events for TensorBoard: pip install tensorboard")
            return
        if self._writer is None:
            self._writer = import_module("torch.utils.tensorboard").SummaryWriter(
                str(self.work / "tensorboard"), purge_step=self._written + 1
            )
        self._writer.add_scalar(name, value, step)

    def _flush(self) -> None:
        if self._writer is not None:
            self._writer.flush()


def smoothed(values: Sequence[float], over: int = _SMOOTH) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Running mean of the last `over` values, of fewer at the beginning; same length."""
    total = np.concatenate([[0.0], np.cumsum(np.asarray(values, np.float64))])
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(0, ends - over)
    means: np.ndarray[Any, np.dtype[np.float64]] = (total[ends] - total[begins]) / (ends - begins)
    return means


def draw_losses(runs: Mapping[str, Sequence[tuple[int, int, float]]], path: Path) -> None:
    """Draw the loss of every step, smoothed, of one or several trainings; stages are parted."""
    from matplotlib.figure import Figure

    figure = Figure((7, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, losses in runs.items():
        values = [loss for *_, loss in losses]
        axes.plot(range(1, len(values) + 1), smoothed(values), label=name or None, linewidth=1.5)
        if len(runs) == 1:
            axes.plot(range(1, len(values) + 1), values, alpha=0.25, linewidth=0.5)
            for number in range(1, len(losses)):
                if losses[number][0] != losses[number - 1][0]:
                    axes.axvline(number + 0.5, color="grey", linestyle=":")
    axes.set(xlabel="step", ylabel="training loss", title="Training loss, mean of 50 steps")
    axes.grid(visible=True, alpha=0.4)
    if len(runs) > 1:
        axes.legend(fontsize="small")
    figure.savefig(path, dpi=90, metadata={"Software": None})


def draw_scores(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the scores of the development split as they were taken, epoch by epoch."""
    from matplotlib.figure import Figure

    names = [name for name in _DRAWN if any(name in row for row in rows)]
    if not names:
        return
    figure = Figure((7, 2.2 * len(names) + 0.8), layout="constrained")
    places = range(1, len(rows) + 1)
    for number, name in enumerate(names, 1):
        axes = figure.add_subplot(len(names), 1, number)
        axes.plot(places, [row.get(name, np.nan) for row in rows], "o-", markersize=3)
        axes.set_ylabel(name)
        axes.grid(visible=True, alpha=0.4)
        every = max(1, len(rows) // 12)
        axes.set_xticks(
            places[::every],
            [row["after"] for row in rows][::every] if number == len(names) else [],
            rotation=30,
            ha="right",
            fontsize="small",
        )
    figure.savefig(path, dpi=90, metadata={"Software": None})
