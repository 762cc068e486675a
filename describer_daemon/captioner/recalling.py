"""The messages by which the daemon asks for more of the picture that was described last."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Self

from describer_daemon.captioner import fields, parts
from describer_daemon.captioner.protocol import Body, Head
from describer_daemon.core.details import Details, Sharpness, Side
from describer_daemon.core.ports import NoCaptionReason


@dataclass(frozen=True, slots=True)
class Recall:
    """See `details.RecallingCaptioner.recall`."""

    read: bool = False
    op: ClassVar[str] = "recall"
    reply_limit: ClassVar[tuple[int, int]] = (1 << 18, 0)

    def encode(self) -> tuple[Head, Body]:
        return {"op": self.op, "read": self.read}, b""

    @classmethod
    def decode(cls, head: Head, _body: bytes) -> Self:
        return cls(bool(head["read"]))


@dataclass(frozen=True, slots=True)
class Fetch:
    """See `details.RecallingCaptioner.picture`; its reply is a `messages.Outlined`."""

    op: ClassVar[str] = "fetch"
    # a PNG of noise is as large as its pixels, and a little more
    reply_limit: ClassVar[tuple[int, int]] = (1 << 16, 4_000_000)

    def encode(self) -> tuple[Head, Body]:
        return {"op": self.op}, b""

    @classmethod
    def decode(cls, _head: Head, _body: bytes) -> Self:
        return cls()


@dataclass(frozen=True, slots=True)
class Recalled:
    """What is still known."""

    details: Details

    def encode(self) -> tuple[Head, bytes]:
        return dataclasses.asdict(self.details), b""

    @classmethod
    def decode(cls, head: Head, _body: bytes) -> Self:
        return cls(
            Details(
                parts.place(head["box"]),
                parts.literal(head["finding"], NoCaptionReason),
                tuple(parts.thing(thing) for thing in fields.items(head["sure"])),
                tuple(parts.thing(thing) for thing in fields.items(head["unsure"])),
                fields.texts(head["others"]),
                fields.texts(head["colours"]),
                fields.one_of(head["brightness"], ("", "dark", "light")),
                parts.literal(head["sharpness"], Sharpness),
                tuple(parts.literal(side, Side) for side in fields.items(head["cut"])),
                fields.one_of(head["readable"], (False, True)),
                parts.ocr_result(head["text"]) if head["text"] is not None else None,
                parts.language(head["language"]),
            )
        )
