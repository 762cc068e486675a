"""The model card: what a bundle was made of, what it scores, what it is bad at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.bundle import Calibration
    from training.evaluate import Result


@dataclass(frozen=True, slots=True)
class Facts:
    """`seconds` is the mean time a caption on the machine that exported the bundle.

    `certainty` is the share of captions in each class, in percent.
    """

    parameters: int
    words: int
    pictures: int
    seconds: float
    auroc: float
    seed: int
    certainty: dict[str, float]


def write(facts: Facts, result: Result, calibration: Calibration) -> str:
    """Write the card. Its sample is every 33rd development picture in order of name."""
    scores = "\n".join(f"| {name} | {value:.2f} |" for name, value in result.scores.items())
    names = sorted(result.captions)[::33][:30]
    sample = "\n".join(
        f"| {name} | {result.captions[name]} | {result.ciders[name]:.0f} |" for name in names
    )
    sure, medium, unsure = (facts.certainty[kind] for kind in ("sure", "medium", "unsure"))
    shares = f"{sure:.0f}, {medium:.0f} and {unsure:.0f}"
    return f"""\
# Model card: Flickr8k captioner

An attention captioner for photographs: a MobileNet-EdgeTPU encoder, additive attention with
the gating scalar, an LSTM decoder ("Show, Attend and Tell", Xu et al. 2015).
{facts.parameters / 1e6:.1f} million parameters, stored as float16; {facts.words} words.

## Made from
* **Data:** Flickr8k (Hodosh, Young and Hockenmaier 2013, JAIR 47): {facts.pictures} training
  pictures with five captions each. The data set is for **non-commercial research and
  education**; the photographs belong to their authors on Flickr. What that means for these
  weights is for whoever uses them to judge: treat them as non-commercial.
* **Starting weights:** the encoder began as MobileNet-EdgeTPU 1.0 224 trained on ImageNet
  (the MLPerf mobile v0.7 model, TensorFlow authors, Apache-2.0). Every layer was then
  fine-tuned; none ships as it came. The decoder began at random (seed {facts.seed}).
* **Recipe:** `training/recipes/first.toml`, by
  `python -m training build first --data DATA --weights WEIGHTS --work WORK --out FOLDER`;
  about 90 minutes on two cores.

## Scores
Flickr8k development split ({len(result.captions)} pictures), beam search as configured, ONNX
engine, scored by pycocoevalcap on lower-case words without punctuation. The recipe was chosen
on this same split, so expect slightly less on pictures never seen.

| measure | value |
|---|---|
{scores}

One seed only. A caption took {1000 * facts.seconds:.0f} ms on the two cores that exported it.

## Confidence
P(the caption is not among the worst third by CIDEr), by Platt scaling of the mean
log-probability a token: slope {calibration.slope:.3f}, offset {calibration.offset:.3f}. It ranks
bad captions below good ones with an AUROC of {facts.auroc:.3f} on the development split.
At {calibration.sure} and above a caption is spoken plainly, from {calibration.medium} with
"Could be", below with "Not sure": {shares} % of the development
pictures. The limits are high because the confidence was calibrated on Flickr8k only, and is
too high on other pictures.

## What it is bad at
* Anything Flickr8k hardly shows: food, rooms, vehicles, text, drawings, charts, screens. It
  knows people, dogs, sport, water, snow and streets, and turns other things into those.
* Counting beyond two, colours of small things, who does what to whom.
* Saying that it does not know: a cup of coffee can come out as a dog, with some confidence.
* It takes over the habits of Flickr8k's writers, such as guessing at gender and age.

## Thirty development pictures, every 33rd by name
| picture | caption | CIDEr |
|---|---|---|
{sample}
"""
