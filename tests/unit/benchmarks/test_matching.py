"""What counts as found, as missed and as made up."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks import baseline
from benchmarks.boxes import Box
from benchmarks.false_alarms import invents
from benchmarks.matching import Find, Outcome, judge
from benchmarks.screens.labels import Kind, Label, Shown
from benchmarks.statistics import clustered, ratio_interval, wilson
from describer_daemon.core.ports import Caption, Detection, NoCaptionReason, Rectangle

LEFT, RIGHT = Box(0, 0, 100, 100), Box(200, 0, 100, 100)


def label(*pictures: tuple[Box, Kind], ignore: tuple[Box, ...] = ()) -> Label:
    shown = tuple(Shown(box, "", kind, (box.width, box.height)) for box, kind in pictures)
    return Label((400, 300), 1.0, "test", "page", shown, ignore)


def judged(finds: list[tuple[Box, Kind]], known: Label) -> Outcome:
    return judge(known, [Find(box, kind, 1.0) for box, kind in finds])


def test_each_picture_takes_its_best_find() -> None:
    known = label((LEFT, "photograph"), (RIGHT, "photograph"))
    outcome = judged(
        [
            (Box(202, 0, 98, 100), "photograph"),
            (Box(0, 0, 100, 80), "photograph"),
            (LEFT, "photograph"),
        ],
        known,
    )
    assert outcome.ious == pytest.approx((1.0, 0.98))
    assert [find.box for find in outcome.strays] == [Box(0, 0, 100, 80)]  # found twice


def test_two_pictures_are_not_found_by_one_box_around_both() -> None:
    known = label((LEFT, "photograph"), (Box(100, 0, 100, 100), "photograph"))
    outcome = judged([(Box(0, 0, 200, 100), "photograph")], known)
    assert sorted(outcome.ious) == [0.0, 0.5]


def test_a_photograph_that_is_called_a_drawing_is_missed() -> None:
    outcome = judged([(LEFT, "drawing")], label((LEFT, "photograph")))
    assert outcome.ious == (0.0,)
    assert len(outcome.strays) == 1


def test_drawings_may_be_found_but_not_as_photographs() -> None:
    known = label((LEFT, "drawing"))
    assert not judged([(Box(0, 0, 50, 50), "drawing")], known).strays
    assert len(judged([(LEFT, "photograph")], known).strays) == 1
    assert judged([(LEFT, "drawing")], known).drawing_ious == (1.0,)


def test_what_does_not_count_is_forgiven() -> None:
    known = label(ignore=(Box(0, 0, 40, 100), Box(40, 0, 40, 100)))
    assert not judged([(LEFT, "photograph")], known).strays  # 80 % of it
    assert judged([(Box(60, 0, 100, 100), "photograph")], known).strays


def caption(finding: NoCaptionReason, number: int) -> Caption:
    found = Detection(Rectangle(0, 0, 100, 100), 0.9, "photograph")
    return Caption((), (), 0.5, finding=finding, pictures=(found,) * number, number=number)


@pytest.mark.parametrize(
    ("finding", "number", "invented"),
    [
        ("none", 0, False),
        ("black", 0, False),
        ("", 0, True),
        ("", 1, True),
        ("drawing", 1, True),
    ],
)
def test_what_is_invented_on_an_empty_screen(
    finding: NoCaptionReason, number: int, invented: bool
) -> None:
    assert invents(label(), caption(finding, number)) is invented


def test_speaking_of_a_wallpaper_or_of_a_drawing_invents_nothing() -> None:
    assert not invents(label(ignore=(LEFT,)), caption("", 1))
    assert not invents(label((LEFT, "drawing")), caption("drawing", 1))
    assert invents(label((LEFT, "drawing")), caption("", 1))


def test_a_wallpaper_is_found_whole_though_windows_hide_most_of_it() -> None:
    screen = label().size
    whole = Find(Box(0, 0, *screen), "photograph", 1.0)
    open_part = Box(0, 0, screen[0] // 5, screen[1])
    assert not judge(label(ignore=(open_part,)), [whole]).strays
    assert judge(label(), [whole]).strays


def test_wilson_by_hand() -> None:
    # Agresti and Coull 1998, table of 95 % score intervals: 0 of 10 and 5 of 10
    assert wilson(0, 10).high == pytest.approx(0.278, abs=5e-4)
    half = wilson(5, 10)
    assert (half.low, half.high) == pytest.approx((0.237, 0.763), abs=5e-4)
    assert math.isnan(wilson(0, 0).value)


def test_pictures_of_one_screen_count_as_one_trial() -> None:
    rng = np.random.default_rng(1)
    alone = [[bool(rng.random() < 0.5)] for _ in range(200)]
    together = [group * 10 for group in alone[:20]]
    wide, narrow = clustered(together), clustered(alone)
    assert wide.total == narrow.total == 200
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)
    assert clustered([[True]] * 30).low < 1  # certainty is never complete


def test_the_interval_of_a_ratio_holds_it() -> None:
    low, high = ratio_interval([1.0, 2.0, 3.0, 4.0] * 10, [2.0, 4.0, 6.0, 8.0] * 10)
    assert low == pytest.approx(0.5)
    assert high == pytest.approx(0.5)


def test_the_classical_finder_finds_noise_on_plain_ground() -> None:
    rng = np.random.default_rng(0)
    pixels = np.full((240, 320, 3), 250, np.uint8)
    pixels[50:170, 70:230] = rng.integers(0, 200, (120, 160, 3))
    (found,) = baseline.find(pixels)
    assert found.box == Box(70, 50, 160, 120)
    assert not baseline.find(np.full((240, 320, 3), 250, np.uint8))
