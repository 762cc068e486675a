"""Captions for pictures that have none, made by the captioner that is being trained, put in its
training data (pseudo-labelling; how they are found, tells `training.trainer.self_training`)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from tqdm import tqdm

from models.captioning.vocabulary import PAD
from training import identity
from training.data import prepare
from training.data.datasets import Example, count_words
from training.identity import OtherIdentityError
from training.trainer import self_training
from training.trainer.training_data import tokenise

if TYPE_CHECKING:
    from pathlib import Path

    from models.networks.captioners import CaptioningNetwork
    from training.trainer.recipe import Recipe
    from training.trainer.training_data import TrainingData

_FAMILIAR = 20  # how often the data set says a word that the captioner can be trusted with


def make(network: CaptioningNetwork, recipe: Recipe, data: TrainingData) -> list[list[str]]:
    """A caption for each picture without, in words; empty where none is good enough."""
    network = network.to(memory_format=torch.channels_last)
    first = len(data.train)
    familiar = {word for word, number in count_words(data.train).items() if number >= _FAMILIAR}

    def features(number: int) -> Tensor:
        image = data.images[first + number : first + number + 1]
        pixels = prepare.normalised(image, recipe.preprocessing)
        with torch.inference_mode():
            grid: Tensor = network.encoder(pixels.to(memory_format=torch.channels_last))
            return network.observed(grid)

    config = recipe.self_training
    return self_training.captions(
        network.decoder,
        features,
        self_training.things(data.classes[first:], config.sure),
        data.vocabulary,
        familiar.__contains__,
        config,
        recipe.search.max_words,
    )


def read(path: Path, digest: str | None) -> list[list[str]]:
    """The captions that were made when a stage began, with the digest that its checkpoint has.

    Raises OtherIdentityError for others.
    """
    if not path.is_file():
        raise OtherIdentityError(
            f"{path} is missing, from which the checkpoint has learnt. "
            "Bring it back, or give another work folder."
        )
    captions: list[list[str]] = json.loads(path.read_text(encoding="utf-8"))
    if digest is None:
        identity.trust(path)
    elif identity.of_values(captions) != digest:
        raise OtherIdentityError(
            f"{path} is not the one from which the checkpoint has learnt. "
            "Bring that back, or give another work folder."
        )
    return captions


def put(captions: list[list[str]], recipe: Recipe, data: TrainingData, *, tell: bool) -> None:
    """Have the pictures without captions be learnt from with these; `tell` says how many are."""
    first, count = len(data.train), len(data.unlabelled)
    # as often as a picture of the data set, which has several: the new words are rare
    times = data.tokens.shape[2]
    examples = [
        Example(example.path, (tuple(words),) * times if words else ())
        for example, words in zip(data.unlabelled, captions, strict=True)
    ]
    tokens = tokenise(examples, data.vocabulary, recipe.search.max_words)
    if tell:
        tqdm.write(f"{sum(map(bool, captions))} of {count} pictures have captions of their own now")
    data.tokens[:, first:] = PAD
    data.tokens[:, first:, : tokens.shape[2]] = tokens
