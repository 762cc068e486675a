"""Lines of text in the order in which people read them."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ocr.reading_order import Box, order, paragraphs

HEIGHT, PITCH = 20, 26


def column(left: float, top: float, widths: Sequence[float], pitch: float = PITCH) -> list[Box]:
    """Lines of these widths, one below the other."""
    return [
        Box(left, top + pitch * row, left + width, top + pitch * row + HEIGHT)
        for row, width in enumerate(widths)
    ]


def assert_order(boxes: Sequence[Box]) -> None:
    """The boxes are given in the order that is expected."""
    backwards = list(reversed(boxes))
    assert order(boxes) == list(range(len(boxes)))
    assert [backwards[place] for place in order(backwards)] == list(boxes)


PROSE = [480, 500, 470, 495, 488, 210]


def test_one_column_from_top_to_bottom() -> None:
    assert_order(column(50, 10, PROSE))


def test_two_columns_one_after_the_other() -> None:
    assert_order(column(50, 10, PROSE) + column(600, 10, PROSE))
    assert_order(column(50, 10, PROSE) + column(600, 17, [400, 430, 420]))


def test_a_heading_and_a_footer_around_columns() -> None:
    columns = column(50, 60, PROSE) + column(600, 60, PROSE)
    assert_order([Box(60, 5, 1000, 40), *columns, Box(50, 240, 1050, 260)])
    # a narrow heading in the middle, that still stands above both
    assert_order([Box(400, 5, 700, 40), *columns])


def test_a_notice_far_below_columns_comes_after_both() -> None:
    columns = column(50, 10, PROSE) + column(600, 10, PROSE)
    assert_order([*columns, Box(50, 240, 300, 260)])


def test_a_heading_between_columns() -> None:
    above = column(50, 10, PROSE) + column(600, 10, PROSE)
    below = column(50, 200, PROSE) + column(600, 200, PROSE)
    assert_order([*above, Box(50, 172, 1080, 196), *below])


def test_columns_with_paragraphs_are_not_read_across() -> None:
    left = column(50, 10, [480, 300]) + column(50, 100, [480, 500, 250])
    right = column(600, 10, [480, 300]) + column(600, 100, [480, 500, 250])
    assert_order(left + right)


def test_a_menu_beside_an_article() -> None:
    menu = column(10, 30, [60, 80, 70, 40], pitch=41)
    assert_order(menu + column(200, 10, PROSE))


def test_a_menu_bar_above_a_menu_beside_an_article() -> None:
    bar = [Box(left, 0, left + 60, HEIGHT) for left in range(10, 700, 110)]
    menu = column(12, 70, [60, 80, 70, 40], pitch=41)
    assert_order([*bar, *menu, *column(250, 70, PROSE)])


def test_a_table_and_a_form_are_read_row_by_row() -> None:
    rows = [
        Box(left, top, left + width, top + HEIGHT)
        for top in range(10, 200, 40)
        for left, width in ((50, 90), (250, 60), (400, 110))
    ]
    assert_order(rows)
    form = [
        Box(left, top, left + width, top + HEIGHT)
        for top in (10, 50, 90)
        for left, width in ((50, 130), (300, 700))
    ]
    assert_order(form)


def test_cells_of_one_row_need_not_be_level() -> None:
    assert_order([Box(10, 12, 80, 32), Box(200, 9, 270, 31), Box(400, 14, 450, 33)])


def test_nothing_and_one() -> None:
    assert order([]) == []
    assert order([Box(1, 2, 3, 4)]) == [0]
    assert order([Box(5, 5, 5, 5)] * 3) == [0, 1, 2]


numbers = st.integers(0, 2000)
boxes = st.lists(
    st.builds(
        lambda left, top, width, height: Box(left, top, left + width, top + height),
        numbers,
        numbers,
        st.integers(0, 900),
        st.integers(0, 60),
    ),
    max_size=25,
)


@given(boxes, st.randoms())
def test_every_line_once_whatever_the_input_was_sorted_by(
    lines: list[Box], chance: random.Random
) -> None:
    assert sorted(order(lines)) == list(range(len(lines)))
    shuffled = list(lines)
    chance.shuffle(shuffled)
    expected = [lines[place] for place in order(lines)]
    assert [shuffled[place] for place in order(shuffled)] == expected


@given(boxes, st.sampled_from([0.5, 2.0, 4.0]), st.integers(-512, 512))
def test_size_and_place_of_the_picture_do_not_matter(
    lines: list[Box], scale: float, shift: int
) -> None:
    moved = [
        Box(box.left + shift, box.top + shift, box.right + shift, box.bottom + shift).scaled(scale)
        for box in lines
    ]
    assert order(moved) == order(lines)


@given(
    st.lists(st.integers(200, 500), min_size=1, max_size=12),
    st.lists(st.integers(200, 500), min_size=1, max_size=12),
    st.integers(0, 200),
    st.integers(30, 300),
)
def test_columns_of_prose_stay_whole(
    left: list[int], right: list[int], drop: int, gutter: int
) -> None:
    assert_order(column(50, 10, left) + column(550 + gutter, 10 + drop, right))


@given(boxes)
def test_paragraphs_hold_every_line(lines: list[Box]) -> None:
    placed = [lines[place] for place in order(lines)]
    counts = paragraphs(placed, ["some words"] * len(placed))
    assert sum(counts) == len(placed)
    assert all(count > 0 for count in counts)


@pytest.mark.parametrize(
    ("lines", "words", "counts"),
    [
        # the last line of the first paragraph had room for "Another"
        (
            column(50, 10, [500, 490, 200, 495, 300]),
            ["x" * 40, "y" * 40, "ends here.", "Another begins here and goes on", "to its end"],
            [3, 2],
        ),
        # broken by hand: no paragraph begins with a small letter
        (column(50, 10, [300, 500]), ["It was then,", "and only then, that it was seen"], [2]),
        # a gap
        (column(50, 10, [500, 490]) + column(50, 100, [500, 100]), ["Some more words"] * 4, [2, 2]),
        # a heading is larger than what follows it
        ([Box(50, 0, 450, 36), *column(50, 40, [500, 490])], ["Some more words"] * 3, [1, 2]),
        # another column
        (column(50, 10, [500]) + column(600, 10, [500]), ["Some more words"] * 2, [1, 1]),
        # a menu's entries are no sentence
        (column(50, 10, [60, 80, 70]), ["Home", "Products", "About us"], [1, 1, 1]),
        ([], [], []),
    ],
)
def test_where_paragraphs_end(lines: list[Box], words: list[str], counts: list[int]) -> None:
    assert paragraphs(lines, words) == counts
