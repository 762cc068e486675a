"""Where a thing is, in words: from its box alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from describer_daemon.core.placing import Spot, coordinates, placed, shares
from describer_daemon.core.ports import Rectangle

PICTURE = Rectangle(100, 50, 1000, 500)  # of a screen


def spot(left: float, top: float, right: float, bottom: float) -> Spot:
    """From shares of the picture's sides."""
    box = Rectangle(
        100 + round(1000 * left),
        50 + round(500 * top),
        round(1000 * (right - left)),
        round(500 * (bottom - top)),
    )
    return Spot.of(box, PICTURE)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0.0, 0.3, 0.3, 0.7), "a dog on the left"),
        ((0.4, 0.3, 0.6, 0.7), "a dog in the middle"),
        ((0.7, 0.3, 1.0, 0.7), "a dog on the right"),
        ((0.1, 0.4, 0.9, 0.6), "a dog all across the middle"),
        ((0.0, 0.0, 0.3, 0.3), "a dog at the top left"),
        ((0.4, 0.0, 0.6, 0.3), "a dog at the top"),
        ((0.7, 0.0, 1.0, 0.3), "a dog at the top right"),
        ((0.0, 0.0, 1.0, 0.3), "a dog all along the top"),
        ((0.0, 0.7, 0.2, 1.0), "a dog at the bottom left"),
        ((0.4, 0.7, 0.6, 1.0), "a dog at the bottom"),
        ((0.8, 0.7, 1.0, 1.0), "a dog at the bottom right"),
        ((0.0, 0.7, 1.0, 0.84), "a dog all along the bottom"),
        ((0.0, 0.0, 0.1, 1.0), "a dog on the left, from top to bottom"),
        ((0.45, 0.0, 0.55, 0.8), "a dog in the middle, from top to bottom"),
        ((0.9, 0.0, 1.0, 1.0), "a dog on the right, from top to bottom"),
        ((0.0, 0.0, 1.0, 1.0), "a dog over nearly all of it"),
        # near is what is large and stands low
        ((0.3, 0.5, 0.7, 1.0), "a dog at the bottom, near"),
        ((0.3, 0.3, 0.7, 0.9), "a dog in the middle, near"),
        ((0.3, 0.2, 0.7, 0.8), "a dog in the middle"),
        ((0.0, 0.3, 0.35, 0.95), "a dog on the left, near"),
    ],
)
def test_a_place_is_a_clause(box: tuple[float, float, float, float], expected: str) -> None:
    assert placed("a dog", spot(*box)) == expected


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (0.0, ("at the left edge", "at the top edge")),
        (0.1, ("near the left", "near the top")),
        (0.25, ("a quarter from the left", "a quarter from the top")),
        (0.33, ("a third from the left", "a third from the top")),
        (0.5, ("half way across", "half way down")),
        (0.67, ("a third from the right", "a third from the bottom")),
        (0.75, ("a quarter from the right", "a quarter from the bottom")),
        (0.9, ("near the right", "near the bottom")),
        (1.0, ("at the right edge", "at the bottom edge")),
    ],
)
def test_coordinates_are_words(at: float, expected: tuple[str, str]) -> None:
    assert coordinates(Spot(at, at, 0.1, 0.1)) == expected


@pytest.mark.parametrize(
    ("share", "word"),
    [
        (0.0, "a tenth"),
        (0.2, "a fifth"),
        (0.25, "a quarter"),
        (1 / 3, "a third"),
        (0.5, "half"),
        (2 / 3, "two thirds"),
        (0.75, "three quarters"),
        (1.0, "nearly all"),
    ],
)
def test_sizes_are_shares_in_words(share: float, word: str) -> None:
    assert shares(Spot(0.5, 0.5, share, 1.0)) == (word, "nearly all")
    assert shares(Spot(0.5, 0.5, 1.0, share)) == ("nearly all", word)


sides = st.integers(-5000, 5000)
lengths = st.integers(0, 5000)


@given(
    st.builds(Rectangle, sides, sides, lengths, lengths),
    st.builds(Rectangle, sides, sides, lengths, lengths),
)
def test_every_box_is_somewhere(box: Rectangle, picture: Rectangle) -> None:
    where = Spot.of(box, picture)
    assert all(0.0 <= each <= 1.0 for each in (where.across, where.down, where.wide, where.high))
    assert placed("a dog", where).startswith("a dog ")
    assert all((*coordinates(where), *shares(where)))
