"""Decoders with the attention of Luong et al. 2015 ("Effective approaches to attention-based
neural machine translation"), over the flat grid in place of a sentence."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from models.networks.attention_layers import SCORES, ScoreName
from models.networks.decoder_base import (
    Cell,
    CellName,
    FirstState,
    Grid,
    Recurrent,
    Tensors,
    chosen,
)

Alignment = Literal["monotonic", "predictive"]


class LuongGlobal(Recurrent):
    """Global attention (section 3.1), with input feeding (section 3.3).

    The cell moves first, then its hidden state h asks: h̃ = tanh(W_c [c; h]) tells the word
    (equations 5-6) and is fed to the cell together with it. The grid has as many channels as h.
    """

    def __init__(
        self,
        *,
        channels: int,
        vocab_size: int,
        score: ScoreName = "general",
        cell: CellName = "lstm",
        hidden: int = 512,
        embedding: int = 256,
        dropout: float = 0.3,
    ) -> None:
        super().__init__(vocab_size, embedding, hidden, dropout)
        self.grid = Grid(channels, hidden, dropout)
        self.score = chosen(SCORES, score, "score")(hidden)
        self.cell = Cell(cell, embedding + hidden, hidden)
        self.first = FirstState(hidden, hidden, self.cell.parts)
        self.mixed = nn.Linear(2 * hidden, hidden)

    def begin(self, features: Tensor) -> tuple[Tensors, Tensors]:
        """(B, C, h, w) features → (B, L, H) grid and keys (B, L, …), if the score has any; the
        cell's parts and h̃ of zeros (B, 1, H)."""
        grid = self.grid(features)
        fed = grid.new_zeros(len(grid), 1, grid.shape[2])
        return (grid, *self.score.keys(grid)), (*self.first(grid), fed)

    def advance(
        self, last: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        count = self.cell.parts
        parts = self.cell(torch.cat([last, state[count]], -1), state[:count])
        weights, after = self.weigh(parts[0], memory, state[count + 1 :])
        context = weights @ memory[0]  # (B, K, H)
        fed = torch.tanh(self.mixed(torch.cat([context, parts[0]], -1)))
        # a Gaussian window takes some away: what is shown is a share again
        return fed, weights / weights.sum(-1, keepdim=True), (*parts, fed, *after)

    def weigh(self, hidden: Tensor, memory: Tensors, more: Tensors) -> tuple[Tensor, Tensors]:
        """(B, K, H) hidden → (B, K, L) weights, and what else is state."""
        scores: Tensor = self.score(hidden, *memory)
        return scores.softmax(-1), more


class LuongLocal(LuongGlobal):
    """Local attention (section 3.2): a window of `reach` cells to either side of cell p.

    "monotonic": p_t = t, the cells one after the other. "predictive": of S cells
    p_t = S sigmoid(v · tanh(W h)) (equation 9), and the weights fall off as a Gaussian whose
    deviation is reach / 2 (equation 10). The state also has the number t of the word (B, K, 1).
    """

    def __init__(
        self,
        *,
        channels: int,
        vocab_size: int,
        alignment: Alignment = "predictive",
        reach: int = 10,
        score: ScoreName = "general",
        cell: CellName = "lstm",
        hidden: int = 512,
        embedding: int = 256,
        dropout: float = 0.3,
    ) -> None:
        """`reach` is the paper's D. Raises ValueError when it is less than 1."""
        super().__init__(
            channels=channels,
            vocab_size=vocab_size,
            score=score,
            cell=cell,
            hidden=hidden,
            embedding=embedding,
            dropout=dropout,
        )
        if reach < 1:
            raise ValueError("reach must be at least 1")
        self.reach = reach
        layers = {
            "monotonic": None,
            "predictive": (nn.Linear(hidden, hidden, bias=False), nn.Linear(hidden, 1, bias=False)),
        }
        place = chosen(layers, alignment, "alignment")
        self.place = None if place is None else nn.Sequential(place[0], nn.Tanh(), place[1])

    def begin(self, features: Tensor) -> tuple[Tensors, Tensors]:
        memory, state = super().begin(features)
        return memory, (*state, features.new_zeros(len(features), 1, 1))

    def weigh(self, hidden: Tensor, memory: Tensors, more: Tensors) -> tuple[Tensor, Tensors]:
        (count,) = more
        cells = memory[0].shape[1]
        if self.place is None:
            middle = count.clamp(max=cells - 1)  # (B, K, 1)
        else:
            middle = cells * torch.sigmoid(self.place(hidden).float())
        far = torch.arange(cells, device=hidden.device) - middle  # (B, K, L)
        scores = self.score(hidden, *memory).masked_fill(far.abs() > self.reach, -torch.inf)
        weights = scores.softmax(-1)
        if self.place is not None:
            weights = weights * torch.exp(-2 * (far / self.reach) ** 2)  # deviation reach / 2
        return weights, (count + 1,)
