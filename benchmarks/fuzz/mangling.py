"""Changes to bytes of any kind, such as a bad disk, a cut line or an enemy makes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from random import Random

_EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_PACKINGS = ("B", "<H", ">H", "<I", ">I")
_MOST = 1 << 20  # bytes that a change may add

Change = Callable[[Random, bytes], bytes]


def cut(random: Random, data: bytes) -> bytes:
    """The end is missing."""
    return data[: random.randrange(len(data))]


def flip(random: Random, data: bytes) -> bytes:
    """A few bits are the other way."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 16, 64))):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def noise(random: Random, data: bytes) -> bytes:
    """A stretch holds anything."""
    start = random.randrange(len(data))
    length = min(random.choice((1, 4, 16, 256)), len(data) - start)
    return data[:start] + random.randbytes(length) + data[start + length :]


def extreme(random: Random, data: bytes) -> bytes:
    """A number, most likely in the header, is far too small or large."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4))):
        packed = struct.Struct(random.choice(_PACKINGS))
        near = random.random() < 0.8
        place = random.randrange(min(len(data), 64 if near else len(data)))
        value = random.choice(_EXTREMES) & ((1 << 8 * packed.size) - 1)
        changed[place : place + packed.size] = packed.pack(value)
    return bytes(changed)


def drop(random: Random, data: bytes) -> bytes:
    """A stretch in the middle is missing."""
    start = random.randrange(len(data))
    return data[:start] + data[start + random.choice((1, 2, 7, 64)) :]


def repeat(random: Random, data: bytes) -> bytes:
    """A stretch comes again and again."""
    start = random.randrange(len(data))
    stretch = data[start : start + random.choice((1, 8, 64, 1024))]
    times = min(random.choice((1, 2, 16, 256, 4096)), _MOST // len(stretch))
    return data[:start] + stretch * times + data[start:]


def fill(random: Random, data: bytes) -> bytes:
    """A stretch is all zeros, or all ones."""
    start = random.randrange(len(data))
    length = min(random.choice((2, 16, 128, 4096)), len(data) - start)
    return data[:start] + random.choice((b"\0", b"\xff")) * length + data[start + length :]


def append(random: Random, data: bytes) -> bytes:
    """Something follows that does not belong there."""
    return data + random.choice((b"\0" * 1000, random.randbytes(100), data))


CHANGES: Sequence[Change] = (cut, flip, noise, extreme, extreme, drop, repeat, fill, append)


def mangled(random: Random, data: bytes) -> tuple[str, bytes]:
    """→ the names of the changes, and what they made of the data."""
    names = []
    for change in random.choices(CHANGES, k=random.choice((1, 1, 1, 2, 3))):
        if not data:
            break
        data = change(random, data)
        names.append(change.__name__)
    return " ".join(names), data


def spliced(random: Random, one: bytes, other: bytes) -> bytes:
    """The beginning of one thing and the end of another."""
    return one[: random.randrange(1, len(one) + 1)] + other[random.randrange(len(other)) :]
