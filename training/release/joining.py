"""Captioners that were trained apart, joined to one: one encoder, a committee of decoders."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from models.captioning.vocabulary import UNKNOWN, Vocabulary
from models.networks.captioners import CaptioningNetwork

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from models.networks.decoder_base import Decoder
    from training.trainer.recipe import Recipe

_WORDS, _LIKELIHOOD = "embedding.weight", "bias"  # of decoders that tie their layers of words


def join(
    recipe: Recipe, trained: Sequence[tuple[CaptioningNetwork, Vocabulary]]
) -> tuple[CaptioningNetwork, Vocabulary]:
    """Join the members of a recipe, in its order, with all their words.

    Their encoders began with the same weights, so they can be averaged, weight by weight, to one
    that is as good as each ("model soups", Wortsman et al. 2022, section 3), and that all their
    decoders understand. Raises ValueError for members of other recipes, or whose vocabularies
    cannot be joined.
    """
    if not recipe.members:
        raise ValueError("this recipe joins no captioners: it has no members")
    if len(trained) != len(recipe.members):
        raise ValueError(f"the recipe has {len(recipe.members)} members, not {len(trained)}")
    if any(vocabulary.join != "words" for _, vocabulary in trained):
        raise ValueError("only vocabularies of whole words can be joined")
    words = Vocabulary(
        list(dict.fromkeys(word for _, vocabulary in trained for word in vocabulary.words))
    )
    network = CaptioningNetwork(recipe.architecture, len(words))
    slots = iter(network.decoder.ensemble_members())
    encoders = []
    for number, (member, (source, vocabulary)) in enumerate(
        zip(recipe.members, trained, strict=True), 1
    ):
        decoders = source.decoder.ensemble_members()
        try:
            network.encoder.load_state_dict(source.encoder.state_dict())
            for decoder in decoders[: member.speakers or None]:
                next(slots).load_state_dict(_widened(decoder, vocabulary, words))
        except (RuntimeError, StopIteration) as error:
            raise ValueError(f"member {number} was not made by the recipe's: {error}") from error
        encoders.append(source.encoder.state_dict())
    if next(slots, None) is not None:
        raise ValueError("the members have fewer decoders than the recipe's")
    network.encoder.load_state_dict(_mean(encoders))
    return network.eval(), words


def _mean(states: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {
        name: torch.stack([state[name].float() for state in states]).mean(0).to(first.dtype)
        for name, first in states[0].items()
    }


def _widened(decoder: Decoder, vocabulary: Vocabulary, wider: Vocabulary) -> dict[str, Tensor]:
    """A decoder's weights for a vocabulary that has more words, in any order.

    It reads a word that it has not learnt as an unknown one; all of these together are as likely
    as that.
    """
    known = {word: index for index, word in enumerate(vocabulary.words)}
    rows = torch.tensor([known.get(word, UNKNOWN) for word in wider.words])
    new = torch.tensor([word not in known for word in wider.words])
    tensors = dict(decoder.state_dict())
    tensors[_WORDS] = tensors[_WORDS][rows]
    tensors[_LIKELIHOOD] = tensors[_LIKELIHOOD][rows] - new * math.log(max(1, int(new.sum())))
    return tensors
