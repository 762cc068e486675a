"""From the finder's trained weights to the folder that ships, with its card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.finder.finder import load
from models.finder.limits import Limits
from models.finder.parts import NETWORK, write
from training.finder.network import export
from training.finder.score import score
from training.finder.train import compose, train

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CARD = "MODEL_CARD.md"
_HELD_OUT = 20  # one photograph in so many is kept for the screens that measure


def build(
    photographs: Sequence[Path], work: Path, out: Path, *, screens: int, steps: int, cycles: int,
    seed: int, workers: int, measured: int = 300,
) -> dict[str, float]:
    """Compose, train, export and measure; → the scores, which the card has, too."""
    taught = [file for n, file in enumerate(photographs) if n % _HELD_OUT]
    others = list(photographs[::_HELD_OUT])
    files = compose(taught, work / "screens", screens, seed, workers)
    network = train(files, work, steps=steps, cycles=cycles, seed=seed)
    out.mkdir(parents=True, exist_ok=True)
    export(network, out / NETWORK)
    write(out, Limits())
    unseen = compose(others, work / "unseen", measured, seed + 1, workers)
    scores = score(load(out, threads=workers), unseen).table()
    parameters = sum(each.numel() for each in network.parameters())
    card = _card(scores, parameters, len(taught), screens, steps * cycles, measured)
    (out / _CARD).write_text(card, encoding="utf-8")
    return scores


def _card(
    scores: dict[str, float], parameters: int, photographs: int, screens: int, steps: int,
    measured: int,
) -> str:
    rows = "\n".join(f"| {name} | {value:g} |" for name, value in scores.items())
    return f"""\
# Model card: picture finder

A small U-net that tells of every cell of a screen (8 by 8 pixels) whether it belongs to the
interface, to text, to a photograph or to a drawing, and how far its picture reaches. Regions of
picture cells are cut where pictures meet, and settle on the edges nearby
({parameters / 1000:.0f} thousand parameters).

## Made from
* **Screens:** {screens} that `training/finder` composed: windows, text, controls, charts, maps,
  and photographs among them. No real screen was seen in training.
* **Photographs on them:** {photographs} of Flickr8k's training split and of MS COCO 2014 (no
  captions). Flickr8k is for **non-commercial research and education**; the photographs belong to
  their authors on Flickr. What that means for these weights is for whoever uses them to judge:
  treat them as non-commercial.
* **Starting weights:** none; it began at random and took {steps} steps of 8 screens.
* **Command:** `python -m training finder --data DATA --unlabelled PICTURES --work WORK
  --out FOLDER`.

## Scores
On {measured} other composed screens, with photographs that training never saw:

| measure | value |
|---|---|
{rows}

Screens of real programs are measured by `benchmarks/` (see its README).

## Limits
* Pictures with a shorter side under 40 pixels are taken for icons and not found.
* A picture that windows cover by more than a third of its bounding box is background, and not
  found, unless it is a wallpaper that reaches all sides of the desktop.
* Charts, maps and flat drawings are told from photographs, but a painting without texture may
  be taken for a drawing, and a detailed map for a photograph.
"""
