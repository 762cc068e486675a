"""The benchmark's table, its plot, its sheet of failures, its JSON."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import sheet
from benchmarks.captions import Comparison, Ratio
from benchmarks.false_alarms import ScreenSentence
from benchmarks.finder import Measured
from benchmarks.matching import Outcome
from benchmarks.screens.labels import Label
from benchmarks.statistics import Share, wilson

_FAILURES = 24  # cells of the sheet


@dataclass(frozen=True, slots=True)
class Results:
    """`measured` by the finders' names, ours first; `sentences` and `captions` where they were
    asked for."""

    measured: Mapping[str, Measured]
    sentences: Sequence[ScreenSentence]
    captions: Comparison | None

    @property
    def ours(self) -> Measured:
        return next(iter(self.measured.values()))


def table(results: Results) -> str:
    """One line a measure with its target, a column a finder; then one line a family."""
    measured = results.measured.values()
    rows = [
        ("photographs found, IoU 0.75", "≥ 95 %", [_share(m.found(0.75)) for m in measured]),
        ("photographs found, IoU 0.9", "≥ 80 %", [_share(m.found(0.9)) for m in measured]),
        ("photographs found, IoU 0.5", "", [_share(m.found(0.5)) for m in measured]),
        ("drawings found, IoU 0.5", "", [_share(m.drawings(0.5)) for m in measured]),
        (
            "screens without a picture that yield one",
            "≤ 2 %",
            [_share(m.inventing()) for m in measured],
        ),
        ("screens with pictures that yield more", "", [_share(m.astray()) for m in measured]),
        (
            f"milliseconds at 1920 by 1080, {_cores()} cores, median",
            "≤ 40",
            [_median(m.milliseconds) for m in measured],
        ),
    ]
    if results.captions is not None:
        rows += [
            ("CIDEr, found crop / whole original", "≥ 0.95", [_ratio(results.captions.originals)]),
            ("CIDEr, found crop / exact crop", "", [_ratio(results.captions.exact)]),
        ]
    if results.sentences:
        share = wilson(sum(each.invented for each in results.sentences), len(results.sentences))
        rows.append(("something invented is said, screens without a picture", "0", [_share(share)]))
    width = max(len(name) for name, _, _ in rows)
    head = "".join(f"  {name:>38}" for name in results.measured)
    lines = [f"{'':{width}}{'target':>8}{head}"]
    lines += [
        f"{name:{width}}{target:>8}" + "".join(f"  {cell:>38}" for cell in cells)
        for name, target, cells in rows
    ]
    return "\n".join([*lines, "", *_families(results)])


def save(results: Results, out: Path) -> None:
    """Write results.json, table.txt, finder.png and failures.png."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "table.txt").write_text(table(results) + "\n", encoding="utf-8")
    record = {
        "screens": len(results.ours.screens),
        "finders": {name: _record(each) for name, each in results.measured.items()},
        "captions": results.captions and dataclasses.asdict(results.captions),
        "said": [
            {"screen": each.path.stem, "sentence": each.sentence, "invented": each.invented}
            for each in results.sentences
        ],
    }
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    (out / "results.json").write_text(text, encoding="utf-8")
    _plot(results, out / "finder.png")
    failures = sorted(results.ours.failures(), key=_badness, reverse=True)[:_FAILURES]
    sheet.contact_sheet([_cell(*each) for each in failures], out / "failures.png")


def _families(results: Results) -> list[str]:
    ours = results.ours
    names = sorted({label.family for _, label, _ in ours.screens})
    lines = [
        f"{'family':16}{'screens':>8}{'photographs':>13}{'IoU 0.75':>11}{'IoU 0.9':>11}"
        f"{'yield one in vain':>20}"
    ]
    for name in names:
        screens = sum(label.family == name for _, label, _ in ours.screens)
        good, best, vain = ours.found(0.75, name), ours.found(0.9, name), ours.inventing(name)
        shares = [f"{100 * each.value:.0f} %" if each.total else "-" for each in (good, best)]
        lines.append(
            f"{name:16}{screens:>8}{good.total or '-':>13}{shares[0]:>11}{shares[1]:>11}"
            f"{f'{vain.hits} of {vain.total}' if vain.total else '-':>20}"
        )
    return lines


def _share(share: Share) -> str:
    if not share.total:
        return "-"
    return (
        f"{100 * share.value:.1f} % ({100 * share.low:.1f} to {100 * share.high:.1f}) "
        f"of {share.total}"
    )


def _median(milliseconds: Sequence[float]) -> str:
    if not milliseconds:
        return "-"
    low, middle, high = np.percentile(milliseconds, [5, 50, 95])
    return f"{middle:.1f} (nine of ten: {low:.1f} to {high:.1f}) of {len(milliseconds)}"


def _ratio(ratio: Ratio) -> str:
    return (
        f"{ratio.found:.1f}/{ratio.other:.1f} = {ratio.value:.3f} "
        f"({ratio.low:.2f} to {ratio.high:.2f}) of {ratio.pictures}"
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _record(measured: Measured) -> dict[str, object]:
    return {
        "found at 0.75": dataclasses.asdict(measured.found(0.75)),
        "found at 0.9": dataclasses.asdict(measured.found(0.9)),
        "drawings at 0.5": dataclasses.asdict(measured.drawings(0.5)),
        "without a picture, yield one": dataclasses.asdict(measured.inventing()),
        "milliseconds": [round(each, 2) for each in measured.milliseconds],
        "screens": [
            {
                "screen": path.stem,
                "family": label.family,
                "shown by": label.shown_by,
                "ious": [round(each, 4) for each in outcome.ious],
                "strays": [
                    [*dataclasses.astuple(each.box), each.kind, round(each.score, 3)]
                    for each in outcome.strays
                ],
            }
            for path, label, outcome in measured.screens
        ],
    }


def _plot(results: Results, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure((11, 4.2), layout="constrained")
    found, times = figure.subplots(1, 2)
    thresholds = np.linspace(0.5, 1, 51)
    for name, measured in results.measured.items():
        ious = np.array([iou for _, _, outcome in measured.screens for iou in outcome.ious])
        if len(ious):
            found.plot(thresholds, [100 * (ious >= each).mean() for each in thresholds], label=name)
        if measured.milliseconds:
            times.hist(measured.milliseconds, bins=40, alpha=0.6, label=name)
    found.plot([0.75, 0.9], [95, 80], "k^", label="targets")
    found.set(xlabel="IoU at least", ylabel="photographs found (%)", xlim=(0.5, 1), ylim=(0, 101))
    times.axvline(40, color="black", linestyle="--", label="target for the median")
    times.set(xlabel="milliseconds a screen of 1920 by 1080", ylabel="screens", xlim=(0, None))
    for axes in (found, times):
        axes.grid(visible=True, alpha=0.4)
        axes.legend()
    figure.savefig(path, dpi=100, metadata={"Software": None})


def _badness(failure: tuple[Path, Label, Outcome]) -> tuple[bool, float]:
    """Inventions first, then what was missed most."""
    _, label, outcome = failure
    invents = bool(outcome.strays) and not label.of_kind("photograph")
    return invents, len(outcome.strays) + sum(0.75 - min(0.75, iou) for iou in outcome.ious)


def _cell(path: Path, label: Label, outcome: Outcome) -> sheet.Cell:
    boxes = [(each, sheet.IGNORED) for each in label.ignore]
    boxes += [
        (each.box, sheet.TRUE if each.kind == "photograph" else sheet.DRAWN)
        for each in label.pictures
    ]
    boxes += [
        (each.box, sheet.FOUND) for each in (*outcome.matches, *outcome.strays) if each is not None
    ]
    ious = " ".join(f"{iou:.2f}" for iou in outcome.ious)
    title = f"{path.stem} ({label.shown_by}) IoU {ious or 'none'}; in vain {len(outcome.strays)}"
    return sheet.Cell(path, title[:100], tuple(boxes))
