"""A decoder that attends to what is known of things besides the grid."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from models.networks.decoder_base import Tensors
from models.networks.objects import FACTS, read_maps
from models.networks.show_attend_tell import SoftAttentionLSTM


class GroundedLSTM(SoftAttentionLSTM):
    """`SoftAttentionLSTM` whose grid has further cells: the evidence for things.

    The `evidence` likeliest of K `kinds` are a token each, of kind, logit, place and count; the
    attention is over the cells of the grid and these together (relatives: You et al. 2016,
    "Image captioning with semantic attention"; Anderson et al. 2018; Lu et al. 2018, "Neural baby
    talk"). Its features have the maps of an `ObjectHead` as their last channels. It can learn
    from text alone, with the things that a caption names as evidence and without a grid.
    """

    def __init__(
        self,
        *,
        channels: int,
        vocab_size: int,
        kinds: int = 80,
        evidence: int = 16,
        grid: int = 512,
        **options: Any,
    ) -> None:
        """Raises ValueError for evidence of more than all kinds, or of none."""
        if not 1 <= evidence <= kinds:
            raise ValueError(f"evidence must be from 1 to {kinds}, the number of kinds")
        super().__init__(channels=channels, vocab_size=vocab_size, grid=grid, **options)
        self.channels, self.evidence = channels, evidence
        self.kind = nn.Embedding(kinds, grid)
        self.facts = nn.Linear(FACTS, grid)
        self.evidence_norm = nn.LayerNorm(grid)

    def begin(self, features: Tensor) -> tuple[Tensors, Tensors]:
        """(B, C + 3 K, h, w) features and maps → (B, L + E, D) grid, (B, L + E, A) keys; first
        hidden, cell (B, 1, H)."""
        return self._begin(self._grid(features))

    def step(
        self, tokens: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        """As `SoftAttentionLSTM.step`; the attention is that to the grid alone, summing to 1."""
        logits, weights, after = super().step(tokens, memory, state)
        return logits, self._of_grid(weights), after

    def forward(self, features: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """As `SoftAttentionLSTM.forward`, of (B, C + 3 K, h, w) features and maps."""
        logits, weights = self._forward(self._grid(features), tokens)
        return logits, self._of_grid(weights)

    def from_text(self, kinds: Tensor, facts: Tensor, tokens: Tensor) -> Tensor:
        """Learn from captions without pictures: (B, E) kinds, (B, E, `FACTS`), (B, 1, T) tokens.

        → (B, 1, T - 1, V) logits.
        """
        return self._forward(self.dropout(self._tokens(kinds, facts)), tokens)[0]

    def _grid(self, features: Tensor) -> Tensor:
        cells = features[:, : self.channels].flatten(2).transpose(1, 2)
        facts = read_maps(features[:, self.channels :].float()).facts()
        kinds = facts[..., 0].topk(self.evidence).indices  # (B, E)
        chosen = facts.gather(1, kinds[..., None].expand(-1, -1, FACTS))
        grid: Tensor = self.dropout(
            torch.cat([self.norm(self.project(cells)), self._tokens(kinds, chosen)], 1)
        )
        return grid

    def _tokens(self, kinds: Tensor, facts: Tensor) -> Tensor:
        """(B, E) kinds and (B, E, `FACTS`) → (B, E, D)."""
        logits, places, counts = facts[..., :1], facts[..., 1:-1], facts[..., -1:]
        scaled = torch.cat([logits / 3, places * 2 - 1, counts.clamp(min=0.0).log1p()], -1)
        tokens: Tensor = self.evidence_norm(self.kind(kinds) + self.facts(scaled))
        return tokens

    def _of_grid(self, weights: Tensor) -> Tensor:
        cells = weights[..., : -self.evidence]
        return cells / cells.sum(-1, keepdim=True).clamp(min=1e-9)
