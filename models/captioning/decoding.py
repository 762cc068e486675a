"""The only search for words: greedy, beam and drawn, in numpy, over any engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from models.captioning.vocabulary import END, PAD, START, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Arrays = tuple[NDArray[np.float32], ...]


@dataclass(frozen=True, slots=True)
class Encoding:
    """All that depends on one picture alone.

    `memory` and first `state` (arrays (1, …), of any number) are for the decoder; a state may
    grow along a later axis with every word. `features` (C,) is the mean of the encoder's grid
    and `classes` holds probabilities of ImageNet's classes: (1000,), or (0,) where the encoder
    has no classifier. `objects` (K, 6) is for each kind of thing the logit of its presence, its
    centre across and down, its spread across and down (the picture's sides being 1), and its
    number; `places` (K, h, w), where it was looked for, sums to 1. K is 0 without an object head.
    """

    memory: Arrays
    state: Arrays
    features: NDArray[np.float32]
    classes: NDArray[np.float32]
    objects: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 6), np.float32))
    places: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 1, 1), np.float32))


class Engine(Protocol):
    """Runs the two halves of a captioner. L is the number of grid cells, V of words.

    `channels` is the number C of the encoder's.
    """

    channels: int

    def encode(self, pixels: NDArray[np.float32]) -> Encoding:
        """(1, 3, S, S) pixels → their encoding."""

    def step(
        self, tokens: NDArray[np.int64], memory: Arrays, state: Arrays
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Arrays]:
        """(B,) last words → (B, V) log-probabilities, (B, L) attention, next state (B, …)."""


@dataclass(frozen=True, slots=True)
class SearchConfig:
    """How to search. `beam_size` 1 is greedy, unless `do_sample` is set.

    A hypothesis of n tokens scores its summed log-probability over ((5 + n) / 6) **
    `length_penalty` (Wu et al. 2016, equation 14). `no_repeat_ngram_size` forbids any n-gram of
    that many words twice (0: allowed), and a word twice in a row always is, unless
    `allow_immediate_repeat`: the pieces of words may. `consensus` weighs how far the captions of
    the nearest `neighbours` training pictures agree (see `models.captioning.caption_store`); with a
    `bandwidth`, the nearer ones count for more (0: all the same).

    With `do_sample`, `beam_size` captions are drawn word by word instead, and the likeliest comes
    first. Log-probabilities are divided by `temperature` before; of the words only the fewest
    likeliest that together have `top_p` of the probability can be drawn (Holtzman et al. 2020,
    "The curious case of neural text degeneration"). The same `seed` draws the same.

    Four keys of config.json and of recipes are older than the names here: see
    `models.runtime.tables`.
    """

    beam_size: int = field(default=3, metadata={"key": "beam"})
    max_words: int = 20
    length_penalty: float = 0.7
    no_repeat_ngram_size: int = field(default=3, metadata={"key": "no_repeat"})
    consensus: float = 0.0
    neighbours: int = 20
    bandwidth: float = 0.0
    do_sample: bool = field(default=False, metadata={"key": "sample"})
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 1
    allow_immediate_repeat: bool = field(default=False, metadata={"key": "stutter"})

    def __post_init__(self) -> None:
        if min(self.beam_size, self.max_words, self.neighbours) < 1:
            raise ValueError("beam, max_words and neighbours must be at least 1")
        if not self.bandwidth >= 0:
            raise ValueError("bandwidth cannot be less than 0")
        if not (self.temperature > 0 and 0 < self.top_p <= 1 and self.seed >= 0):
            raise ValueError(
                "temperature must be above 0, top_p above 0 and at most 1, seed no less than 0"
            )


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Token ids without START and END; one log-probability a token and one for END.

    `attention` has shape (tokens, L).
    """

    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    attention: NDArray[np.float32]
    score: float


@dataclass(slots=True)
class _Path:
    tokens: tuple[int, ...] = ()
    log_probabilities: tuple[float, ...] = ()
    attention: tuple[NDArray[np.float32], ...] = field(default=())

    def total(self) -> float:
        return sum(self.log_probabilities)


def search(
    engine: Engine,
    encoding: Encoding,
    config: SearchConfig,
    repeatable: frozenset[int] | None = None,
) -> list[Hypothesis]:
    """Find the `config.beam_size` best captions of one picture, best first (at least one).

    As many are drawn with `config.do_sample`; the same one counts once. Words that are not
    `repeatable` come at most once (None: all are). Raises ValueError when the engine gives no
    finite log-probabilities.
    """
    memory, state = encoding.memory, encoding.state
    paths = [_Path()]
    # else numpy's random numbers are never loaded
    random = np.random.default_rng(config.seed) if config.do_sample else None
    if config.do_sample:
        paths = paths * config.beam_size
        state = tuple(part.repeat(config.beam_size, 0) for part in state)
    finished: list[Hypothesis] = []
    for _ in range(config.max_words + 1):
        last = [path.tokens[-1] if path.tokens else START for path in paths]
        scores, attention, state = engine.step(np.asarray(last, np.int64), memory, state)
        allowed = _allowed(scores, paths, config, repeatable)
        parents: list[int] = []
        grown: list[_Path] = []
        chosen = (
            _drawn(allowed, config, random) if random else _best(allowed, paths, config.beam_size)
        )
        for row, token in chosen:
            path, log_probability = paths[row], float(scores[row, token])
            if token == END:
                finished.append(_finish(path, log_probability, config))
                continue
            parents.append(row)
            grown.append(
                _Path(
                    (*path.tokens, token),
                    (*path.log_probabilities, log_probability),
                    (*path.attention, attention[row]),
                )
            )
        if len(finished) >= config.beam_size or not grown:
            break
        paths = grown
        state = tuple(part[parents] for part in state)
    if not finished:
        raise ValueError("the captioner's weights give no probabilities for this picture")
    distinct = {hypothesis.tokens: hypothesis for hypothesis in finished}
    return sorted(distinct.values(), key=lambda hypothesis: -hypothesis.score)[: config.beam_size]


def _allowed(
    scores: NDArray[np.float32],
    paths: Sequence[_Path],
    config: SearchConfig,
    repeatable: frozenset[int] | None,
) -> NDArray[np.float32]:
    """Copy the (B, V) scores with what may not follow set to minus infinity."""
    allowed = scores.copy()
    allowed[:, [PAD, START, UNKNOWN]] = -np.inf
    for row, path in enumerate(paths):
        if len(path.tokens) >= config.max_words:
            end = allowed[row, END]
            allowed[row] = -np.inf
            allowed[row, END] = end
            continue
        if not path.tokens:
            allowed[row, END] = -np.inf  # silence is never a caption
            continue
        if not config.allow_immediate_repeat:
            allowed[row, path.tokens[-1]] = -np.inf
        allowed[row, _repeats(path.tokens, config.no_repeat_ngram_size)] = -np.inf
        if repeatable is not None:
            allowed[row, [token for token in path.tokens if token not in repeatable]] = -np.inf
    return allowed


def _repeats(tokens: tuple[int, ...], n: int) -> list[int]:
    """List the words that would complete an n-gram already in `tokens`."""
    if n < 1 or len(tokens) < n:
        return []
    tail = tokens[len(tokens) - n + 1 :]
    starts = range(len(tokens) - n + 1)
    return [tokens[i + n - 1] for i in starts if tokens[i : i + n - 1] == tail]


def _best(allowed: NDArray[np.float32], paths: Sequence[_Path], beam: int) -> list[tuple[int, int]]:
    """Pick the `beam` best (row, token) continuations, best first, ties by lower index."""
    totals = allowed + np.asarray([path.total() for path in paths], np.float32)[:, None]
    flat = totals.ravel()
    count = min(beam, int(np.isfinite(flat).sum()))
    top = np.argpartition(-flat, count - 1)[:count] if count else np.empty(0, np.int64)
    order = top[np.lexsort((top, -flat[top]))]
    return [divmod(int(index), allowed.shape[1]) for index in order]


def _drawn(
    allowed: NDArray[np.float32], config: SearchConfig, random: np.random.Generator
) -> list[tuple[int, int]]:
    """Draw one (row, token) continuation of each row."""
    drawn = []
    for row, scores in enumerate(allowed.astype(np.float64)):
        order = np.argsort(-scores, kind="stable")[: int(np.isfinite(scores).sum())]
        if not len(order):
            continue
        shares = np.exp((scores[order] - scores[order[0]]) / config.temperature)
        together = np.cumsum(shares / shares.sum())
        count = int(np.searchsorted(together, config.top_p - 1e-9)) + 1  # rounding: the sum of all
        together = together[:count]
        place = int(np.searchsorted(together, random.random() * together[-1], side="right"))
        drawn.append((row, int(order[min(place, len(together) - 1)])))
    return drawn


def _finish(path: _Path, log_probability: float, config: SearchConfig) -> Hypothesis:
    log_probabilities = (*path.log_probabilities, log_probability)
    penalty = ((5 + len(log_probabilities)) / 6) ** config.length_penalty
    return Hypothesis(
        path.tokens,
        log_probabilities,
        np.stack(path.attention),
        sum(log_probabilities) / penalty,
    )
