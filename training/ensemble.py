"""Captioners that were trained apart, joined to one that speaks with the mean of their voices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from models.networks.captioners import CaptioningNetwork, Ensemble
from models.vocabulary import UNKNOWN, Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from training.recipe import Recipe

_NEVER = -1e4  # a logit that float16 can hold, and that no softmax sees
_LEFT = ("encoder.", "decoder.members.")  # a classifier, speakers: not all need come along
_WORDS, _LIKELIHOOD = "embedding.weight", "bias"  # of decoders that tie their layers of words


def join(
    recipe: Recipe, trained: Sequence[tuple[CaptioningNetwork | Ensemble, Vocabulary]]
) -> tuple[Ensemble, Vocabulary]:
    """Join the members of an ensemble's recipe, in its order, with all their words.

    Raises ValueError for members of other recipes, or whose vocabularies cannot be joined.
    """
    architectures = recipe.architecture.get("members", [])
    if not architectures:
        raise ValueError("this recipe is not of an ensemble: it has no members")
    if len(trained) != len(architectures):
        raise ValueError(f"the recipe has {len(architectures)} members, not {len(trained)}")
    vocabularies = [vocabulary for _, vocabulary in trained]
    if any(each.join != "words" for each in vocabularies):
        raise ValueError("only vocabularies of whole words can be joined")
    all_words = Vocabulary(list(dict.fromkeys(
        word for vocabulary in vocabularies for word in vocabulary.words)))
    members = []
    for number, ((network, vocabulary), architecture) in enumerate(
            zip(trained, architectures, strict=True), 1):
        member = CaptioningNetwork(architecture, len(all_words))
        if isinstance(network, Ensemble):
            raise ValueError(f"member {number} is an ensemble itself")
        try:
            tensors, kept = _widened(network, vocabulary, all_words), member.state_dict()
            member.load_state_dict({name: value for name, value in tensors.items()
                                    if name in kept or not name.startswith(_LEFT)})
        except RuntimeError as error:
            raise ValueError(f"member {number} was not made by the recipe's: {error}") from error
        members.append(member.eval())
    return Ensemble(members), all_words


def _widened(
    network: CaptioningNetwork, vocabulary: Vocabulary, wider: Vocabulary
) -> dict[str, Tensor]:
    """The network's weights for a vocabulary that has more words, in any order.

    It reads a word that it has not learnt as an unknown one, and never says it.
    """
    known = {word: index for index, word in enumerate(vocabulary.words)}
    rows = torch.tensor([known.get(word, UNKNOWN) for word in wider.words])
    new = torch.tensor([word not in known for word in wider.words])
    tensors = dict(network.state_dict())
    speakers = network.decoder.speakers()
    for place, module in network.named_modules():
        if module not in speakers:
            continue
        for name in (f"{place}.{_WORDS}", f"{place}.{_LIKELIHOOD}"):
            if name in tensors:
                tensors[name] = tensors[name][rows]
                if name.endswith(_LIKELIHOOD):
                    tensors[name] = tensors[name].masked_fill(new, _NEVER)
    return tensors
