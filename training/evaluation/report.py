"""Scores while training: greedy captions of the development split, a batch at a time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from models.captioning.vocabulary import PAD
from models.networks.objects import read_maps
from training.data import prepare
from training.data.objects import mean_average_precision
from training.evaluation import metrics
from training.identity import Identity
from training.precision import autocast
from training.trainer import self_critical
from training.trainer.distributed import SINGLE_PROCESS
from training.trainer.training_data import tokenise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from models.captioning.preprocess import Preprocessing
    from models.captioning.vocabulary import Vocabulary
    from models.networks.captioners import CaptioningNetwork
    from training.data.datasets import Example
    from training.trainer.recipe import Recipe
    from training.trainer.training_data import TrainingData

_BATCH = 40


def reporter(
    data: TrainingData, recipe: Recipe, cache: Path | None = None
) -> Callable[[CaptioningNetwork], dict[str, float]]:
    """Make the function that scores a network on the development split, greedily.

    Besides the scores it tells "loss", the cross-entropy of the split's captions in nats a word
    (each caption's end counted as one), and its perplexity. `cache` is the file in which the
    features are kept for other trainings whose encoder is frozen, too. Of everyday pictures that
    are held out it tells the same scores, and how well their kinds of thing are known.
    """
    own = _captioning(
        data.development,
        lambda: data.development_images(recipe.preprocessing),
        data.vocabulary,
        recipe,
        cache,
    )
    if data.everyday is None:
        return torch.inference_mode()(own)
    everyday, judged = data.everyday.development, data.everyday.judged
    captioned = [each for each in everyday if each.captions]
    theirs = _captioning(
        captioned,
        lambda: _decoded(captioned, recipe.preprocessing),
        data.vocabulary,
        recipe,
        None,
    )
    pictures = _decoded(everyday, recipe.preprocessing)

    def report(network: CaptioningNetwork) -> dict[str, float]:
        scores = own(network)
        scores |= {
            f"everyday {name}": score
            for name, score in theirs(network).items()
            if name in ("BLEU-4", "CIDEr", "loss")
        }
        if network.objects is not None:
            known = torch.cat(
                [
                    read_maps(network.objects(features)).logits
                    for features in encoded(network, pictures, recipe.preprocessing)
                ]
            )
            scores["mAP"] = 100 * mean_average_precision(known.cpu().numpy(), judged.presence)
        return scores

    return torch.inference_mode()(report)


def _decoded(examples: Sequence[Example], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    return np.stack([prepare.picture(each, preprocessing) for each in examples])


def _captioning(
    examples: Sequence[Example],
    images: Callable[[], NDArray[np.uint8]],
    vocabulary: Vocabulary,
    recipe: Recipe,
    cache: Path | None,
) -> Callable[[CaptioningNetwork], dict[str, float]]:
    if not examples:
        raise ValueError(
            "there is no held-out picture with captions to score the training by: take more "
            "pictures, or a larger --limit"
        )
    references = {each.path.name: [" ".join(words) for words in each.captions] for each in examples}
    longest = max(len(words) for each in examples for words in each.captions)
    tokens = tokenise(examples, vocabulary, longest)[0]
    kept = _Features(images(), examples, recipe, cache)

    def report(network: CaptioningNetwork) -> dict[str, float]:
        nats, words, ids = 0.0, 0, list[list[int]]()
        for start, features in kept.batches(network):
            ids += greedy(network, features, recipe.search.max_words)
            more, count = surprise(
                network, features, tokens[start : start + _BATCH].to(features.device)
            )
            nats, words = nats + more, words + count
        named = dict(
            zip(references, (" ".join(vocabulary.decode(each)) for each in ids), strict=True)
        )
        scores, _ = metrics.score(named, references)
        loss = nats / words
        # e to the loss, which overflows for a network that has gone astray
        scores |= {"loss": loss, "perplexity": math.exp(min(loss, 700.0))}
        return scores | metrics.variety(named)

    return report


class _Features:
    """The features of the development split, kept while the encoder stays the same."""

    def __init__(
        self,
        images: NDArray[np.uint8],
        examples: Sequence[Example],
        recipe: Recipe,
        path: Path | None,
    ) -> None:
        """`path` is the file where they are kept, too; None: in memory alone."""
        self.images, self.path, self.preprocessing = images, path, recipe.preprocessing
        self._examples = examples
        self._known = Identity()
        self._kept: list[Tensor] = []

    def batches(self, network: CaptioningNetwork) -> Iterator[tuple[int, Tensor]]:
        """Number of a batch's first picture and its features (B, C, h, w), observed."""
        origin = prepare.origin_of(network.encoder, self._examples, self.preprocessing)
        network.eval().to(SINGLE_PROCESS.device)
        if origin != self._known:
            self._known, self._kept = origin, []
            if self.path is not None:
                cached = prepare.features(
                    network.encoder, self.images, self.preprocessing, self.path, origin
                )[0]
                self._kept = list(torch.split(torch.from_numpy(np.array(cached)), _BATCH))
            else:
                self._kept = [
                    features.half().cpu()
                    for features in encoded(network, self.images, self.preprocessing)
                ]
        for number, half in enumerate(self._kept):
            yield number * _BATCH, network.observed(half.to(SINGLE_PROCESS.device).float())


def encoded(
    network: CaptioningNetwork,
    images: NDArray[np.uint8],
    preprocessing: Preprocessing,
    batch: int = _BATCH,
) -> Iterator[Tensor]:
    """Features (B, C, h, w) of (N, S, S, 3) pictures, a batch at a time."""
    network = network.to(memory_format=torch.channels_last).eval()
    device = next(network.parameters()).device
    for start in range(0, len(images), batch):
        pixels = prepare.normalised(images[start : start + batch], preprocessing).to(device)
        with torch.inference_mode(), autocast(device.type):
            features = network.encoder(pixels.to(memory_format=torch.channels_last))
        yield features.float()


@torch.inference_mode()
def surprise(network: CaptioningNetwork, features: Tensor, tokens: Tensor) -> tuple[float, int]:
    """Sum of -ln p of the captions' words (B, K, T) given (B, C, h, w), and how many there are.

    Of a committee p is the mean of its members', as when it speaks.
    """
    tokens = tokens[..., : int((tokens != PAD).sum(-1).max())]
    each = torch.stack(
        [
            member(features, tokens)[0].float().log_softmax(-1)
            for member in network.decoder.ensemble_members()
        ]
    )
    together = each.logsumexp(0) - math.log(len(each))
    following = tokens[..., 1:]
    real = following != PAD
    nats = functional.nll_loss(together[real], following[real], reduction="sum")
    return float(nats), int(real.sum())


@torch.inference_mode()
def greedy(network: CaptioningNetwork, features: Tensor, words: int) -> list[list[int]]:
    """Ids of the greedy captions of pictures, given their features (B, C, h, w)."""
    tokens, _ = self_critical.sample(network.decoder, features, 1, words, greedy=True)
    return [each[0] for each in tokens.tolist()]
