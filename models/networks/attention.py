"""Where to look for the next word."""

from __future__ import annotations

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
