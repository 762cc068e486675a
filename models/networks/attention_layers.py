"""Where to look for the next word."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn


class AdditiveAttention(nn.Module):
    """Soft attention with additive scores (Bahdanau et al. 2015; Xu et al. 2015, eq. 4-5, 13).

    e_i = v · tanh(W_a a_i + W_h h); w = softmax(e); z = Σ w_i a_i. The keys W_a a_i depend
    on the picture alone and are computed once.
    """

    def __init__(self, grid: int, hidden: int, size: int) -> None:
        super().__init__()
        self.key = nn.Linear(grid, size)
        self.query = nn.Linear(hidden, size, bias=False)
        self.score = nn.Linear(size, 1, bias=False)

    def forward(self, grid: Tensor, keys: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """B pictures with K captions each share their grid.

        (B, L, D) grid, (B, L, A) keys, (B, K, H) hidden → (B, K, D) context, (B, K, L) weights.
        """
        scores = self.score(torch.tanh(keys[:, None] + self.query(hidden)[:, :, None])).squeeze(-1)
        weights = scores.softmax(-1)
        return weights @ grid, weights


class DotScore(nn.Module):
    """h · a_i (Luong et al. 2015, section 3.1)."""

    def __init__(self, size: int) -> None:
        """The grid has as many channels as the hidden state: `size`, for all three scores."""
        super().__init__()

    def keys(self, grid: Tensor) -> tuple[Tensor, ...]:
        """What depends on the picture alone: (B, L, H) grid → parts of the memory (B, L, …)."""
        return ()

    def forward(self, hidden: Tensor, grid: Tensor) -> Tensor:
        """(B, K, H) hidden, (B, L, H) grid → (B, K, L) scores."""
        return hidden @ grid.transpose(1, 2)


class GeneralScore(nn.Module):
    """h · W a_i (Luong et al. 2015, section 3.1)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.key = nn.Linear(size, size, bias=False)

    def keys(self, grid: Tensor) -> tuple[Tensor, ...]:
        return (self.key(grid),)

    def forward(self, hidden: Tensor, grid: Tensor, keys: Tensor) -> Tensor:
        return hidden @ keys.transpose(1, 2)


class ConcatScore(nn.Module):
    """v · tanh(W [h; a_i]) (Luong et al. 2015, section 3.1), W in its two halves."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.key = nn.Linear(size, size)
        self.query = nn.Linear(size, size, bias=False)
        self.score = nn.Linear(size, 1, bias=False)

    def keys(self, grid: Tensor) -> tuple[Tensor, ...]:
        return (self.key(grid),)

    def forward(self, hidden: Tensor, grid: Tensor, keys: Tensor) -> Tensor:
        scores: Tensor = self.score(torch.tanh(keys[:, None] + self.query(hidden)[:, :, None]))
        return scores.squeeze(-1)


ScoreName = Literal["dot", "general", "concat"]
SCORES: dict[str, type[DotScore | GeneralScore | ConcatScore]] = {
    "dot": DotScore,
    "general": GeneralScore,
    "concat": ConcatScore,
}
