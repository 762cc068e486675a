"""What was said of the training pictures that look alike: a second opinion on every caption.

Consensus re-ranking (Devlin et al. 2015, "Exploring nearest neighbor approaches for image
captioning"; Mao et al. 2015): of the captions that the search found, the one is chosen that the
captions of the nearest training pictures agree with, too.
"""

from __future__ import annotations

import tokenize
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from models.captioning.vocabulary import END, PAD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_MAX_N = 4  # words in an n-gram
_BITS = 13  # for an id: four of them and the length fit in 54 bits
MAX_VOCAB_SIZE = 1 << _BITS
_MAX_BYTES = 256 << 20  # unpacked; a store of 6,000 pictures has 4 MB
_STEPS = 127  # of an int8, each way
_AT_ONCE = 512  # rows
_KINDS = {"captions": "iu", "grams": "iu"}  # of the arrays' numbers; the others may have any


@dataclass(frozen=True, slots=True)
class NGramVectors:
    """tf-idf of the n-grams of several captions, sparse and sorted by caption and n-gram.

    `norms` (captions, 4) for each n.
    """

    captions: NDArray[np.int64]
    keys: NDArray[np.uint64]
    weights: NDArray[np.float64]
    norms: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ReferenceCaptions:
    """What was said of P pictures: the n-grams of their M captions, and whose each is (M,)."""

    grams: NGramVectors
    owners: NDArray[np.int64]
    pictures: int

    def first(self, pictures: int) -> ReferenceCaptions:
        """What was said of the first of them."""
        captions = int(np.searchsorted(self.owners, pictures))
        end = int(np.searchsorted(self.grams.captions, captions))
        part = NGramVectors(self.grams.captions[:end], self.grams.keys[:end],
                            self.grams.weights[:end], self.grams.norms[:captions])
        return ReferenceCaptions(part, self.owners[:captions], min(pictures, self.pictures))


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The training pictures nearest to one, nearest first: their cosines, and what was said."""

    pictures: NDArray[np.int64]
    cosines: NDArray[np.float32]
    references: ReferenceCaptions


class CaptionStore:
    """N training pictures: where they lie among each other, and what people said of them."""

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        """`arrays`: mean (C,), projection (C, D), places (N, D) of length 1, captions (N, K, T)
        that end with END, how far these agree among themselves (N,), the n-grams (G,) that occur
        on several pictures, sorted, and on how many each (G,). Raises ValueError when they do
        not fit each other.
        """
        for name, array in arrays.items():
            if array.dtype.kind not in _KINDS.get(name, "iuf") or not np.isfinite(array).all():
                raise ValueError("its parts do not fit each other")
        try:
            self._mean = arrays["mean"].astype(np.float32)
            self._projection = arrays["projection"].astype(np.float32)
            places = arrays["places"]
            self._captions = arrays["captions"]
            self._annotator_agreement = arrays["unity"].astype(np.float64)
            self._grams = arrays["grams"].astype(np.uint64)
            self._frequencies = arrays["frequencies"]
        except KeyError as error:
            raise ValueError(f"it lacks {error.args[0]}") from error
        pictures, dimensions = (*places.shape, 0, 0)[:2]
        if ((pictures and not self._captions.size) or self._captions.ndim != 3
                or (pictures and self._captions.min() < 0)
                or (self._captions[:, :1, :1] == PAD).any()  # of each picture something was said
                or (self._frequencies < 1).any()
                or self._mean.ndim != 1 or self._grams.ndim != 1
                or self._projection.shape != (len(self._mean), dimensions)
                or places.shape != (len(self._captions), dimensions)
                or self._annotator_agreement.shape != (pictures,)
                or self._grams.shape != self._frequencies.shape):
            raise ValueError("its parts do not fit each other")
        self._embeddings, self._scales = _fewer_bits(places)

    @classmethod
    def empty(cls, channels: int) -> dict[str, NDArray[Any]]:
        """The arrays of a store of no pictures, for captioners that bring none."""
        return {"mean": np.zeros(channels, np.float16),
                "projection": np.zeros((channels, 1), np.float16),
                "places": np.zeros((0, 1), np.float16), "captions": np.zeros((0, 1, 1), np.uint16),
                "unity": np.zeros(0, np.float16), "grams": np.zeros(0, np.uint64),
                "frequencies": np.zeros(0, np.uint16)}

    @classmethod
    def load(cls, path: Path) -> CaptionStore:
        """Raises ValueError or OSError when the file is none of ours."""
        try:
            # numpy leaves a file open that it opened itself and cannot read
            with path.open("rb") as file:
                with ZipFile(file) as packed:
                    if sum(each.file_size for each in packed.infolist()) > _MAX_BYTES:
                        raise ValueError("it is far too large")
                file.seek(0)
                with np.load(file, allow_pickle=False) as arrays:
                    return cls(dict(arrays))
        except MemoryError as error:
            raise ValueError("it is far too large") from error
        except (BadZipFile, EOFError, KeyError, OverflowError, RuntimeError,
                SyntaxError, TypeError, tokenize.TokenError, zlib.error) as error:
            raise ValueError("it is no file of arrays") from error

    def __len__(self) -> int:
        return len(self._embeddings)

    @property
    def channels(self) -> int:
        return len(self._mean)

    @property
    def vocab_size(self) -> int:
        """The least size of a vocabulary that has all its ids."""
        return int(self._captions.max()) + 1 if len(self) else 0

    def nearest(
        self, features: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The nearest training pictures to (C,) features and their cosines, nearest first."""
        place = (features - self._mean) @ self._projection
        place /= max(float(np.linalg.norm(place)), 1e-9)
        cosines = self._scales * np.concatenate(
            [np.zeros(0, np.float32), *(part.astype(np.float32) @ place
                                        for part in _parts(self._embeddings))])
        nearest = np.argsort(-cosines, kind="stable")[:count].astype(np.int64)
        return nearest, cosines[nearest].astype(np.float32)

    def neighbours(self, features: NDArray[np.float32], count: int) -> Neighbours:
        """The `count` nearest training pictures to (C,) features, or all, if there are fewer."""
        pictures, cosines = self.nearest(features, count)
        return Neighbours(pictures, cosines, self.references(pictures))

    def references(self, pictures: NDArray[np.int64]) -> ReferenceCaptions:
        """What was said of the pictures, in their order."""
        captions = self._captions[pictures].reshape(-1, self._captions.shape[2]).astype(np.int64)
        owners = np.repeat(np.arange(len(pictures)), self._captions.shape[1])
        real = (captions != PAD).any(1)
        return ReferenceCaptions(self._vectors(captions[real]), owners[real], len(pictures))

    def agreement(
        self, captions: Sequence[Sequence[int]], references: ReferenceCaptions,
        weights: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Mean CIDEr of each caption (ids without END) with what was said of pictures, 0..1.

        (Vedantam et al. 2015, equation 3: without CIDEr-D's clipping and length penalty.)
        `weights` (P,) of the P pictures in the mean; all the same by default.
        """
        shares = (np.ones(references.pictures) if weights is None else weights)[references.owners]
        return self._mean_cosine(captions, references.grams, shares / shares.sum())

    def agreements(
        self, caption: Sequence[int], references: ReferenceCaptions,
        weightings: Sequence[NDArray[np.float64]],
    ) -> list[float]:
        """`agreement` of one caption, with one weighting of the pictures after another."""
        others, mine = references.grams, self._vectors(_padded([caption]))
        at = np.searchsorted(mine.keys, others.keys).clip(max=len(mine.keys) - 1)
        scaled = mine.weights / mine.norms[0, _length(mine.keys)]
        shared = np.where(mine.keys[at] == others.keys, scaled[at], 0.0)
        parts = others.weights * shared / others.norms[others.captions, _length(others.keys)]
        cosines = np.bincount(others.captions, parts, len(others.norms)) / _MAX_N
        return [float(np.average(cosines, weights=each[references.owners])) for each in weightings]

    def agreement_among(
        self, captions: Sequence[Sequence[int]], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Mean CIDEr of each caption with all of them, itself included, weighted: 0..1."""
        return self._mean_cosine(captions, self._vectors(_padded(captions)), weights)

    def rarity(self, caption: Sequence[int]) -> NDArray[np.float64]:
        """Inverse document frequency of each word: a natural logarithm, 0 for the commonest."""
        keys = np.asarray(caption, np.uint64) << np.uint64(_BITS * (_MAX_N - 1))
        return self._idf(keys)

    def support(
        self, caption: Sequence[int], pictures: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Of each word: the share of the pictures whose captions have it."""
        there = self._captions[pictures].reshape(len(pictures), 1, -1)
        shares: NDArray[np.float64] = (there == np.asarray(caption)[:, None]).any(-1).mean(0)
        return shares

    def neighbour_agreement(self, pictures: NDArray[np.int64]) -> float:
        """Mean CIDEr among the first captions of the pictures."""
        said = self._captions[pictures, 0].astype(np.int64)
        return float(self._mean_cosine(_unpadded(said), self._vectors(said)).mean())

    def annotator_agreement(self, pictures: NDArray[np.int64]) -> float:
        """How far the writers of the pictures' captions agreed, on average."""
        return float(self._annotator_agreement[pictures].mean())

    def _mean_cosine(
        self, captions: Sequence[Sequence[int]], others: NGramVectors,
        shares: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """`shares` of the others in the mean; all the same by default."""
        count = len(others.norms)
        shares = np.full(count, 1 / count) if shares is None else shares
        scaled = (others.weights * shares[others.captions]
                  / others.norms[others.captions, _length(others.keys)])
        keys, places = np.unique(others.keys, return_inverse=True)
        total = np.bincount(places, scaled, len(keys))
        mine = self._vectors(_padded(captions))
        at = np.searchsorted(keys, mine.keys).clip(max=len(keys) - 1)
        shared = np.where(keys[at] == mine.keys, total[at], 0.0)
        parts = mine.weights * shared / mine.norms[mine.captions, _length(mine.keys)]
        return np.bincount(mine.captions, parts, len(captions)) / _MAX_N

    def _vectors(self, captions: NDArray[np.int64]) -> NGramVectors:
        """(M, T) ids that end with END and are filled up with PAD → their tf-idf."""
        rows, keys = ngrams(captions)
        # caption and n-gram in one number, so that one sort counts them
        known, places = np.unique(keys, return_inverse=True)
        both, counts = np.unique(rows * len(known) + places, return_counts=True)
        rows, keys = both // len(known), known[both % len(known)]
        weights = counts * self._idf(keys)
        norms = np.bincount(rows * _MAX_N + _length(keys), weights**2,
                            len(captions) * _MAX_N).reshape(-1, _MAX_N)
        return NGramVectors(rows, keys, weights, np.sqrt(np.maximum(norms, 1e-12)))

    def _idf(self, keys: NDArray[np.uint64]) -> NDArray[np.float64]:
        """Logarithm of the number of pictures over that of those with the n-gram."""
        frequency = np.ones(len(keys))
        if len(self._grams):
            at = np.searchsorted(self._grams, keys).clip(max=len(self._grams) - 1)
            frequency = np.where(self._grams[at] == keys, self._frequencies[at], 1.0)
        idf: NDArray[np.float64] = np.log(max(2, len(self._embeddings))) - np.log(frequency)
        return idf


def _fewer_bits(places: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """(N, D) → the same in 255 steps a row, and the size of a row's steps (N,).

    The cosine of two places is off by a thousandth then; they take a quarter of the memory.
    """
    scales = np.abs(places).max(-1, initial=0.0).astype(np.float32) / _STEPS
    scales = np.maximum(scales, np.finfo(np.float32).tiny)
    steps = np.empty(places.shape, np.int8)
    for part, into, scale in zip(_parts(places), _parts(steps), _parts(scales), strict=True):
        into[:] = np.rint(part / scale[:, None])
    return steps, scales


def _parts(rows: NDArray[Any]) -> list[NDArray[Any]]:
    """Few rows at a time: no wider copy of all of them is ever made."""
    return [rows[first : first + _AT_ONCE] for first in range(0, len(rows), _AT_ONCE)]


def neighbour_weights(cosines: NDArray[np.float32], bandwidth: float) -> NDArray[np.float64]:
    """Weights of neighbours by their cosines: an e-th for each `bandwidth` that one is farther.

    (A kernel smoother: Nadaraya 1964, Watson 1964.) With a bandwidth of 0 all are the same.
    """
    if not bandwidth:
        return np.ones(len(cosines))
    weights: NDArray[np.float64] = np.exp((cosines.astype(np.float64) - cosines[0]) / bandwidth)
    return weights


def ngrams(captions: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """All n-grams of (M, T) ids: the caption of each, and its key (the ids and n in one number)."""
    rows, keys = [], []
    for n in range(1, _MAX_N + 1):
        if captions.shape[1] < n:
            break
        key = np.full((len(captions), captions.shape[1] - n + 1), n - 1, np.uint64)
        for place in range(n):
            word = captions[:, place : captions.shape[1] - n + 1 + place].astype(np.uint64)
            key = (key << np.uint64(_BITS)) | word
        # every n-gram begins its key with n - 1, so move it above the ids of the longest
        shift = np.uint64(_BITS * (_MAX_N - n))
        key = key << shift
        real = captions[:, n - 1 :] != PAD
        rows.append(np.nonzero(real)[0])
        keys.append(key[real])
    return np.concatenate(rows), np.concatenate(keys)


def _length(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """n - 1 for each n-gram's key."""
    return (keys >> np.uint64(_BITS * _MAX_N)).astype(np.int64)


def _unpadded(captions: NDArray[np.int64]) -> list[list[int]]:
    return [[token for token in row if token not in (PAD, END)] for row in captions.tolist()]


def _padded(captions: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    longest = max(len(caption) for caption in captions) + 1
    return np.asarray([[*caption, END, *[PAD] * (longest - 1 - len(caption))]
                       for caption in captions], np.int64)
