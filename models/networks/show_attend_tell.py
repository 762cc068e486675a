"""The decoder of "Show, Attend and Tell" with soft attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.attention_layers import AdditiveAttention
from models.networks.decoder_base import Decoder, Tensors


class SoftAttentionLSTM(Decoder):
    """The decoder of "Show, Attend and Tell" (Xu et al. 2015), soft attention.

    With the gating scalar β of section 4.2.1 (one for each context channel) and the deep
    output layer of equation 7. The output layer shares its weights with the embedding
    (Press and Wolf 2017). The grid is first projected to `grid` channels. A picture may have
    K captions or hypotheses; they share its grid.
    """

    def __init__(
        self,
        *,
        channels: int,
        vocab_size: int,
        grid: int = 512,
        hidden: int = 512,
        embedding: int = 384,
        attention: int = 256,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.project = nn.Linear(channels, grid)
        self.norm = nn.LayerNorm(grid)
        self.attention = AdditiveAttention(grid, hidden, attention)
        self.first_hidden = nn.Linear(grid, hidden)
        self.first_cell = nn.Linear(grid, hidden)
        self.gate = nn.Linear(hidden, grid)
        self.embedding = nn.Embedding(vocab_size, embedding)
        self.lstm = nn.LSTMCell(embedding + grid, hidden)
        self.from_hidden = nn.Linear(hidden, embedding)
        self.from_context = nn.Linear(grid, embedding, bias=False)
        self.bias = nn.Parameter(torch.zeros(vocab_size))
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.embedding.weight, std=0.05)  # tied: the default starts at loss 21

    def begin(self, features: Tensor) -> tuple[Tensors, Tensors]:
        """(B, C, S, S) features → (B, L, D) grid, (B, L, A) keys; first hidden, cell (B, 1, H)."""
        return self._begin(self._grid(features))

    def _grid(self, features: Tensor) -> Tensor:
        cells = features.flatten(2).transpose(1, 2)
        grid: Tensor = self.dropout(self.norm(self.project(cells)))
        return grid

    def _begin(self, grid: Tensor) -> tuple[Tensors, Tensors]:
        mean = grid.mean(1, keepdim=True)
        hidden, cell = torch.tanh(self.first_hidden(mean)), torch.tanh(self.first_cell(mean))
        return (grid, self.attention.key(grid)), (hidden, cell)

    def step(
        self, tokens: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        """(B, K) last words, hidden and cell (B, K, H).

        → (B, K, V) logits, (B, K, L) attention, next hidden and cell (B, K, H).
        """
        last = self.embedding(tokens)
        context, weights, hidden, cell = self._advance(last, *memory, *state)
        return self._words(last, context, hidden), weights, (hidden, cell)

    def forward(self, features: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Teacher forcing: (B, C, S, S) features and (B, K, T) tokens, K captions a picture.

        → (B, K, T - 1, V) logits and (B, K, T - 1, L) attention.
        """
        return self._forward(self._grid(features), tokens)

    def _forward(self, grid: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        (grid, keys), state = self._begin(grid)
        hidden, cell = (part.expand(-1, tokens.shape[1], -1) for part in state)
        last = self.embedding(tokens[..., :-1])
        contexts, hiddens, attention = [], [], []
        for word in last.unbind(2):
            context, weights, hidden, cell = self._advance(word, grid, keys, hidden, cell)
            contexts.append(context)
            hiddens.append(hidden)
            attention.append(weights)
        logits = self._words(last, torch.stack(contexts, 2), torch.stack(hiddens, 2))
        return logits, torch.stack(attention, 2)

    def _advance(
        self, last: Tensor, grid: Tensor, keys: Tensor, hidden: Tensor, cell: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        context, weights = self.attention(grid, keys, hidden)
        context = torch.sigmoid(self.gate(hidden)) * context
        # nn.LSTMCell wants rows, and one dtype: autocast leaves a mixture behind
        entry = torch.cat([last, context], -1).to(last.dtype).flatten(0, 1)
        after = self.lstm(entry, (hidden.flatten(0, 1), cell.flatten(0, 1)))
        hidden, cell = (part.view(*last.shape[:2], -1) for part in after)
        return context, weights, hidden, cell

    def _words(self, last: Tensor, context: Tensor, hidden: Tensor) -> Tensor:
        mixed = last + self.from_hidden(self.dropout(hidden)) + self.from_context(context)
        output = self.dropout(torch.tanh(mixed))
        return functional.linear(output, self.embedding.weight, self.bias)
