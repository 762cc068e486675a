"""An encoder and a decoder joined, built from plain configuration."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from models.networks.decoder_base import Tensors, chosen
from models.networks.objects import ObjectHead, read_maps
from models.networks.registry import DECODERS, make_encoder

if TYPE_CHECKING:
    from collections.abc import Mapping


class Encoded(NamedTuple):
    """All that depends on one picture alone, as tensors: see `models.captioning.decoding.Encoding`.

    `memory` and `state` (1, …), `features` (1, C), and `classes` (1, 1000), None where the
    encoder has no classifier. `objects` (1, K, 6) and `places` (1, K, h, w) are what an object
    head tells: see `models.decoding.Encoding`; None where there is none.
    """

    memory: Tensors
    state: Tensors
    features: Tensor
    classes: Tensor | None
    objects: Tensor | None = None
    places: Tensor | None = None


class Exportable(nn.Module, ABC):
    """What `models.runtime.export` and the torch engine ask of a network, whatever it is inside.

    `channels` is the number C of its features. `growing` has for each part of the state the
    axis that grows with every word, or None; it is empty where no part grows.
    """

    channels: int
    growing: tuple[int | None, ...] = ()

    @abstractmethod
    def encode(self, pixels: Tensor) -> Encoded:
        """Make all that depends on one picture alone: (1, 3, S, S) pixels."""

    @abstractmethod
    def step(
        self, tokens: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        """One word on for K hypotheses of one picture, for `models.captioning.decoding.Engine`.

        (K,) last words, state (K, …) → (K, V) log-probabilities, (K, L) attention, next
        state (K, …).
        """


class CaptioningNetwork(Exportable):
    """(B, 3, S, S) pixels and (B, K, T) tokens → logits and attention (see the decoder)."""

    def __init__(self, architecture: Mapping[str, Any], vocab_size: int) -> None:
        """`architecture`: {"encoder": name, "decoder": name, "decoder_options": {...}}, and
        "encoder_options" where the encoder has any. With "mirror": True a picture that is to be
        captioned is looked at in a mirror, too, and both grids are averaged. "objects" are the
        options of an `ObjectHead`, whose maps the decoder then gets behind the features.

        Raises ValueError for a name that is not registered.
        """
        super().__init__()
        make = chosen(DECODERS, architecture["decoder"], "decoder")
        self.encoder = make_encoder(architecture)
        self.channels = self.encoder.channels
        self.mirror = bool(architecture.get("mirror", False))
        self.decoder = make(
            channels=self.channels, vocab_size=vocab_size, **architecture["decoder_options"]
        )
        self.objects: ObjectHead | None = None
        if "objects" in architecture:
            self.objects = ObjectHead(self.channels, **architecture["objects"])

    def forward(self, pixels: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        logits, attention = self.decoder(self.observed(self.encoder(pixels)), tokens)
        return logits, attention

    def observed(self, features: Tensor) -> Tensor:
        """(B, C, h, w) features → with the object head's maps behind, if there is one."""
        if self.objects is None:
            return features
        return torch.cat([features, self.objects(features).to(features.dtype)], 1)

    def encode(self, pixels: Tensor) -> Encoded:
        if self.mirror:
            straight, mirrored = self.encoder(torch.cat([pixels, pixels.flip(3)])).chunk(2)
            features = (straight + mirrored.flip(3)) / 2
        else:
            features = self.encoder(pixels)
        observed = self.observed(features)
        memory, state = self.decoder.begin(observed)
        classes = self.encoder.classify(features).softmax(-1) if self.encoder.classes else None
        objects = places = None
        if self.objects is not None:
            seen = read_maps(observed[:, self.channels :])
            objects = seen.facts()
            places = seen.attention.reshape(*seen.attention.shape[:2], *features.shape[2:])
        return Encoded(
            memory,
            tuple(part[0] for part in state),
            features.mean((2, 3)),
            classes,
            objects,
            places,
        )

    def step(
        self, tokens: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        scores, weights, after = self.decoder.step(
            tokens[None], memory, tuple(part[None] for part in state)
        )
        return scores[0].log_softmax(-1), weights[0], tuple(part[0] for part in after)
