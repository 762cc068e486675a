"""Whether what was found is a photograph, artwork or a graphic, once the captioner has seen it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from describer_daemon.captioner.selection import Selection
    from describer_daemon.core.ports import Graphic
    from models.captioner import Caption as ModelCaption


def corrected(
    selected: Selection, caption: ModelCaption, *, knows_artwork: bool = False
) -> tuple[Selection, ModelCaption | None, Graphic]:
    """The selection with the kind that the captioner's encoder tells; the caption, if one is said;
    where none is, which graphic it is, if that is sure.

    A photograph has the caption that it had, artwork what is surely seen (of a captioner that
    `knows_artwork` the caption, too), a graphic nothing. A whole image that the
    finder did not take for a drawing is what it was, unless it is surely a chart or a map.
    """
    if not selected.number and not selected.finding:
        graphic = _of_a_whole_image(caption)
        if not graphic or (knows_artwork and not caption.fallback):
            return selected, caption, ""
        return dataclasses.replace(selected, finding="drawing"), None, graphic
    if caption.media is None:
        return selected, None if selected.finding else caption, ""
    medium = caption.media.told(drawn=selected.finding == "drawing")
    kind: Literal["photograph", "drawing"] = "photograph" if medium == "photograph" else "drawing"
    pictures = tuple(
        dataclasses.replace(each, kind=kind) if place == selected.number else each
        for place, each in enumerate(selected.pictures, 1)
    )
    finding: Literal["", "drawing"] = "" if kind == "photograph" else "drawing"
    selected = dataclasses.replace(selected, pictures=pictures, finding=finding)
    if medium == "graphic":
        return selected, None, caption.media.graphic
    if medium == "artwork" and (caption.fallback or not knows_artwork):
        from models.captioning.answer import of_artwork

        caption = dataclasses.replace(caption, answer=of_artwork(caption.answer))
    return selected, caption, ""


def _of_a_whole_image(caption: ModelCaption) -> Graphic:
    """A chart or a map, if it is one in spite of the finder, which looks for pictures on pages."""
    media = caption.media
    if media is None or media.told(drawn=False) != "graphic" or media.graphic == "sign":
        return ""
    return media.graphic
