"""Pictures for the model card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.release.calibration import reliability, risk_coverage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from training.release.calibration import Fit


def draw(fit: Fit, folder: Path, things: Sequence[tuple[float, float, int]] = ()) -> None:
    """Write reliability.png and risk_coverage.png, both from cross-fitted confidences.

    `things` are the bins of the kinds' probabilities (see `calibration.reliability`), if any.
    """
    from matplotlib.figure import Figure

    figure = Figure((5, 5), layout="constrained")
    axes = figure.add_subplot()
    bins = reliability(fit.confidences, fit.good)
    axes.plot([0, 1], [0, 1], "--", color="grey", label="perfect")
    axes.plot(
        [predicted for predicted, *_ in bins],
        [observed for _, observed, _ in bins],
        "o-",
        label="this bundle",
    )
    if things:
        axes.plot(
            [predicted for predicted, *_ in things],
            [observed for _, observed, _ in things],
            "s-",
            label="kinds of thing",
        )
    axes.set(
        xlabel="confidence",
        ylabel="share not among the worst third, or present",
        xlim=(0, 1),
        ylim=(0, 1),
        title="Reliability, development split, cross-fitted",
    )
    axes.legend()
    figure.savefig(folder / "reliability.png", dpi=90, metadata={"Software": None})

    figure = Figure((6, 4), layout="constrained")
    axes = figure.add_subplot()
    coverage, mean = risk_coverage(fit.confidences, fit.ciders)
    axes.plot(100 * coverage, mean)
    axes.set(
        xlabel="pictures spoken of, surest first (%)",
        ylabel="their mean CIDEr",
        xlim=(0, 100),
        title="Risk and coverage, development split, cross-fitted",
    )
    axes.grid(visible=True, alpha=0.4)
    figure.savefig(folder / "risk_coverage.png", dpi=90, metadata={"Software": None})
