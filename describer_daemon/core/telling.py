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
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.placing import Spot
from describer_daemon.core.ports import Thing, Verb

NOTHING_DESCRIBED = N_("I have not described a picture yet. Please describe one first.")
ALL_TOLD = N_("That was all. Once more begins again.")
NO_MORE = N_("There is no more to tell of it.")
NOTHING_NAMED = N_("There is nothing in it that I can name.")
LAST_THING = N_("That was the last thing on the right. The next is the first on the left.")
FIRST_THING = N_("That was the first thing on the left. The one before is the last on the right.")

_MOST_THINGS = 6  # in one answer
_MOST_LINES = 4  # of the text
# Translators: {placed} is "a dog on the left"
_MAYBE = N_("maybe {placed}")
# Translators: {things} is "a cup and two chairs", in the form that "I see" needs
_ALSO = N_("Also {things}.")
_LIGHTS = {
    # Translators: of a picture; {colours} is "blue" or "blue and green", in all three
    "": N_("Mostly {colours}."),
    "dark": N_("Dark, mostly {colours}."),
    "light": N_("Light, mostly {colours}."),
}
_SHARP = {"": "", "sharp": N_("It is sharp."), "blurred": N_("It looks blurred.")}
# Translators: of a picture; {sides} is "the left" or "the left, the top and the right"
_CUT = N_("It may be cut off at {sides}.")
_SIDES: dict[Side, str] = {
    # Translators: all four stand in "It may be cut off at {sides}."
    "left": N_("the left"),
    "top": N_("the top"),
    "right": N_("the right"),
    "bottom": N_("the bottom"),
}
# the first row whose number, width by height, the picture does not exceed
_SHAPES = (
    # Translators: all five tell of a picture; the numbers are pixels, such as 1200
    (0.45, N_("A tall strip, {width} by {height} pixels.")),
    (0.91, N_("Higher than wide, {width} by {height} pixels.")),
    (1.1, N_("About square, {width} by {height} pixels.")),
    (2.2, N_("Wider than high, {width} by {height} pixels.")),
    (float("inf"), N_("A wide strip, {width} by {height} pixels.")),
)
# Translators: {text} is what is written in the picture, in any language
_SAYS = N_("It says: {text}")
# Translators: {text} is what is written in the picture, in any language
_BEGINS = N_("Its text begins: {text}")
# the first row whose probability a thing has
_SURENESS = (
    # Translators: {placed} is "a dog on the left"; {number} is which thing it is of {count}
    (0.9, N_("{placed}. Almost certain. {number} of {count}.")),
    (0.8, N_("{placed}. Quite sure. {number} of {count}.")),
    (0.0, N_("{placed}. Fairly sure. {number} of {count}.")),
)
# Translators: {placed} is "a dog on the left"; {number} is which thing it is of {count}
_UNSURE = N_("{placed}. Not sure. {number} of {count}.")
# Translators: {thing} is "a dog", {across} "near the left", {down} "near the top", {wide} and
# {high} are shares such as "a third"
_WHERE = N_("{thing}: {across}, {down}; {wide} of the width, {high} of the height.")

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
    return Told(_(all_told), replace(place, part=0), lasting=False)


def explore(details: Details, place: Place, verb: Verb) -> Told:
    """The next thing, the one before, or where exactly the one told last is.

    From left to right: the tones then wander one way, and a person knows where to go back to.
    What matters most comes first in `more`.
    """
    things = in_order(details)
    if not things:
        return Told(_(NOTHING_NAMED), place, lasting=False)
    at, last = place.thing, len(things) - 1
    if verb is Verb.WHERE:
        at = min(at or 0, last)
        return _told(_exactly(things[at], details), things[at], details, replace(place, thing=at))
    step = 1 if verb is Verb.NEXT_THING else -1
    at = (0 if step > 0 else last) if at is None else at + step
    if not 0 <= at <= last:
        end = LAST_THING if step > 0 else FIRST_THING
        return Told(_(end), replace(place, thing=None), lasting=False)
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
    return phrasing.capital(_(pattern).format(placed=words, number=at + 1, count=len(things)))


def _exactly(thing: Thing, details: Details) -> str:
    spot = Spot.of(thing.box, details.box)
    (across, down), (wide, high) = placing.coordinates(spot), placing.shares(spot)
    return phrasing.capital(
        _(_WHERE).format(thing=thing.name, across=across, down=down, wide=wide, high=high)
    )


def _things(details: Details) -> str:
    if details.finding:
        return ""
    named = (*details.sure, *details.unsure)[:_MOST_THINGS]
    # Translators: {placed} is "a dog on the left"
    pattern = _("{placed}.")
    sentences = [
        phrasing.capital(pattern.format(placed=_clause(thing, details))) for thing in named
    ]
    if details.others:
        sentences.append(_(_ALSO).format(things=phrasing.enumerated(details.others)))
    return " ".join(sentences) or _(NOTHING_NAMED)


def _colours(details: Details) -> str:
    if details.finding == "black" or not details.colours:
        return ""
    colours = phrasing.enumerated(phrasing.colours(details.colours))
    return _(_LIGHTS[details.brightness]).format(colours=colours)


def _quality(details: Details) -> str:
    if details.finding:
        return ""
    sides = [_(_SIDES[side]) for side in details.cut]
    cut = _(_CUT).format(sides=phrasing.enumerated(sides)) if sides else ""
    return " ".join(filter(None, (_(_SHARP[details.sharpness]), cut)))


def _shape(details: Details) -> str:
    if details.finding in ("black", "plain", "none", "text"):
        return ""
    width, height = details.box.width, details.box.height
    ratio = width / max(1, height)
    pattern = next(words for most, words in _SHAPES if ratio <= most)
    return _(pattern).format(width=width, height=height)


def _text(details: Details) -> str:
    if details.text is None or not phrasing.has_words(details.text):
        return ""
    first = phrasing.first_lines(details.text, _MOST_LINES)
    pattern = _SAYS if first == details.text else _BEGINS
    return _(pattern).format(text=phrasing.text_aloud(first))


_PARTS: tuple[Callable[[Details], str], ...] = (_things, _colours, _quality, _shape, _text)


def _clause(thing: Thing, details: Details) -> str:
    words = placing.placed(thing.name, Spot.of(thing.box, details.box))
    return words if thing in details.sure else _(_MAYBE).format(placed=words)
