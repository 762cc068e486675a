"""The messages that the daemon and the captioner's process exchange, typed.

The client sends one of the requests and gets that request's reply, or a `Failed`:

    request      reply        body of the request    body of the reply
    Load         Loaded       -                      -
    Describe     Described    the picture            -
    Illustrate   Described    the picture            PNG: the heat map of each word
    Read         TextRead     the picture            -
    Outline      Outlined     the picture            PNG: the picture with its boxes
    Recall       Recalled     -                      -                 (both in `recalling`)
    Fetch        Outlined     -                      PNG: the picture  (in `recalling`, too)
    Judge, Fit   Judged, Fitted                                        (in `judging`)

Each class knows its wire format (`encode`, `decode`), which `protocol` frames. Two of its keys
are older than the names here: "passed" is `already_described`, "short" is `out_of_memory`. A reply
comes from where strangers' pictures are decoded: it is no larger than its request allows, and
`fields` looks at each value.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, Self

from describer_daemon.captioner import fields, parts, protocol
from describer_daemon.captioner.judging import Fit, Judge
from describer_daemon.captioner.protocol import Body, Head
from describer_daemon.captioner.recalling import Fetch, Recall
from describer_daemon.core import i18n
from describer_daemon.core.ports import (
    Aim,
    Caption,
    Detection,
    Encoded,
    Form,
    Graphic,
    NoCaptionReason,
    OcrResult,
    Picture,
    Pixels,
    Rectangle,
    Tag,
)

Told = Literal["captions", "things", "sentences"]
"""How much of what is said of a picture can be had in a language: whole captions, lists of things,
or no more than sentences about neither."""
_SMALL, _MEDIUM = 1 << 16, 1 << 18  # bytes of a head
_HEAT_MAP = 32 << 20  # bytes: a hundred words' tiles, not packed at all
_MOST_PIXELS = 100_000_000  # of any picture that is decoded


class ProtocolError(ValueError):
    """A message that is none of those below."""


class Request(Protocol):
    """What the client may send."""

    def encode(self) -> tuple[Head, Body]:
        """→ head and body of the message."""

    @property
    def reply_limit(self) -> tuple[int, int]:
        """→ how many bytes the head and the body of its reply may have."""


class Reply(Protocol):
    """What the child may answer."""

    def encode(self) -> tuple[Head, bytes]:
        """→ head and body of the message."""


@dataclass(frozen=True, slots=True)
class Load:
    """Load the models now rather than with the first picture, and what that `language` needs."""

    language: str = i18n.ENGLISH
    op: ClassVar[str] = "load"
    reply_limit: ClassVar[tuple[int, int]] = (_SMALL, 0)

    def encode(self) -> tuple[Head, Body]:
        return {"op": self.op, "language": self.language}, b""

    @classmethod
    def decode(cls, head: Head, _body: bytes) -> Self:
        return cls(head.get("language", i18n.ENGLISH))


@dataclass(frozen=True, slots=True)
class Describe:
    """See `ports.Captioner.describe`; what is told is told in `language`, if it can be."""

    picture: Picture
    already_described: tuple[Rectangle, ...] = ()
    language: str = i18n.ENGLISH
    op: ClassVar[str] = "describe"
    reply_limit: ClassVar[tuple[int, int]] = (_MEDIUM, 0)

    def encode(self) -> tuple[Head, Body]:
        head, body = _encode_picture(self.op, self.picture)
        boxes = _encode_boxes(self.already_described)
        return head | {"passed": boxes, "language": self.language}, body

    @classmethod
    def decode(cls, head: Head, body: bytes) -> Self:
        return cls(
            _decode_picture(head, body),
            _decode_boxes(head.get("passed", ())),
            head.get("language", i18n.ENGLISH),
        )


@dataclass(frozen=True, slots=True)
class Illustrate:
    """Describe, and draw the heat map of each word."""

    picture: Picture
    language: str = i18n.ENGLISH
    op: ClassVar[str] = "illustrate"
    reply_limit: ClassVar[tuple[int, int]] = (_MEDIUM, _HEAT_MAP)

    def encode(self) -> tuple[Head, Body]:
        head, body = _encode_picture(self.op, self.picture)
        return head | {"language": self.language}, body

    @classmethod
    def decode(cls, head: Head, body: bytes) -> Self:
        return cls(_decode_picture(head, body), head.get("language", i18n.ENGLISH))


@dataclass(frozen=True, slots=True)
class Read:
    """See `ports.Captioner.read`."""

    picture: Picture
    op: ClassVar[str] = "read"
    reply_limit: ClassVar[tuple[int, int]] = (protocol.MAX_HEAD, 0)

    def encode(self) -> tuple[Head, Body]:
        return _encode_picture(self.op, self.picture)

    @classmethod
    def decode(cls, head: Head, body: bytes) -> Self:
        return cls(_decode_picture(head, body))


@dataclass(frozen=True, slots=True)
class Outline:
    """Draw boxes into the picture, with their `labels`, or else numbered from 1."""

    picture: Picture
    boxes: tuple[Rectangle, ...]
    labels: tuple[str, ...] = ()
    op: ClassVar[str] = "outline"

    @property
    def reply_limit(self) -> tuple[int, int]:
        """A PNG of noise is as large as its pixels, and a hundredth more."""
        picture = self.picture
        pixels = picture.width * picture.height if isinstance(picture, Pixels) else _MOST_PIXELS
        return _SMALL, 3 * pixels * 101 // 100 + _SMALL

    def encode(self) -> tuple[Head, Body]:
        head, body = _encode_picture(self.op, self.picture)
        return head | {"boxes": _encode_boxes(self.boxes), "labels": self.labels}, body

    @classmethod
    def decode(cls, head: Head, body: bytes) -> Self:
        return cls(
            _decode_picture(head, body), _decode_boxes(head["boxes"]), tuple(head.get("labels", ()))
        )


_Any = Load | Describe | Illustrate | Read | Outline | Recall | Fetch | Judge | Fit
_KINDS: tuple[type[_Any], ...] = (
    Load,
    Describe,
    Illustrate,
    Read,
    Outline,
    Recall,
    Fetch,
    Judge,
    Fit,
)
_REQUESTS = {request.op: request for request in _KINDS}


def decode_request(head: Head, body: bytes) -> _Any:
    """Raises ProtocolError for an operation that there is not; other errors for bad fields."""
    request = _REQUESTS.get(head.get("op", ""))
    if request is None:
        raise ProtocolError(f"unknown operation {head.get('op')!r}")
    return request.decode(head, body)


@dataclass(frozen=True, slots=True)
class Loaded:
    """`confined`: what `sandbox.confine` achieved; `told`: what there is in that language."""

    confined: tuple[str, ...]
    told: Told = "captions"

    def encode(self) -> tuple[Head, bytes]:
        return {"ok": True, "confined": self.confined, "told": self.told}, b""

    @classmethod
    def decode(cls, head: Head, _body: bytes) -> Self:
        return cls(fields.texts(head["confined"]), parts.literal(head["told"], Told))


@dataclass(frozen=True, slots=True)
class Described:
    """`milliseconds` by stage; `heatmap` is a PNG, empty if none was asked for or no word is."""

    caption: Caption
    milliseconds: Mapping[str, float]
    heatmap: bytes = b""

    def encode(self) -> tuple[Head, bytes]:
        return {**dataclasses.asdict(self.caption), "milliseconds": self.milliseconds}, self.heatmap

    @classmethod
    def decode(cls, head: Head, body: bytes) -> Self:
        milliseconds = {
            fields.text(stage): fields.number(took)
            for stage, took in dict(head["milliseconds"]).items()
        }
        return cls(_decode_caption(head), milliseconds, body)


@dataclass(frozen=True, slots=True)
class TextRead:
    """The result of OCR."""

    result: OcrResult

    def encode(self) -> tuple[Head, bytes]:
        return dataclasses.asdict(self.result), b""

    @classmethod
    def decode(cls, head: Head, _body: bytes) -> Self:
        return cls(parts.ocr_result(head))


@dataclass(frozen=True, slots=True)
class Outlined:
    """`png`: the picture with its boxes."""

    png: bytes

    def encode(self) -> tuple[Head, bytes]:
        return {"ok": True}, self.png

    @classmethod
    def decode(cls, _head: Head, body: bytes) -> Self:
        return cls(body)


@dataclass(frozen=True, slots=True)
class Failed:
    """`spoken` and `detail` as in `ports.DescriberError`."""

    spoken: str
    detail: str = ""
    out_of_memory: bool = False

    def encode(self) -> tuple[Head, bytes]:
        head: Head = {"error": fields.sentence(self.spoken), "detail": fields.detail(self.detail)}
        return (head | {"short": True} if self.out_of_memory else head), b""

    @classmethod
    def decode(cls, head: Head) -> Self | None:
        """None when the head is that of another reply."""
        if "error" not in head:
            return None
        return cls(
            fields.sentence(head["error"]), fields.detail(head.get("detail", "")), "short" in head
        )


def with_notice(head: Head, notice: str) -> Head:
    """The head of any reply, with something that the person shall hear beside it, if anything."""
    return head | {"notice": notice} if notice else head


def notice(head: Head) -> str:
    """What `with_notice` was given; "" for what is no text."""
    said = head.get("notice", "")
    return fields.sentence(said) if isinstance(said, str) else ""


def _encode_picture(op: str, picture: Picture) -> tuple[Head, Body]:
    head: Head = {"op": op}
    if isinstance(picture, Encoded):
        head["kind"] = "encoded"
    else:
        head |= {
            "kind": "pixels",
            "width": picture.width,
            "height": picture.height,
            "layout": picture.layout,
        }
    if picture.aim is not None:
        focus = picture.aim.focus
        head["aim"] = {"pointer": picture.aim.pointer, "focus": focus and _encode_box(focus)}
    return head, picture.data


def _decode_picture(head: Head, body: bytes) -> Picture:
    aim = _decode_aim(head["aim"]) if "aim" in head else None
    if head["kind"] == "pixels":
        return Pixels(head["width"], head["height"], body, head["layout"], aim)
    return Encoded(body, aim)


def _decode_aim(aim: Head) -> Aim:
    pointer, focus = aim["pointer"], aim["focus"]
    return Aim((pointer[0], pointer[1]) if pointer else None, Rectangle(*focus) if focus else None)


def _encode_box(box: Rectangle) -> tuple[int, int, int, int]:
    return box.left, box.top, box.width, box.height


def _encode_boxes(boxes: Sequence[Rectangle]) -> list[tuple[int, int, int, int]]:
    return [_encode_box(box) for box in boxes]


def _decode_boxes(boxes: Sequence[Sequence[int]]) -> tuple[Rectangle, ...]:
    return tuple(Rectangle(*box) for box in boxes)


def _decode_caption(head: Head) -> Caption:
    return Caption(
        fields.texts(head["words"]),
        tuple(fields.number(each) for each in fields.items(head["log_probabilities"])),
        fields.number(head["confidence"]),
        parts.literal(head["form"], Form),
        parts.literal(head["finding"], NoCaptionReason),
        tuple(
            Tag(fields.text(tag["name"]), fields.number(tag["probability"]))
            for tag in fields.items(head["tags"])
        ),
        tuple(
            Detection(
                parts.place(picture["box"]),
                fields.number(picture["score"]),
                fields.one_of(picture["kind"], ("photograph", "drawing")),
            )
            for picture in fields.items(head["pictures"])
        ),
        fields.whole(head["number"]),
        tuple(parts.thing(thing) for thing in fields.items(head["things"])),
        fields.texts(head["seen"]),
        fields.texts(head["colours"]),
        fields.one_of(head["brightness"], ("", "dark", "light")),
        parts.ocr_result(head["written"]) if head["written"] is not None else None,
        parts.language(head["language"]),
        fields.text(head["translated"]),
        fields.texts(head["listed"]),
        parts.literal(head["graphic"], Graphic),
        fields.texts(head["labels"]),
    )
