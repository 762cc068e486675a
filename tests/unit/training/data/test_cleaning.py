"""Captions become words by rules that are options."""

from __future__ import annotations

from dataclasses import replace

import pytest

from training.data.cleaning import Cleaning, clean

CAPTION = "A Boy's 2 dogs, in T-shirts: run past café-bar no.5!"


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (Cleaning(), "a boy's 2 dogs in t-shirts run past caf bar no 5"),
        (Cleaning(lower_case=False), "A Boy's 2 dogs in T-shirts run past caf bar no 5"),
        (Cleaning(punctuation=True), "a boy's 2 dogs , in t-shirts : run past caf - bar no . 5 !"),
        (Cleaning(digits=False), "a boy's dogs in t-shirts run past caf bar no"),
        (Cleaning(minimum_letters=3), "boy's dogs t-shirts run past caf bar"),
        (
            Cleaning(minimum_letters=3, punctuation=True),
            "boy's dogs , t-shirts : run past caf - bar . !",
        ),
        (Cleaning(minimum_words=12), "a boy's 2 dogs in t-shirts run past caf bar no 5"),
        (Cleaning(minimum_words=13), ""),
        (Cleaning(maximum_words=12), "a boy's 2 dogs in t-shirts run past caf bar no 5"),
        (Cleaning(maximum_words=11), ""),
    ],
)
def test_each_rule(rules: Cleaning, words: str) -> None:
    assert rules(CAPTION) == tuple(words.split())


def test_the_rules_of_old_are_the_default() -> None:
    assert clean(CAPTION) == Cleaning()(CAPTION)


def test_words_share_their_memory() -> None:
    first, second = clean("two dogs"), clean("Dogs run")
    assert first[1] is second[0]


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({"minimum_words": 0}, "at least 1"),
        ({"minimum_letters": 0}, "at least 1"),
        ({"minimum_words": 5, "maximum_words": 4}, "maximum_words must be"),
    ],
)
def test_rules_that_contradict_themselves_are_refused(
    rules: dict[str, int], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(Cleaning(), **rules)
