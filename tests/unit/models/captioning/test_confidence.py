"""What the captioner knows of its captions, and the one number that is made of it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.captioning.caption_store import CaptionStore
from models.captioning.confidence import COMPARED, NEIGHBOUR_COUNTS, OWN, Calibration, signals
from models.captioning.decoding import Encoding, Hypothesis
from models.captioning.vocabulary import END, START
from training.release import neighbours

CAPTIONS = [[4, 5, 6, 7], [4, 5, 8, 9], [10, 11, 6, 7], [12, 13, 14, 15]]
FEATURES = np.random.default_rng(1).normal(2, 1, (4, 8)).astype(np.float32)


@pytest.fixture(scope="module")
def store() -> CaptionStore:
    tokens = torch.tensor([[[START, *ids, END]] for ids in CAPTIONS])
    return CaptionStore(neighbours.build(FEATURES, tokens))


def hypothesis(ids: list[int], values: list[float]) -> Hypothesis:
    attention = np.full((len(ids), 9), 1 / 9, np.float32)
    return Hypothesis(tuple(ids), tuple(values), attention, sum(values))


def encoding(number: int) -> Encoding:
    return Encoding((), (), FEATURES[number], np.zeros(1000, np.float32))


FOUND = [
    hypothesis(CAPTIONS[0], [-0.1, -0.2, -1.5, -0.4, -0.3]),
    hypothesis(CAPTIONS[1], [-0.1, -0.2, -2.5, -0.4, -0.5]),
]


def known_of(
    found: list[Hypothesis], chosen: Hypothesis, seen: Encoding, store: CaptionStore
) -> dict[str, float]:
    near = store.neighbours(seen.features, NEIGHBOUR_COUNTS[-1]) if len(store) else None
    return signals(found, chosen, seen, store, near)


def test_signals_by_hand(store: CaptionStore) -> None:
    known = known_of(FOUND, FOUND[0], encoding(0), store)
    assert set(known) == OWN | COMPARED
    assert known["mean"] == pytest.approx(-0.5)
    assert known["least"] == pytest.approx(-1.5)
    assert known["total"] == pytest.approx(-2.5)
    assert known["end"] == pytest.approx(-0.3)
    assert known["words"] == 4
    # 4, 5, 6 and 7 are on two of the four pictures each
    assert known["rarity"] == known["rarest"] == pytest.approx(math.log(2))
    assert known["by rarity"] == pytest.approx(-2.2 / 4)
    shares = np.exp([-0.1, -0.2, -1.5, -0.4])
    assert known["total rarity"] == pytest.approx(4 * math.log(2))
    assert known["expected rarity"] == pytest.approx(math.log(2) * shares.mean())
    assert known["attention"] == pytest.approx(math.log(9), rel=1e-5)
    assert known["nearest"] == pytest.approx(1, abs=5e-3)
    assert known["support"] == known["least support"] == pytest.approx(0.5)


def test_how_many_channels_see_something(store: CaptionStore) -> None:
    seen = np.asarray([0, 0.04, 0.06, 0, 2, 0, 0.051, 0.05], np.float32)
    known = known_of(FOUND, FOUND[0], dataclasses.replace(encoding(0), features=seen), store)
    assert known["channels"] == 3 / 8


def test_how_far_the_chosen_one_is_behind_in_the_search(store: CaptionStore) -> None:
    first, second = (known_of(FOUND, each, encoding(0), store) for each in FOUND)
    assert first["behind"] == 0
    assert second["behind"] == pytest.approx(1.2)


def test_a_caption_that_the_beam_agrees_on_is_known(store: CaptionStore) -> None:
    alone = known_of(FOUND[:1], FOUND[0], encoding(0), store)
    both = known_of(FOUND, FOUND[0], encoding(0), store)
    assert alone["beam"] == pytest.approx(1)
    share = 1 / (1 + math.exp(-1.2))  # of the first, by total probability
    assert share < both["beam"] < 1
    other = known_of(FOUND, FOUND[1], encoding(0), store)
    assert other["beam"] < both["beam"]


def test_what_the_neighbours_say_counts(store: CaptionStore) -> None:
    said, unsaid = (
        known_of([each], each, encoding(0), store)
        for each in (FOUND[0], hypothesis([16, 17, 18, 19], [-0.1] * 5))
    )
    for count in NEIGHBOUR_COUNTS:
        assert said[f"agreement {count}"] > unsaid[f"agreement {count}"]
    assert unsaid["support"] == unsaid["least support"] == 0
    assert unsaid["rarity"] == pytest.approx(math.log(4))
    assert list(said) == list(unsaid)
    assert all(map(math.isfinite, [*said.values(), *unsaid.values()]))


def test_a_caption_of_the_commonest_words_only_is_no_accident(store: CaptionStore) -> None:
    tokens = torch.tensor([[[START, 4, END]]] * 3)
    same = CaptionStore(neighbours.build(FEATURES[:3], tokens))
    only = hypothesis([4], [-0.1, -0.1])
    known = known_of([only], only, encoding(0), same)
    assert known["rarity"] == 0
    assert all(map(math.isfinite, known.values()))


@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(0.01, 5), st.floats(-5, 5))
def test_confidence_rises_with_what_speaks_for_a_caption(
    low: float, high: float, weight: float, offset: float
) -> None:
    low, high = sorted((low, high))
    calibration = Calibration({"mean": weight, "rarity": -weight}, offset)
    below, above = (
        calibration.confidence({"mean": each, "rarity": 1.0, "words": 3.0}) for each in (low, high)
    )
    assert 0 <= below <= above <= 1
    against = calibration.confidence({"mean": low, "rarity": 2.0})
    assert against <= below


def test_confidence_by_hand_and_without_overflow() -> None:
    calibration = Calibration({"mean": 2.0}, 1.0)
    values = [calibration.confidence({"mean": each}) for each in (-1e30, -1e4, -3.0, -0.5, 1e30)]
    assert values == sorted(values)
    assert values[0] == pytest.approx(0)
    assert values[2] == pytest.approx(1 / (1 + math.exp(5)))
    assert values[3] == pytest.approx(0.5)
    assert values[4] == 1


def test_a_signal_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError, match="mean"):
        Calibration().confidence({"least": -1.0})
    with pytest.raises(KeyError, match="near"):
        Calibration(familiar={"near": 1.0}).confidence({"mean": -1.0})


def test_nothing_makes_up_for_an_unfamiliar_picture() -> None:
    calibration = Calibration({"mean": 2.0}, 1.0, {"near": 4.0}, -2.0)
    by_hand = 1 / (1 + math.exp(1)) / (1 + math.exp(-1))
    assert calibration.confidence({"mean": -1.0, "near": 0.75}) == pytest.approx(by_hand)
    best = calibration.confidence({"mean": 1e4, "near": 0.0})
    assert best == pytest.approx(1 / (1 + math.exp(2)))
    assert Calibration({"mean": 2.0}, 1.0).confidence({"mean": 1e4}) == 1


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_tags_probability_is_bent_but_keeps_its_order(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert Calibration().tag_probability(low) == pytest.approx(low, abs=2e-6)
    bent = Calibration(tag_slope=0.7, tag_offset=-0.4)
    assert 0 < bent.tag_probability(low) <= bent.tag_probability(high) < 1


def test_without_a_memory_only_the_captions_own_signals_are_there(store: CaptionStore) -> None:
    empty = CaptionStore(CaptionStore.empty(8))
    assert (len(empty), empty.vocab_size, empty.channels) == (0, 0, 8)
    known = known_of(FOUND, FOUND[0], encoding(0), empty)
    assert set(known) == {"mean", "least", "total", "end", "words", "attention", "channels"}
    assert known.items() <= known_of(FOUND, FOUND[0], encoding(0), store).items()
    assert Calibration().confidence(known) > 0
