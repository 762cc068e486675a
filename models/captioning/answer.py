"""What of all that is known of a picture is believed enough to be said: one decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from models.captioning.tags import tag_kinds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.captioning.confidence import Calibration
    from models.captioning.tags import Tag
    from models.captioning.things import Thing

Form = Literal["plain", "hedged", "things", "unknown"]
FORMS: tuple[Form, ...] = get_args(Form)  # from the most that is said to the least
_FAMILIAR = 0.5
# The least probability, with both heads, of a thing on a picture unlike any learnt from; none of
# 2,800 made-up pictures and 450 pieces of screenshots had one.
_SEEN_BY_BOTH = 0.5
_SURE_OF_ARTWORK = 0.8  # of 35 covers and paintings 15 have such a thing, and one has it not
MOST_SEEN = 4  # things in a sentence that only lists them


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of a picture: in the forms "plain" and "hedged" the caption, in "things" what
    is `seen` ("two dogs", "a tripod"). `said` are the kinds of thing that it names.

    To whoever asks for more, all `sure` things may be told plainly, the largest and surest first,
    the `unsure` ones with a "maybe", and of the `others` only that they are there.
    """

    form: Form
    seen: tuple[str, ...] = ()
    said: frozenset[int] = frozenset()
    sure: tuple[Thing, ...] = ()
    unsure: tuple[Thing, ...] = ()
    others: tuple[str, ...] = ()


def answer(
    confidence: float,
    claimed: frozenset[int],
    things: Sequence[Thing],
    tags: Sequence[Tag],
    calibration: Calibration,
    familiarity: float = 1.0,
) -> Answer:
    """What is said, given how far a caption is believed, the kinds of thing that it names
    (`claimed`), and the `things` and `tags` that were seen besides.

    Of a picture that is most likely unlike any learnt from (see `Calibration.familiarity`) no
    single head is believed: a chart has no giraffe in it, whatever the head for things says.
    """
    sure: tuple[Thing, ...]
    unsure: tuple[Thing, ...]
    others: tuple[str, ...]
    if familiarity >= _FAMILIAR:
        sure, unsure = believed(things, calibration)
        others = recognised(tags, sure[:MOST_SEEN], things, calibration)
    else:
        sure, unsure, others = seen_by_both(things, tags), (), ()
    seen = sure[:MOST_SEEN]
    probabilities = [thing.probability for thing in things if thing.kind in claimed]
    form = decide(confidence, probabilities, (*seen, *others), calibration)
    if form in ("plain", "hedged"):
        said = claimed
    else:
        said = frozenset(thing.kind for thing in seen).union(*map(tag_kinds, others))
    names = (*(thing.spoken for thing in seen), *others)
    return Answer(form, names, said, sure, unsure, others)


def of_artwork(said: Answer) -> Answer:
    """What is said of a drawing by a captioner that was taught with photographs: no caption, and of
    the things those of which it is surer than it would have to be of a photograph's."""
    sure = tuple(thing for thing in said.sure if thing.probability >= _SURE_OF_ARTWORK)
    seen = sure[:MOST_SEEN]
    return Answer(
        "things" if seen else "unknown",
        tuple(thing.spoken for thing in seen),
        frozenset(thing.kind for thing in seen),
        sure,
    )


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


def believed(
    things: Sequence[Thing], calibration: Calibration
) -> tuple[tuple[Thing, ...], tuple[Thing, ...]]:
    """The things that are believed enough to be listed, and those that a caption may but name;
    both the largest and surest first.

    Something is there on nearly every picture, so the surest thing is right more often than a
    further one of the same probability: it is listed from a lower limit on.
    """
    least = min(calibration.object_support, calibration.object_listed)
    named = _sorted(thing for thing in things if thing.probability >= least)
    surest = max((thing.probability for thing in named), default=1.0)
    limit = max(calibration.object_listed, min(calibration.object_further, surest))
    sure = tuple(thing for thing in named if thing.probability >= limit)
    return sure, tuple(thing for thing in named if thing not in sure)


def seen_by_both(things: Sequence[Thing], tags: Sequence[Tag]) -> tuple[Thing, ...]:
    """The things that the classifier names, too, the largest and surest first: they are there even
    on a picture unlike any learnt from, such as an animal that fills it."""
    named = frozenset[int]().union(
        *(tag_kinds(tag.name) for tag in tags if tag.probability >= _SEEN_BY_BOTH)
    )
    return tuple(
        _sorted(
            thing for thing in things if thing.probability >= _SEEN_BY_BOTH and thing.kind in named
        )
    )


def recognised(
    tags: Sequence[Tag], seen: Sequence[Thing], things: Sequence[Thing], calibration: Calibration
) -> tuple[str, ...]:
    """Which of the other things that were surely recognised are worth a word beside those `seen`.

    Not what names a kind that is listed already, or one that is not believed: the head for the
    kinds knows them better.
    """
    listed_kinds = {thing.kind for thing in seen}
    doubted = {thing.kind for thing in things if thing.probability < calibration.object_support}
    kept = [
        tag.name
        for tag in tags
        if tag.probability >= calibration.tag and not tag_kinds(tag.name) & (listed_kinds | doubted)
    ]
    return tuple(kept[: MOST_SEEN - len(seen)])


def _sorted(things: Iterable[Thing]) -> list[Thing]:
    """The largest and surest first."""
    return sorted(things, key=lambda thing: -thing.probability * thing.area**0.5)
