"""The messages by which `describer captioner test` learns when a captioner is to be believed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from describer_daemon.captioner import fields
from describer_daemon.captioner.protocol import Body, Head

_MOST = 64  # signals of one caption


@dataclass(frozen=True, slots=True)
class Row:
    """By which `signals` a caption is judged, and whether it was `good`."""

    signals: dict[str, float]
    good: bool

    def encode(self) -> Head:
        return {"signals": self.signals, "good": self.good}

    @classmethod
    def decode(cls, head: Head) -> Self:
        """Raises TypeError or ValueError for what is none."""
        signals = dict(head["signals"])
        if len(signals) > _MOST:
            raise ValueError("far too many signals")
        return cls(
            {fields.text(name): fields.number(value) for name, value in signals.items()},
            fields.one_of(head["good"], (False, True)),
        )


@dataclass(frozen=True, slots=True)
class Judge:
    """Judge the caption of the picture described last by what people say of it."""

    references: tuple[str, ...]
    op: ClassVar[str] = "judge"
    reply_limit: ClassVar[tuple[int, int]] = (1 << 16, 0)

    def encode(self) -> tuple[Head, Body]:
        return {"op": self.op, "references": self.references}, b""

    @classmethod
    def decode(cls, head: Head, _body: bytes) -> Self:
        return cls(fields.texts(head["references"]))


@dataclass(frozen=True, slots=True)
class Judged:
    """None for a captioner that is believed as it was measured by whoever made it, and where the
    one that ships answers in any case."""

    row: Row | None

    def encode(self) -> tuple[Head, bytes]:
        return {"row": None if self.row is None else self.row.encode()}, b""

    @classmethod
    def decode(cls, head: Head, _body: bytes) -> Self:
        return cls(None if head["row"] is None else Row.decode(head["row"]))


@dataclass(frozen=True, slots=True)
class Fit:
    """Find from when on captions are good, from those that were judged."""

    rows: tuple[Row, ...]
    op: ClassVar[str] = "fit"
    reply_limit: ClassVar[tuple[int, int]] = (1 << 16, 0)

    def encode(self) -> tuple[Head, Body]:
        return {"op": self.op, "rows": [row.encode() for row in self.rows]}, b""

    @classmethod
    def decode(cls, head: Head, _body: bytes) -> Self:
        return cls(tuple(Row.decode(row) for row in fields.items(head["rows"])))


@dataclass(frozen=True, slots=True)
class Fitted:
    """The text of limits.json; "" where nothing could be learnt."""

    limits: str

    def encode(self) -> tuple[Head, bytes]:
        return {"limits": self.limits}, b""

    @classmethod
    def decode(cls, head: Head, _body: bytes) -> Self:
        if not isinstance(head["limits"], str):
            raise TypeError("limits that are no text")
        return cls(head["limits"])
