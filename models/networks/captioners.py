"""An encoder and a decoder joined, built from plain configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from models.networks.decoders import DECODERS
from models.networks.encoders import ENCODERS

if TYPE_CHECKING:
    from collections.abc import Mapping


class CaptioningNetwork(nn.Module):
    """(B, 3, S, S) pixels and (B, K, T) tokens → logits and attention (see the decoder)."""

    def __init__(self, architecture: Mapping[str, Any], words: int) -> None:
        """`architecture`: {"encoder": name, "decoder": name, "decoder_options": {...}}.

        Raises ValueError for a name that is not registered.
        """
        super().__init__()
        for kind, known in (("encoder", ENCODERS), ("decoder", DECODERS)):
            if architecture[kind] not in known:
                names = ", ".join(sorted(known))
                raise ValueError(f"unknown {kind} {architecture[kind]!r}; known: {names}")
        self.encoder = ENCODERS[architecture["encoder"]]()
        self.decoder = DECODERS[architecture["decoder"]](
            channels=self.encoder.channels, words=words, **architecture["decoder_options"]
        )

    def forward(self, pixels: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        logits, attention = self.decoder(self.encoder(pixels), tokens)
        return logits, attention

    def encode(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Make all that depends on one picture alone, for `models.decoding.Encoding`.

        (1, 3, S, S) pixels → grid (1, …), keys (1, …), first hidden and cell (1, …), the
        grid's mean (1, C), and the probabilities of the encoder's classes (1, 1000).
        """
        features = self.encoder(pixels)
        grid, keys, hidden, cell = self.decoder.begin(features)
        return (grid, keys, hidden[0], cell[0], features.mean((2, 3)),
                self.encoder.classify(features).softmax(-1))

    def step(
        self, tokens: Tensor, grid: Tensor, keys: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, ...]:
        """One word on for K hypotheses of one picture, for `models.decoding.Engine`.

        (K,) last words, hidden and cell (K, …) → (K, V) log-probabilities, (K, L) attention,
        next hidden and cell (K, …).
        """
        parts = self.decoder.step(tokens[None], grid, keys, hidden[None], cell[None])
        scores, weights, hidden, cell = (part[0] for part in parts)
        return scores.log_softmax(-1), weights, hidden, cell
