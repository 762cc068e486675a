"""Recurrent decoders: grid → words."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.attention import AdditiveAttention


class SoftAttentionLSTM(nn.Module):
    """The decoder of "Show, Attend and Tell" (Xu et al. 2015), soft attention.

    With the gating scalar β of section 4.2.1 (one for each context channel) and the deep
    output layer of equation 7. The output layer shares its weights with the embedding
    (Press and Wolf 2017). The grid is first projected to `grid` channels.
    """

    def __init__(
        self, *, channels: int, words: int, grid: int = 512, hidden: int = 512,
        embedding: int = 384, attention: int = 256, dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.project = nn.Linear(channels, grid)
        self.norm = nn.LayerNorm(grid)
        self.attention = AdditiveAttention(grid, hidden, attention)
        self.first_hidden = nn.Linear(grid, hidden)
        self.first_cell = nn.Linear(grid, hidden)
        self.gate = nn.Linear(hidden, grid)
        self.embedding = nn.Embedding(words, embedding)
        self.lstm = nn.LSTMCell(embedding + grid, hidden)
        self.from_hidden = nn.Linear(hidden, embedding)
        self.from_context = nn.Linear(grid, embedding, bias=False)
        self.bias = nn.Parameter(torch.zeros(words))
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.embedding.weight, std=0.05)  # tied: the default starts at loss 21

    def begin(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, C, S, S) features → (B, L, D) grid, (B, L, A) keys, first hidden and cell (B, H)."""
        cells = features.flatten(2).transpose(1, 2)
        grid = self.dropout(self.norm(self.project(cells)))
        mean = grid.mean(1)
        hidden, cell = torch.tanh(self.first_hidden(mean)), torch.tanh(self.first_cell(mean))
        return grid, self.attention.key(grid), hidden, cell

    def step(
        self, tokens: Tensor, grid: Tensor, keys: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B,) last words → (B, V) logits, (B, L) attention, next hidden and cell (B, H)."""
        last = self.embedding(tokens)
        context, weights = self.attention(grid, keys, hidden)
        context = torch.sigmoid(self.gate(hidden)) * context
        # nn.LSTMCell wants one dtype; autocast leaves a mixture behind
        hidden, cell = self.lstm(torch.cat([last, context], -1).to(last.dtype), (hidden, cell))
        mixed = last + self.from_hidden(self.dropout(hidden)) + self.from_context(context)
        output = self.dropout(torch.tanh(mixed))
        logits = functional.linear(output, self.embedding.weight, self.bias)
        return logits, weights, hidden, cell

    def forward(self, features: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Teacher forcing: (B, C, S, S) features and (B, K, T) tokens, K captions a picture.

        → (B * K, T - 1, V) logits and (B * K, T - 1, L) attention.
        """
        captions = tokens.shape[1]
        grid, keys, hidden, cell = (part.repeat_interleave(captions, 0)
                                    for part in self.begin(features))
        flat = tokens.flatten(0, 1)
        logits, attention = [], []
        for position in range(flat.shape[1] - 1):
            scores, weights, hidden, cell = self.step(flat[:, position], grid, keys, hidden, cell)
            logits.append(scores)
            attention.append(weights)
        return torch.stack(logits, 1), torch.stack(attention, 1)


DECODERS = {"soft_attention_lstm": SoftAttentionLSTM}
