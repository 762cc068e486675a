"""What every decoder has in common: its interface, recurrent cells, way through a caption."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

Tensors = tuple[Tensor, ...]
CellName = Literal["lstm", "gru"]
Choice = TypeVar("Choice")


class Decoder(nn.Module, ABC):
    """Grid → words, of B pictures with K captions or hypotheses each, which share its grid.

    `memory` (B, …) is what a picture gives once, `state` (B, K, …) what goes from word to word;
    both have as many parts as the decoder likes. L is the number of the grid's cells, V of words.
    `stochastic` decoders draw in training, so that `surrogate` has something to tell.
    """

    embedding: nn.Embedding
    stochastic = False

    @abstractmethod
    def begin(self, features: Tensor) -> tuple[Tensors, Tensors]:
        """(B, C, h, w) features → memory (B, …) and first state (B, 1, …)."""

    @abstractmethod
    def step(
        self, tokens: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        """(B, K) last words, state (B, K, …) → (B, K, V) logits, (B, K, L) attention, next state.

        A decoder that looks at the whole picture at once says so by even attention.
        """

    @abstractmethod
    def forward(self, features: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Teacher forcing: (B, C, h, w) features and (B, K, T) tokens, K captions a picture.

        → (B, K, T - 1, V) logits and (B, K, T - 1, L) attention.
        """

    def surrogate(self, losses: Tensor) -> Tensor:
        """What to add to the loss of the last `forward`, a scalar: its drawing has no gradient.

        `losses` (B, K, T - 1) are those of its words, 0 for padding.
        """
        return losses.new_zeros(())

    def ensemble_members(self) -> list[Decoder]:
        """The decoders with weights of their own whose probabilities are averaged: itself."""
        return [self]


class Recurrent(Decoder):
    """A decoder whose words come one by one out of recurrent cells.

    Subclasses implement `begin`, and `advance` for one word; the output layer runs once a caption.
    """

    def __init__(self, vocab_size: int, embedding: int, output_size: int, dropout: float) -> None:
        """`output_size` is that of what `advance` gives, which the output layer reads."""
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, embedding)
        self.dropout = nn.Dropout(dropout)
        self.words = nn.Linear(output_size, vocab_size)  # the output layer, as stored weights say

    @abstractmethod
    def advance(
        self, last: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        """(B, K, E) last words → (B, K, output_size), (B, K, L) attention, next state (B, K, …)."""

    def step(
        self, tokens: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        last = self.dropout(self.embedding(tokens))
        output, weights, state = self.advance(last, memory, state)
        return self.words(self.dropout(output)), weights, state

    def forward(self, features: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        memory, first = self.begin(features)
        state = tuple(part.expand(-1, tokens.shape[1], *part.shape[2:]) for part in first)
        outputs, attention = [], []
        for last in self.dropout(self.embedding(tokens[..., :-1])).unbind(2):
            output, weights, state = self.advance(last, memory, state)
            outputs.append(output)
            attention.append(weights)
        return self.words(self.dropout(torch.stack(outputs, 2))), torch.stack(attention, 2)


class Cell(nn.Module):
    """An LSTM cell (Hochreiter and Schmidhuber 1997) or a GRU cell (Cho et al. 2014).

    Its state has two parts or one; the first is what it gives out.
    """

    def __init__(self, kind: CellName, inputs: int, hidden: int) -> None:
        super().__init__()
        known: dict[str, type[nn.LSTMCell | nn.GRUCell]] = {"lstm": nn.LSTMCell, "gru": nn.GRUCell}
        self.cell = chosen(known, kind, "cell")(inputs, hidden)
        self.parts = 2 if kind == "lstm" else 1

    def forward(self, entry: Tensor, state: Tensors) -> Tensors:
        """(B, K, I) entry and state (B, K, H) → next state (B, K, H)."""
        # the cells want rows, and one dtype: autocast leaves a mixture behind
        dtype = self.cell.weight_ih.dtype
        rows = [part.to(dtype).flatten(0, 1) for part in state]
        after = self.cell(
            entry.to(dtype).flatten(0, 1), (rows[0], rows[1]) if self.parts == 2 else rows[0]
        )
        parts = after if self.parts == 2 else (after,)
        return tuple(part.view(*entry.shape[:2], -1) for part in parts)

    def blank(self, like: Tensor) -> Tensors:
        """A state of zeros (B, 1, H) for a tensor (B, …)."""
        return tuple(like.new_zeros(len(like), 1, self.cell.hidden_size) for _ in range(self.parts))


class FirstState(nn.Module):
    """A cell's first state from the mean of the grid (Xu et al. 2015, section 3.1.2)."""

    def __init__(self, grid: int, hidden: int, parts: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(grid, hidden) for _ in range(parts))

    def forward(self, grid: Tensor) -> Tensors:
        """(B, L, D) → (B, 1, H) for each part."""
        mean = grid.mean(1, keepdim=True)
        return tuple(torch.tanh(layer(mean)) for layer in self.layers)


class Grid(nn.Module):
    """The encoder's grid as a decoder reads it: flat, projected, normalised."""

    def __init__(self, channels: int, size: int, dropout: float) -> None:
        super().__init__()
        self.project = nn.Linear(channels, size)
        self.norm = nn.LayerNorm(size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) → (B, L, D), L = h * w row by row."""
        grid: Tensor = self.dropout(self.norm(self.project(features.flatten(2).transpose(1, 2))))
        return grid


def even(features: Tensor) -> Tensor:
    """(B, C, h, w) → (B, L) attention to all alike."""
    cells = features.shape[2] * features.shape[3]
    return features.new_full((len(features), cells), 1 / cells)


def chosen(known: Mapping[str, Choice], name: str, what: str) -> Choice:
    """Look an option up. Raises ValueError that names the known ones."""
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}; known: {', '.join(sorted(known))}")
    return known[name]
