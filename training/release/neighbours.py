"""Build the memory of training pictures that `models.captioning.caption_store` asks for advice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tqdm import tqdm

from models.captioning.caption_store import CaptionStore
from models.captioning.cider import MAX_VOCAB_SIZE, ngrams
from models.captioning.vocabulary import END, PAD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray
    from torch import Tensor

    from models.captioning.decoding import Engine
    from models.networks.encoder_base import Encoder

DIMENSIONS = 256
_NOISE = 1e-4  # of the first component's variance: what varies less is left out
# exponents of the variances that the components are divided by: 0.5 is all
WHITENING = 0.25
_WHITENING_OF_CLASSES = 0.5


def mean_features(
    engine: Engine, pictures: Iterable[NDArray[np.float32]], count: int
) -> NDArray[np.float32]:
    """`count` pictures (1, 3, S, S) → (count, C) means of the encoder's grid, by the engine that
    will look for neighbours among them."""
    bar = tqdm(pictures, desc="memory", total=count, unit="picture")
    return np.stack([engine.encode(pixels).features for pixels in bar])


def classes_of(encoder: Encoder) -> NDArray[np.float32]:
    """(C, classes): what the encoder's classifier, which is linear, makes of its mean features.

    Raises ValueError when it has none.
    """
    channels = torch.eye(encoder.channels)[:, :, None, None]
    with torch.inference_mode():
        logits = encoder.classify(channels) - encoder.classify(torch.zeros_like(channels[:1]))
    return logits.numpy()


def build(
    features: NDArray[np.float32], tokens: Tensor, classes: NDArray[np.float32] | None = None
) -> dict[str, NDArray[Any]]:
    """(N, C) features and (N, K, T) captions that begin with START → arrays for `CaptionStore`.

    The features are projected to their first principal components, of which the less varied ones
    are strengthened; with `classes` (C, classes) to those of the logits that these make of them,
    without what all classes have in common. Raises ValueError for a vocabulary too large for the
    n-grams' keys.
    """
    captions = tokens[:, :, 1:].numpy()
    if captions.max() >= MAX_VOCAB_SIZE:
        raise ValueError(f"the vocabulary has more than {MAX_VOCAB_SIZE} words")
    mean = features.mean(0)
    centred = features - mean
    seen, whitening = np.eye(features.shape[1], dtype=np.float32), WHITENING
    if classes is not None:
        seen, whitening = classes - classes.mean(1, keepdims=True), _WHITENING_OF_CLASSES
    spread = centred @ seen
    variances, vectors = np.linalg.eigh(spread.T @ spread / len(spread))
    first = slice(None, -1 - DIMENSIONS, -1)  # eigh sorts upwards
    variances, vectors = variances[first], vectors[:, first]
    real = variances > _NOISE * variances[0]
    projection = seen @ (vectors[:, real] / variances[real] ** whitening)
    places = centred @ projection
    places /= np.maximum(np.linalg.norm(places, axis=1, keepdims=True), 1e-9)
    keys, frequencies = _document_frequencies(captions)
    arrays: dict[str, NDArray[Any]] = {
        "mean": mean.astype(np.float16),
        "projection": projection.astype(np.float16),
        "places": places.astype(np.float16),
        "captions": captions.astype(np.uint16),
        "grams": keys,
        "frequencies": frequencies.astype(np.uint16),
        "unity": np.zeros(len(captions), np.float16),
    }
    arrays["unity"] = _unity(captions, CaptionStore(arrays)).astype(np.float16)
    return arrays


def _document_frequencies(
    captions: NDArray[np.int64],
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """The n-grams that occur on more than one picture, and on how many each does."""
    rows, keys = ngrams(captions.reshape(-1, captions.shape[2]))
    order = np.lexsort((rows // captions.shape[1], keys))
    keys, pictures = keys[order], (rows // captions.shape[1])[order]
    fresh = np.ones(len(keys), bool)
    fresh[1:] = (keys[1:] != keys[:-1]) | (pictures[1:] != pictures[:-1])
    found, frequencies = np.unique(keys[fresh], return_counts=True)
    return found[frequencies > 1], frequencies[frequencies > 1]


def _unity(captions: NDArray[np.int64], store: CaptionStore) -> NDArray[np.float64]:
    """How far the captions of each picture agree: the mean CIDEr of each with the others."""
    means = []
    for picture in tqdm(captions.tolist(), desc="captions", unit="picture"):
        captions_of = [[token for token in row if token not in (PAD, END)] for row in picture]
        count = len(captions_of)
        # each agrees wholly with itself: take that out of the mean with all
        together = store.agreement_among(captions_of, np.full(count, 1 / count))
        means.append((together.mean() * count - 1) / max(1, count - 1))
    return np.asarray(means)
