"""The names of what the classifier knows."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.captioning.tags import names, summed


def test_every_class_has_a_name() -> None:
    assert len(names()) == 1000
    for name in names():
        assert re.fullmatch(r"[A-Za-z][A-Za-z' .-]*[a-z]", name.spoken), name
        assert bool(name.word) == bool(name.like), name
        assert name.word == name.word.strip().lower()
        assert name.like == name.like.strip().lower()


@pytest.mark.parametrize(
    ("number", "spoken", "word"),
    [
        (1, "a goldfish", "fish"),
        (340, "a zebra", "zebra"),
        (504, "a coffee mug", "cup"),
        (779, "a school bus", "bus"),
        (954, "a banana", "banana"),
    ],
)
def test_names_are_in_the_order_of_imagenet(number: int, spoken: str, word: str) -> None:
    assert names()[number].spoken == spoken
    assert names()[number].word == word


def test_articles_fit_their_nouns() -> None:
    for name in names():
        article, _, noun = name.spoken.partition(" ")
        if article in ("a", "an"):
            sounds = noun[0].lower() in "aeiou" or noun.startswith(("hour", "x-ray"))
            assert (article == "an") == (sounds and not noun.startswith("uni")), name


def test_a_word_has_one_like_and_a_like_is_its_own() -> None:
    likes: dict[str, set[str]] = {}
    for name in names():
        likes.setdefault(name.word, set()).add(name.like)
    assert not {word: found for word, found in likes.items() if len(found) > 1}


def test_dogs_of_all_breeds_are_dogs() -> None:
    assert all(name.word == "dog" for name in names()[151:269])


def test_classes_with_one_label_are_summed() -> None:
    probabilities = np.asarray([0.3, 0.1, 0.25, 0.05, 0.3], np.float32)
    found = summed(probabilities, ["dog", "cat", "cat", "", "fish"])
    assert [label for label, _ in found] == ["cat", "dog", "fish"]
    assert [value for _, value in found] == pytest.approx([0.35, 0.3, 0.3])


@given(st.lists(st.tuples(st.sampled_from(["", "a", "b", "c"]), st.floats(0, 1)), min_size=1))
def test_nothing_is_lost_but_what_has_no_label(pairs: list[tuple[str, float]]) -> None:
    found = summed(np.asarray([value for _, value in pairs]), [label for label, _ in pairs])
    assert [value for _, value in found] == sorted((v for _, v in found), reverse=True)
    for label, total in found:
        assert total == pytest.approx(sum(value for each, value in pairs if each == label))
    assert {label for label, _ in found} == {label for label, _ in pairs} - {""}


def test_there_must_be_a_label_for_each_class() -> None:
    with pytest.raises(ValueError, match="zip"):
        summed(np.zeros(3), ["a", "b"])
