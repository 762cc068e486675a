"""The model card: what a bundle was made of, what it scores, what it is bad at."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.release.calibration import calibration_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.captioning.confidence import Calibration
    from training.evaluation.evaluate import Result
    from training.release.calibration import Fit


@dataclass(frozen=True, slots=True)
class Facts:
    """`seconds` is the mean time a caption, `hours` that of training on so many `cores`; `same`
    is how many development captions both engines agree on, word for word; `exact` is the torch
    engine's CIDEr on these. `members` is how many captioners the recipe joins, or 0. `seeds` has
    the scores of this captioner and of those that were made with other seeds."""

    recipe: str
    members: int
    decoders: int
    parameters: int
    words: int
    pictures: int
    unlabelled: int
    seconds: float
    hours: float
    cores: int
    same: int
    exact: float
    seed: int
    seeds: tuple[Mapping[str, float], ...] = ()


def write(
    facts: Facts, result: Result, fit: Fit, limits: Calibration,
    ood_certainty: Mapping[str, tuple[int, int, int]], ood_shares: Mapping[str, float] | None,
) -> str:
    """Write the card. Its sample is every 33rd development picture in order of name.

    `ood_certainty`: for each kind of made-up picture, how many are sure, medium, unsure.
    `ood_shares`: shares in percent of other photographs.
    """
    others = "\n".join(f"| {what} | {share:.0f} % |" for what, share in (ood_shares or {}).items())
    made_up = "\n".join(f"| {kind} | {sure} | {medium} | {unsure} |"
                        for kind, (sure, medium, unsure) in ood_certainty.items())
    scores = "\n".join(f"| {name} | {value:.2f} |" for name, value in result.scores.items())
    names = sorted(result.captions)[::33][:30]
    confidences = dict(zip(fit.names, fit.confidences, strict=True))
    sample = "\n".join(
        f"| {name} | {result.captions[name]} | {result.ciders[name]:.0f} "
        f"| {confidences[name]:.2f} |" for name in names
    )
    return f"""\
# Model card: Flickr8k captioner

{_summary(facts)}

## Made from
* **Data:** Flickr8k (Hodosh, Young and Hockenmaier 2013, JAIR 47): {facts.pictures} training
  pictures with five captions each. The data set is for **non-commercial research and
  education**; the photographs belong to their authors on Flickr. What that means for these
  weights is for whoever uses them to judge: treat them as non-commercial.
* **Pictures without captions:** {facts.unlabelled} photographs of MS COCO 2014, whose captions
  were never seen. They keep the ImageNet classes alive, and the captioner learnt from captions
  that it made for them itself, in which what the starting classifier was sure of had to be named.
* **Starting weights:** the encoder began as MobileNet-EdgeTPU 1.0 224 trained on ImageNet
  (the MLPerf mobile v0.7 model, TensorFlow authors, Apache-2.0). Every layer was then
  fine-tuned; none ships as it came. The decoders began at random
  ({_seed(facts)}).
* **Recipe:** `training/recipes/{facts.recipe}.toml`, by
  `python -m training build {facts.recipe} --data DATA --unlabelled PICTURES --weights WEIGHTS
  --work WORK --out FOLDER`.

## Scores
Flickr8k development split ({len(result.captions)} pictures), beam search as configured, ONNX
engine, scored by pycocoevalcap on lower-case words without punctuation. The recipe was chosen
on this same split, so expect slightly less on pictures never seen.

| measure | value |
|---|---|
{scores}

The torch engine, which computes in float32 where this one multiplies in integers, gives the same
words on {facts.same} of them; its CIDEr is {facts.exact:.1f}. Training took {facts.hours:.1f} hours
on {facts.cores} cores, a caption {1000 * facts.seconds:.0f} ms.
{_spread(facts)}
## Confidence
P(the caption is not among the worst third by CIDEr), by ordinal regression on what the captioner
knows: probabilities of the words, agreement with the captions of the nearest training pictures,
distance to them, and more (`models/captioning/confidence.py`); times P(the picture is like those it
learnt from), by the same signals. Cross-fitted on the development split it ranks bad captions below
good ones with an AUROC of {fit.auroc:.3f}; its expected calibration error is
{calibration_error(fit.confidences, fit.good):.3f}.

![reliability](reliability.png) ![risk and coverage](risk_coverage.png)

{_classes(fit, limits)}

Of photographs of COCO that it was not trained on either, every tenth of those without captions:

| | share |
|---|---|
{others}

Made-up pictures unlike any photograph (`training/data/ood_images.py`, others than those that the
confidence was fitted with); they should all be unsure:

| kind | plainly | "Could be" | "Not sure" |
|---|---|---|---|
{made_up}

## What it is bad at
* Anything Flickr8k hardly shows: food, rooms, vehicles, text, drawings, charts, screens. It
  knows people, dogs, sport, water, snow and streets, and turns other things into those.
* Counting beyond two, colours of small things, who does what to whom.
* It takes over the habits of Flickr8k's writers, such as guessing at gender and age.

## Thirty development pictures, every 33rd by name
| picture | caption | CIDEr | confidence |
|---|---|---|---|
{sample}
"""


def _summary(facts: Facts) -> str:
    decoders = ("one decoder" if facts.decoders == 1 else
                f"{facts.decoders} decoders, whose probabilities are averaged,")
    origins = (f" {facts.members} captioners were trained apart; their encoders' weights are "
               "averaged to one." if facts.members else "")
    return textwrap.fill(
        f"An attention captioner for photographs: a MobileNet-EdgeTPU encoder and {decoders} with "
        'additive attention, the gating scalar and an LSTM ("Show, Attend and Tell", Xu et al. '
        "2015), and a memory of the training captions that re-ranks what the beam search finds "
        f"({facts.parameters / 1e6:.1f} million parameters, stored as int8; {facts.words} words)."
        + origins, width=100)


def _seed(facts: Facts) -> str:
    if not facts.members:
        return f"seed {facts.seed}"
    return f"by their members' seeds; the stages that follow have seed {facts.seed}"


def _spread(facts: Facts) -> str:
    """A table of how far the scores differ from seed to seed; nothing for one seed."""
    if len(facts.seeds) < 2:
        return ""
    what = "the recipe's own stages" if facts.members else "all of it"
    rows = [f"| {name} | {np.mean(values):.3f} | {np.std(values, ddof=1):.3f} |"
            for name in facts.seeds[0]
            for values in [[scores[name] for scores in facts.seeds]]]
    return "\n".join([
        "", f"Trained with {len(facts.seeds)} seeds ({what}), this one among them:", "",
        "| measure | mean | standard deviation |", "|---|---|---|", *rows, ""])


def _classes(fit: Fit, limits: Calibration) -> str:
    """A table of the classes of certainty: how many captions, and how good they are."""
    sure = fit.confidences >= limits.sure
    unsure = fit.confidences < limits.medium
    rows = ["| from confidence | said | share of captions | mean CIDEr | not of the worst third |",
            "|---|---|---|---|---|"]
    for least, phrase, inside in ((limits.sure, "plainly", sure),
                                (limits.medium, '"Could be"', ~sure & ~unsure),
                                (0.0, '"Not sure"', unsure)):
        cider, good = ((fit.ciders[inside].mean(), 100 * fit.good[inside].mean())
                       if np.any(inside) else (np.nan, np.nan))
        rows.append(f"| {least} | {phrase} | {100 * inside.mean():.0f} % | {cider:.0f} "
                    f"| {good:.0f} % |")
    return "\n".join(rows)
