"""What a head tells of the kinds of thing: how likely, where, how many, and how that is said."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.captioning.confidence import Calibration
from models.captioning.kinds import kinds, numbers
from models.captioning.things import THING_SIGNALS, Thing, read_things, thing_signals

PERSON, DOG, SHEEP, SCISSORS = (numbers()[name] for name in ("person", "dog", "sheep", "scissors"))
KINDS = len(kinds())


def facts(rows: dict[int, tuple[float, ...]]) -> NDArray[np.float32]:
    """What a head tells that sees these kinds; nothing of the others."""
    objects = np.tile(np.asarray([-9.0, 0.5, 0.5, 0.1, 0.1, 0.0], np.float32), (KINDS, 1))
    for kind, row in rows.items():
        objects[kind] = row
    return objects


def seen(rows: dict[int, tuple[float, ...]], **calibration: Any) -> dict[int, Thing]:
    found = read_things(facts(rows), Calibration(**calibration))
    assert len(found) == KINDS
    assert [each.probability for each in found] == sorted(
        (each.probability for each in found), reverse=True
    )
    return {each.kind: each for each in found}


def test_no_head_sees_no_things() -> None:
    assert read_things(np.zeros((0, 6), np.float32), Calibration()) == ()


@pytest.mark.parametrize(
    ("kind", "density", "count", "spoken"),
    [
        (PERSON, 0.2, 1, "a person"),
        (PERSON, 1.49, 1, "a person"),
        (PERSON, 1.5, 2, "two people"),
        (PERSON, 2.49, 2, "two people"),
        (PERSON, 2.5, 3, "several people"),
        (PERSON, 40.0, 3, "several people"),
        (DOG, 2.0, 2, "two dogs"),
        (SHEEP, 1.0, 1, None),
        (SCISSORS, 2.0, 2, None),
    ],
)
def test_a_thing_is_spoken_with_its_number(
    kind: int, density: float, count: int, spoken: str | None
) -> None:
    thing = seen({kind: (3.0, 0.5, 0.5, 0.1, 0.1, density)})[kind]
    assert (thing.count, thing.name) == (count, kinds()[kind].name)
    own = kinds()[kind]
    if spoken is None:  # what has one form for any number is said in that form
        spoken = own.one if count == 1 or own.one == own.many else f"two {own.many}"
    assert thing.spoken == spoken


def test_the_limits_of_counts_are_the_calibrations() -> None:
    limits = {"count_limits": (0.5, 4.0)}
    for density, count in ((0.4, 1), (0.5, 2), (3.9, 2), (4.0, 3)):
        assert seen({DOG: (3.0, 0.5, 0.5, 0.1, 0.1, density)}, **limits)[DOG].count == count


def test_a_place_is_an_even_stretch_cut_off_at_the_sides() -> None:
    even = 1 / math.sqrt(12)  # the standard deviation of an even stretch of length 1
    places = {
        0: (0.5, 0.5, even, even),
        1: (0.25, 0.75, even / 2, even / 2),
        2: (0.9, 0.1, 0.3, 0.3),
    }
    found = seen({kind: (0.0, *place, 1.0) for kind, place in places.items()})
    assert found[0].place == pytest.approx((0, 0, 1, 1), abs=1e-6)
    assert found[1].place == pytest.approx((0, 0.5, 0.5, 1), abs=1e-6)
    assert found[1].area == pytest.approx(0.25, abs=1e-6)
    left, top, right, bottom = found[2].place
    assert (top, right) == (0, 1)
    assert left == pytest.approx(0.9 - 0.3 * math.sqrt(3), abs=1e-6)
    assert bottom == pytest.approx(0.1 + 0.3 * math.sqrt(3), abs=1e-6)


def test_probabilities_by_hand() -> None:
    offsets = [0.0] * KINDS
    offsets[DOG] = -1.0
    rows = dict.fromkeys((PERSON, DOG), (2.0, 0.5, 0.5, 0.1, 0.1, 1.0))
    found = seen(rows, object_slope=0.5, object_offsets=tuple(offsets))
    assert found[PERSON].probability == pytest.approx(1 / (1 + math.exp(-1)))
    assert found[DOG].probability == pytest.approx(0.5)
    assert seen(rows)[DOG].probability == pytest.approx(1 / (1 + math.exp(-2)))
    assert seen({DOG: (1e30, 0.5, 0.5, 0.1, 0.1, 1.0)})[DOG].probability == 1
    assert seen({DOG: (-1e30, 0.5, 0.5, 0.1, 0.1, 1.0)})[DOG].probability == pytest.approx(0)


def things(**probabilities: float) -> list[Thing]:
    return [
        Thing(numbers()[name], name, name, share, 1, (0.0, 0.0, 1.0, 1.0))
        for name, share in probabilities.items()
    ]


def test_signals_by_hand() -> None:
    known = things(person=0.9, dog=0.5, cat=0.8)
    assert thing_signals({PERSON, DOG}, known) == {
        "least thing": pytest.approx(math.log(0.5)),
        "things": 2,
        "mean thing": pytest.approx((math.log(0.9) + math.log(0.5)) / 2),
        "unnamed": 0.8,
        "surest": 0.9,
    }
    assert thing_signals(frozenset(), known) == {
        "least thing": 0,
        "things": 0,
        "mean thing": 0,
        "unnamed": 0.9,
        "surest": 0.9,
    }
    everything = thing_signals({PERSON, DOG, numbers()["cat"]}, known)
    assert (everything["unnamed"], everything["things"]) == (0, 3)


def test_a_kind_that_the_head_does_not_know_says_nothing() -> None:
    assert thing_signals({DOG, SHEEP}, things(dog=0.5)) == thing_signals({DOG}, things(dog=0.5))
    assert thing_signals({DOG}, []) == dict.fromkeys(THING_SIGNALS, 0)


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.sets(st.integers(0, KINDS - 1), max_size=5),
    st.dictionaries(st.integers(0, KINDS - 1), st.floats(0, 1), max_size=8),
)
def test_signals_are_numbers_whatever_is_seen(named: set[int], shares: dict[int, float]) -> None:
    known = [Thing(kind, "", "", share, 1, (0.0, 0.0, 1.0, 1.0)) for kind, share in shares.items()]
    signals = thing_signals(named, known)
    assert signals.keys() == THING_SIGNALS
    assert all(map(math.isfinite, signals.values()))
    assert signals["least thing"] <= signals["mean thing"] + 1e-9 <= 1e-9
    assert 0 <= signals["unnamed"] <= signals["surest"] <= 1
