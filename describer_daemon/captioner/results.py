"""What the models give, as the daemon's own types: captions, things, lines of text, drawings."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from describer_daemon.core.ports import Caption, OcrResult, Rectangle, Tag, TextLine, Thing

if TYPE_CHECKING:
    from PIL import Image

    from models.captioner import Caption as ModelCaption
    from models.ocr.engine import OcrLine

_MIN_PROBABILITY = 0.3  # of a kind of thing that is told of at all


def reduction(whole: Rectangle, image: Image.Image) -> int:
    """By which factor a picture was reduced while it was decoded."""
    return max(1, round(whole.width / image.width))


def scaled_up(box: Rectangle, factor: int, whole: Rectangle) -> Rectangle:
    """A box in an image that was reduced by `factor` → the box in the whole."""
    left, top = factor * box.left, factor * box.top
    return Rectangle(
        left,
        top,
        min(factor * box.width, whole.width - left),
        min(factor * box.height, whole.height - top),
    )


def scaled_down(box: Rectangle, factor: int) -> Rectangle:
    """A box in the whole → the box in the image that was reduced by `factor`."""
    return Rectangle(
        box.left // factor,
        box.top // factor,
        max(1, box.width // factor),
        max(1, box.height // factor),
    )


def enlarged(text: OcrResult, factor: int) -> OcrResult:
    """The same text, with boxes in the whole that the image was reduced from."""
    if factor == 1:
        return text
    return OcrResult(
        tuple(
            tuple(
                replace(
                    line,
                    left=factor * line.left,
                    top=factor * line.top,
                    width=factor * line.width,
                    height=factor * line.height,
                )
                for line in paragraph
            )
            for paragraph in text.paragraphs
        ),
        text.finding,
    )


def in_reading_order(unordered: Sequence[OcrLine]) -> OcrResult:
    """Lines in any order → paragraphs in reading order."""
    from models.ocr import reading_order

    lines = [unordered[index] for index in reading_order.order([line.box for line in unordered])]
    counts = reading_order.paragraphs([line.box for line in lines], [line.text for line in lines])
    text_lines = (
        TextLine(
            line.text,
            line.confidence,
            round(line.box.left),
            round(line.box.top),
            round(line.box.width),
            round(line.box.height),
        )
        for line in lines
    )
    return OcrResult(tuple(tuple(itertools.islice(text_lines, count)) for count in counts))


def answered(caption: ModelCaption, image: Image.Image, box: Rectangle) -> Caption:
    """What is told of an RGB image, which is what a picture has in `box`."""
    from models.captioning.colours import brightness, main_colours

    unknown = caption.answer.form == "unknown"
    return Caption(
        caption.words,
        caption.log_probabilities,
        caption.confidence,
        caption.answer.form,
        tags=tuple(Tag(tag.name, tag.probability) for tag in caption.tags),
        things=tuple(
            Thing(
                thing.name, thing.spoken, thing.probability, thing.count, _placed(thing.place, box)
            )
            for thing in caption.things
            if thing.probability >= _MIN_PROBABILITY
        ),
        seen=caption.answer.seen,
        colours=main_colours(image) if unknown else (),
        brightness=brightness(image) if unknown else "",
    )


def _placed(place: tuple[float, float, float, float], box: Rectangle) -> Rectangle:
    """Shares of a box's sides → pixels of the picture that the box is in."""
    left, top, right, bottom = place
    across, down = round(left * box.width), round(top * box.height)
    return Rectangle(
        box.left + across,
        box.top + down,
        max(1, round(right * box.width) - across),
        max(1, round(bottom * box.height) - down),
    )


def heatmap_png(image: Image.Image, model_caption: ModelCaption, caption: Caption) -> bytes:
    import numpy as np

    from models.captioning import heatmap

    stream = io.BytesIO()
    words, maps = model_caption.words, model_caption.attention
    if model_caption.places is not None:  # where the things were looked for, behind the words
        words = (*words, *(f"({thing.name})" for thing in caption.things))
        maps = np.concatenate([maps, model_caption.places[: len(caption.things)]])
    drawn = heatmap.draw(image, words, maps, caption.text)
    drawn.save(stream, "PNG")
    return stream.getvalue()
