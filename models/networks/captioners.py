"""An encoder and a decoder joined, and several such pairs, built from plain configuration."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from models.networks.decoder import Tensors, chosen
from models.networks.decoders import DECODERS, joined, mean_probability
from models.networks.encoders import make_encoder

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


class Encoded(NamedTuple):
    """All that depends on one picture alone, as tensors: see `models.decoding.Encoding`.

    `memory` and `state` (1, …), `features` (1, C), and `classes` (1, 1000), None where the
    encoder has no classifier.
    """

    memory: Tensors
    state: Tensors
    features: Tensor
    classes: Tensor | None


class Exportable(nn.Module, ABC):
    """What `models.export` and the torch engine ask of a network, whatever it is inside.

    `channels` is the number C of its features. `growing` has for each part of the state the
    axis that grows with every word, or None; it is empty where no part grows.
    """

    channels: int
    growing: tuple[int | None, ...] = ()

    def cells(self, size: int) -> tuple[int, int]:
        """(rows, columns) of the attention over a picture of `size` by `size` pixels.

        Raises ValueError where that is for others to know.
        """
        raise ValueError("this network does not know its grid")

    @abstractmethod
    def encode(self, pixels: Tensor) -> Encoded:
        """Make all that depends on one picture alone: (1, 3, S, S) pixels."""

    @abstractmethod
    def step(
        self, tokens: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        """One word on for K hypotheses of one picture, for `models.decoding.Engine`.

        (K,) last words, state (K, …) → (K, V) log-probabilities, (K, L) attention, next
        state (K, …).
        """


class CaptioningNetwork(Exportable):
    """(B, 3, S, S) pixels and (B, K, T) tokens → logits and attention (see the decoder)."""

    def __init__(self, architecture: Mapping[str, Any], words: int) -> None:
        """`architecture`: {"encoder": name, "decoder": name, "decoder_options": {...}}, and
        "encoder_options" where the encoder has any. With "mirror": True a picture that is to be
        captioned is looked at in a mirror, too, and both grids are averaged; with "mirror": "only"
        it is looked at in a mirror alone. With "classes": False it has no classifier.

        Raises ValueError for a name that is not registered.
        """
        super().__init__()
        make = chosen(DECODERS, architecture["decoder"], "decoder")
        self.encoder = make_encoder(architecture)
        if not architecture.get("classes", True):
            self.encoder.forget_classes()
        self.channels = self.encoder.channels
        self.mirror: bool | str = architecture.get("mirror", False)
        self.decoder = make(channels=self.channels, words=words,
                            **architecture["decoder_options"])

    def forward(self, pixels: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        logits, attention = self.decoder(self.encoder(pixels), tokens)
        return logits, attention

    def cells(self, size: int) -> tuple[int, int]:
        return self.encoder.grid(size)

    def encode(self, pixels: Tensor) -> Encoded:
        if self.mirror == "only":
            features = self.encoder(pixels.flip(3)).flip(3)
        elif self.mirror:
            straight, mirrored = self.encoder(torch.cat([pixels, pixels.flip(3)])).chunk(2)
            features = (straight + mirrored.flip(3)) / 2
        else:
            features = self.encoder(pixels)
        memory, state = self.decoder.begin(features)
        classes = self.encoder.classify(features).softmax(-1) if self.encoder.classes else None
        return Encoded(memory, tuple(part[0] for part in state), features.mean((2, 3)), classes)

    def step(
        self, tokens: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        scores, weights, after = self.decoder.step(
            tokens[None], memory, tuple(part[None] for part in state))
        return scores[0].log_softmax(-1), weights[0], tuple(part[0] for part in after)


class Ensemble(Exportable):
    """Captioning networks that were trained apart, with one vocabulary; they speak as one.

    The next word's probability is the mean of theirs (a deep ensemble, Lakshminarayanan et al.
    2017). Each has eyes of its own: the parts of their memories, states and features follow each
    other. ImageNet's classes are the mean of what the members with a classifier give.
    """

    def __init__(self, members: Sequence[CaptioningNetwork]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.channels = sum(member.channels for member in members)
        told = [_parts(member) for member in members]
        self._memories = _places(memory for memory, _ in told)
        self._states = _places(state for _, state in told)

    def captioners(self) -> list[CaptioningNetwork]:
        return [each for each in self.members if isinstance(each, CaptioningNetwork)]

    def cells(self, size: int) -> tuple[int, int]:
        grids = {member.cells(size) for member in self.captioners()}
        if len(grids) != 1:
            raise ValueError("the members of an ensemble must see grids of one size")
        return grids.pop()

    def encode(self, pixels: Tensor) -> Encoded:
        made = [member.encode(pixels) for member in self.captioners()]
        known = [each.classes for each in made if each.classes is not None]
        return Encoded(
            joined([each.memory for each in made]), joined([each.state for each in made]),
            torch.cat([each.features for each in made], 1),
            torch.stack(known).mean(0) if known else None)

    def step(
        self, tokens: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        scores, weights, after = zip(*(
            member.step(tokens, memory[seen], state[told])
            for member, seen, told in zip(self.captioners(), self._memories, self._states,
                                          strict=True)
        ), strict=True)
        return mean_probability(scores), torch.stack(weights).mean(0), joined(after)


def _parts(network: CaptioningNetwork) -> tuple[int, int]:
    """How many parts the memory and the state of a network's decoder have."""
    with torch.no_grad():
        memory, state = network.decoder.begin(torch.zeros(1, network.channels, 1, 1))
    return len(memory), len(state)


def _places(counts: Iterable[int]) -> list[slice]:
    """Where each one's parts are when they follow each other."""
    ends = list(itertools.accumulate(counts))
    return [slice(begin, end) for begin, end in zip([0, *ends], ends, strict=False)]


def make_network(architecture: Mapping[str, Any], words: int) -> CaptioningNetwork | Ensemble:
    """`architecture`: as for `CaptioningNetwork`, or {"members": [one of these for each]}.

    Raises ValueError for a name that is not registered.
    """
    if "members" not in architecture:
        return CaptioningNetwork(architecture, words)
    return Ensemble([CaptioningNetwork(each, words) for each in architecture["members"]])
