"""How alike captions are: CIDEr, by an index of the n-grams that several pictures' captions have.

CIDEr (Vedantam et al. 2015, equations 1 to 3, without CIDEr-D's clipping and length penalty) is the
mean over n = 1..4 of the cosine of two captions' tf-idf vectors of n-grams, in 0..1.

An n-gram is one number, its key, so that numpy can sort, count and join thousands at a time:

     53  52   51 … 39    38 … 26    25 … 13    12 … 0     bits
    ┌───────┬──────────┬──────────┬──────────┬──────────┐
    │ n - 1 │ 1st word │ 2nd word │ 3rd word │ 4th word │
    └───────┴──────────┴──────────┴──────────┴──────────┘
    a word is its id, of 13 bits; behind the last word there are zeros
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.captioning.vocabulary import END, PAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_MAX_N = 4  # words in an n-gram
_BITS = 13  # for an id: four of them and the length fit in 54 bits
MAX_VOCAB_SIZE = 1 << _BITS


@dataclass(frozen=True, slots=True)
class NGramVectors:
    """tf-idf of the n-grams of M captions, sparse: as many rows as captions have distinct n-grams.

    `captions` (R,) says whose each n-gram is, `keys` (R,) which it is, `weights` (R,) its tf-idf;
    sorted by caption, then key. `norms` (M, 4) are the vectors' lengths for each n.
    """

    captions: NDArray[np.int64]
    keys: NDArray[np.uint64]
    weights: NDArray[np.float64]
    norms: NDArray[np.float64]

    def first(self, captions: int) -> NGramVectors:
        """Those of the first captions."""
        end = int(np.searchsorted(self.captions, captions))
        return NGramVectors(
            self.captions[:end], self.keys[:end], self.weights[:end], self.norms[:captions]
        )

    def lengths(self) -> NDArray[np.float64]:
        """(R,): for each n-gram, the length of its caption's vector of n-grams as long."""
        lengths: NDArray[np.float64] = self.norms[self.captions, _length(self.keys)]
        return lengths


class CiderIndex:
    """On how many pictures each n-gram occurs, and what follows from it for captions."""

    def __init__(
        self, keys: NDArray[np.uint64], frequencies: NDArray[np.integer], pictures: int
    ) -> None:
        """Sorted `keys` (G,) and `frequencies` (G,) of the n-grams that occur on several of the
        `pictures`; all others occur on one."""
        self._keys, self._frequencies, self._pictures = keys, frequencies, pictures

    def idf(self, keys: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Logarithm of the number of pictures over that of those with the n-gram."""
        frequency = np.ones(len(keys))
        if len(self._keys):
            at = np.searchsorted(self._keys, keys).clip(max=len(self._keys) - 1)
            frequency = np.where(self._keys[at] == keys, self._frequencies[at], 1.0)
        idf: NDArray[np.float64] = np.log(max(2, self._pictures)) - np.log(frequency)
        return idf

    def word_idf(self, caption: Sequence[int]) -> NDArray[np.float64]:
        """`idf` of each word of a caption (ids without END)."""
        return self.idf(np.asarray(caption, np.uint64) << np.uint64(_BITS * (_MAX_N - 1)))

    def vectors(self, captions: NDArray[np.int64]) -> NGramVectors:
        """(M, T) ids that end with END and are filled up with PAD → their tf-idf."""
        rows, keys = ngrams(captions)
        # caption and n-gram in one number, so that one sort counts them
        known, places = np.unique(keys, return_inverse=True)
        both, counts = np.unique(rows * len(known) + places, return_counts=True)
        rows, keys = both // len(known), known[both % len(known)]
        weights = counts * self.idf(keys)
        norms = np.bincount(
            rows * _MAX_N + _length(keys), weights**2, len(captions) * _MAX_N
        ).reshape(-1, _MAX_N)
        return NGramVectors(rows, keys, weights, np.sqrt(np.maximum(norms, 1e-12)))

    def cider(self, caption: Sequence[int], others: NGramVectors) -> NDArray[np.float64]:
        """CIDEr of a caption (ids without END) with each of the others."""
        mine = self.vectors(padded([caption]))
        at = np.searchsorted(mine.keys, others.keys).clip(max=len(mine.keys) - 1)
        scaled = mine.weights / mine.lengths()
        shared = np.where(mine.keys[at] == others.keys, scaled[at], 0.0)
        parts = others.weights * shared / others.lengths()
        return np.bincount(others.captions, parts, len(others.norms)) / _MAX_N

    def mean_cider(
        self,
        captions: Sequence[Sequence[int]],
        others: NGramVectors,
        shares: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Mean CIDEr of each caption (ids without END) with the others.

        `shares` of the others in the mean sum to 1; all the same by default. The mean of cosines
        with many is one product with the sum of their scaled vectors.
        """
        count = len(others.norms)
        shares = np.full(count, 1 / count) if shares is None else shares
        scaled = others.weights * shares[others.captions] / others.lengths()
        keys, places = np.unique(others.keys, return_inverse=True)
        total = np.bincount(places, scaled, len(keys))
        mine = self.vectors(padded(captions))
        at = np.searchsorted(keys, mine.keys).clip(max=len(keys) - 1)
        shared = np.where(keys[at] == mine.keys, total[at], 0.0)
        parts = mine.weights * shared / mine.lengths()
        return np.bincount(mine.captions, parts, len(captions)) / _MAX_N


def ngrams(captions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """All n-grams of (M, T) ids: the caption of each, and its key; PAD is in none of them."""
    rows, keys = [], []
    for n in range(1, _MAX_N + 1):
        if captions.shape[1] < n:
            break
        key = np.full((len(captions), captions.shape[1] - n + 1), n - 1, np.uint64)
        for place in range(n):
            word = captions[:, place : captions.shape[1] - n + 1 + place].astype(np.uint64)
            key = (key << np.uint64(_BITS)) | word
        key = key << np.uint64(_BITS * (_MAX_N - n))
        real = captions[:, n - 1 :] != PAD
        rows.append(np.nonzero(real)[0])
        keys.append(key[real])
    return np.concatenate(rows), np.concatenate(keys)


def _length(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """n - 1 for each n-gram's key."""
    return (keys >> np.uint64(_BITS * _MAX_N)).astype(np.int64)


def padded(captions: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Ids without END → (M, T) ids that end with END and are filled up with PAD."""
    longest = max(len(caption) for caption in captions) + 1
    return np.asarray(
        [[*caption, END, *[PAD] * (longest - 1 - len(caption))] for caption in captions], np.int64
    )


def unpadded(captions: NDArray[np.int64]) -> list[list[int]]:
    """(M, T) ids → those of each caption without END and PAD."""
    return [[token for token in row if token not in (PAD, END)] for row in captions.tolist()]
