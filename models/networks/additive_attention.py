"""Decoders with additive attention: soft, hard, and top-down."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from models.networks.attention_layers import AdditiveAttention
from models.networks.decoder_base import Cell, CellName, FirstState, Grid, Recurrent, Tensors


class SoftAttention(Recurrent):
    """Soft attention as in neural translation (Bahdanau et al. 2015), over the grid.

    The plainer relative of `SoftAttentionLSTM`, with an LSTM or a GRU: no gate β, and the words
    have a layer of their own, which reads the cell and the context.
    """

    def __init__(
        self,
        *,
        channels: int,
        vocab_size: int,
        cell: CellName = "lstm",
        grid: int = 512,
        hidden: int = 512,
        embedding: int = 256,
        attention: int = 256,
        dropout: float = 0.3,
    ) -> None:
        super().__init__(vocab_size, embedding, hidden, dropout)
        self.grid = Grid(channels, grid, dropout)
        self.attention = AdditiveAttention(grid, hidden, attention)
        self.cell = Cell(cell, embedding + grid, hidden)
        self.first = FirstState(grid, hidden, self.cell.parts)
        self.mixed = nn.Linear(hidden + grid, hidden)

    def begin(self, features: Tensor) -> tuple[Tensors, Tensors]:
        """(B, C, h, w) features → (B, L, D) grid, (B, L, A) keys; the cell's parts (B, 1, H)."""
        grid = self.grid(features)
        return (grid, self.attention.key(grid)), self.first(grid)

    def advance(
        self, last: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        context, weights = self.look(memory, state[0])
        state = self.cell(torch.cat([last, context], -1), state)
        output = torch.tanh(self.mixed(torch.cat([state[0], context], -1)))
        return output, weights, state

    def look(self, memory: Tensors, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """(B, K, H) hidden → (B, K, D) context, (B, K, L) attention."""
        grid, keys = memory
        context, weights = self.attention(grid, keys, hidden)
        return context, weights


class HardAttention(SoftAttention):
    """Hard attention (Xu et al. 2015, section 4.1): one cell of the grid for each word.

    In training the cell is drawn, but for half of the pictures the expectation is taken, as
    section 4.1 does against the variance. Drawing has no gradient: `surrogate` is REINFORCE
    (Williams 1992) as in equation 12, with a moving average as the baseline and the entropy of
    the attention. The reward is the mean, not the sum, of a caption's log-probabilities, so that
    its size does not hang on the length.

    When searching, the expectation is taken too: the best cell instead would jump where two are
    as good, and rounding alone would make two engines say different things.
    """

    stochastic = True
    baseline: Tensor

    def __init__(
        self,
        *,
        channels: int,
        vocab_size: int,
        reward: float = 1.0,
        entropy: float = 0.002,
        cell: CellName = "lstm",
        grid: int = 512,
        hidden: int = 512,
        embedding: int = 256,
        attention: int = 256,
        dropout: float = 0.3,
    ) -> None:
        """`reward` and `entropy` are λ_r and λ_e of equation 12."""
        super().__init__(
            channels=channels,
            vocab_size=vocab_size,
            cell=cell,
            grid=grid,
            hidden=hidden,
            embedding=embedding,
            attention=attention,
            dropout=dropout,
        )
        self.reward, self.entropy = reward, entropy
        # what a decoder gets that has learnt nothing
        self.register_buffer("baseline", torch.tensor(-math.log(vocab_size)))
        self._drawing: Tensor | None = None  # (B, 1): for which pictures, while in `forward`
        self._looks: list[tuple[Tensor, Tensor]] = []

    def forward(self, features: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        self._looks = []
        if self.training:
            self._drawing = torch.rand(len(features), 1, device=features.device) < 0.5
        try:
            return super().forward(features, tokens)
        finally:
            self._drawing = None

    def look(self, memory: Tensors, hidden: Tensor) -> tuple[Tensor, Tensor]:
        context, weights = super().look(memory, hidden)
        if self._drawing is None:
            return context, weights
        drawn, shares = self._drawing, weights.float()
        place = torch.multinomial(shares.detach().flatten(0, 1), 1).view(*hidden.shape[:2], 1)
        one = torch.zeros_like(shares).scatter_(2, place, 1.0)  # (B, K, L)
        logs = shares.clamp(min=1e-9).log()
        entropy = -(shares * logs).sum(-1)
        self._looks.append((logs.gather(2, place).squeeze(2) * drawn, entropy * drawn))
        return torch.where(drawn[..., None], one @ memory[0].float(), context), weights

    def surrogate(self, losses: Tensor) -> Tensor:
        """REINFORCE for the cells that the last `forward` drew; see `Decoder.surrogate`."""
        if not self._looks:  # nothing was drawn: not in training
            return losses.new_zeros(())
        log_probs, entropies = (torch.stack(parts, 2) for parts in zip(*self._looks, strict=True))
        self._looks = []  # they hold the graph
        real = losses.detach() != 0
        count = real.sum().clamp(min=1)
        rewards = -losses.detach().float().sum(-1, keepdim=True) / real.sum(-1, keepdim=True).clamp(
            min=1
        )
        advantage = rewards - self.baseline
        gain = self.reward * advantage * log_probs + self.entropy * entropies
        with torch.no_grad():
            self.baseline.lerp_(rewards.mean(), 0.1)
        return -(gain * real).sum() / count


class TopDown(Recurrent):
    """Two layers: one chooses where to look, the other what to say (Anderson et al. 2018,
    "Bottom-up and top-down attention", section 3.2), over a grid.

    The attention LSTM reads the language LSTM's last word of itself, the mean of the grid and
    the last word (equation 2); its hidden state asks (3-5); the language LSTM reads the context
    and that hidden state (6), and tells the word (7).
    """

    def __init__(
        self,
        *,
        channels: int,
        vocab_size: int,
        cell: CellName = "lstm",
        grid: int = 512,
        hidden: int = 512,
        embedding: int = 512,
        attention: int = 256,
        dropout: float = 0.3,
    ) -> None:
        super().__init__(vocab_size, embedding, hidden, dropout)
        self.grid = Grid(channels, grid, dropout)
        self.attention = AdditiveAttention(grid, hidden, attention)
        self.looking = Cell(cell, hidden + grid + embedding, hidden)
        self.speaking = Cell(cell, grid + hidden, hidden)

    def begin(self, features: Tensor) -> tuple[Tensors, Tensors]:
        """(B, C, h, w) features → (B, L, D) grid, (B, L, A) keys, (B, D) mean of the grid;
        both cells' parts, the attention's first, of zeros (B, 1, H)."""
        grid = self.grid(features)
        return (
            (grid, self.attention.key(grid), grid.mean(1)),
            self.looking.blank(features) + self.speaking.blank(features),
        )

    def advance(
        self, last: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        grid, keys, mean = memory
        looking, speaking = state[: self.looking.parts], state[self.looking.parts :]
        whole = mean[:, None].expand(-1, last.shape[1], -1)  # (B, K, D)
        looking = self.looking(torch.cat([speaking[0], whole, last], -1), looking)
        context, weights = self.attention(grid, keys, looking[0])
        speaking = self.speaking(torch.cat([context, looking[0]], -1), speaking)
        return speaking[0], weights, looking + speaking
