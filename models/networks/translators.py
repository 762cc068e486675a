"""Networks that translate a sentence: a small Transformer, and an LSTM with attention beside it.

B sentences of S source and T target tokens; `PAD` at the end is no token. What a step of the
decoder needs of the source is computed once (`encode`), so that a word costs little.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from models.captioning.vocabulary import PAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Memory = tuple[Tensor, ...]


class Dropout(nn.Module):
    """Dropout of the same numbers in every word of a sentence (Gal and Ghahramani 2016).

    So few random numbers take no time, which those of the usual one do on a processor.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share
        self.own = threading.local()

    def seed(self, seed: int) -> None:
        """What is drawn by this thread from now on."""
        self.own.random = torch.Generator().manual_seed(seed)

    def forward(self, states: Tensor) -> Tensor:
        """(B, T, D) → the same in use, thinned out in training."""
        if not self.training or not self.share:
            return states
        shape = (states.shape[0], 1, states.shape[-1])
        random = getattr(self.own, "random", None)
        kept = torch.rand(shape, generator=random) >= self.share
        return states * (kept / (1 - self.share)).to(states.dtype)


class Attention(nn.Module):
    """Attention with several heads (Vaswani et al. 2017)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.key, self.value = nn.Linear(width, width), nn.Linear(width, width)

    def keys_and_values(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, D) → keys and values (B, S, D)."""
        return self.key(states), self.value(states)

    def forward(
        self,
        asking: Tensor,
        keys: Tensor,
        values: Tensor,
        mask: Tensor | None = None,
        *,
        causal: bool = False,
    ) -> Tensor:
        """(B, T, D) ask (B or 1, S, D); `mask` (B, 1, 1, S) is true where they may look."""
        # plain products: for a dozen words they train in half the time of torch's fused attention
        scores = self._apart(self.query(asking)) @ self._apart(keys).transpose(-1, -2)
        scores = scores / math.sqrt(asking.shape[-1] / self.heads)
        if causal:
            length = scores.shape[-1]
            mask = torch.ones(length, length, dtype=torch.bool, device=scores.device).tril()
        if mask is not None:
            scores = scores.masked_fill(~mask, -1e4)
        seen = scores.softmax(-1) @ self._apart(values)
        out: Tensor = self.out(seen.transpose(1, 2).flatten(2))
        return out

    def _apart(self, states: Tensor) -> Tensor:
        """(B, S, D) → (B, heads, S, D / heads)."""
        rows, length, width = states.shape
        return states.view(rows, length, self.heads, width // self.heads).transpose(1, 2)


class EncoderBlock(nn.Module):
    """A layer of the encoder; normalised before each part."""

    def __init__(self, width: int, inner: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.own, self.own_norm = Attention(width, heads), nn.LayerNorm(width)
        self.wide, self.narrow = nn.Linear(width, inner), nn.Linear(inner, width)
        self.wide_norm, self.dropout = nn.LayerNorm(width), Dropout(dropout)

    def reflect(
        self, states: Tensor, mask: Tensor | None = None, *, causal: bool = False
    ) -> Tensor:
        """The attention of a sentence's words to each other."""
        normal = self.own_norm(states)
        keys, values = self.own.keys_and_values(normal)
        seen: Tensor = self.dropout(self.own(normal, keys, values, mask, causal=causal))
        return states + seen

    def inner(self, states: Tensor) -> Tensor:
        """The part behind the attention, which sees each word alone."""
        hidden = self.dropout(self.wide(self.wide_norm(states)).relu())
        made: Tensor = self.dropout(self.narrow(hidden))
        return states + made


class DecoderBlock(EncoderBlock):
    """A layer of the decoder, which looks at the source, too."""

    def __init__(self, width: int, inner: int, heads: int, dropout: float) -> None:
        super().__init__(width, inner, heads, dropout)
        self.across, self.across_norm = Attention(width, heads), nn.LayerNorm(width)

    def look(self, states: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """Attend to the source's keys and values."""
        seen: Tensor = self.dropout(self.across(self.across_norm(states), keys, values, mask))
        return states + seen


class Transformer(nn.Module):
    """A small Transformer (Vaswani et al. 2017; small ones do for captions: Wu et al. 2021).

    Memory: each decoder layer's keys and values of the source, (B, S, D). State: each layer's
    keys and values of the words so far, (B, T, D).
    """

    places: Tensor

    def __init__(
        self,
        source_size: int,
        target_size: int,
        width: int = 256,
        inner: int = 512,
        heads: int = 4,
        layers: int = 3,
        decoder_layers: int = 2,
        dropout: float = 0.2,
        longest: int = 128,
    ) -> None:
        super().__init__()
        self.width = width
        self.source, self.target = (
            nn.Embedding(source_size, width),
            nn.Embedding(target_size, width),
        )
        self.register_buffer("places", sinusoids(longest, width))
        self.encoder = nn.ModuleList(
            EncoderBlock(width, inner, heads, dropout) for _ in range(layers)
        )
        self.decoder = nn.ModuleList(
            DecoderBlock(width, inner, heads, dropout) for _ in range(decoder_layers)
        )
        self.encoder_norm, self.decoder_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout, self.bias = Dropout(dropout), nn.Parameter(torch.zeros(target_size))
        for embedding in (self.source, self.target):
            nn.init.normal_(embedding.weight, std=width**-0.5)
        for name, weight in self.named_parameters():
            if weight.ndim == 2 and name not in ("source.weight", "target.weight"):
                nn.init.xavier_uniform_(weight)

    def encode(self, source: Tensor, mask: Tensor | None = None) -> Memory:
        """(B, S) tokens → memory; `mask` (B, 1, 1, S) where they are tokens."""
        states = self._placed(self.source(source), self.places[: source.shape[1]])
        for block in cast("Iterable[EncoderBlock]", self.encoder):
            states = block.inner(block.reflect(states, mask))
        states = self.encoder_norm(states)
        return tuple(
            part for block in self._decoders() for part in block.across.keys_and_values(states)
        )

    def begin(self, memory: Memory) -> Memory:
        """The state before the first word, of as many rows as the memory has."""
        return tuple(part[:, :0] for part in memory)

    def step(
        self,
        tokens: Tensor,
        place: Tensor,
        memory: Memory,
        state: Memory,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, Memory]:
        """Read (B,) tokens at `place` (1,) → (B, V) scores of the next ones, and the state.

        Memory may have one row for all.
        """
        states = self._placed(self.target(tokens)[:, None], self.places[place])
        after: list[Tensor] = []
        for number, block in enumerate(self._decoders()):
            normal = block.own_norm(states)
            new_keys, new_values = block.own.keys_and_values(normal)
            keys = torch.cat([state[2 * number], new_keys], 1)
            values = torch.cat([state[2 * number + 1], new_values], 1)
            after += [keys, values]
            states = states + block.own(normal, keys, values)
            states = block.look(states, memory[2 * number], memory[2 * number + 1], mask)
            states = block.inner(states)
        return self._scores(states[:, 0]), tuple(after)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """(B, S) and (B, T), which starts with START → (B, T, V) scores of each next token."""
        mask = (source != PAD)[:, None, None]
        memory = self.encode(source, mask)
        states = self._placed(self.target(target), self.places[: target.shape[1]])
        for number, block in enumerate(self._decoders()):
            states = block.reflect(states, causal=True)
            states = block.look(states, memory[2 * number], memory[2 * number + 1], mask)
            states = block.inner(states)
        return self._scores(states)

    def _decoders(self) -> Iterable[DecoderBlock]:
        return cast("Iterable[DecoderBlock]", self.decoder)

    def _placed(self, embedded: Tensor, places: Tensor) -> Tensor:
        placed: Tensor = self.dropout(embedded * math.sqrt(self.width) + places)
        return placed

    def _scores(self, states: Tensor) -> Tensor:
        return nn.functional.linear(self.decoder_norm(states), self.target.weight, self.bias)


class Recurrent(nn.Module):
    """LSTMs with attention: a two-way encoder (Bahdanau et al. 2015), a decoder whose state asks
    by products and is fed with what it saw (Luong et al. 2015).

    Memory: the source's states as keys and as values, (B, S, D). State: hidden and cell of each
    layer and what was seen, (B, D).
    """

    def __init__(
        self,
        source_size: int,
        target_size: int,
        width: int = 256,
        layers: int = 2,
        dropout: float = 0.3,
        longest: int = 128,
    ) -> None:
        super().__init__()
        self.longest = longest
        self.source, self.target = (
            nn.Embedding(source_size, width),
            nn.Embedding(target_size, width),
        )
        self.encoder = nn.LSTM(width, width // 2, layers, batch_first=True, bidirectional=True)
        sizes = [2 * width, *[width] * (layers - 1)]
        self.decoder = nn.ModuleList(nn.LSTMCell(size, width) for size in sizes)
        self.key, self.start = nn.Linear(width, width), nn.Linear(width, 2 * layers * width)
        self.joined = nn.Linear(2 * width, width)
        self.dropout, self.bias = Dropout(dropout), nn.Parameter(torch.zeros(target_size))
        for embedding in (self.source, self.target):
            nn.init.normal_(embedding.weight, std=0.1)

    def encode(self, source: Tensor, mask: Tensor | None = None) -> Memory:
        """(B, S) tokens → memory; `mask` (B, 1, 1, S) where they are tokens."""
        embedded = self.dropout(self.source(source))
        if mask is None:
            states, _ = self.encoder(embedded)
        else:
            packed = nn.utils.rnn.pack_padded_sequence(
                embedded, mask[:, 0, 0].sum(-1).cpu(), batch_first=True, enforce_sorted=False
            )
            states, _ = nn.utils.rnn.pad_packed_sequence(
                self.encoder(packed)[0], batch_first=True, total_length=source.shape[1]
            )
        states = self.dropout(states)
        return self.key(states), states

    def begin(self, memory: Memory) -> Memory:
        """The state before the first word, from the mean of the source's states."""
        states = memory[1]
        parts = self.start(states.mean(1)).tanh().chunk(2 * len(self.decoder), -1)
        return (*parts, torch.zeros_like(parts[0]))

    def step(
        self,
        tokens: Tensor,
        place: Tensor,
        memory: Memory,
        state: Memory,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, Memory]:
        """As `Transformer.step`; `place` tells nothing here."""
        seen, after = self._next(self.target(tokens), memory, state, mask)
        return nn.functional.linear(seen, self.target.weight, self.bias), after

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """As `Transformer.forward`."""
        mask = (source != PAD)[:, None, None]
        memory = self.encode(source, mask)
        state, embedded, out = self.begin(memory), self.dropout(self.target(target)), []
        for at in range(target.shape[1]):
            seen, state = self._next(embedded[:, at], memory, state, mask)
            out.append(seen)
        return nn.functional.linear(
            self.dropout(torch.stack(out, 1)), self.target.weight, self.bias
        )

    def _next(
        self, embedded: Tensor, memory: Memory, state: Memory, mask: Tensor | None
    ) -> tuple[Tensor, Memory]:
        *cells, seen = state
        below, after = torch.cat([embedded, seen], -1), []
        for number, cell in enumerate(self.decoder):
            hidden, inside = cell(below, (cells[2 * number], cells[2 * number + 1]))
            after += [hidden, inside]
            below = self.dropout(hidden[:, None])[:, 0]
        scores = (memory[0] @ below[..., None])[..., 0]  # (B, S)
        if mask is not None:
            scores = scores.masked_fill(~mask[:, 0, 0], -1e4)
        looked = (scores.softmax(-1)[:, None] @ memory[1])[:, 0]
        seen = self.joined(torch.cat([below, looked], -1)).tanh()
        return seen, (*after, seen)


def sinusoids(longest: int, width: int) -> Tensor:
    """(longest, width): what tells a word's place (Vaswani et al. 2017, section 3.5)."""
    places = torch.arange(longest)[:, None]
    rates = torch.exp(-math.log(10_000) * torch.arange(0, width, 2) / width)
    return torch.stack([(places * rates).sin(), (places * rates).cos()], -1).flatten(1)


NETWORKS: dict[str, Callable[..., Transformer | Recurrent]] = {
    "transformer": Transformer,
    "recurrent": Recurrent,
}


def make_translator(
    architecture: Mapping[str, Any], source_size: int, target_size: int
) -> Transformer | Recurrent:
    """`architecture`: {"network": name, …its options}. Raises ValueError for an unknown name."""
    options = dict(architecture)
    name = options.pop("network")
    if name not in NETWORKS:
        raise ValueError(f"there is no network {name}; known: {', '.join(NETWORKS)}")
    return NETWORKS[name](source_size, target_size, **options)
