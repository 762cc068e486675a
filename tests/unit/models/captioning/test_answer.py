"""What is believed enough to be said: the table, row by row, and its edges."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.captioning.answer import MOST_SEEN, answer, believed, decide, recognised
from models.captioning.confidence import Calibration
from models.captioning.kinds import kinds, numbers
from models.captioning.tags import Tag
from models.captioning.things import Thing

LIMITS = Calibration(sure=0.6, medium=0.3, object_support=0.4, object_listed=0.7, tag=0.8)
BELOW = 1e-9
SOMETHING = "a dog"
SHARES = st.lists(st.floats(0, 1), max_size=4)


def thing(name: str, probability: float, side: float = 0.5) -> Thing:
    """One of a kind, in a square of so long a side."""
    kind = kinds()[numbers()[name]]
    return Thing(numbers()[name], name, kind.one, probability, 1, (0.0, 0.0, side, side))


def of(*names: str) -> frozenset[int]:
    return frozenset(numbers()[name] for name in names)


@pytest.mark.parametrize(
    ("confidence", "claimed", "form"),
    [
        # the caption is believed and what it claims is there
        (0.9, [0.9, 0.5], "plain"),
        (0.9, [], "plain"),  # it claims no kind that anybody could miss
        (0.6, [0.4], "plain"),  # at the limits
        # believed less
        (0.6 - BELOW, [0.4], "hedged"),
        (0.3, [], "hedged"),
        (0.3, [0.4, 0.4], "hedged"),
        # a thing in it is contradicted, however much the caption is believed
        (0.99, [0.9, 0.4 - BELOW], "things"),
        (0.99, [0.0], "things"),
        (0.4, [0.0], "things"),
        # not believed, whether what it claims is there or not
        (0.3 - BELOW, [0.9], "things"),
        (0.0, [], "things"),
    ],
)
def test_every_row(confidence: float, claimed: list[float], form: str) -> None:
    assert decide(confidence, claimed, [SOMETHING], LIMITS) == form
    if form == "things":
        assert decide(confidence, claimed, [], LIMITS) == "unknown"
    else:  # what else is seen makes no difference
        assert decide(confidence, claimed, [], LIMITS) == form


@given(st.floats(0, 1), SHARES, st.lists(st.just(SOMETHING), max_size=2))
def test_what_is_not_there_is_never_said(
    confidence: float, claimed: list[float], seen: list[str]
) -> None:
    form = decide(confidence, claimed, seen, LIMITS)
    if form in ("plain", "hedged"):
        assert all(each >= LIMITS.object_support for each in claimed)
        assert confidence >= LIMITS.medium
    else:
        assert form == ("things" if seen else "unknown")
    worse = decide(confidence, [*claimed, LIMITS.object_support / 2], seen, LIMITS)
    assert worse == ("things" if seen else "unknown")


@given(st.floats(0, 1), st.floats(0, 1), SHARES)
def test_more_confidence_never_tells_less(one: float, other: float, claimed: list[float]) -> None:
    order = ("things", "hedged", "plain")
    less, more = (
        order.index(decide(each, claimed, [SOMETHING], LIMITS)) for each in sorted((one, other))
    )
    assert less <= more


def test_the_largest_and_surest_are_listed_first() -> None:
    things = [
        thing("cup", 0.95, 0.1),
        thing("dog", 0.8, 0.5),
        thing("cat", 0.9, 0.5),
        thing("car", 0.7, 0.9),
        thing("bus", 0.7 - BELOW, 1.0),
    ]
    sure, unsure = believed(things, LIMITS)
    assert [each.name for each in sure] == ["car", "cat", "dog", "cup"]
    assert [each.name for each in unsure] == ["bus"]
    more = [*things, thing("bed", 0.9, 0.8)]
    found = answer(0.0, frozenset(), more, (), LIMITS)
    assert [each.name for each in found.sure] == ["bed", "car", "cat", "dog", "cup"]
    assert found.seen == tuple(each.spoken for each in found.sure[:MOST_SEEN])


def test_the_surest_thing_is_listed_from_a_lower_limit_on_than_others() -> None:
    limits = dataclasses.replace(LIMITS, object_listed=0.5, object_further=0.9)
    doubtful = [thing("dog", 0.6), thing("cat", 0.6 - BELOW), thing("car", 0.4)]
    assert believed(doubtful, limits) == (tuple(doubtful[:1]), tuple(doubtful[1:]))
    certain = [thing("dog", 0.95), thing("cat", 0.9), thing("car", 0.9 - BELOW)]
    assert believed(certain, limits) == (tuple(certain[:2]), tuple(certain[2:]))
    assert believed([thing("dog", 0.5 - BELOW)], limits)[0] == ()
    lower = dataclasses.replace(
        LIMITS, object_listed=0.5, object_further=0.3
    )  # a limit that means nothing
    assert believed(doubtful, lower)[0] == tuple(doubtful[:2])


def test_what_no_caption_may_name_is_not_told_with_a_maybe_either() -> None:
    things = [thing("dog", 0.4), thing("cat", 0.4 - BELOW)]
    assert believed(things, LIMITS) == ((), (things[0],))


@pytest.mark.parametrize(
    ("dog", "tags", "seen"),
    [
        (0.99, [], ()),  # one head alone
        (0.5, [Tag("a sheep dog", 0.5)], ("a dog",)),
        (0.5 - BELOW, [Tag("a sheep dog", 0.89)], ()),
        (0.99, [Tag("a sheep dog", 0.5 - BELOW)], ()),
        (0.99, [Tag("a tripod", 0.99)], ()),
        (0.6, [Tag("a tripod", 0.99), Tag("a sheep dog", 0.6)], ("a dog",)),
    ],
)
def test_on_a_picture_unlike_any_learnt_from_two_heads_must_agree(
    dog: float, tags: list[Tag], seen: tuple[str, ...]
) -> None:
    things = [thing("dog", dog), thing("cat", 0.3), thing("cup", 0.95)]
    said = answer(0.0, of("dog"), things, tags, LIMITS, familiarity=0.5 - BELOW)
    assert (said.form, said.seen) == ("things" if seen else "unknown", seen)
    assert said.unsure == ()
    assert not said.said - of("dog")


def test_what_else_is_recognised_names_nothing_twice_and_nothing_doubted() -> None:
    things = [thing("dog", 0.9), thing("cat", 0.1), thing("car", 0.5)]
    tags = [
        Tag("a tripod", 0.9),
        Tag("a Siamese cat", 0.95),
        Tag("a sheep dog", 0.95),
        Tag("a sports car", 0.9),
        Tag("a lawn mower", 0.8 - BELOW),
    ]
    seen = things[:1]
    # cats are doubted, a dog is listed; a car, which is neither, may be told more exactly
    assert recognised(tags, seen, things, LIMITS) == ("a tripod", "a sports car")
    many = [thing(name, 0.9) for name in ("dog", "cup", "bed", "bus")]
    assert recognised(tags, many[:3], many, LIMITS) == ("a tripod",)
    assert recognised(tags, many, many, LIMITS) == ()


def test_an_answer_says_what_it_names() -> None:
    things = [thing("dog", 0.9), thing("person", 0.75, 0.2), thing("cat", 0.1)]
    tags = [Tag("a sports car", 0.9)]
    plain = answer(0.9, of("person"), things, tags, LIMITS)
    assert (plain.form, plain.said) == ("plain", of("person"))
    assert plain.seen == ("a dog", "a person", "a sports car")  # known, though not said
    invented = answer(0.9, of("person", "cat"), things, tags, LIMITS)
    assert invented.form == "things"
    assert invented.said == of("dog", "person", "car")  # not the cat
    assert invented.seen == plain.seen
    recognised_alone = answer(0.1, of(), [], [Tag("a tripod", 0.9)], LIMITS)
    assert (recognised_alone.form, recognised_alone.seen) == ("things", ("a tripod",))
    assert recognised_alone.said == of()
    nothing = answer(0.1, of("dog"), [thing("dog", 0.6)], [Tag("a tripod", 0.1)], LIMITS)
    assert (nothing.form, nothing.seen, nothing.said) == ("unknown", (), of())


def test_without_a_head_for_things_the_caption_decides_alone() -> None:
    for confidence, form in ((0.7, "plain"), (0.5, "hedged"), (0.1, "unknown")):
        made = answer(confidence, of("dog"), [], [], LIMITS)
        assert made.form == form
        assert made.said == (of() if form == "unknown" else of("dog"))


@given(
    st.floats(0, 1),
    st.sets(st.sampled_from(["dog", "cat", "car", "bus", "cup"])),
    st.dictionaries(st.sampled_from(["dog", "cat", "car", "bus", "cup"]), st.floats(0, 1)),
)
def test_nothing_is_said_that_is_not_believed(
    confidence: float, claimed: set[str], known: dict[str, float]
) -> None:
    things = [thing(name, probability) for name, probability in known.items()]
    made = answer(confidence, of(*claimed), things, [], LIMITS)
    for name in known:
        if numbers()[name] in made.said:
            assert known[name] >= LIMITS.object_support
    never = dataclasses.replace(LIMITS, sure=2.0, medium=2.0)
    silent = answer(confidence, of(*claimed), things, [], never)
    assert (
        silent.said == of(*(name for name, each in known.items() if each >= 0.7))
        or len(silent.said) == MOST_SEEN
    )
