"""The field's scores, by the field's own scorer."""

from __future__ import annotations

import contextlib
import io
import re
from collections import Counter
from typing import TYPE_CHECKING

from models.vocabulary import FUNCTION_WORDS

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


def score(
    captions: Mapping[str, str], references: Mapping[str, Sequence[str]]
) -> tuple[dict[str, float], dict[str, float]]:
    """Score one caption a picture against its references.

    → corpus scores in percent (BLEU-1..4, ROUGE-L, CIDEr; the field's CIDEr is CIDEr-D) and
    each picture's CIDEr in percent. Raises ValueError when a caption has no references.
    """
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
        bleu, _ = Bleu(4).compute_score(truths, candidates, verbose=0)
        rouge, _ = Rouge().compute_score(truths, candidates)
        cider, each = Cider().compute_score(truths, candidates)
    scores = {f"BLEU-{n}": 100 * value for n, value in enumerate(bleu, start=1)}
    scores |= {"ROUGE-L": 100 * float(rouge), "CIDEr": 100 * float(cider)}
    return scores, {key: 100 * float(value) for key, value in zip(keys, each, strict=True)}


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
