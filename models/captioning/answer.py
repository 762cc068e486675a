"""What of all that is known of a picture is believed enough to be said: one decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from models.captioning.kinds import named

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from models.captioning.confidence import Calibration
    from models.captioning.things import Thing

Form = Literal["plain", "hedged", "things", "unknown"]
MOST_SEEN = 4  # things in a sentence that only lists them


def decide(
    confidence: float, claimed: Sequence[float], seen: Sequence[object], calibration: Calibration
) -> Form:
    """In which form an answer comes; the first row whose conditions all hold:

    =======  ========================  ==============================  =================
    form     the caption's confidence  the kinds of thing it claims    what else is seen
    =======  ========================  ==============================  =================
    plain    at least `sure`           each at least `object_support`
    hedged   at least `medium`         each at least `object_support`
    things                                                             anything
    unknown
    =======  ========================  ==============================  =================

    `claimed` are the probabilities of the kinds of thing that the caption names, `seen` what
    would be listed. A caption that names what is not there is never said, not even hedged.
    """
    supported = all(probability >= calibration.object_support for probability in claimed)
    if supported and confidence >= calibration.sure:
        return "plain"
    if supported and confidence >= calibration.medium:
        return "hedged"
    return "things" if seen else "unknown"


def listed(things: Sequence[Thing], calibration: Calibration) -> tuple[Thing, ...]:
    """The things that are believed enough to be listed, the largest and surest first."""
    believed = [thing for thing in things if thing.probability >= calibration.object_listed]
    return tuple(sorted(believed, key=lambda thing: -thing.probability * thing.area**0.5)
                 [:MOST_SEEN])


def recognised(
    tags: Sequence[str], seen: Sequence[Thing], things: Collection[Thing], calibration: Calibration
) -> tuple[str, ...]:
    """Which of the other things that were surely recognised are worth a word beside those `seen`.

    Not what names a kind that is listed already, or one that is not believed: the head for the
    kinds knows them better.
    """
    listed_kinds = {thing.kind for thing in seen}
    doubted = {thing.kind for thing in things if thing.probability < calibration.object_support}
    kept = [tag for tag in tags if not named(tag.split()) & (listed_kinds | doubted)]
    return tuple(kept[: MOST_SEEN - len(seen)])


def kinds_said(
    form: Form, claimed: frozenset[int], seen: Sequence[Thing], others: Sequence[str]
) -> frozenset[int]:
    """The kinds of thing that an answer names."""
    if form in ("plain", "hedged"):
        return claimed
    return frozenset(thing.kind for thing in seen).union(*(named(tag.split()) for tag in others))
