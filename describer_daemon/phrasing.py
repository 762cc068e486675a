"""From a caption and its certainty to the sentence that is spoken."""

from __future__ import annotations

from collections.abc import Sequence

from describer_daemon.ports import Caption, Verb

STILL_LOOKING = "Still looking."
NOTHING_YET = "I have not described anything yet."
COPIED = "Copied."
INTERNAL = "Something went wrong inside the describer. The log tells more."

_HEDGES = {"sure": "", "medium": "Could be: ", "unsure": "Not sure: "}
_FINDINGS = {
    "black": "I see no picture: it is all black.",
    "plain": "I see no picture: it is all one colour.",
    "none": "I see no picture.",
    "text": "I see no picture, only text.",
    "drawing": "A chart or drawing; I am only good with photographs.",
}
_MOST_TAGS = 3


def sentence(caption: Caption, verb: Verb | None = None) -> str:
    """Content first, hedged by how certain it is; `verb` None stands for a file.

    Only where there are several pictures, which one it is comes before that.
    """
    if caption.finding == "black" and verb is Verb.SCREEN:
        return "The screen is black. A screen curtain may be on."
    several = caption.number and len(caption.pictures) > 1
    which = f"Picture {caption.number} of {len(caption.pictures)}: " if several else ""
    return which + (_FINDINGS.get(caption.finding) or _hedged(caption))


def _hedged(caption: Caption) -> str:
    recognised = [tag.name for tag in caption.tags if tag.sure][:_MOST_TAGS]
    if caption.certainty == "unsure" and recognised:
        # what is known counts for more than a guess that would follow it
        return f"Not sure. I recognise {_enumerated(recognised)}."
    said = _HEDGES[caption.certainty] + caption.text
    return said[:1].upper() + said[1:] + "."


def _enumerated(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
