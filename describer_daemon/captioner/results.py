"""What the models give, as the daemon's own types: captions, things, lines of text, drawings."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from describer_daemon.captioner.judging import Fit, Fitted, Judged, Row
from describer_daemon.core import phrasing
from describer_daemon.core.details import Details
from describer_daemon.core.ports import (
    Caption,
    NoCaptionReason,
    OcrResult,
    Rectangle,
    Tag,
    TextLine,
    Thing,
)

if TYPE_CHECKING:
    from PIL import Image

    from models.captioner import Caption as ModelCaption
    from models.captioner import Captioner
    from models.captioning.languages import Telling
    from models.captioning.things import Thing as ModelThing
    from models.eyes.checked import CheckedCaptioner
    from models.ocr.engine import OcrLine

_MIN_PROBABILITY = 0.3  # of a kind of thing that is told of at all
_SURE_LINE = 0.8  # confidence of a line that is told although nobody asked for text
_TEXT_SHARE = 0.01  # of a picture's area, from which text is part of what it shows
_FIRST_LINES = 6  # more than a breath has
_DIGITS = 5  # of a signal, behind the point


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


def answered(
    caption: ModelCaption, telling: Telling, image: Image.Image, box: Rectangle
) -> Caption:
    """What is told of an RGB image, which is what a picture has in `box`."""
    from models.captioning.colours import brightness, main_colours

    unknown = telling.form == "unknown"
    return Caption(
        caption.words,
        caption.log_probabilities,
        caption.confidence,
        telling.form,
        tags=tuple(Tag(tag.name, tag.probability) for tag in caption.tags),
        things=tuple(
            _thing(thing, telling, box)
            for thing in caption.things
            if thing.probability >= _MIN_PROBABILITY
        ),
        seen=telling.seen,
        colours=main_colours(image) if unknown else (),
        brightness=brightness(image) if unknown else "",
        language=telling.language,
        translated=telling.caption,
        listed=telling.listed,
    )


def detailed(
    caption: ModelCaption, telling: Telling, box: Rectangle, finding: NoCaptionReason = ""
) -> Details:
    """What may be told of the things in a picture that lies in `box`."""
    answer = caption.answer
    return Details(
        box,
        finding,
        sure=tuple(_thing(thing, telling, box) for thing in answer.sure),
        unsure=tuple(_thing(thing, telling, box) for thing in answer.unsure),
        others=telling.others,
        language=telling.language,
    )


def measured(details: Details, image: Image.Image) -> Details:
    """The same with what an RGB image of it tells: colours, light, sharpness."""
    from models.captioning.colours import brightness, main_colours
    from models.captioning.sharpness import sharpness

    return replace(
        details,
        colours=main_colours(image),
        brightness=brightness(image),
        sharpness=sharpness(image),
    )


def much_text(text: OcrResult, size: tuple[int, int]) -> OcrResult | None:
    """The first lines, if what was read is sure, and so large that it is part of the picture."""
    lines = [line for line in text.lines if line.confidence >= _SURE_LINE]
    area = sum(line.width * line.height for line in lines)
    if not lines or area < _TEXT_SHARE * size[0] * size[1]:
        return None
    sure = (
        tuple(line for line in paragraph if line.confidence >= _SURE_LINE)
        for paragraph in text.paragraphs
    )
    return phrasing.first_lines(OcrResult(tuple(filter(None, sure))), _FIRST_LINES)


def _thing(thing: ModelThing, telling: Telling, box: Rectangle) -> Thing:
    place = _placed(thing.place, box)
    return Thing(thing.name, telling.name(thing), thing.probability, thing.count, place)


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
        things = model_caption.things[: len(caption.things)]  # English, as the words are
        words = (*words, *(f"({thing.spoken})" for thing in things))
        maps = np.concatenate([maps, model_caption.places[: len(caption.things)]])
    drawn = heatmap.draw(image, words, maps, caption.text)
    drawn.save(stream, "PNG")
    return stream.getvalue()


def judged(captioner: Captioner | CheckedCaptioner | None, references: Sequence[str]) -> Judged:
    """What a captioner of others said last, by what people say of that picture."""
    from models.eyes.checked import CheckedCaptioner
    from models.eyes.limits import SIGNALS

    found = captioner.judged(references) if isinstance(captioner, CheckedCaptioner) else None
    if found is None:
        return Judged(None)
    signals, good = found
    # thousands of these come back in one message: no more than will be looked at
    return Judged(Row({name: round(float(signals[name]), _DIGITS) for name in SIGNALS}, good))


def forget(captioner: Captioner | CheckedCaptioner | None) -> None:
    """Keep no caption that nobody has judged: there is another picture."""
    if captioner is None:
        return
    from models.eyes.checked import CheckedCaptioner

    if isinstance(captioner, CheckedCaptioner):
        captioner.forget()


def fitted(request: Fit) -> Fitted:
    """Limits for a captioner of others from captions that were judged."""
    from models.eyes.limits import fit

    limits = fit([(row.signals, row.good) for row in request.rows])
    return Fitted(limits.text() if limits.weights else "")
