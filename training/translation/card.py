"""A translator's model card: what it was made of, what it scores, what it is bad at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.translation import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.translation.corpus import Pairs
    from training.translation.recipe import Recipe
    from training.translation.score import Score, Survival

NAMES = {"de": "German", "fr": "French", "cs": "Czech"}
_SAMPLES = 10


@dataclass(frozen=True, slots=True)
class Facts:
    """`learnt` pairs of Multi30k and `own` of ours; `hours` of training; `begun` is the language
    whose translator it began with, or empty."""

    language: str
    learnt: int
    own: int
    recipe: Recipe
    parameters: int
    hours: float
    begun: str


def write(
    facts: Facts,
    development: Score,
    own: Score,
    kept: Survival,
    pairs: Pairs,
    made: Sequence[str],
) -> str:
    """`development` is the score on `pairs`, of which `made` are the translations; `own` and
    `kept` those on our own sentences that were held back."""
    name = NAMES.get(facts.language, facts.language)
    begun = f" It began with the English side of the translator `{facts.begun}`." * bool(
        facts.begun
    )
    return f"""\
# Model card: English captions into {name}

A small network ({facts.recipe.architecture["network"]}, {facts.parameters / 1e6:.1f} million
weights, int8) that translates one caption of a picture at a time, on the machine.

## Made from
* **Multi30k** (Elliott et al. 2016 to 2018): {facts.learnt:,} captions of photographs with their
  translations by people. It is for **non-commercial research and education**, as Flickr30k is.
  What that means for these weights is for whoever uses them to judge.
* **Our own sentences** (`training/translation/sentences.tsv`, CC0): {facts.own:,} about things
  that Multi30k hardly shows, written without native speakers.
* **Training:** `python -m training translate --to {facts.language}`, {facts.recipe.epochs} epochs,
  {facts.hours:.1f} hours on two cores, shared with other work; seed {facts.recipe.seed}.{begun}

## Scores
With the engine that ships, int8 weights, beam and all; sacrebleu's own tokenisation, with capitals.

| | BLEU | chrF |
|---|---|---|
| Multi30k, development split ({len(pairs):,}) | {development.bleu:.1f} | {development.chrf:.1f} |
| our own sentences, held back ({kept.captions}) | {own.bleu:.1f} | {own.chrf:.1f} |

Signature: `{development.signature}`. The second row is a small sample, and by the hands that
wrote what was learnt: it tells whether the words were learnt, not more.

Of the same held-back sentences, which are about rare things: {kept}.

## Samples
Every {len(pairs) // _SAMPLES}th sentence of the development split, none left out.

| English | translation | by a person |
|---|---|---|
{_samples(pairs, made)}

## Limits
* Made and looked through without native speakers.
* It knows what captions of photographs say. News, letters and names are not for it: a word with
  letters that it has never seen is left out.
* People are named only as Multi30k names them: what it says of their looks, sex and origin are
  guesses of its annotators, and where {name} must choose a gender, so does the network.
* It can leave out, add or mistake a thing. Whether the everyday things that the English names are
  named in the translation is checked (`models/translation/survival.py`); nothing else is.
"""


def _samples(pairs: Pairs, made: Sequence[str]) -> str:
    chosen = range(0, len(pairs), max(1, len(pairs) // _SAMPLES))[:_SAMPLES]
    rows = ((pairs.source[at], made[at], pairs.target[at]) for at in chosen)
    return "\n".join(
        "| " + " | ".join(text.plain(cell).replace("|", "/") for cell in row) + " |" for row in rows
    )
