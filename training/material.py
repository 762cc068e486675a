"""What a recipe is trained on, read and made ready once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.networks.encoder import IMAGENET, Encoder, starting_tensors
from models.networks.encoders import make_encoder
from models.vocabulary import PAD, SPECIALS, Vocabulary
from training import prepare, self_training
from training.datasets import (
    Example,
    build_vocabulary,
    count_words,
    load_flickr8k,
    load_unlabelled,
    mirrored,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Material:
    """What a recipe is trained on: N pictures with captions, then U without.

    `images` and `classes` (the starting encoder's logits; empty where the recipe needs none)
    have all N + U. Tokens: (2, N + U, K, T), plain and mirrored captions; PAD where none is.
    """

    train: list[Example]
    development: list[Example]
    unlabelled: list[Example]
    vocabulary: Vocabulary
    images: NDArray[np.uint8]
    classes: NDArray[np.float16]
    tokens: Tensor


def gather(
    recipe: Recipe, data: Path, work: Path, weights: Path | None = None,
    unlabelled: Path | None = None, limit: int | None = None,
) -> Material:
    """Read the data sets, decode and classify the pictures (once), build the vocabulary."""
    dataset = load_flickr8k(data)
    for problem in dataset.problems:
        tqdm.write(f"left out: {problem}")
    train, development = dataset.train[:limit], dataset.development[:limit]
    more: list[Example] = []
    if recipe.unlabelled:
        if unlabelled is None:
            raise ValueError("this recipe needs pictures without captions: give --unlabelled")
        more = load_unlabelled(unlabelled)[0][:limit]
    images = prepare.pictures([*train, *more], recipe.preprocessing, work / "pictures.npy")
    classes = np.zeros((0, 0), np.float16)
    words: list[str] = []
    if any(stage.distil or stage.self_train for stage in recipe.stages):
        encoder = starting_encoder(recipe, weights)
        classes = prepare.classes(
            encoder, images, recipe.preprocessing, work / "classes.npy",
            prepare.fingerprint_of(encoder, [*train, *more], recipe.preprocessing))
        seen = self_training.things(classes[len(train):], recipe.self_training.sure)
        words = self_training.new_words(seen, count_words(train), recipe.self_training.pictures)
    vocabulary = build_vocabulary(train, recipe.minimum_count, words)
    tokens = tokenise([*train, *more], vocabulary, recipe.search.max_words)
    return Material(train, development, more, vocabulary, images, classes, tokens)


def starting_encoder(recipe: Recipe, weights: Path | None) -> Encoder:
    """The encoder as it comes. Raises ValueError when the weights are not given."""
    encoder = make_encoder(recipe.architecture)
    if not start(encoder, recipe, weights):
        raise ValueError("this recipe learns from its starting weights' classes: give --weights")
    return encoder.to(memory_format=torch.channels_last).eval()


def start(encoder: Encoder, recipe: Recipe, weights: Path | None) -> bool:
    """Give the encoder the recipe's starting weights. False when there are none to be had.

    Raises ValueError when they cannot be read, or not be downloaded.
    """
    name = recipe.starting_weights
    if not name or (weights is None and name != IMAGENET):
        return False
    encoder.load_imagenet(starting_tensors(encoder, name, weights))
    return True


def tokenise(examples: list[Example], vocabulary: Vocabulary, max_words: int) -> Tensor:
    """Captions and their mirrored forms as ids, padded: (2, N, K, max_words + 2).

    A picture with fewer captions than the others has its own repeated; one with none has PAD.
    """
    most = max(len(example.captions) for example in examples)
    tokens = torch.full((2, len(examples), most, max_words + 2), PAD)
    for row, example in enumerate(examples):
        for column in range(most if example.captions else 0):
            caption = example.captions[column % len(example.captions)][:max_words]
            for side, words in enumerate((caption, mirrored(caption))):
                ids = vocabulary.encode(words)
                tokens[side, row, column, : len(ids)] = torch.tensor(ids)
    return tokens


def mirrored_ids(vocabulary: Vocabulary) -> Tensor:
    """What each id becomes when its picture is mirrored: (V,)."""
    return torch.tensor([vocabulary.encode(mirrored([word]))[1] if index >= len(SPECIALS) else index
                         for index, word in enumerate(vocabulary.words)])
