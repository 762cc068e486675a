"""What is believed enough to be said: the table, row by row, and its edges."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.captioning.answer import decide


@dataclass(frozen=True, slots=True)
class Limits:
    """Those of a calibration that decide."""

    sure: float = 0.6
    medium: float = 0.3
    object_support: float = 0.4
    object_listed: float = 0.7
    tag: float = 0.8


LIMITS = Limits()
ORDER = ("unknown", "tags", "things", "hedged", "plain")
BELOW = 1e-9
SHARES = st.lists(st.floats(0, 1), max_size=4)


@pytest.mark.parametrize(
    ("confidence", "named", "things", "tags", "form"),
    [
        # the caption is believed and what it names is there
        (0.9, [0.9, 0.5], [0.9, 0.5], [0.9], "plain"),
        (0.9, [], [], [], "plain"),  # it names no kind that anybody could miss
        (0.6, [0.4], [0.4], [], "plain"),  # at the limits
        # believed less
        (0.6 - BELOW, [0.4], [0.9], [0.9], "hedged"),
        (0.3, [], [], [], "hedged"),
        (0.3, [0.4, 0.4], [0.4], [], "hedged"),
        # a thing in it is contradicted, however much the caption is believed
        (0.99, [0.9, 0.4 - BELOW], [0.9], [0.9], "things"),
        (0.99, [0.1], [0.1], [0.9], "tags"),
        (0.99, [0.1], [0.1], [0.1], "unknown"),
        (0.4, [0.0], [], [], "unknown"),
        # not believed, whether what it names is there or not
        (0.3 - BELOW, [0.9], [0.9], [0.9], "things"),
        (0.3 - BELOW, [], [0.7], [], "things"),
        (0.0, [], [0.7 - BELOW, 0.1, 0.7], [], "things"),
        (0.0, [], [0.7 - BELOW, 0.5], [0.8], "tags"),
        (0.0, [], [0.7 - BELOW], [0.8 - BELOW, 0.1], "unknown"),
        (0.0, [], [], [0.1, 0.8], "tags"),
        (0.0, [], [], [], "unknown"),
    ],
)
def test_every_row(
    confidence: float, named: list[float], things: list[float], tags: list[float], form: str
) -> None:
    assert decide(confidence, named, things, tags, LIMITS) == form


@given(st.floats(0, 1), SHARES, SHARES, SHARES)
def test_what_is_not_there_is_never_said(
    confidence: float, named: list[float], things: list[float], tags: list[float]
) -> None:
    form = decide(confidence, named, things, tags, LIMITS)
    if form in ("plain", "hedged"):
        assert all(each >= LIMITS.object_support for each in named)
        assert confidence >= LIMITS.medium
    if form == "things":
        assert max(things) >= LIMITS.object_listed
    if form == "tags":
        assert max(tags) >= LIMITS.tag
    worse = decide(confidence, [*named, LIMITS.object_support / 2], things, tags, LIMITS)
    assert worse in ("things", "tags", "unknown")


@given(st.floats(0, 1), st.floats(0, 1), SHARES, SHARES, SHARES)
def test_more_confidence_never_tells_less(
    one: float, other: float, named: list[float], things: list[float], tags: list[float]
) -> None:
    less, more = (ORDER.index(decide(each, named, things, tags, LIMITS))
                  for each in sorted((one, other)))
    assert less <= more


def test_who_is_never_sure_says_what_is_seen() -> None:
    never = Limits(sure=2.0, medium=2.0)
    assert decide(1.0, [1.0], [1.0], [1.0], never) == "things"
    assert decide(1.0, [], [], [1.0], Limits(sure=2.0, medium=2.0, tag=2.0)) == "unknown"
