"""What is said comes out of the catalogues, whole: in a language that marks what it translates,
nothing is unmarked but what the captioner or a picture gave."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest

from describer_daemon.core import phrasing, placing, telling
from describer_daemon.core.details import Details, Place
from describer_daemon.core.placing import Spot
from describer_daemon.core.ports import (
    Caption,
    Detection,
    Form,
    NoCaptionReason,
    OcrResult,
    Rectangle,
    TextLine,
    Verb,
)
from describer_daemon.hotkeys.names import MODIFIERS, NAMED_KEYS, keys_refused, parse_hotkey
from tests.catalogues import unmarked
from tests.unit.core.room import Room, until
from tests.unit.core.test_phrasing import COLOURED, LIGHTS, LISTED, WORDS
from tests.unit.core.test_telling import BALL, CAT, DOG, PARK, PEOPLE, text

GIVEN = {
    "a dog on a man's lap", "hay", "a tripod", "two people", "a dog", "several boats",
    *(f"picture {number}" for number in range(9)),
    "No smoking.", "No smoking", "f9", "f8", '"hyper"', '"ü"', "i", *MODIFIERS, *NAMED_KEYS,
}  # fmt: skip
GIVEN |= {thing.name for thing in (BALL, CAT, DOG, PEOPLE)}
SIGN = OcrResult(((TextLine("No smoking", 0.9, 0, 0, 9, 9),),))
SIZE = Rectangle(0, 0, 600, 400)

pytestmark = pytest.mark.usefixtures("pseudo_locale")


def left_over(*sentences: str) -> list[str]:
    """What was not translated; each sentence has to have something that was."""
    assert all("«" in sentence for sentence in sentences), sentences
    return [sentence for sentence in sentences if unmarked(sentence, GIVEN)]


def test_it_shows_what_is_not_translated() -> None:
    assert unmarked("«I see ⟦«⟦a dog⟧ and ⟦hay⟧»⟧.»", GIVEN) == ""
    for wrong in ("I see no text.", "«I see» a dog.", "«I see ⟦blue⟧.»", "«I see ⟦a dog or hay⟧.»"):
        assert unmarked(wrong, GIVEN)


def test_of_pictures() -> None:
    seen = itertools.product(
        get_args(Form), filter(None, LISTED), COLOURED, LIGHTS, (None, SIGN), (None, *Verb)
    )
    several = (Detection(SIZE, 0.9, "photograph"),) * 2
    captions = [
        (
            Caption(
                WORDS, (), 0.5, form, seen=things, colours=colours, brightness=light,
                written=written, pictures=several, number=1,
            ),
            verb,
        )
        for form, things, colours, light, written, verb in seen
    ]  # fmt: skip
    captions += [
        (Caption((), (), 1.0, finding=finding), verb)
        for finding in filter(None, get_args(NoCaptionReason))
        for verb in (None, *Verb)
    ]
    assert left_over(*{phrasing.sentence(caption, verb) for caption, verb in captions}) == []
    alts = {phrasing.alt_text(caption) for caption, _ in captions} - {""}
    assert left_over(*alts) == []


def test_of_text() -> None:
    found = [OcrResult((), finding) for finding in ("", "black", "plain")]
    said = {phrasing.text_aloud(result, verb) for result in found for verb in (None, Verb.TEXT)}
    assert len(said) == 4
    assert left_over(*said) == []


def test_of_places() -> None:
    shares = [number / 20 for number in range(21)]
    spots = [Spot(*four) for four in itertools.product(shares, shares, (0.1, 0.9), (0.1, 0.5, 0.9))]
    said = {placing.placed("a dog", spot) for spot in spots}
    said |= {word for spot in spots for word in placing.coordinates(spot)}
    said |= {word for share in shares for word in placing.shares(Spot(0.5, 0.5, share, share))}
    assert left_over(*said) == []


@pytest.mark.parametrize("size", [(100, 900), (300, 400), (400, 400), (600, 400), (900, 100)])
@pytest.mark.parametrize("brightness", LIGHTS)
def test_of_more_of_a_picture(size: tuple[int, int], brightness: str) -> None:
    details = Details(
        Rectangle(0, 0, *size), "", PARK.sure, PARK.unsure, PARK.others, ("blue", "green"),
        brightness, "blurred" if brightness else "sharp", ("left", "top", "right", "bottom"), True,
        text("No smoking"),
    )  # fmt: skip
    said, place = [], Place()
    while not said or place.part:
        told = telling.more(details, place, lambda: details)
        said.append(told.sentence)
        place = told.place
    assert len(said) == 6
    for verb in (Verb.NEXT_THING, Verb.PREVIOUS_THING, Verb.WHERE):
        place = Place()
        for _ in range(6):
            told = telling.explore(details, place, verb)
            said.append(told.sentence)
            place = told.place
    said.append(telling.explore(Details(SIZE), Place(), Verb.NEXT_THING).sentence)
    said.append(telling.more(Details(SIZE), Place(part=5), lambda: details).sentence)
    assert left_over(*said) == []


def test_of_what_the_pipeline_says_itself() -> None:
    room = Room(still_looking_after=0.0)
    try:
        answers = [room.answer(verb).sentence for verb in reversed(Verb)]
        room.captioner.error = ValueError("odd")
        answers.append(room.answer(Verb.SCREEN).sentence)
        room.captioner.error = None
        room.captioner.may_go.clear()
        outcomes = room.ask(Verb.TEXT)
        until(lambda: room.speaker.said[-1] == "«Still reading.»")
        room.captioner.may_go.set()
        until(lambda: bool(outcomes))
    finally:
        room.close()
    read = {one for one in room.speaker.said if one.startswith("text ")}
    assert len(read) == 2
    assert left_over(*{one for one in (*answers, *room.speaker.said) if one} - read) == []


def test_of_keys() -> None:
    keys = [(Verb.SCREEN, parse_hotkey("f9")), (Verb.COPY, parse_hotkey("f8"))]
    said = [
        keys_refused(keys[:1], []).spoken,
        keys_refused(keys, []).spoken,
        keys_refused([], keys).spoken,
    ]
    for wrong in ("", "hyper+i", "alt", "alt+ü", "i"):
        with pytest.raises(ValueError, match="«") as refused:
            parse_hotkey(wrong)
        said.append(str(refused.value))
    assert left_over(*said) == []
