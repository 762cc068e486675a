"""The table of the eighty kinds of thing, and what captions name by it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.captioning import kinds as module
from models.captioning.kinds import SEVERAL, kinds, mentions, named, numbers

ROWS = [
    line.split("\t")
    for line in Path(module.__file__)
    .with_name("kinds.tsv")
    .read_text(encoding="utf-8")
    .splitlines()[1:]
]


def phrases(cell: str) -> list[str]:
    return [] if cell == "-" else cell.split(", ")


SINGULAR = {phrase: row[0] for row in ROWS for phrase in phrases(row[3])}
PLURAL = {phrase: row[0] for row in ROWS for phrase in phrases(row[4])}


def found(caption: str) -> list[tuple[str, int]]:
    """The kinds that a caption names, by name, and their counts."""
    return [(kinds()[each.kind].name, each.count) for each in mentions(caption.split())]


def test_there_are_eighty_kinds_in_the_order_of_coco() -> None:
    assert len(kinds()) == len(numbers()) == 80
    places = [("person", 0), ("dog", 16), ("hot dog", 52), ("tv", 62), ("toothbrush", 79)]
    assert [numbers()[name] for name, _ in places] == [place for _, place in places]
    assert [kinds()[number].name for number in numbers().values()] == list(numbers())


def test_no_phrase_stands_in_the_table_twice() -> None:
    assert {len(row) for row in ROWS} == {5}
    every = [phrase for row in ROWS for cell in row[3:] for phrase in phrases(cell)]
    assert len(every) == len(set(every))
    assert all(re.fullmatch(r"[a-z]+( [a-z]+)*", phrase) for phrase in every)


def test_every_phrase_names_its_own_kind_and_none_besides() -> None:
    for phrase, name in SINGULAR.items():
        assert found(phrase) == ([] if name == "-" else [(name, 1)]), phrase
    for phrase, name in PLURAL.items():
        assert [kind for kind, _ in found(phrase)] == [name], phrase


def test_what_is_spoken_of_a_kind_names_it() -> None:
    for kind in kinds():
        assert {name for name, _ in found(kind.one)} == {kind.name}
        assert {name for name, _ in found(kind.many)} == {kind.name}


def test_articles_fit_their_nouns() -> None:
    for kind in kinds():
        article, _, noun = kind.one.partition(" ")
        if noun:
            assert article == ("an" if noun[0] in "aeio" or noun == "umbrella" else "a"), kind
        assert kind.many[0].islower()


@pytest.mark.parametrize(
    ("caption", "wanted"),
    [
        ("a hot dog on a plate", [("hot dog", 1)]),
        ("a dog eats a hot dog", [("dog", 1), ("hot dog", 1)]),
        ("a teddy bear sits beside a bear", [("teddy bear", 1), ("bear", 1)]),
        ("a boy on a baseball field", [("person", 1)]),
        ("a boy with a baseball", [("person", 1), ("sports ball", 1)]),
        ("boys playing baseball with a bat", [("person", 0), ("baseball bat", 1)]),
        ("a double decker bus at a bus stop", [("bus", 1), ("bus", 1)]),
        ("a toilet with toilet paper", [("toilet", 1)]),
        ("a man in front of train tracks", [("person", 1)]),
        ("a glass of wine and a cup of coffee", [("wine glass", 1), ("cup", 1)]),
        ("nothing that anybody knows", []),
        ("", []),
    ],
)
def test_the_longest_phrase_counts(caption: str, wanted: list[tuple[str, int]]) -> None:
    assert found(caption) == wanted


@pytest.mark.parametrize(
    ("caption", "wanted"),
    [
        ("a dog", [("dog", 1)]),
        ("dogs run", [("dog", 0)]),
        ("two dogs run", [("dog", 2)]),
        ("two small black dogs run", [("dog", 2)]),
        ("three dogs run", [("dog", SEVERAL)]),
        ("six dogs run", [("dog", SEVERAL)]),
        ("a group of dogs", [("dog", SEVERAL)]),
        ("a group of two dogs", [("dog", 2)]),
        ("two men and a woman", [("person", 2), ("person", 1)]),
        ("two men with dogs", [("person", 2), ("dog", 2)]),  # two are near enough to both
        ("a group of people", [("person", SEVERAL)]),
        ("a crowd", [("person", SEVERAL)]),
        ("a couple", [("person", 2)]),
        ("a pair of scissors", [("scissors", 1)]),
        ("two of the many brown dogs", [("dog", SEVERAL)]),  # the nearest number
        ("two or perhaps even some more dogs", [("dog", SEVERAL)]),
        ("two men in a field full of dogs", [("person", 2), ("dog", 0)]),  # too far away
    ],
)
def test_numbers(caption: str, wanted: list[tuple[str, int]]) -> None:
    assert found(caption) == wanted


@pytest.mark.parametrize(
    "caption",
    [
        "an orange cat",
        "a cat in an orange shirt",
        "orange and white",
        "orange",
        "the man in orange",
        "an orange juice",
        "the orange is bright",
    ],
)
def test_a_colour_is_no_fruit(caption: str) -> None:
    assert ("orange", 1) not in found(caption)


@pytest.mark.parametrize(
    "caption",
    [
        "an orange",
        "an orange and an apple",
        "one orange on a plate",
        "a peeled orange",
        "an orange sitting in a bowl",
    ],
)
def test_an_orange_is_a_fruit(caption: str) -> None:
    assert found(caption)[0] == ("orange", 1)


WORDS = st.sampled_from(
    [
        *dict.fromkeys(word for phrase in (*SINGULAR, *PLURAL) for word in phrase.split()),
        "two",
        "a",
        "on",
        "of",
    ]
)


@given(st.lists(WORDS, max_size=12))
def test_mentions_follow_each_other_and_are_what_the_table_has(words: list[str]) -> None:
    end = 0
    for each in mentions(words):
        assert end <= each.begin < each.end <= len(words)
        end = each.end
        phrase = " ".join(words[each.begin : each.end])
        name = kinds()[each.kind].name
        assert SINGULAR.get(phrase, PLURAL.get(phrase)) == name or phrase == name == "orange"
        assert 0 <= each.count <= SEVERAL
    assert named(words) == {each.kind for each in mentions(words)}
