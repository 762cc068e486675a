"""Decoders that see the picture as one vector, the mean of the grid."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.networks.decoder_base import Cell, CellName, Recurrent, Tensors, even


class ShowAndTell(Recurrent):
    """The decoder of "Show and Tell" (Vinyals et al. 2015, equations 10-12).

    The cell reads the picture as if it were the word before the first, which makes its initial
    state; it never sees the picture again.
    """

    def __init__(
        self,
        *,
        channels: int,
        vocab_size: int,
        cell: CellName = "lstm",
        hidden: int = 512,
        embedding: int = 512,
        dropout: float = 0.3,
    ) -> None:
        super().__init__(vocab_size, embedding, hidden, dropout)
        self.picture = nn.Linear(channels, embedding)
        self.norm = nn.LayerNorm(embedding)
        self.cell = Cell(cell, embedding, hidden)

    def begin(self, features: Tensor) -> tuple[Tensors, Tensors]:
        """(B, C, h, w) features → (B, L) even attention; the cell's parts (B, 1, H)."""
        picture = self.norm(self.picture(features.mean((2, 3))))[:, None]  # (B, 1, E)
        return (even(features),), self.cell(picture, self.cell.blank(features))

    def advance(
        self, last: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        state = self.cell(last, state)
        return state[0], memory[0][:, None].expand(-1, last.shape[1], -1), state


class Merge(Recurrent):
    """The merge model (Tanti et al. 2017, "What is the role of recurrent neural networks (RNNs)
    in an image caption generator?").

    The cell reads words alone. What it says is added to a dense layer's view of the picture, and
    a dense layer tells the next word from the sum; all have `size` units.
    """

    def __init__(
        self,
        *,
        channels: int,
        vocab_size: int,
        cell: CellName = "lstm",
        size: int = 256,
        embedding: int = 256,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(vocab_size, embedding, size, dropout)
        self.picture = nn.Linear(channels, size)
        self.cell = Cell(cell, embedding, size)
        self.mixed = nn.Linear(size, size)

    def begin(self, features: Tensor) -> tuple[Tensors, Tensors]:
        """(B, C, h, w) features → (B, size) picture, (B, L) even attention; zeros (B, 1, size)."""
        picture = torch.relu(self.picture(self.dropout(features.mean((2, 3)))))
        return (picture, even(features)), self.cell.blank(features)

    def advance(
        self, last: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        picture, weights = memory
        state = self.cell(last, state)
        output = torch.relu(self.mixed(picture[:, None] + state[0]))
        return output, weights[:, None].expand(-1, last.shape[1], -1), state
