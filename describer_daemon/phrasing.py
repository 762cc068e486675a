"""From a caption and its certainty to the sentence that is spoken."""

from __future__ import annotations

from collections.abc import Sequence

from describer_daemon.ports import Caption, Verb

STILL_LOOKING = "Still looking."
NOTHING_YET = "I have not described anything yet."
COPIED = "Copied."
INTERNAL = "Something went wrong inside the describer. The log tells more."

_HEDGES = {"sure": "", "medium": "Could be: ", "unsure": "Not sure: "}
_MOST_TAGS = 3


def sentence(caption: Caption, verb: Verb | None = None) -> str:
    """Content first, hedged by how certain it is; `verb` None stands for a file."""
    if caption.finding == "black":
        if verb is Verb.SCREEN:
            return "The screen is black. A screen curtain may be on."
        return "I see no picture: it is all black."
    if caption.finding == "plain":
        return "I see no picture: it is all one colour."
    recognised = [tag.name for tag in caption.tags if tag.sure][:_MOST_TAGS]
    if caption.certainty == "unsure" and recognised:
        # what is known counts for more than a guess that would follow it
        return f"Not sure. I recognise {_enumerated(recognised)}."
    said = _HEDGES[caption.certainty] + caption.text
    return said[:1].upper() + said[1:] + "."


def _enumerated(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
