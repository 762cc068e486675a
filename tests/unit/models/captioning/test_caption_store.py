"""The second opinion: CIDEr as its paper has it, nearest pictures, words that few use."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.captioner import choose
from models.captioning.caption_store import CaptionStore, neighbour_weights
from models.captioning.cider import MAX_VOCAB_SIZE, ngrams
from models.captioning.decoding import Hypothesis, SearchConfig
from models.captioning.vocabulary import END, PAD, START
from training.release import neighbours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Gram = tuple[int, ...]
WORDS, CHANNELS = 12, 6
# three pictures: 4 is on all of them, 5 on two, 6 and 7 on one, 8 on none
BY_HAND = [[[4, 5], [4]], [[4, 5, 6], [4, 5, 5]], [[4, 7], [4, 4]]]


def said(seed: int, pictures: int = 9, captions: int = 3) -> list[list[list[int]]]:
    """For each picture its captions, ids without START and END."""
    random = np.random.default_rng(seed)
    return [
        [random.integers(4, WORDS, random.integers(1, 8)).tolist() for _ in range(captions)]
        for _ in range(pictures)
    ]


def tokens(captions: list[list[list[int]]]) -> torch.Tensor:
    longest = max(len(ids) for picture in captions for ids in picture) + 2
    return torch.tensor(
        [
            [[START, *ids, END, *[PAD] * (longest - len(ids) - 2)] for ids in picture]
            for picture in captions
        ]
    )


def features(seed: int, pictures: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(3, 2, (pictures, CHANNELS)).astype(np.float32)


def memory(captions: list[list[list[int]]], seed: int = 0) -> CaptionStore:
    return CaptionStore(neighbours.build(features(seed, len(captions)), tokens(captions)))


class Cider:
    """CIDEr of Vedantam et al. 2015, equations 1 to 3, slowly and word for word."""

    def __init__(self, pictures: list[list[list[int]]]) -> None:
        self.pictures = len(pictures)
        self.frequency = Counter(
            gram
            for captions in pictures
            for gram in {g for ids in captions for g in self.count(ids)}
        )

    @staticmethod
    def count(ids: Sequence[int]) -> Counter[Gram]:
        whole = (*ids, END)
        return Counter(whole[at : at + n] for n in range(1, 5) for at in range(len(whole) - n + 1))

    def vector(self, ids: Sequence[int], n: int) -> dict[Gram, float]:
        return {
            gram: number * math.log(self.pictures / max(1, self.frequency[gram]))
            for gram, number in self.count(ids).items()
            if len(gram) == n
        }

    def __call__(self, one: Sequence[int], other: Sequence[int]) -> float:
        total = 0.0
        for n in range(1, 5):
            a, b = self.vector(one, n), self.vector(other, n)
            length = math.hypot(*a.values()) * math.hypot(*b.values())
            if length:
                total += sum(value * b.get(gram, 0) for gram, value in a.items()) / length
        return total / 4


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 9))
def test_agreement_is_the_mean_cider_with_the_captions_of_the_pictures(
    seed: int, count: int
) -> None:
    captions = said(seed)
    store, cider = memory(captions), Cider(captions)
    mine = [*said(seed + 1, 1, 3)[0], captions[0][0]]
    chosen = np.random.default_rng(seed).permutation(9)[:count]
    wanted = [
        np.mean([cider(each, ids) for number in chosen for ids in captions[number]])
        for each in mine
    ]
    assert store.agreement(mine, store.references(chosen)) == pytest.approx(wanted, abs=1e-9)


def test_it_is_not_ciders_variant_d() -> None:
    store, cider = memory(BY_HAND), Cider(BY_HAND)
    long = [6] * 9  # CIDEr-D would clip the count and punish the length
    wanted = np.mean([cider(long, ids) for ids in BY_HAND[1]])
    assert wanted > 0.1
    assert store.agreement([long], store.references(np.asarray([1]))) == pytest.approx([wanted])


def test_agreement_among_captions_is_weighted() -> None:
    captions = said(2)
    store, cider = memory(captions), Cider(captions)
    mine, shares = captions[3], np.asarray([0.5, 0.2, 0.3])
    wanted = [sum(share * cider(a, b) for b, share in zip(mine, shares, strict=True)) for a in mine]
    assert store.agreement_among(mine, shares) == pytest.approx(wanted)


def test_a_picture_with_fewer_captions_counts_for_what_it_has() -> None:
    captions = said(3)
    ids = tokens(captions)
    ids[4, 1:] = PAD
    store = CaptionStore(neighbours.build(features(0, 9), ids))
    captions[4] = captions[4][:1]
    cider, mine = Cider(captions), captions[5][:1]
    wanted = np.mean([cider(mine[0], each) for number in (4, 5) for each in captions[number]])
    both = store.references(np.asarray([4, 5]))
    assert store.agreement(mine, both) == pytest.approx([wanted])
    alone = store.agreement(mine, both.first(1))[0]
    assert alone == pytest.approx(np.mean([cider(mine[0], each) for each in captions[4]]))
    weightings = [np.asarray([1.0, 0.0]), np.asarray([1.0, 1.0])]
    assert store.agreements(mine[0], both, weightings) == pytest.approx([alone, wanted])


def test_agreement_with_pictures_is_weighted() -> None:
    captions = said(6)
    store, cider = memory(captions), Cider(captions)
    mine, chosen, weights = captions[0][:2], np.asarray([1, 2]), np.asarray([3.0, 1.0])
    each = [
        [np.mean([cider(caption, ids) for ids in captions[number]]) for number in chosen]
        for caption in mine
    ]
    wanted = [(3 * near + far) / 4 for near, far in each]
    there = store.references(chosen)
    assert store.agreement(mine, there, weights) == pytest.approx(wanted)
    assert store.agreements(mine[0], there, [weights]) == pytest.approx(wanted[:1])


def test_the_nearer_ones_weigh_more() -> None:
    cosines = np.asarray([0.8, 0.7, 0.3], np.float32)
    assert neighbour_weights(cosines, 0.1) == pytest.approx([1, math.exp(-1), math.exp(-5)])
    assert neighbour_weights(cosines, 0) == pytest.approx([1, 1, 1])


def test_thousands_of_captions_are_not_mixed_up() -> None:
    captions = said(4, pictures=30, captions=60)
    store, cider = memory(captions), Cider(captions)
    wanted = np.mean([cider(captions[7][0], ids) for picture in captions for ids in picture])
    everything = store.references(np.arange(30))
    assert store.agreement(captions[7][:1], everything) == pytest.approx([wanted])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.integers(1, MAX_VOCAB_SIZE - 1), min_size=1, max_size=6), min_size=1, max_size=4
    )
)
def test_every_n_gram_has_a_key_of_its_own(captions: list[list[int]]) -> None:
    longest = max(map(len, captions))
    array = np.asarray([[*ids, *[PAD] * (longest - len(ids))] for ids in captions])
    rows, keys = ngrams(array)
    wanted = [
        (row, tuple(ids[at : at + n]))
        for row, ids in enumerate(captions)
        for n in range(1, 5)
        for at in range(len(ids) - n + 1)
    ]
    assert Counter(rows.tolist()) == Counter(row for row, _ in wanted)
    assert len(set(keys.tolist())) == len({gram for _, gram in wanted})
    assert len(set(zip(rows.tolist(), keys.tolist(), strict=True))) == len(set(wanted))


def test_the_nearest_picture_to_a_picture_is_itself() -> None:
    seen = features(5, 40)
    store = CaptionStore(neighbours.build(seen, tokens(said(5, 40))))
    for number, each in enumerate(seen):
        pictures, cosines = store.nearest(each, 5)
        assert pictures[0] == number
        assert len(pictures) == len(cosines) == 5
        assert cosines[0] == pytest.approx(1, abs=5e-3)  # float16
        assert cosines.tolist() == sorted(cosines.tolist(), reverse=True)
    assert sorted(store.nearest(seen[0], 99)[0]) == list(range(40))


def test_rarity_by_hand() -> None:
    rarity = memory(BY_HAND).rarity([4, 5, 6, 8])
    assert rarity == pytest.approx([0, math.log(3 / 2), math.log(3), math.log(3)])


def test_support_by_hand() -> None:
    store = memory(BY_HAND)
    assert store.support([4, 5, 7, 8], np.arange(3)) == pytest.approx([1, 2 / 3, 1 / 3, 0])
    assert store.support([6, 7], np.asarray([1])) == pytest.approx([1, 0])


def test_unity_by_hand() -> None:
    captions = [[[4, 5, 6, 7]], [[4, 5, 6, 7]], [[8, 9, 10, 11]]]
    store = memory(captions)
    # END and what else is on all pictures weighs nothing; n-grams of the first two are shared
    one = Cider(captions)(captions[0][0], captions[1][0])
    assert one == pytest.approx(1)
    assert store.neighbour_agreement(np.arange(3)) == pytest.approx((2 + 2 + 1) / 9)
    assert store.neighbour_agreement(np.asarray([2])) == pytest.approx(1)


def test_ease_is_how_far_the_writers_agree() -> None:
    captions = [[[4, 5, 6]] * 3, [[4, 5, 6], [7, 8, 9], [10, 11, 4]], said(6, 1)[0]]
    store, cider = memory(captions), Cider(captions)
    pairs = [(0, 1), (0, 2), (1, 2)]
    for number, picture in enumerate(captions[:2]):
        wanted = np.mean([cider(picture[a], picture[b]) for a, b in pairs])
        assert store.annotator_agreement(np.asarray([number])) == pytest.approx(wanted, abs=1e-3)
    assert store.annotator_agreement(np.asarray([0])) == pytest.approx(1, abs=1e-3)


def test_the_consensus_chooses_among_what_was_found() -> None:
    captions = [[[4, 5, 6, 7]]] * 4 + [[[8, 9, 10, 11]]] * 4
    seen = np.repeat(np.eye(2, CHANNELS, dtype=np.float32), 4, 0) * 5
    store = CaptionStore(neighbours.build(seen, tokens(captions)))
    found = [
        Hypothesis(ids, (-1.0,) * 5, np.ones((4, 1), np.float32), score)
        for ids, score in (((4, 5, 6, 7), -1.0), ((8, 9, 10, 11), -1.1))
    ]
    at = [store.neighbours(each, 8) for each in seen[[0, 4]]]
    config = SearchConfig(consensus=0.5, neighbours=3)
    assert [choose(found, store, each, config) for each in at] == found
    assert choose(found, store, at[1], SearchConfig(consensus=0.0)) is found[0]
    assert choose(found[:1], store, at[1], config) is found[0]
    assert choose(found, CaptionStore(CaptionStore.empty(CHANNELS)), None, config) is found[0]


def changed(**changes: Any) -> dict[str, NDArray[Any]]:
    return neighbours.build(features(0, 9), tokens(said(0))) | changes


@pytest.mark.parametrize(
    "wrong",
    [
        {"mean": np.zeros(5)},
        {"projection": np.zeros((6, 3))},
        {"places": np.zeros((8, 6))},
        {"places": np.zeros(9)},
        {"places": np.asarray(1.0)},
        {"captions": np.zeros((9, 5), int)},
        {"captions": np.zeros((9, 0, 5), int)},
        {"captions": np.zeros((9, 1, 5))},
        {"unity": np.zeros(8)},
        {"frequencies": np.zeros(3)},
        {"grams": np.asarray(4)},
    ],
)
def test_parts_that_do_not_fit_each_other_are_refused(wrong: dict[str, NDArray[Any]]) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        CaptionStore(changed(**wrong))


def test_document_frequencies_are_counted_by_picture() -> None:
    arrays = neighbours.build(features(0, 3), tokens(BY_HAND))
    table = dict(zip(arrays["grams"].tolist(), arrays["frequencies"].tolist(), strict=True))
    wanted = Cider(BY_HAND).frequency
    assert sorted(table.values()) == sorted(n for n in wanted.values() if n > 1)
    assert arrays["grams"].tolist() == sorted(arrays["grams"].tolist())
    for gram, number in wanted.items():
        (key,) = ngrams(np.asarray([gram]))[1][-1:].tolist()
        assert table.get(key, 1) == number


def test_the_memory_is_the_same_each_time_and_small() -> None:
    first, again = (neighbours.build(features(7, 200), tokens(said(7, 200))) for _ in range(2))
    assert {name: array.dtype.itemsize for name, array in first.items()} == {
        "mean": 2,
        "projection": 2,
        "places": 2,
        "captions": 2,
        "unity": 2,
        "frequencies": 2,
        "grams": 8,
    }
    for name, array in first.items():
        assert np.array_equal(array, again[name]), name
    assert np.allclose(np.linalg.norm(first["places"].astype(float), axis=1), 1, atol=2e-3)


def test_a_vocabulary_too_large_for_the_keys_is_refused() -> None:
    with pytest.raises(ValueError, match=f"more than {MAX_VOCAB_SIZE} words"):
        neighbours.build(features(0, 1), torch.tensor([[[START, MAX_VOCAB_SIZE, END]]]))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 40))
def test_places_in_fewer_bits_are_where_they_were(seed: int, count: int) -> None:
    arrays = neighbours.build(features(seed, 40), tokens(said(seed, 40)))
    store, (asked,) = CaptionStore(arrays), features(seed + 1, 1)
    place = (asked - arrays["mean"]) @ arrays["projection"].astype(float)
    exact = arrays["places"].astype(float) @ (place / np.linalg.norm(place))
    pictures, cosines = store.nearest(asked, count)
    assert cosines == pytest.approx(exact[pictures], abs=1e-2)
    assert cosines == pytest.approx(np.sort(exact)[::-1][:count], abs=1e-2)


def test_what_was_said_of_the_first_pictures() -> None:
    captions = said(8)
    ids = tokens(captions)
    ids[2, 1:] = PAD  # one of them with a single caption
    store = CaptionStore(neighbours.build(features(0, 9), ids))
    chosen = np.asarray([3, 2, 7])
    everything = store.references(chosen)
    for count in range(1, 6):
        wanted, part = store.references(chosen[:count]), everything.first(count)
        assert part.pictures == wanted.pictures
        assert part.owners.tolist() == wanted.owners.tolist()
        for mine, theirs in zip(
            dataclasses.astuple(part.ngrams), dataclasses.astuple(wanted.ngrams), strict=True
        ):
            assert mine == pytest.approx(theirs)
