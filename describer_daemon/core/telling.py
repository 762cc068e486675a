"""What is told, part by part and thing by thing, of a picture that was described already.

Nothing is said here that was not believed enough: the limits are those of the captions (ADR 0031).
Each pattern is a whole sentence, for other languages put it in another order; nothing depends on
a number, save the names of things, which come with theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from describer_daemon.core import i18n, phrasing, placing
from describer_daemon.core.details import Details, Place, Side, Told
from describer_daemon.core.placing import Spot
from describer_daemon.core.ports import Thing, Verb

NOTHING_DESCRIBED = "I have not described a picture yet. Please describe one first."
ALL_TOLD = "That was all. Once more begins again."
NO_MORE = "There is no more to tell of it."
NOTHING_NAMED = "There is nothing in it that I can name."
LAST_THING = "That was the last thing on the right. The next is the first on the left."
FIRST_THING = "That was the first thing on the left. The one before is the last on the right."

_MOST_THINGS = 6  # in one answer
_MOST_LINES = 4  # of the text
_MAYBE = "maybe {placed}"
_ALSO = "Also {things}."
_LIGHTS = {
    "": "Mostly {colours}.",
    "dark": "Dark, mostly {colours}.",
    "light": "Light, mostly {colours}.",
}
_SHARP = {"": "", "sharp": "It is sharp.", "blurred": "It looks blurred."}
_CUT = "It may be cut off at {sides}."
_SIDES: dict[Side, str] = {
    "left": "the left",
    "top": "the top",
    "right": "the right",
    "bottom": "the bottom",
}
# the first row whose number, width by height, the picture does not exceed
_SHAPES = (
    (0.45, "A tall strip, {width} by {height} pixels."),
    (0.91, "Higher than wide, {width} by {height} pixels."),
    (1.1, "About square, {width} by {height} pixels."),
    (2.2, "Wider than high, {width} by {height} pixels."),
    (float("inf"), "A wide strip, {width} by {height} pixels."),
)
_SAYS = "It says: {text}"
_BEGINS = "Its text begins: {text}"
# the first row whose probability a thing has
_SURENESS = (
    (0.9, "{placed}. Almost certain. {number} of {count}."),
    (0.8, "{placed}. Quite sure. {number} of {count}."),
    (0.0, "{placed}. Fairly sure. {number} of {count}."),
)
_UNSURE = "{placed}. Not sure. {number} of {count}."
_WHERE = "{thing}: {across}, {down}; {wide} of the width, {high} of the height."

Read = Callable[[], Details]


def more(details: Details, place: Place, read: Read) -> Told:
    """The next part that there is; `read` gives the details with the text, if it was not read."""
    for number, part in enumerate(_PARTS[place.part :], place.part + 1):
        if part is _text and details.readable and details.text is None:
            details = read()
        if sentence := part(details):
            language = phrasing.language(details.text) if part is _text else i18n.language()
            return Told(sentence, replace(place, part=number), language)
    all_told = ALL_TOLD if place.part else NO_MORE
    return Told(all_told, replace(place, part=0), lasting=False)


def explore(details: Details, place: Place, verb: Verb) -> Told:
    """The next thing, the one before, or where exactly the one told last is.

    From left to right: the tones then wander one way, and a person knows where to go back to.
    What matters most comes first in `more`.
    """
    things = in_order(details)
    if not things:
        return Told(NOTHING_NAMED, place, lasting=False)
    at, last = place.thing, len(things) - 1
    if verb is Verb.WHERE:
        at = min(at or 0, last)
        return _told(_exactly(things[at], details), things[at], details, replace(place, thing=at))
    step = 1 if verb is Verb.NEXT_THING else -1
    at = (0 if step > 0 else last) if at is None else at + step
    if not 0 <= at <= last:
        return Told(
            LAST_THING if step > 0 else FIRST_THING, replace(place, thing=None), lasting=False
        )
    return _told(_explored(things, at, details), things[at], details, replace(place, thing=at))


def in_order(details: Details) -> list[Thing]:
    """All things that may be named, from the left; those above each other from the top."""

    def key(thing: Thing) -> tuple[float, float]:
        spot = Spot.of(thing.box, details.box)
        return spot.across, spot.down

    return sorted((*details.sure, *details.unsure), key=key)


def _told(sentence: str, thing: Thing, details: Details, place: Place) -> Told:
    spot = Spot.of(thing.box, details.box)
    return Told(sentence, place, point=(spot.across, spot.down))


def _explored(things: Sequence[Thing], at: int, details: Details) -> str:
    thing = things[at]
    pattern = _UNSURE
    if thing in details.sure:
        pattern = next(words for least, words in _SURENESS if thing.probability >= least)
    words = _clause(thing, details)
    return _capital(pattern.format(placed=words, number=at + 1, count=len(things)))


def _exactly(thing: Thing, details: Details) -> str:
    spot = Spot.of(thing.box, details.box)
    (across, down), (wide, high) = placing.coordinates(spot), placing.shares(spot)
    return _capital(_WHERE.format(thing=thing.name, across=across, down=down, wide=wide, high=high))


def _things(details: Details) -> str:
    if details.finding:
        return ""
    named = (*details.sure, *details.unsure)[:_MOST_THINGS]
    sentences = [_capital(f"{_clause(thing, details)}.") for thing in named]
    if details.others:
        sentences.append(_ALSO.format(things=phrasing.enumerated(details.others)))
    return " ".join(sentences) or NOTHING_NAMED


def _colours(details: Details) -> str:
    if details.finding == "black" or not details.colours:
        return ""
    return _LIGHTS[details.brightness].format(colours=phrasing.enumerated(details.colours))


def _quality(details: Details) -> str:
    if details.finding:
        return ""
    sides = [_SIDES[side] for side in details.cut]
    cut = _CUT.format(sides=phrasing.enumerated(sides)) if sides else ""
    return " ".join(filter(None, (_SHARP[details.sharpness], cut)))


def _shape(details: Details) -> str:
    if details.finding in ("black", "plain", "none", "text"):
        return ""
    width, height = details.box.width, details.box.height
    ratio = width / max(1, height)
    pattern = next(words for most, words in _SHAPES if ratio <= most)
    return pattern.format(width=width, height=height)


def _text(details: Details) -> str:
    if details.text is None or not phrasing.has_words(details.text):
        return ""
    first = phrasing.first_lines(details.text, _MOST_LINES)
    pattern = _SAYS if first == details.text else _BEGINS
    return pattern.format(text=phrasing.text_aloud(first))


_PARTS: tuple[Callable[[Details], str], ...] = (_things, _colours, _quality, _shape, _text)


def _clause(thing: Thing, details: Details) -> str:
    words = placing.placed(thing.name, Spot.of(thing.box, details.box))
    return words if thing in details.sure else _MAYBE.format(placed=words)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
