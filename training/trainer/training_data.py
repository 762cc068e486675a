"""What a recipe is trained on, read and made ready once."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.captioning.vocabulary import PAD, SPECIALS, Vocabulary
from models.networks.encoder_base import IMAGENET, Encoder, starting_tensors
from models.networks.registry import make_encoder
from training.data import objects, prepare, shards, text
from training.data.datasets import (
    Example,
    build_vocabulary,
    count_words,
    load,
    load_unlabelled,
    mirrored,
    most_frequent,
)
from training.data.table import read_table
from training.trainer import self_training

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.captioning.preprocess import Preprocessing
    from training.data.objects import ObjectTargets
    from training.data.text import Text
    from training.trainer.distributed import Team
    from training.trainer.recipe import Recipe

_DEVELOPMENT = 1000  # pictures of shards on which a training is scored, without `limit`


@dataclass(frozen=True, slots=True)
class Everyday:
    """What everyday pictures give: `targets` of all N + U pictures, the `text`, the numbers of
    those that come once more in an epoch (`often`), and the `development` pictures with their
    own targets."""

    targets: ObjectTargets
    text: Text
    often: tuple[int, ...]
    development: list[Example]
    judged: ObjectTargets


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a recipe is trained on: N pictures with captions, then U without.

    `images` and `classes` (the starting encoder's logits; empty where the recipe needs none)
    have all N + U. Tokens: (2, N + U, K, T), plain and mirrored captions; PAD where none is.
    Of shards, which are read as a stream, there is only the development split: `shown` holds its
    pictures (D, S, S, 3), which have no files of their own.
    """

    train: list[Example]
    development: list[Example]
    unlabelled: list[Example]
    vocabulary: Vocabulary
    images: NDArray[np.uint8]
    classes: NDArray[np.float16]
    tokens: Tensor
    shown: NDArray[np.uint8] | None = None
    everyday: Everyday | None = None

    @property
    def rows(self) -> tuple[int, ...]:
        """The numbers of the captioned pictures in an epoch; some come several times."""
        more = self.everyday.often if self.everyday else ()
        return (*range(len(self.train)), *more)

    def development_images(self, preprocessing: Preprocessing) -> NDArray[np.uint8]:
        """The development split's pictures, decoded: (D, S, S, 3)."""
        if self.shown is not None:
            return self.shown
        return np.stack([prepare.picture(each, preprocessing) for each in self.development])


def prepare_data(
    recipe: Recipe,
    data: Path,
    work: Path,
    weights: Path | None = None,
    unlabelled: Path | None = None,
    limit: int | None = None,
    everyday: Path | None = None,
) -> TrainingData:
    """Read the data sets, decode and classify the pictures (once), build the vocabulary."""
    dataset = load(data, cleaning=recipe.cleaning)
    for problem in dataset.problems:
        tqdm.write(f"left out: {problem}")
    train, development = dataset.train[:limit], dataset.development[:limit]
    more: list[Example] = []
    pairs: list[Example] = []
    held_out: list[Example] = []
    if recipe.everyday:
        if everyday is None:
            raise ValueError("this recipe learns which kinds of thing there are: give --everyday")
        pairs, more, held_out = (part[:limit] for part in everyday_pictures(everyday, recipe))
        train = [*train, *pairs]
    elif recipe.unlabelled:
        if unlabelled is None:
            raise ValueError("this recipe needs pictures without captions: give --unlabelled")
        more = load_unlabelled(unlabelled)[0][:limit]
    bad = prepare.faults([*train, *development, *more, *held_out], work / "checked.json")
    for path, why in bad.items():
        tqdm.write(f"left out: {path.name}: {why}")
    train, development, more, held_out = (
        [each for each in part if each.path not in bad]
        for part in (train, development, more, held_out)
    )
    images = prepare.pictures([*train, *more], recipe.preprocessing, work / "pictures.npy")
    classes = np.zeros((0, 0), np.float16)
    words: list[str] = []
    if any(stage.distil or stage.self_train for stage in recipe.stages):
        encoder = starting_encoder(recipe, weights)
        classes = prepare.classes(
            encoder,
            images,
            recipe.preprocessing,
            work / "classes.npy",
            prepare.origin_of(encoder, [*train, *more], recipe.preprocessing),
        )
        seen = self_training.things(classes[len(train) :], recipe.self_training.sure)
        words = self_training.new_words(seen, count_words(train), recipe.self_training.pictures)
    captions: list[tuple[str, ...]] = []
    if everyday is not None and recipe.everyday:
        kept = text.read(everyday, _texts(everyday, held_out))
        captions = [recipe.cleaning(line) for line in kept[: limit and 100 * limit]]
        words += most_frequent(
            Counter(itertools.chain.from_iterable(captions)), recipe.minimum_text_count
        )
    vocabulary = _bounded(build_vocabulary(train, recipe.minimum_count, words), recipe)
    tokens = tokenise([*train, *more], vocabulary, recipe.search.max_words)
    scenes = None
    if everyday is not None and recipe.everyday:
        first = len(train) - sum(each.path not in bad for each in pairs)
        often = tuple(range(first, len(train))) * (recipe.everyday_times - 1)
        scenes = Everyday(
            objects.targets(everyday, [*train, *more]),
            text.tokenised(captions, vocabulary, recipe.search.max_words),
            often,
            held_out,
            objects.targets(everyday, held_out),
        )
    return TrainingData(
        train, development, more, vocabulary, images, classes, tokens, everyday=scenes
    )


def everyday_pictures(
    folder: Path, recipe: Recipe
) -> tuple[list[Example], list[Example], list[Example]]:
    """Pictures whose kinds of thing are known: with captions, without, and held out."""
    everyone = objects.examples(folder, recipe.cleaning)
    kept = [each for each in everyone if not objects.is_held_out(each.path.name)]
    return (
        [each for each in kept if each.captions],
        [each for each in kept if not each.captions],
        [each for each in everyone if objects.is_held_out(each.path.name)],
    )


def _texts(folder: Path, examples: Sequence[Example]) -> frozenset[str]:
    """The captions of these pictures as they stand in the table."""
    names = {each.path.name for each in examples}
    return frozenset(
        caption.strip()
        for name, captions in read_table(folder).captions.items()
        if name in names
        for caption in captions
    )


def prepare_captioned_data(
    recipe: Recipe, data: Path, work: Path, vocabulary: Vocabulary, limit: int | None = None
) -> TrainingData:
    """What a network with a vocabulary learns from, or is measured with: pictures with captions."""
    dataset = load(data, cleaning=recipe.cleaning)
    train, development = dataset.train[:limit], dataset.development[:limit]
    bad = prepare.faults([*train, *development], work / "checked.json")
    train, development = (
        [each for each in part if each.path not in bad] for part in (train, development)
    )
    images = prepare.pictures(train, recipe.preprocessing, work / "pictures.npy")
    tokens = tokenise(train, vocabulary, recipe.search.max_words)
    return TrainingData(
        train, development, [], vocabulary, images, np.zeros((0, 0), np.float16), tokens
    )


def prepare_shard_data(recipe: Recipe, folder: Path, limit: int | None, team: Team) -> TrainingData:
    """Read what a training on shards needs in memory: vocabulary and development split.

    Raises ValueError for a recipe that learns from more than pictures with captions.
    """
    for stage in recipe.stages:
        if (
            stage.unlabelled
            or stage.distil
            or stage.self_train
            or stage.objective == "self-critical"
        ):
            raise ValueError(
                f"stage {stage.name} learns from more than captions: train it on "
                "the data set itself, not on shards"
            )
    vocabulary = team.broadcast_from_rank0(
        lambda: _bounded(
            shards.build_vocabulary(shards.open_shards(folder), recipe.minimum_count), recipe
        )
    )
    reader = shards.ShardReader(shards.open_shards(folder, shards.DEVELOPMENT))
    if reader.shards.size != recipe.preprocessing.size:
        raise ValueError(
            f"the shards' pictures have {reader.shards.size} pixels a side, the "
            f"recipe wants {recipe.preprocessing.size}: write them anew"
        )
    if reader.shards.cleaning != recipe.cleaning:
        raise ValueError(
            "the shards' captions were cleaned by other rules than the recipe's: "
            "write them anew with its rules, or take theirs into the recipe"
        )
    seen = list(itertools.islice(reader, limit or _DEVELOPMENT))
    return TrainingData(
        [],
        [Example(Path(each.name), each.captions) for each in seen],
        [],
        vocabulary,
        np.zeros((0, 0, 0, 3), np.uint8),
        np.zeros((0, 0), np.float16),
        torch.zeros(2, 0, 0, 0, dtype=torch.long),
        np.stack([each.image for each in seen]),
    )


def _bounded(vocabulary: Vocabulary, recipe: Recipe) -> Vocabulary:
    """The most frequent words, when the recipe bounds their number."""
    if not recipe.vocabulary_size:
        return vocabulary
    return Vocabulary.from_words(vocabulary.words[len(SPECIALS) :][: recipe.vocabulary_size])


def starting_encoder(recipe: Recipe, weights: Path | None) -> Encoder:
    """The encoder as it comes. Raises ValueError when the weights are not given."""
    encoder = make_encoder(recipe.architecture)
    if not load_pretrained(encoder, recipe, weights):
        raise ValueError("this recipe learns from its starting weights' classes: give --weights")
    return encoder.to(memory_format=torch.channels_last).eval()


def load_pretrained(encoder: Encoder, recipe: Recipe, weights: Path | None) -> bool:
    """Give the encoder the recipe's starting weights. False when there are none to be had.

    Raises ValueError when they cannot be read, or not be downloaded.
    """
    name = recipe.starting_weights
    if not name or (weights is None and name != IMAGENET):
        return False
    encoder.load_imagenet(starting_tensors(encoder, name, weights))
    return True


def tokenise(examples: Sequence[Example], vocabulary: Vocabulary, max_words: int) -> Tensor:
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
    return torch.tensor(
        [
            vocabulary.encode(mirrored([word]))[1] if index >= len(SPECIALS) else index
            for index, word in enumerate(vocabulary.words)
        ]
    )
