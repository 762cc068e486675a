"""`describer describe`: pictures from files and standard input, one after another."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.cli.inputs import read_bytes
from describer_daemon.core import phrasing
from describer_daemon.core.escaping import json_line
from describer_daemon.core.i18n import ENGLISH
from describer_daemon.core.ports import (
    Aim,
    Caption,
    Captioner,
    DescriberError,
    Detection,
    Encoded,
    OcrResult,
    Thing,
)


@dataclass(frozen=True, slots=True)
class Described:
    """A caption of a file or its text, or the sentence that says why there is none.

    `drawn` is a PNG, if one was asked for and there is anything to draw: where each word
    looked, or, with a file's last picture, where its pictures are.
    """

    file: str
    caption: Caption | None
    error: str = ""
    drawn: bytes = b""
    reading: OcrResult | None = None

    @property
    def failed(self) -> bool:
        return self.caption is None and self.reading is None

    def printed(self) -> list[str]:
        """The lines for a terminal: those of the text as they stand, else the sentence."""
        lines = [line.text for line in self.reading.lines] if self.reading is not None else []
        return lines or [self.sentence()]

    def sentence(self) -> str:
        """What is spoken."""
        if self.reading is not None:
            return phrasing.text_aloud(self.reading)
        return phrasing.sentence(self.caption) if self.caption is not None else self.error

    @property
    def language(self) -> str:
        """The language of that sentence, as `Speaker.speak` takes it."""
        return phrasing.language(self.reading or self.caption)

    def as_json(self) -> str:
        """One line for other programs; see the README for its fields."""
        # UTF-8 where it can be, in a locale that takes its bytes for something else, too
        name = os.fsencode(self.file).decode("utf-8", "surrogateescape")
        fields: dict[str, Any] = {"file": name}
        if self.reading is not None:
            fields |= {
                "text": phrasing.text_aloud(self.reading),
                "lines": [
                    {**asdict(line), "confidence": round(line.confidence, 4)}
                    for line in self.reading.lines
                ],
            }
        elif self.caption is None:
            fields["error"] = self.error
        else:
            caption = self.caption
            fields |= {
                "caption": caption.told or phrasing.sentence(caption),
                "language": caption.language,
                "english": caption.text or phrasing.sentence(replace(caption, language=ENGLISH)),
                "confidence": round(caption.confidence, 4),
                "words": list(caption.words),
                "log_probabilities": [round(value, 5) for value in caption.log_probabilities],
                "tags": [
                    {"name": tag.name, "probability": round(tag.probability, 4)}
                    for tag in caption.tags
                ],
                "objects": [_thing_fields(thing) for thing in caption.things],
                "form": caption.form,
                "pictures": [_fields(picture) for picture in caption.pictures],
                "number": caption.number,
            }
        return json_line(fields)


def describe(
    names: Iterable[str], captioner: Captioner, *, find: bool = False, kinds: bool = False
) -> Iterator[Described]:
    """Describe each file as it comes ("-" is standard input); failures do not stop the rest.

    With `find` every picture that is found in a file is described, the largest first. With
    `kinds` a file's captions come when it is done: what a picture is is known for sure when it
    has been described, and then each of them tells it of all.
    """
    for name in names:
        try:
            if find:
                screen = Encoded(read_bytes(name), Aim())
                captions = _each(screen, captioner)
                for caption in _with_all_kinds(captions) if kinds else captions:
                    yield Described(name, caption)
            else:
                yield Described(name, captioner.describe(Encoded(read_bytes(name))))
        except DescriberError as error:
            yield Described(name, None, error.spoken)


def read(names: Iterable[str], captioner: Captioner) -> Iterator[Described]:
    """Read the text in each file, like `describe`."""
    for name in names:
        try:
            yield Described(name, None, reading=captioner.read(Encoded(read_bytes(name))))
        except DescriberError as error:
            yield Described(name, None, error.spoken)


def outline(name: str, captioner: ChildCaptioner) -> Iterator[Described]:
    """Describe every picture in one file like `describe`, and draw where they are.

    Where there is only one, which may be all of the file, the things on it are drawn, too.
    """
    try:
        screen = Encoded(read_bytes(name), Aim())
        for caption in _each(screen, captioner):
            drawn = b""
            if caption.number == len(caption.pictures):
                things = caption.things if caption.number <= 1 else ()
                boxes = [
                    *(picture.box for picture in caption.pictures),
                    *(thing.box for thing in things),
                ]
                labels = [
                    *map(str, range(1, caption.number + 1)),
                    *(thing.name for thing in things),
                ]
                drawn = captioner.outline(screen, boxes, labels) if boxes else b""
            yield Described(name, caption, drawn=drawn)
    except DescriberError as error:
        yield Described(name, None, error.spoken)


def illustrate(name: str, captioner: ChildCaptioner) -> Described:
    """Describe one file like `describe`, with a heat map."""
    try:
        caption, heatmap = captioner.illustrate(Encoded(read_bytes(name)))
    except DescriberError as error:
        return Described(name, None, error.spoken)
    return Described(name, caption, drawn=heatmap)


def _each(screen: Encoded, captioner: Captioner) -> Iterator[Caption]:
    """Caption one picture in it after another; there is always one caption, if only a finding."""
    caption = captioner.describe(screen)
    yield caption
    already_described = []
    while caption.box is not None and caption.number < len(caption.pictures):
        already_described.append(caption.box)
        caption = captioner.describe(screen, already_described)
        if caption.number <= len(already_described):
            return  # it started over: what is left lies upon one that was described
        yield caption


def _with_all_kinds(captions: Iterable[Caption]) -> Iterator[Caption]:
    """The same, each with the kinds of those pictures that any of them is about; when something
    goes wrong, those that there are, and then that."""
    known: list[Caption] = []
    failure: DescriberError | None = None
    try:
        known.extend(captions)
    except DescriberError as error:
        failure = error
    kinds = {each.box: each.pictures[each.number - 1].kind for each in known if each.box}
    for caption in known:
        pictures = (
            replace(picture, kind=kinds.get(picture.box, picture.kind))
            for picture in caption.pictures
        )
        yield replace(caption, pictures=tuple(pictures))
    if failure is not None:
        raise failure


def _thing_fields(thing: Thing) -> dict[str, Any]:
    return {
        "kind": thing.kind,
        "name": thing.name,
        "probability": round(thing.probability, 4),
        "count": thing.count,
        "left": thing.box.left,
        "top": thing.box.top,
        "width": thing.box.width,
        "height": thing.box.height,
    }


def _fields(detection: Detection) -> dict[str, Any]:
    box = detection.box
    return {
        "left": box.left,
        "top": box.top,
        "width": box.width,
        "height": box.height,
        "score": round(detection.score, 4),
        "kind": detection.kind,
    }
