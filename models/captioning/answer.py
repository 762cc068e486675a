"""What of all that is known of a picture is believed enough to be said: one decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.captioning.confidence import Calibration

Form = Literal["plain", "hedged", "things", "tags", "unknown"]
MOST_THINGS = 4


def decide(
    confidence: float, named: Sequence[float], things: Sequence[float], tags: Sequence[float],
    calibration: Calibration,
) -> Form:
    """In which form an answer comes; the first row whose conditions all hold:

    ========  ===============================  =============================  ==================
    form      the caption's confidence         the kinds that it names        else
    ========  ===============================  =============================  ==================
    plain     at least `sure`                  each at least `object_support`
    hedged    at least `medium`                each at least `object_support`
    things                                                                    one is listed
    tags                                                                      one tag is sure
    unknown
    ========  ===============================  =============================  ==================

    `named` are the probabilities of the kinds of thing that the caption names, `things` those
    of all kinds, `tags` those of the classes that were recognised. A caption that names what is
    not there is never said, not even hedged.
    """
    supported = all(probability >= calibration.object_support for probability in named)
    if supported and confidence >= calibration.sure:
        return "plain"
    if supported and confidence >= calibration.medium:
        return "hedged"
    if any(probability >= calibration.object_listed for probability in things):
        return "things"
    if any(probability >= calibration.tag for probability in tags):
        return "tags"
    return "unknown"
