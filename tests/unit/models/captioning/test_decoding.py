"""The search against brute force, over a table of probabilities in place of a network."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.captioning.decoding import Encoding, Hypothesis, SearchConfig, search
from models.captioning.vocabulary import END, PAD, START, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models.captioning.decoding import Arrays

CELLS = 3
PICTURE = Encoding(
    (np.zeros((1, CELLS), np.float32),),
    (np.full((1, 2), [0, START], np.float32),),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
)


class TableEngine:
    """The next word depends on the last one and on how many there were.

    The state counts the words of each path and remembers the last one, so that a search
    which mixes up its paths' states is found out.
    """

    def __init__(self, scores: NDArray[np.float32]) -> None:
        """(steps, V, V) logits of the next word given the last."""
        logits = scores.astype(np.float64)
        logits -= logits.max(-1, keepdims=True)
        self.table = (logits - np.log(np.exp(logits).sum(-1, keepdims=True))).astype(np.float32)

    def step(
        self, tokens: NDArray[np.int64], memory: Arrays, state: Arrays
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], Arrays]:
        (paths,) = state
        assert tokens.dtype == np.int64
        assert len(paths) == len(tokens)
        assert memory[0].shape == (1, CELLS)
        count = int(paths[0, 0])
        before = paths[:, 1].astype(int)
        attention = np.stack([self.attention(count, word) for word in before])
        after = np.stack([np.full(len(tokens), count + 1), tokens], 1).astype(np.float32)
        return self.table[count, tokens], attention, (after,)

    def attention(self, count: int, before: int) -> NDArray[np.float32]:
        """The attention of a step, as known from the state alone."""
        return np.asarray([count, before, 1], np.float32)

    def log_probabilities(self, tokens: tuple[int, ...]) -> list[float]:
        path = (START, *tokens, END)
        return [float(self.table[n, a, b]) for n, (a, b) in enumerate(pairwise(path))]


def random_engine(seed: int, words: int = 4, steps: int = 12, spread: float = 2) -> TableEngine:
    size = words + 4
    return TableEngine(
        np.random.default_rng(seed).normal(0, spread, (steps, size, size)).astype(np.float32)
    )


def every_caption(words: int, config: SearchConfig) -> Iterator[tuple[int, ...]]:
    """All captions that the rules allow, found without the search's own code."""
    ends = [()]
    for _ in range(config.max_words):
        ends = [
            (*path, word)
            for path in ends
            for word in range(4, 4 + words)
            if obeys((*path, word), config)
        ]
        yield from ends


def obeys(tokens: tuple[int, ...], config: SearchConfig) -> bool:
    n = config.no_repeat_ngram_size
    grams = [tokens[i : i + n] for i in range(len(tokens) - n + 1)] if n else []
    return len(grams) == len(set(grams)) and all(a != b for a, b in pairwise(tokens))


def score(engine: TableEngine, tokens: tuple[int, ...], config: SearchConfig) -> float:
    each = engine.log_probabilities(tokens)
    return sum(each) / ((5 + len(each)) / 6) ** config.length_penalty


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "config",
    [
        SearchConfig(400, 4, 0.7, 3),
        SearchConfig(400, 5, 0.0, 2),
        SearchConfig(400, 4, 1.5, 0),
        SearchConfig(400, 4, 0.7, 1),
    ],
)
def test_a_beam_as_wide_as_the_space_finds_what_brute_force_finds(
    seed: int, config: SearchConfig
) -> None:
    engine = random_engine(seed, words=3)
    found = search(engine, PICTURE, config)
    wanted = sorted(every_caption(3, config), key=lambda tokens: -score(engine, tokens, config))
    assert len(found) == len(wanted)
    assert {hypothesis.tokens for hypothesis in found} == set(wanted)
    assert found[0].tokens == wanted[0]
    scores = [score(engine, tokens, config) for tokens in wanted]
    assert [hypothesis.score for hypothesis in found] == pytest.approx(scores, abs=1e-4)


@pytest.mark.parametrize("seed", range(10))
def test_a_beam_of_one_is_greedy(seed: int) -> None:
    engine, config = random_engine(seed), SearchConfig(beam_size=1, max_words=9)
    tokens: tuple[int, ...] = ()
    while len(tokens) < config.max_words:
        row = engine.table[len(tokens), tokens[-1] if tokens else START]
        options = [word for word in range(4, len(row)) if obeys((*tokens, word), config)]
        best = max([*options, *([END] if tokens else [])], key=row.__getitem__)
        if best == END:
            break
        tokens = (*tokens, best)
    (found,) = search(engine, PICTURE, config)
    assert found.tokens == tokens


def test_the_length_penalty_changes_what_wins() -> None:
    engine = random_engine(4, spread=0.1)
    lengths = [
        len(search(engine, PICTURE, SearchConfig(400, 5, penalty))[0].tokens)
        for penalty in (0.0, 4.0)
    ]
    assert lengths == [1, 5]


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    words=st.integers(1, 6),
    spread=st.sampled_from([0.1, 2, 9]),
    config=st.builds(
        SearchConfig,
        beam_size=st.integers(1, 8),
        max_words=st.integers(1, 10),
        length_penalty=st.sampled_from([0.0, 0.7, 2.0]),
        no_repeat_ngram_size=st.integers(0, 4),
    ),
)
def test_every_hypothesis_keeps_every_rule(
    seed: int, words: int, spread: float, config: SearchConfig
) -> None:
    searched_by_the_rules(random_engine(seed, words, spread=spread), config)


def searched_by_the_rules(engine: TableEngine, config: SearchConfig) -> list[Hypothesis]:
    found = search(engine, PICTURE, config)
    assert 1 <= len(found) <= config.beam_size
    assert len({hypothesis.tokens for hypothesis in found}) == len(found)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    for hypothesis in found:
        keeps_the_rules(hypothesis, engine, config)
    return found


def keeps_the_rules(found: Hypothesis, engine: TableEngine, config: SearchConfig) -> None:
    assert 1 <= len(found.tokens) <= config.max_words
    assert not set(found.tokens) & {PAD, START, END, UNKNOWN}
    assert obeys(found.tokens, config)
    assert list(found.log_probabilities) == engine.log_probabilities(found.tokens)
    assert found.score == pytest.approx(score(engine, found.tokens, config))
    assert found.attention.shape == (len(found.tokens), CELLS)
    wanted = [
        engine.attention(n, word)
        for n, word in enumerate((START, START, *found.tokens)[: len(found.tokens)])
    ]
    assert np.array_equal(found.attention, wanted)


@pytest.mark.parametrize("beam", [1, 4])
def test_there_is_a_caption_even_when_the_end_is_most_unlikely(beam: int) -> None:
    scores = np.zeros((12, 8, 8), np.float32)
    scores[..., END] = -1e6
    config = SearchConfig(beam, max_words=6)
    found = search(TableEngine(scores), PICTURE, config)
    assert [len(hypothesis.tokens) for hypothesis in found] == [6] * beam


@pytest.mark.parametrize("special", [PAD, START, UNKNOWN])
def test_special_tokens_are_never_chosen_however_likely(special: int) -> None:
    scores = np.zeros((12, 8, 8), np.float32)
    scores[..., special] = 50
    found = search(TableEngine(scores), PICTURE, SearchConfig(3, 5))
    assert len(found) == 3
    for hypothesis in found:
        assert min(hypothesis.tokens) > UNKNOWN


def test_silence_is_never_a_caption() -> None:
    scores = np.zeros((12, 8, 8), np.float32)
    scores[..., END] = 50
    found = search(TableEngine(scores), PICTURE, SearchConfig(3, 5))
    assert [len(each.tokens) for each in found] == [1] * 3


def test_a_favourite_phrase_is_not_said_over_and_over() -> None:
    scores = np.zeros((12, 8, 8), np.float32)
    scores[:, 4, 5] = scores[:, 5, 6] = scores[:, 6, 4] = scores[:, START, 4] = 9
    scores[..., END] = -4
    (freely,) = search(TableEngine(scores), PICTURE, SearchConfig(1, 9, no_repeat_ngram_size=0))
    assert freely.tokens == (4, 5, 6) * 3
    (blocked,) = search(TableEngine(scores), PICTURE, SearchConfig(1, 9, no_repeat_ngram_size=3))
    assert blocked.tokens[:5] == (4, 5, 6, 4, 5)
    assert blocked.tokens[5] != 6


def test_a_caption_of_one_known_word_ends() -> None:
    engine = random_engine(1, words=1)
    (found,) = search(engine, PICTURE, SearchConfig(3, 8))
    assert found.tokens == (4,)


def test_weights_that_give_no_numbers_are_an_error_not_a_crash() -> None:
    engine = random_engine(1)
    engine.table[:] = np.nan
    with pytest.raises(ValueError, match="no probabilities"):
        search(engine, PICTURE, SearchConfig())


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    words=st.integers(1, 6),
    spread=st.sampled_from([0.1, 2, 9]),
    config=st.builds(
        SearchConfig,
        do_sample=st.just(True),
        beam_size=st.integers(1, 8),
        max_words=st.integers(1, 10),
        no_repeat_ngram_size=st.integers(0, 4),
        temperature=st.sampled_from([0.1, 1.0, 5.0]),
        top_p=st.sampled_from([0.1, 0.9, 1.0]),
        seed=st.integers(0, 99),
    ),
)
def test_drawn_captions_keep_every_rule_too(
    seed: int, words: int, spread: float, config: SearchConfig
) -> None:
    engine = random_engine(seed, words, spread=spread)
    found = searched_by_the_rules(engine, config)
    again = search(engine, PICTURE, config)
    assert [each.tokens for each in again] == [each.tokens for each in found]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("cold", [{"temperature": 1e-3}, {"top_p": 1e-6}])
def test_drawing_from_the_likeliest_alone_is_greedy(seed: int, cold: dict[str, float]) -> None:
    engine = random_engine(seed)
    (greedy,) = search(engine, PICTURE, SearchConfig(beam_size=1, max_words=9))
    for draw in range(3):
        config = SearchConfig(beam_size=1, max_words=9, do_sample=True, seed=draw, **cold)
        (found,) = search(engine, PICTURE, config)
        assert found.tokens == greedy.tokens


@pytest.mark.parametrize(
    ("temperature", "top_p", "wanted"),
    [
        (1.0, 1.0, [0.5, 0.3, 0.15, 0.05]),
        (1.0, 0.8, [0.625, 0.375, 0, 0]),
        (1.0, 0.81, [0.526, 0.316, 0.158, 0]),
        (0.5, 1.0, [0.685, 0.247, 0.062, 0.007]),
    ],
)
def test_words_are_drawn_as_often_as_is_likely(
    temperature: float, top_p: float, wanted: list[float]
) -> None:
    scores = np.full((12, 8, 8), -50, np.float32)
    scores[..., 4:] = np.log([0.5, 0.3, 0.15, 0.05])
    engine = TableEngine(scores)
    counts = np.zeros(4)
    for seed in range(600):
        config = SearchConfig(1, 1, do_sample=True, temperature=temperature, top_p=top_p, seed=seed)
        (found,) = search(engine, PICTURE, config)
        counts[found.tokens[0] - 4] += 1
    assert counts / 600 == pytest.approx(wanted, abs=0.07)
    assert (counts[np.asarray(wanted) == 0] == 0).all()


def test_several_draws_differ() -> None:
    found = search(random_engine(3, spread=0.5), PICTURE, SearchConfig(6, 8, do_sample=True))
    assert len(found) > 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": 0.0},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"seed": -1},
        {"temperature": float("nan")},
    ],
)
def test_draws_that_mean_nothing_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="temperature must be above 0"):
        dataclasses.replace(SearchConfig(), **wrong)


@pytest.mark.parametrize("wrong", [{"beam_size": 0}, {"max_words": 0}, {"neighbours": 0}])
def test_a_search_that_can_find_nothing_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        dataclasses.replace(SearchConfig(), **wrong)


def test_pieces_of_words_may_stutter() -> None:
    table = np.zeros((6, 6, 6), np.float32)
    table[:4, :, 4] = table[4:, :, END] = 9  # four times the same, then the end
    table[:, :, 5] = 5
    engine = TableEngine(table)
    config = SearchConfig(1, 5, no_repeat_ngram_size=0)
    pieces = dataclasses.replace(config, allow_immediate_repeat=True)
    assert search(engine, PICTURE, pieces)[0].tokens == (4,) * 4
    assert search(engine, PICTURE, config)[0].tokens == (4, 5, 4, 5)
