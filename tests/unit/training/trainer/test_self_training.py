"""Captions of its own for pictures without: the search against brute force, and the words."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor

from models.captioning.decoding import Encoding, SearchConfig, search
from models.captioning.tags import names
from models.captioning.vocabulary import END, PAD, START, UNKNOWN, Vocabulary
from training.trainer import self_critical
from training.trainer.self_training import (
    SelfTraining,
    captions,
    constrained,
    new_words,
    replaced,
    things,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.captioning.decoding import Arrays
    from models.networks.decoder_base import Tensors

VOCABULARY = Vocabulary.from_words(["a", "brown", "dog", "runs"])
A, BROWN, DOG, RUNS = range(4, 8)
SIZE = len(VOCABULARY)
FEATURES = torch.zeros(1, 1, 1, 1)


class TableDecoder:
    """The next word depends on the last two and on how many there were, kept in the state.

    A search that mixes up its paths' states is found out.
    """

    def __init__(self, seed: int, steps: int = 8, spread: float = 2.0) -> None:
        scores = np.random.default_rng(seed).normal(0, spread, (steps, SIZE, SIZE, SIZE))
        self.table = torch.from_numpy(scores).float().log_softmax(-1)

    def eval(self) -> TableDecoder:
        return self

    def begin(self, features: Tensor) -> tuple[Tensors, Tensors]:
        none = torch.zeros(len(features), 1, 1)
        return (none,), (none, torch.full((len(features), 1, 1), START))

    def step(
        self, tokens: Tensor, memory: Tensors, state: Tensors
    ) -> tuple[Tensor, Tensor, Tensors]:
        count, before = state
        assert tokens.shape == count.shape[:2] == before.shape[:2]
        logits = self.table[int(count[0, 0, 0]), before[..., 0], tokens]
        return logits, torch.ones(*tokens.shape, 1), (count + 1, tokens[..., None])

    def mean(self, ids: tuple[int, ...]) -> float:
        """Mean log-probability a token."""
        path = (START, START, *ids, END)
        return float(
            np.mean(
                [
                    float(self.table[n, path[n], path[n + 1], path[n + 2]])
                    for n in range(len(ids) + 1)
                ]
            )
        )


def allowed(ids: tuple[int, ...], must: int | None) -> bool:
    pairs = list(pairwise(ids))
    return (
        (must is None or must in ids)
        and len(set(pairs)) == len(pairs)
        and all(a != b for a, b in pairs)
    )


@pytest.mark.parametrize("must", [None, DOG, RUNS])
@pytest.mark.parametrize("seed", range(5))
def test_the_constrained_search_finds_what_brute_force_finds(seed: int, must: int | None) -> None:
    decoder, words = TableDecoder(seed), 4
    every = [
        ids
        for length in range(1, words + 1)
        for ids in product(range(4, SIZE), repeat=length)
        if allowed(ids, must)
    ]
    best = max(every, key=decoder.mean)
    found, mean = constrained(decoder, FEATURES, must, beam=400, words=words)
    assert tuple(found) == best
    assert mean == pytest.approx(decoder.mean(best), abs=1e-5)


@pytest.mark.parametrize("within", [1, 2, 3])
def test_the_word_can_be_asked_for_early_and_others_banned(within: int) -> None:
    decoder = TableDecoder(7)
    every = [
        ids
        for length in range(1, 5)
        for ids in product((A, DOG, RUNS), repeat=length)
        if allowed(ids, DOG) and DOG in ids[:within]
    ]
    found, _ = constrained(decoder, FEATURES, DOG, 400, 4, within, [BROWN])
    assert tuple(found) == max(every, key=decoder.mean)


@pytest.mark.parametrize("beam", [1, 2, 4])
@pytest.mark.parametrize("seed", range(10))
def test_whatever_the_beam_the_word_is_there(seed: int, beam: int) -> None:
    decoder = TableDecoder(seed, spread=6)
    found, mean = constrained(decoder, FEATURES, BROWN, beam, words=6)
    assert BROWN in found
    assert len(found) <= 6
    assert not set(found) & {PAD, START, END, UNKNOWN}
    assert allowed(tuple(found), BROWN)
    assert mean == pytest.approx(decoder.mean(tuple(found)), abs=1e-5)


def test_a_word_that_is_unknown_has_no_caption() -> None:
    assert constrained(TableDecoder(1), FEATURES, UNKNOWN, 4, 6) == ([], -np.inf)


@pytest.mark.parametrize(
    ("caption", "like", "word", "wanted"),
    [
        ("a brown dog runs", "dog", "elephant", "an elephant runs"),
        ("an orange cat sits", "cat", "dog", "a dog sits"),
        ("a black and white dog runs", "dog", "zebra", "a zebra runs"),
        ("a light brown and tan dog runs", "dog", "owl", "an owl runs"),
        ("the brown dog runs", "dog", "zebra", "the zebra runs"),
        ("a boy and dog run", "dog", "horse", "a boy and horse run"),
        ("two dogs and a dog", "dog", "cat", "two dogs and a cat"),
        (
            "a man in a red shirt rides a bike",
            "bike",
            "unicycle",
            "a man in a red shirt rides a unicycle",
        ),
        (
            "a one legged man in a uniform and a dog",
            "dog",
            "fox",
            "a one legged man in a uniform and a fox",
        ),
        ("a brown dog runs", "dog", "polar bear", "a polar bear runs"),
        ("a brown dog runs", "dog", "dog", "a brown dog runs"),
        ("dog", "dog", "owl", "owl"),
        ("a man runs", "dog", "owl", "a man runs"),
    ],
)
def test_a_name_takes_the_place_of_what_is_alike(
    caption: str, like: str, word: str, wanted: str
) -> None:
    assert replaced(caption, like, word) == wanted


def test_new_words_are_those_on_several_pictures_the_known_ones_first() -> None:
    seen = [("zebra", "horse")] * 3 + [("owl", "bird")] * 4 + [("yak", "dog")] * 4 + [None] * 9
    seen += [("polar bear", "dog")] * 3 + [("dog", "dog")] * 3 + [("snail", "dog")] * 2
    assert new_words(seen, {"dog": 50, "bear": 2}, 3) == [
        "dog",
        "bear",
        "owl",
        "yak",
        "polar",
        "zebra",
    ]
    assert new_words([], {}, 1) == []


def test_a_thing_is_there_when_its_classes_together_are_sure() -> None:
    words = [name.word for name in names()]
    dogs = [number for number, word in enumerate(words) if word == "dog"][:10]
    logits = np.full((4, 1000), -9.0, np.float16)
    logits[0, dogs] = 5  # ten breeds, none likely alone
    logits[1, words.index("zebra")] = 9
    logits[2, [words.index("zebra"), words.index("banana")]] = 5
    logits[3] = 0
    found = things(logits, sure=0.6)
    assert found[0] == ("dog", "dog")
    assert found[1] is not None
    assert found[1][0] == "zebra"
    assert found[2:] == [None, None]


def test_captions_are_made_where_they_are_good_enough() -> None:
    decoder, asked = TableDecoder(2), []

    def features(number: int) -> Tensor:
        asked.append(number)
        return FEATURES

    def made(seen: list[tuple[str, str] | None], how: SelfTraining) -> list[list[str]]:
        return captions(decoder, features, seen, VOCABULARY, {"dog"}.__contains__, how, 5)

    seen: list[tuple[str, str] | None] = [("dog", "runs"), ("yak", "dog"), ("owl", "horse"), None]
    known, alike, unknown, free = made(seen, SelfTraining(worst=-99, unnamed=-99))
    assert asked == [0, 1, 2, 3]
    assert "dog" in known
    assert "yak" in alike
    assert "dog" not in alike
    assert unknown == []  # neither its name nor what it is like can be said
    assert free == list(VOCABULARY.decode(constrained(decoder, FEATURES, None, 4, 5)[0]))
    # what is unfamiliar is spoken of alone, without the dogs that run in most captions
    assert set(made([("sofa", "brown")], SelfTraining(worst=-99))[0]) <= {"a", "sofa"}
    assert made(seen, SelfTraining(worst=0, unnamed=-99)) == [[], [], [], free]
    assert made(seen, SelfTraining(worst=-99, unnamed=0)) == [known, alike, [], []]


@pytest.mark.parametrize("seed", range(20))
def test_greedy_samples_are_what_a_beam_of_one_finds(seed: int) -> None:
    decoder, words = TableDecoder(seed), 5
    decoder.table[:, :, range(SIZE), range(SIZE)] = -50  # what the search forbids besides
    decoder.table[0, START, START, END] = -50

    class Engine:
        def step(
            self, tokens: NDArray[np.int64], memory: tuple[Tensor, ...], state: Arrays
        ) -> tuple[NDArray[np.float32], NDArray[np.float32], Arrays]:
            last, *rows = (torch.from_numpy(part)[None] for part in (tokens, *state))
            scores, weights, after = decoder.step(last, memory, tuple(rows))
            return scores[0].numpy(), weights[0].numpy(), tuple(part[0].numpy() for part in after)

    memory, state = decoder.begin(FEATURES)
    start = Encoding(memory, tuple(part[0].numpy() for part in state), np.zeros(0), np.zeros(0))
    (found,) = search(
        Engine(), start, SearchConfig(beam_size=1, max_words=words, no_repeat_ngram_size=0)
    )
    tokens, _ = self_critical.sample(decoder, FEATURES, 1, words, greedy=True)
    said = [token for token in tokens[0, 0].tolist() if token not in (END, PAD)]
    assert tuple(said[:words]) == found.tokens
