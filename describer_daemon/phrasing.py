"""From a caption and its certainty to the sentence that is spoken."""

from __future__ import annotations

from describer_daemon.ports import Caption, Verb

STILL_LOOKING = "Still looking."
NOTHING_YET = "I have not described anything yet."
COPIED = "Copied."
INTERNAL = "Something went wrong inside the describer. The log tells more."

_HEDGES = {"sure": "", "medium": "Could be: ", "unsure": "Not sure: "}


def sentence(caption: Caption, verb: Verb | None = None) -> str:
    """Content first, hedged by how certain it is; `verb` None stands for a file."""
    if caption.finding == "black":
        if verb is Verb.SCREEN:
            return "The screen is black. A screen curtain may be on."
        return "I see no picture: it is all black."
    if caption.finding == "plain":
        return "I see no picture: it is all one colour."
    said = _HEDGES[caption.certainty] + caption.text
    return said[:1].upper() + said[1:] + "."
