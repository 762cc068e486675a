"""What was said of the training pictures that look alike: a second opinion on every caption.

Consensus re-ranking (Devlin et al. 2015, "Exploring nearest neighbor approaches for image
captioning"; Mao et al. 2015): of the captions that the search found, the one is chosen that the
captions of the nearest training pictures agree with, too.
"""

from __future__ import annotations

import tokenize
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from models.captioning.cider import CiderIndex, NGramVectors, padded, unpadded
from models.captioning.vocabulary import PAD

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_Arrays = Mapping[str, "NDArray[Any]"]
_MAX_BYTES = 256 << 20  # unpacked; a store of 6,000 pictures has 4 MB
_INT8_MAX = 127
_ROWS_AT_ONCE = 512
_KINDS = {"captions": "iu", "grams": "iu"}  # of the arrays' numbers; the others may have any


@dataclass(frozen=True, slots=True)
class ReferenceCaptions:
    """What people said of P pictures: the n-grams of their M captions, and whose each is (M,)."""

    ngrams: NGramVectors
    owners: NDArray[np.int64]
    pictures: int

    def first(self, pictures: int) -> ReferenceCaptions:
        """Those of the first pictures."""
        captions = int(np.searchsorted(self.owners, pictures))
        return ReferenceCaptions(
            self.ngrams.first(captions), self.owners[:captions], min(pictures, self.pictures)
        )


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The training pictures nearest to one, nearest first: their cosines and captions."""

    pictures: NDArray[np.int64]
    cosines: NDArray[np.float32]
    references: ReferenceCaptions


class CaptionStore:
    """N training pictures: where they lie among each other, and what people said of them.

    The arrays of consensus.npz, by their keys there:

    * mean (C,) and projection (C, D): from an encoder's features to embeddings;
    * places (N, D): the pictures' embeddings, of length 1;
    * captions (N, K, T): ids, each caption ends with END and is filled up with PAD;
    * unity (N,): annotator agreement, the mean CIDEr of a picture's captions with each other;
    * grams (G,) and frequencies (G,): sorted keys of the n-grams that occur on several pictures,
      and on how many (see `models.captioning.cider`).
    """

    def __init__(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Raises ValueError when the arrays do not fit each other; a note says which."""
        for name, array in arrays.items():
            if array.dtype.kind not in _KINDS.get(name, "iuf") or not np.isfinite(array).all():
                raise _misfit(f"{name}: finite numbers of the right kind")
        try:
            self._mean = arrays["mean"].astype(np.float32)
            self._projection = arrays["projection"].astype(np.float32)
            embeddings = arrays["places"]
            self._captions = arrays["captions"]
            self._annotator_agreement = arrays["unity"].astype(np.float64)
            keys, frequencies = arrays["grams"].astype(np.uint64), arrays["frequencies"]
        except KeyError as error:
            raise ValueError(f"it lacks {error.args[0]}") from error
        for fits, message in _CHECKS:
            if not fits(arrays):
                raise _misfit(message)
        self._embeddings, self._scales = _quantised(embeddings)
        self._index = CiderIndex(keys, frequencies, len(embeddings))

    @classmethod
    def empty(cls, channels: int) -> dict[str, NDArray[Any]]:
        """The arrays of a store of no pictures, for captioners that bring none."""
        return {
            "mean": np.zeros(channels, np.float16),
            "projection": np.zeros((channels, 1), np.float16),
            "places": np.zeros((0, 1), np.float16),
            "captions": np.zeros((0, 1, 1), np.uint16),
            "unity": np.zeros(0, np.float16),
            "grams": np.zeros(0, np.uint64),
            "frequencies": np.zeros(0, np.uint16),
        }

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
        except (
            BadZipFile,
            EOFError,
            KeyError,
            OverflowError,
            RuntimeError,
            SyntaxError,
            TypeError,
            tokenize.TokenError,
            zlib.error,
        ) as error:
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
        embedding = (features - self._mean) @ self._projection
        embedding /= max(float(np.linalg.norm(embedding)), 1e-9)
        cosines = self._scales * np.concatenate(
            [
                np.zeros(0, np.float32),
                *(part.astype(np.float32) @ embedding for part in _chunks(self._embeddings)),
            ]
        )
        nearest = np.argsort(-cosines, kind="stable")[:count].astype(np.int64)
        return nearest, cosines[nearest].astype(np.float32)

    def neighbours(self, features: NDArray[np.float32], count: int) -> Neighbours:
        """The `count` nearest training pictures to (C,) features, or all, if there are fewer."""
        pictures, cosines = self.nearest(features, count)
        return Neighbours(pictures, cosines, self.references(pictures))

    def references(self, pictures: NDArray[np.int64]) -> ReferenceCaptions:
        """What people said of the pictures, in their order."""
        captions = self._captions[pictures].reshape(-1, self._captions.shape[2]).astype(np.int64)
        owners = np.repeat(np.arange(len(pictures)), self._captions.shape[1])
        real = (captions != PAD).any(1)
        return ReferenceCaptions(self._index.vectors(captions[real]), owners[real], len(pictures))

    def agreement(
        self,
        captions: Sequence[Sequence[int]],
        references: ReferenceCaptions,
        weights: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Mean CIDEr of each caption (ids without END) with the references, 0..1.

        `weights` (P,) of the P pictures in the mean; all the same by default.
        """
        shares = (np.ones(references.pictures) if weights is None else weights)[references.owners]
        return self._index.mean_cider(captions, references.ngrams, shares / shares.sum())

    def agreements(
        self,
        caption: Sequence[int],
        references: ReferenceCaptions,
        weightings: Sequence[NDArray[np.float64]],
    ) -> list[float]:
        """`agreement` of one caption, with one weighting of the pictures after another."""
        cider = self._index.cider(caption, references.ngrams)
        return [float(np.average(cider, weights=each[references.owners])) for each in weightings]

    def agreement_among(
        self, captions: Sequence[Sequence[int]], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Mean CIDEr of each caption with all of them, itself included, weighted: 0..1."""
        return self._index.mean_cider(captions, self._index.vectors(padded(captions)), weights)

    def rarity(self, caption: Sequence[int]) -> NDArray[np.float64]:
        """Inverse document frequency of each word: a natural logarithm, 0 for the commonest."""
        return self._index.word_idf(caption)

    def support(self, caption: Sequence[int], pictures: NDArray[np.int64]) -> NDArray[np.float64]:
        """Of each word: the share of the pictures whose captions have it."""
        there = self._captions[pictures].reshape(len(pictures), 1, -1)
        shares: NDArray[np.float64] = (there == np.asarray(caption)[:, None]).any(-1).mean(0)
        return shares

    def neighbour_agreement(self, pictures: NDArray[np.int64]) -> float:
        """Mean CIDEr among the first captions of the pictures."""
        captions = self._captions[pictures, 0].astype(np.int64)
        return float(
            self._index.mean_cider(unpadded(captions), self._index.vectors(captions)).mean()
        )

    def annotator_agreement(self, pictures: NDArray[np.int64]) -> float:
        """How far the writers of a picture's captions agreed, on average over the pictures."""
        return float(self._annotator_agreement[pictures].mean())


def neighbour_weights(cosines: NDArray[np.float32], bandwidth: float) -> NDArray[np.float64]:
    """Weights of neighbours by their cosines: an e-th for each `bandwidth` that one is farther.

    (A kernel smoother: Nadaraya 1964, Watson 1964.) With a bandwidth of 0 all are the same.
    """
    if not bandwidth:
        return np.ones(len(cosines))
    weights: NDArray[np.float64] = np.exp((cosines.astype(np.float64) - cosines[0]) / bandwidth)
    return weights


def _shape(arrays: _Arrays) -> tuple[int, int]:
    """(N, D) of the embeddings, whatever shape they have."""
    pictures, dimensions = (*arrays["places"].shape, 0, 0)[:2]
    return pictures, dimensions


# in this order: a later check may rely on the earlier ones
_CHECKS: tuple[tuple[Callable[[_Arrays], Any], str], ...] = (
    (lambda a: a["captions"].size or not _shape(a)[0], "captions: some of each picture"),
    (lambda a: a["captions"].ndim == 3, "captions: (N, K, T)"),
    (lambda a: not _shape(a)[0] or a["captions"].min() >= 0, "captions: no negative ids"),
    (lambda a: (a["captions"][:, :1, :1] != PAD).all(), "captions: a first word of each picture"),
    (lambda a: (a["frequencies"] >= 1).all(), "frequencies: at least 1"),
    (lambda a: a["mean"].ndim == 1, "mean: (C,)"),
    (lambda a: a["grams"].ndim == 1, "grams: (G,)"),
    (lambda a: a["projection"].shape == (len(a["mean"]), _shape(a)[1]), "projection: (C, D)"),
    (lambda a: a["places"].shape == (len(a["captions"]), _shape(a)[1]), "places: (N, D)"),
    (lambda a: a["unity"].shape == _shape(a)[:1], "unity: (N,)"),
    (lambda a: a["grams"].shape == a["frequencies"].shape, "frequencies: (G,)"),
)


def _misfit(expected: str) -> ValueError:
    error = ValueError("its parts do not fit each other")
    error.add_note(f"expected {expected}")
    return error


def _quantised(embeddings: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """(N, D) → the same as int8 (N, D) and a scale for each row (N,).

    The cosine of two is off by a thousandth then; they take a quarter of the memory.
    """
    scales = np.abs(embeddings).max(-1, initial=0.0).astype(np.float32) / _INT8_MAX
    scales = np.maximum(scales, np.finfo(np.float32).tiny)
    stored = np.empty(embeddings.shape, np.int8)
    for part, into, scale in zip(
        _chunks(embeddings), _chunks(stored), _chunks(scales), strict=True
    ):
        into[:] = np.rint(part / scale[:, None])
    return stored, scales


def _chunks(rows: NDArray[Any]) -> list[NDArray[Any]]:
    """Few rows at a time: no wider copy of all of them is ever made."""
    return [rows[first : first + _ROWS_AT_ONCE] for first in range(0, len(rows), _ROWS_AT_ONCE)]
