"""Tables, plots and JSON of what the running daemon takes: time and memory."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.latency import Press

# name of a series → (median, 95th percentile) that is asked for, in milliseconds
TARGETS = {"warm": (150, 250), "cold": (900, None), "busy": (None, 500)}
_STAGES = ("key", "grab", "captioner", "find", "caption", "translate", "phrase", "voice", "sound")


def latency_table(series: Mapping[str, Sequence[Press]]) -> str:
    """One line a series with its targets, then the median of each stage."""
    lines = [
        f"{'from key to first sound, ms':30}{'median':>9}{'95 %':>9}{'most':>9}{'presses':>9}"
        f"{'targets':>14}"
    ]
    for name, presses in series.items():
        totals = [press.total for press in presses]
        middle, high = np.percentile(totals, [50, 95])
        targets = "/".join(
            "-" if each is None else str(each) for each in TARGETS.get(name, (None, None))
        )
        lines.append(
            f"{name:30}{middle:9.0f}{high:9.0f}{max(totals):9.0f}{len(totals):9}{targets:>14}"
        )
    lines += ["", f"{'stage (median, ms)':30}" + "".join(f"{name:>9}" for name in series)]
    for stage in _STAGES:
        if stage == "translate" and not any(
            stage in press.stages for presses in series.values() for press in presses
        ):
            continue  # in English nothing is
        cells = []
        for presses in series.values():
            lengths = [press.stages[stage] for press in presses if stage in press.stages]
            cells.append(f"{np.median(lengths):9.1f}" if lengths else f"{'-':>9}")
        inner = stage in ("find", "caption", "translate")
        lines.append(f"{'  of these ' * inner + stage:30}" + "".join(cells))
    return "\n".join(lines)


def plot_latency(series: Mapping[str, Sequence[Press]], path: Path) -> None:
    """How many presses were answered within so many milliseconds."""
    from matplotlib.figure import Figure

    figure = Figure((7, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, presses in series.items():
        totals = sorted(press.total for press in presses)
        axes.step(
            totals, np.arange(1, len(totals) + 1) / len(totals) * 100, where="post", label=name
        )
    axes.set(
        xlabel="milliseconds from the key to the first sound",
        ylim=(0, 101),
        ylabel="presses answered (%)",
        title="Key to voice",
    )
    axes.set_xlim(left=0)
    axes.grid(visible=True, alpha=0.4)
    axes.legend()
    figure.savefig(path, dpi=100, metadata={"Software": None})


def memory_table(rows: Sequence[tuple[str, float, str]]) -> str:
    """One line a figure: its name, its value, its target."""
    width = max(len(name) for name, _, _ in rows)
    return "\n".join(f"{name:{width}}{value:10.2f}  {target}" for name, value, target in rows)


def plot_memory(rows: Sequence[tuple[str, float]], path: Path) -> None:
    """Megabytes of the daemon and its children in each state."""
    from matplotlib.figure import Figure

    figure = Figure((7, 3), layout="constrained")
    axes = figure.add_subplot()
    bars = axes.barh([name for name, _ in rows][::-1], [value for _, value in rows][::-1])
    axes.bar_label(bars, fmt="%.0f", padding=3)
    axes.set(xlabel="proportional set size of all processes, MB", title="Memory")
    figure.savefig(path, dpi=100, metadata={"Software": None})


def save(record: Mapping[str, Any], path: Path) -> None:
    """Write JSON; dataclasses become tables."""

    def table(value: object) -> object:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return dataclasses.asdict(value)
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1, default=table) + "\n", encoding="utf-8")
