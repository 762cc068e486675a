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
