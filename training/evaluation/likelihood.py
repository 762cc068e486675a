"""How well a bundle foretells what people wrote: cross-entropy and perplexity."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.captioning.vocabulary import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.captioning.decoding import Encoding, Engine
    from models.captioning.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Of `words` words, each caption's end counted as one, -ln p summed to `nats`.

    `unknown` of them are not in the vocabulary: what was foretold there is "some such word",
    which is easier, so losses of vocabularies that differ much must not be compared.
    """

    nats: float = 0.0
    words: int = 0
    unknown: int = 0

    def __add__(self, other: Likelihood) -> Likelihood:
        return Likelihood(
            self.nats + other.nats, self.words + other.words, self.unknown + other.unknown
        )

    @property
    def loss(self) -> float:
        """Cross-entropy in nats a word; NaN of no words."""
        return self.nats / self.words if self.words else math.nan

    @property
    def perplexity(self) -> float:
        """e to the loss: among how many words, all as likely, the choice is as hard."""
        return math.exp(min(self.loss, 700.0))  # exp overflows beyond

    def scores(self) -> dict[str, float]:
        """Name them as in a table of scores; unknown words are a share in percent."""
        return {
            "loss": self.loss,
            "perplexity": self.perplexity,
            "unknown words": 100 * self.unknown / max(1, self.words),
        }


def of_captions(
    engine: Engine, encoding: Encoding, vocabulary: Vocabulary, captions: Sequence[Sequence[str]]
) -> Likelihood:
    """Measure one picture's captions by teacher forcing: each word given all the true ones before.

    Every caption counts whole, however long the captions were in training. Added up over
    pictures, `loss` is the mean over all words and ends of all captions of all pictures alike
    (longer captions weigh more), never over padding: as a training loss without label smoothing
    and dropout. Tokens may be parts of words: what is divided by are words all the same.
    """
    ids = sorted((vocabulary.encode(words) for words in captions), key=len, reverse=True)
    state = tuple(np.repeat(part, len(ids), axis=0) for part in encoding.state)
    nats = 0.0
    for place in range(1, len(ids[0]) if ids else 0):
        going = [each for each in ids if len(each) > place]  # the first ones: sorted by length
        state = tuple(part[: len(going)] for part in state)
        last = np.asarray([each[place - 1] for each in going], np.int64)
        scores, _, state = engine.step(last, encoding.memory, state)
        true = scores[np.arange(len(going)), [each[place] for each in going]]
        nats -= float(true.sum(dtype=np.float64))
    return Likelihood(
        nats, sum(len(words) + 1 for words in captions), sum(each.count(UNKNOWN) for each in ids)
    )
