"""The field's scores, by the field's own scorer."""

from __future__ import annotations

import contextlib
import io
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.captioning.vocabulary import FUNCTION_WORDS
from training.evaluation import java_scores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PUNCTUATION = re.compile(r"[^\w\s'-]")


def normalise(caption: str) -> str:
    """Tokens as pycocoevalcap's PTB tokenizer leaves them for plain captions.

    Lower case, punctuation removed, "'s" a token of its own. Done here because that
    tokenizer needs Java; of Flickr8k's captions, which come tokenised and are cleaned by
    `datasets.clean`, the two differ in about one of a thousand ("cannot", "Mr.", "#").
    """
    text = _PUNCTUATION.sub(" ", caption.lower())
    return " ".join(re.sub(r"(\w)'s\b", r"\1 's", text).split())


@dataclass(frozen=True, slots=True)
class Scores:
    """In percent: `corpus` by name, `each` by name and picture; CIDEr's scale goes to 1000.

    A sentence of `left_out` says which score is missing and why. A picture's own BLEU is not
    smoothed: it is 0 without a common phrase of so many words.
    """

    corpus: dict[str, float]
    each: dict[str, dict[str, float]]
    left_out: tuple[str, ...] = ()


def score(
    captions: Mapping[str, str], references: Mapping[str, Sequence[str]]
) -> tuple[dict[str, float], dict[str, float]]:
    """Score one caption a picture against its references.

    → corpus scores in percent (BLEU-1..4, ROUGE-L, CIDEr; the field's CIDEr is CIDEr-D) and
    each picture's CIDEr in percent. Raises ValueError when a caption has no references.
    """
    scores = score_all(captions, references, java=False)
    return scores.corpus, scores.each["CIDEr"]


def score_all(
    captions: Mapping[str, str], references: Mapping[str, Sequence[str]], *, java: bool = True
) -> Scores:
    """Score like `score`, and by METEOR and SPICE where Java and their parts are there."""
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    missing = sorted(key for key in captions if not references.get(key))
    if missing:
        raise ValueError(f"no references for {', '.join(missing[:5])}")
    keys = sorted(captions)
    candidates = {key: [normalise(captions[key])] for key in keys}
    truths = {key: [normalise(text) for text in references[key]] for key in keys}
    with contextlib.redirect_stdout(io.StringIO()):  # the scorer prints its bookkeeping
        bleu, bleus = Bleu(4).compute_score(truths, candidates, verbose=0)
        rouge, rouges = Rouge().compute_score(truths, candidates)
        cider, ciders = Cider().compute_score(truths, candidates)
    corpus = {f"BLEU-{n}": 100 * value for n, value in enumerate(bleu, start=1)}
    corpus |= {"ROUGE-L": 100 * float(rouge), "CIDEr": 100 * float(cider)}
    each = {
        name: {key: 100 * float(value) for key, value in zip(keys, values, strict=True)}
        for name, values in zip(corpus, (*bleus, rouges, ciders), strict=True)
    }
    if not java:
        return Scores(corpus, each)
    more = java_scores.score(candidates, truths)
    return Scores(corpus | more.corpus, each | more.each, tuple(more.left_out))


def variety(captions: Mapping[str, str]) -> dict[str, float]:
    """Distinct words, distinct captions, mean length, captions that repeat a trigram or a word."""
    words = [caption.split() for caption in captions.values()]
    repeating = sum(_repeats(sentence) for sentence in words)
    return {
        "distinct words": float(len({word for sentence in words for word in sentence})),
        "distinct captions": float(len(set(captions.values()))),
        "mean words": sum(map(len, words)) / max(1, len(words)),
        "over 20 words": float(sum(len(sentence) > 20 for sentence in words)),
        "with a repeated phrase": float(repeating),
        "with a repeated word": float(sum(map(_stutters, words))),
    }


def _stutters(words: Sequence[str]) -> bool:
    counted = Counter(word for word in words if word not in FUNCTION_WORDS)
    return any(count > 1 for count in counted.values())


def _repeats(words: Sequence[str], n: int = 3) -> bool:
    grams = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    return any(count > 1 for count in grams.values())
