"""Scores while training: greedy captions of the development split, a batch at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from training import metrics, prepare, self_critical

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.networks.captioners import CaptioningNetwork
    from models.preprocess import Preprocessing
    from training.material import Material
    from training.recipe import Recipe


def reporter(
    material: Material, recipe: Recipe
) -> Callable[[CaptioningNetwork], dict[str, float]]:
    """Make the function that scores a network on the development split, greedily."""
    images = np.stack([prepare.picture(each, recipe.preprocessing)
                       for each in material.development])
    references = {each.path.name: [" ".join(words) for words in each.captions]
                  for each in material.development}

    def report(network: CaptioningNetwork) -> dict[str, float]:
        captions = greedy(network, images, recipe.preprocessing, recipe.search.max_words)
        texts = [" ".join(material.vocabulary.decode(each)) for each in captions]
        named = dict(zip(references, texts, strict=True))
        scores, _ = metrics.score(named, references)
        return scores | metrics.variety(named)

    return report


@torch.inference_mode()
def greedy(
    network: CaptioningNetwork, images: NDArray[np.uint8], preprocessing: Preprocessing,
    words: int, batch: int = 40,
) -> list[list[int]]:
    """Ids of the greedy captions of (N, S, S, 3) pictures, a batch at a time."""
    network = network.to(memory_format=torch.channels_last).eval()
    ids: list[list[int]] = []
    for start in range(0, len(images), batch):
        pixels = prepare.normalised(images[start : start + batch], preprocessing)
        with torch.autocast("cpu", torch.bfloat16):
            features = network.encoder(pixels.to(memory_format=torch.channels_last))
        tokens, _ = self_critical.sample(network.decoder, features.float(), 1, words, greedy=True)
        ids += tokens[:, 0].tolist()
    return ids
