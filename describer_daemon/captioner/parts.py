"""What replies of the captioner's process have in common: places, things, lines of text.

Each raises LookupError, TypeError or ValueError for what is none: see `fields`.
"""

from __future__ import annotations

from typing import Any, get_args

from describer_daemon.captioner import fields
from describer_daemon.captioner.protocol import Head
from describer_daemon.core import i18n
from describer_daemon.core.ports import OcrResult, Rectangle, TextLine, Thing


def place(box: Head) -> Rectangle:
    """A box in pixels."""
    return Rectangle(*(fields.whole(box[side]) for side in ("left", "top", "width", "height")))


def thing(head: Head) -> Thing:
    """A thing with its place."""
    return Thing(
        fields.text(head["kind"]),
        fields.text(head["name"]),
        fields.number(head["probability"]),
        fields.whole(head["count"]),
        place(head["box"]),
    )


def _line(line: Head) -> TextLine:
    left, top, width, height = (
        fields.whole(line[side]) for side in ("left", "top", "width", "height")
    )
    return TextLine(
        fields.text(line["text"]), fields.number(line["confidence"]), left, top, width, height
    )


def literal(value: object, kind: Any) -> Any:
    """One of the values of a Literal type."""
    return fields.one_of(value, get_args(kind))


def language(value: object) -> str:
    """The code of a language that there is: a part of a file's path is made of it."""
    return fields.one_of(value, i18n.languages())


def ocr_result(head: Head) -> OcrResult:
    """Paragraphs of lines, and the finding."""
    paragraphs = tuple(
        tuple(_line(line) for line in fields.items(lines))
        for lines in fields.items(head["paragraphs"])
    )
    return OcrResult(paragraphs, fields.one_of(head["finding"], ("", "black", "plain")))
