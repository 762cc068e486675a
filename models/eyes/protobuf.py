"""Protocol Buffers' wire format, as far as ONNX files need it; the package onnx is too large."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    Bytes = bytes | memoryview

_VARINT, _WIDE, _PART, _NARROW = 0, 1, 2, 5  # how a field is stored
_LONGEST = 63  # bits of a varint that are looked at


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview, memoryview]]:
    """Each field of a message: its number, its value (a part as a view of the `data`, nothing
    copied), and all of it with its tag. Raises ValueError for what is no message."""
    at = 0
    while at < len(data):
        begin = at
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        value: int | memoryview
        if kind == _VARINT:
            value, at = varint(data, at)
        else:
            if kind == _PART:
                length, at = varint(data, at)
            elif kind in (_WIDE, _NARROW):
                length = 8 if kind == _WIDE else 4
            else:
                raise ValueError(f"a field is stored as {kind}")
            value, at = data[at : at + length], at + length
        if at > len(data):
            raise ValueError("a message ends in a field")
        yield number, value, data[begin:at]


def varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number that begins at a place, and where it ends."""
    found = shift = 0
    while True:
        if at >= len(data) or shift > _LONGEST:
            raise ValueError("a message ends in a number")
        byte = data[at]
        found |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return found, at


def whole(field: int, number: int) -> bytes:
    """A field with a whole number from 0."""
    return _written(field << 3) + _written(number)


def part(field: int, content: Bytes) -> bytes:
    """A field with bytes, or another message."""
    return _written(field << 3 | _PART) + _written(len(content)) + bytes(content)


def text(field: int, content: str) -> bytes:
    """A field with text."""
    return part(field, content.encode())


def _written(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    made.append(number)
    return bytes(made)
