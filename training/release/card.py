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
    from training.evaluation.honesty import Honesty
    from training.release.calibration import Fit


@dataclass(frozen=True, slots=True)
class Everyday:
    """Of a captioner that knows things: how many captions without pictures (`text`) it learnt
    from, the `scores` of its captions for the `held_out` everyday pictures that have some, what
    its answers are worth there, and the AUROC of the confidence on each development split."""

    text: int
    held_out: int
    scores: Mapping[str, float]
    honesty: Honesty
    aurocs: tuple[float, ...]


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
    encoder: str = "mobilenet_edgetpu"
    everyday: Everyday | None = None


def write(
    facts: Facts,
    result: Result,
    fit: Fit,
    limits: Calibration,
    ood_forms: Mapping[str, tuple[int, ...]],
    ood_shares: Mapping[str, float] | None,
) -> str:
    """Write the card. Its sample is every 33rd development picture in order of name.

    `ood_forms`: for each kind of made-up picture, how many come in each form of answer.
    `ood_shares`: shares in percent of other photographs.
    """
    others = "\n".join(f"| {what} | {share:.0f} % |" for what, share in (ood_shares or {}).items())
    made_up = "\n".join(
        f"| {kind} | {' | '.join(map(str, counts))} |" for kind, counts in ood_forms.items()
    )
    scores = "\n".join(f"| {name} | {value:.2f} |" for name, value in result.scores.items())
    names = sorted(result.captions)[::33][:30]
    confidences = dict(zip(fit.names, fit.confidences, strict=True))
    sample = "\n".join(
        f"| {name} | {result.captions[name]} | {result.ciders[name]:.0f} "
        f"| {confidences[name]:.2f} |"
        for name in names
    )
    started = _STARTED.get(facts.encoder, facts.encoder)
    more = "--unlabelled PICTURES" if facts.everyday is None else "--everyday COCO"
    return f"""\
# Model card: {"Flickr8k" if facts.everyday is None else "everyday"} captioner

{_summary(facts)}

## Made from
* **Data:** Flickr8k (Hodosh, Young and Hockenmaier 2013, JAIR 47){_training_pictures(facts)} with
  five captions each. The data set is for **non-commercial research and
  education**; the photographs belong to their authors on Flickr. What that means for these
  weights is for whoever uses them to judge: treat them as non-commercial.
{_photographs(facts)}
* **Starting weights:** the encoder began as {started}. Every layer was then
  fine-tuned; none ships as it came. The decoders began at random
  ({_seed(facts)}).
* **Recipe:** `training/recipes/{facts.recipe}.toml`, by
  `python -m training build {facts.recipe} --data DATA {more} --weights WEIGHTS
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
{_spread(facts)}{_honesty(facts)}
## Confidence
P(the caption is not among the worst third by CIDEr), by ordinal regression on what the captioner
knows: probabilities of the words, agreement with the captions of the nearest training pictures,
distance to them, and more (`models/captioning/confidence.py`); times P(the picture is like those it
learnt from), by the same signals. Cross-fitted on the development split it ranks bad captions below
good ones with an AUROC of {fit.auroc:.3f}; its expected calibration error is
{calibration_error(fit.confidences, fit.good):.3f}.

![reliability](reliability.png) ![risk and coverage](risk_coverage.png)

{_classes(fit, limits)}

Of photographs of COCO that it was not trained on either:

| | share |
|---|---|
{others}

Made-up pictures unlike any photograph (`training/data/ood_images.py`, others than those that the
confidence was fitted with); nothing should be said of any:

| kind | plainly | "Could be" | a list of things | nothing |
|---|---|---|---|---|
{made_up}

## What it is bad at
{_weakness(facts)}
* Counting beyond two, colours of small things, who does what to whom.
* It takes over the habits of Flickr8k's writers, such as guessing at gender and age.

## Thirty development pictures, every 33rd by name
| picture | caption | CIDEr | confidence |
|---|---|---|---|
{sample}
"""


_NETWORKS = {"mobilenet_edgetpu": "MobileNet-EdgeTPU", "efficientnet_lite3": "EfficientNet-Lite3"}
_STARTED = {
    "mobilenet_edgetpu": """MobileNet-EdgeTPU 1.0 224 trained on ImageNet
  (the MLPerf mobile v0.7 model, TensorFlow authors, Apache-2.0)""",
    "efficientnet_lite3": """EfficientNet-Lite3 trained on ImageNet (Tan and Le 2019;
  TensorFlow authors, Apache-2.0), dequantised from its published int8 model""",
}


def _training_pictures(facts: Facts) -> str:
    # those of everyday pictures are told of together, below
    return (
        f": {facts.pictures} training pictures"
        if facts.everyday is None
        else (", its training pictures")
    )


def _photographs(facts: Facts) -> str:
    if facts.everyday is None:
        return f"""\
* **Pictures without captions:** {facts.unlabelled} photographs of MS COCO 2014, whose captions
  were never seen. They keep the ImageNet classes alive, and the captioner learnt from captions
  that it made for them itself, in which what the starting classifier was sure of had to be
  named."""
    return f"""\
* **Everyday pictures:** photographs of MS COCO 2014 ({facts.pictures} pictures with captions in
  all, {facts.unlabelled} more without), with which of 80 kinds of thing are on them, and
  {facts.everyday.text} captions without pictures. COCO's annotations are CC BY 4.0; the photographs
  belong to their authors on Flickr. Pictures whose number ends in 0 were kept for calibrating.
* **A teacher:** the boxes that NanoDet-g 416 (Apache-2.0, trained on COCO) finds on all of these
  pictures taught where things are and how many, and which things are on Flickr8k's."""


def _weakness(facts: Facts) -> str:
    if facts.everyday is None:
        return """\
* Anything Flickr8k hardly shows: food, rooms, vehicles, text, drawings, charts, screens. It
  knows people, dogs, sport, water, snow and streets, and turns other things into those."""
    return """\
* Things that are none of the 80 kinds and of no ImageNet class; text, drawings, charts, screens.
* Small things, and things that are cut off by an edge: their kind is missed more often."""


def _honesty(facts: Facts) -> str:
    """What is said of everyday pictures; nothing for a captioner that knows no things."""
    if facts.everyday is None:
        return ""
    known = facts.everyday
    scores = "\n".join(
        f"| {name} | {known.scores[name]:.1f} |"
        for name in ("BLEU-1", "BLEU-4", "ROUGE-L", "CIDEr")
    )
    rows = "\n".join(
        f"| {row.form} | {row.share:.0f} % | {row.helpful:.0f} % | {row.invented:.1f} % "
        f"| {row.chair:.1f} % |"
        for row in known.honesty.rows
    )
    return f"""
## Everyday pictures
{known.held_out} photographs of COCO that it has not learnt from. Of the captions of those that
people have described:

| measure | value |
|---|---|
{scores}

What it says of all of them (`python -m training honesty BUNDLE --data COCO`): the share of answers
of each form, of these the share that names a kind of thing that is there ("helpful") and that
names one that is not ("invented"), and the share of the things named that are not there (CHAIRi,
Rohrbach et al. 2018). The limits were chosen on these same pictures, with cross-fitted
probabilities.

| form | of all | helpful | invented | CHAIRi |
|---|---|---|---|---|
{rows}

Mean average precision of the 80 kinds: {known.honesty.mean_average_precision:.1f}. The number
(one, two, several) is right for {known.honesty.counts:.0f} % of the things that are there and
believed. The confidence's AUROC is {known.aurocs[0]:.3f} on Flickr8k's captions and
{known.aurocs[1]:.3f} on these.
"""


def _summary(facts: Facts) -> str:
    decoders = (
        "one decoder"
        if facts.decoders == 1
        else f"{facts.decoders} decoders, whose probabilities are averaged,"
    )
    heads = "" if facts.everyday is None else ", a head for 80 kinds of thing,"
    origins = (
        f" {facts.members} captioners were trained apart; their encoders' weights are "
        "averaged to one."
        if facts.members
        else ""
    )
    return textwrap.fill(
        f"An attention captioner for photographs: {_with_article(facts)} encoder{heads} and "
        f"{decoders} with "
        'additive attention, the gating scalar and an LSTM ("Show, Attend and Tell", Xu et al. '
        "2015), and a memory of the training captions that re-ranks what the beam search finds "
        f"({facts.parameters / 1e6:.1f} million parameters, stored as int8; {facts.words} words)."
        + origins,
        width=100,
    )


def _with_article(facts: Facts) -> str:
    name = _NETWORKS.get(facts.encoder, facts.encoder)
    return f"an {name}" if name[:1] in "AEIOU" else f"a {name}"


def _seed(facts: Facts) -> str:
    if not facts.members:
        return f"seed {facts.seed}"
    return f"by their members' seeds; the stages that follow have seed {facts.seed}"


def _spread(facts: Facts) -> str:
    """A table of how far the scores differ from seed to seed; nothing for one seed."""
    if len(facts.seeds) < 2:
        return ""
    what = "the recipe's own stages" if facts.members else "all of it"
    rows = [
        f"| {name} | {np.mean(values):.3f} | {np.std(values, ddof=1):.3f} |"
        for name in facts.seeds[0]
        for values in [[scores[name] for scores in facts.seeds]]
    ]
    return "\n".join(
        [
            "",
            f"Trained with {len(facts.seeds)} seeds ({what}), this one among them:",
            "",
            "| measure | mean | standard deviation |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _classes(fit: Fit, limits: Calibration) -> str:
    """A table of the classes of certainty: how many captions, and how good they are."""
    sure = fit.confidences >= limits.sure
    unsure = fit.confidences < limits.medium
    rows = [
        "| from confidence | said | share of captions | mean CIDEr | not of the worst third |",
        "|---|---|---|---|---|",
    ]
    for least, phrase, inside in (
        (limits.sure, "plainly", sure),
        (limits.medium, '"Could be"', ~sure & ~unsure),
        (0.0, "not at all", unsure),
    ):
        cider, good = (
            (fit.ciders[inside].mean(), 100 * fit.good[inside].mean())
            if np.any(inside)
            else (np.nan, np.nan)
        )
        rows.append(
            f"| {least} | {phrase} | {100 * inside.mean():.0f} % | {cider:.0f} | {good:.0f} % |"
        )
    return "\n".join(rows)
