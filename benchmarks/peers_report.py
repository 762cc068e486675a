"""Table and plot of our captioner beside others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.peers import Measured

# how much more time than ours it should take, at least; and how much more memory at its peak
TIMES = {"vit-gpt2 int8": 10, "blip-base": 40}
PEAKS = {"vit-gpt2 int8": 4}
_NOTE = """\
The weights of all but ours are random, at the published sizes: neither time nor memory depends
on what they are. Their captions have {words} words, the mean of ours, each the likeliest. Ours
are the whole way from the file's bytes: the picture is decoded, several captions are weighed, and
the memory of captions and the confidence are asked. {pictures} pictures, {threads} threads;
ratios of medians with intervals of 95 % (bootstrap over pictures)."""


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> tuple[float, float, float]:
    """Ratio of medians over the same pictures, and its interval of 95 %."""
    above, below = np.asarray(theirs), np.asarray(ours)
    picked = np.random.default_rng(0).integers(0, len(above), (2000, len(above)))
    ratios = np.median(above[picked], 1) / np.median(below[picked], 1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(np.median(above) / np.median(below)), float(low), float(high)


def table(found: Sequence[Measured], threads: int) -> str:
    """One line a captioner, ours first, then what the figures mean."""
    ours = found[0]
    lines = [
        f"{'captioner':16}{'runs on':22}{'ms a caption':>13}{'95 %':>8}{'times ours':>30}"
        f"{'load, s':>9}{'loaded, MB':>12}{'peak, MB':>10}{'times ours':>16}{'disk, MB':>10}"
    ]
    for each in found:
        times, low, high = ratio(each.captions, ours.captions)
        slow, large = (_target(targets, each) for targets in (TIMES, PEAKS))
        lines.append(
            f"{each.peer.name:16}{each.peer.runs:22}{each.median():13.0f}"
            f"{np.percentile(each.captions, 95):8.0f}"
            f"{f'{times:.1f} ({low:.1f} to {high:.1f}){slow}':>30}{np.median(each.loads):9.1f}"
            f"{each.loaded:12.0f}{each.peak:10.0f}{f'{each.peak / ours.peak:.1f}{large}':>16}"
            f"{each.disk:10.0f}"
        )
    words = found[-1].words
    note = _NOTE.format(words=words[0], pictures=len(words), threads=threads)
    return "\n".join([*lines, "", note])


def plot(found: Sequence[Measured], path: Path) -> None:
    """Time and memory as bars; each division is ten times the one before."""
    from matplotlib.figure import Figure

    figure = Figure((9, 3.2), layout="constrained")
    names = [each.peer.name for each in found][::-1]
    medians = np.asarray([each.median() for each in found])[::-1]
    late = np.asarray([np.percentile(each.captions, 95) for each in found])[::-1]
    times, memory = figure.subplots(1, 2, sharey=True)
    bars = times.barh(names, medians, xerr=[np.zeros(len(names)), late - medians], log=True)
    times.bar_label(bars, fmt="%.0f", padding=12)
    times.set(xlabel="milliseconds a caption (median; whiskers to 95 %)")
    bars = memory.barh(names, [each.peak for each in found][::-1], log=True)
    memory.bar_label(bars, fmt="%.0f", padding=3)
    memory.set(xlabel="megabytes at the peak")
    for axes in (times, memory):
        axes.margins(x=0.25)
        axes.grid(visible=True, axis="x", alpha=0.4)
    figure.savefig(path, dpi=100, metadata={"Software": None})


def _target(targets: dict[str, int], found: Measured) -> str:
    return f", ≥ {targets[found.peer.name]}" if found.peer.name in targets else ""
