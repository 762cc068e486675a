"""What becomes of a find when the captioner's encoder has seen it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from describer_daemon.captioner.media import corrected
from describer_daemon.captioner.selection import Selection
from describer_daemon.core.ports import Detection, Rectangle
from models.captioner import Caption
from models.captioning.answer import Answer
from models.captioning.medium import Media
from models.captioning.things import Thing

PHOTOGRAPH = Detection(Rectangle(0, 0, 90, 90), 0.9, "photograph")
DRAWING = Detection(Rectangle(100, 0, 90, 90), 0.9, "drawing")
FIRST = Selection((PHOTOGRAPH, DRAWING), 1)
SECOND = Selection((PHOTOGRAPH, DRAWING), 2, "drawing")
WHOLE, WHOLE_DRAWING = Selection(), Selection(finding="drawing")
PHOTO, ART, CHART, PLAN, SIGN = (
    Media(each, 0.8, 0.7)
    for each in (
        (0.9, 0.1, 0, 0, 0, 0),
        (0.1, 0.8, 0.1, 0, 0, 0),
        (0, 0, 1, 0, 0, 0),
        (0, 0, 0.4, 0.3, 0, 0.3),
        (0, 0, 0, 0, 1, 0),
    )
)


def caption(media: Media | None) -> Caption:
    return Caption(("a", "dog"), (), np.zeros((2, 1, 1), np.float32), 0.9, (), {}, media=media)


@pytest.mark.parametrize(
    ("selected", "media", "kinds", "finding", "is_said"),
    [
        (FIRST, None, ["photograph", "drawing"], "", True),
        (FIRST, PHOTO, ["photograph", "drawing"], "", True),
        (FIRST, ART, ["drawing", "drawing"], "drawing", True),
        (FIRST, CHART, ["drawing", "drawing"], "drawing", False),
        (SECOND, None, ["photograph", "drawing"], "drawing", False),
        (SECOND, PHOTO, ["photograph", "photograph"], "", True),
        (SECOND, ART, ["photograph", "drawing"], "drawing", True),
        (SECOND, CHART, ["photograph", "drawing"], "drawing", False),
        (WHOLE, ART, [], "", True),
        (WHOLE, CHART, [], "drawing", False),
        (WHOLE, PLAN, [], "", True),
        (WHOLE_DRAWING, ART, [], "drawing", True),
        (WHOLE_DRAWING, PHOTO, [], "", True),
    ],
)
def test_its_kind_is_corrected_and_graphics_have_no_caption(
    selected: Selection, media: Media | None, kinds: list[str], finding: str, is_said: bool
) -> None:
    result, said, _graphic = corrected(selected, caption(media))
    assert [each.kind for each in result.pictures] == kinds
    assert (result.finding, said is not None) == (finding, is_said)
    assert result.number == selected.number


@pytest.mark.parametrize(
    ("probability", "knows_artwork", "then"),
    [(0.9, False, "things"), (0.7, False, "unknown"), (0.7, True, "plain")],
)
def test_of_artwork_less_is_said(probability: float, knows_artwork: bool, then: str) -> None:
    dog = Thing(16, "dog", "a dog", probability, 1, (0.0, 0.0, 1.0, 1.0))
    answer = Answer("plain", ("a dog",), sure=(dog,))
    plain = dataclasses.replace(caption(ART), answer=answer)
    _selected, said, _graphic = corrected(FIRST, plain, knows_artwork=knows_artwork)
    assert said is not None
    assert said.answer.form == then


@pytest.mark.parametrize(
    ("selected", "media", "graphic"),
    [
        (FIRST, CHART, "chart"),
        (FIRST, PLAN, ""),
        (FIRST, ART, ""),
        (WHOLE, CHART, "chart"),
        (WHOLE, SIGN, ""),
    ],
)
def test_a_graphic_is_named_where_it_is_told_as_one_and_sure(
    selected: Selection, media: Media, graphic: str
) -> None:
    assert corrected(selected, caption(media))[2] == graphic


def test_of_a_whole_chart_a_captioner_of_others_says_what_it_knows() -> None:
    known, own = caption(CHART), dataclasses.replace(caption(CHART), fallback=True)
    assert corrected(WHOLE, known, knows_artwork=True) == (WHOLE, known, "")
    assert corrected(WHOLE, own, knows_artwork=True)[1:] == (None, "chart")
