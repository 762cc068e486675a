"""What a picture's file says of the picture already: XMP, IPTC, EXIF, PNG's texts.

Only the file's structure is read, and no pixel decoded. A file may be made to do harm: every
length that it names is held against what there is.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from itertools import islice

from describer_daemon.alt_text import xmp
from describer_daemon.alt_text.xmp import Found

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_MORE_XMP = b"http://ns.adobe.com/xmp/extension/\0"
_MORE_HEADER = len(_MORE_XMP) + 40  # a sum of 32 letters, the whole length, the place
_IPTC_RESOURCE = 0x0404
_DESCRIPTION, _XMP_TAG, _IPTC_TAG = 270, 700, 33723
_MOST_TAGS = 4096
_MOST_PARTS = 32
# what cameras and programs write into everything
_EMPTY_WORDS = frozenset(
    {
        "",
        "olympus digital camera",
        "konica minolta digital camera",
        "minolta digital camera",
        "sony dsc",
        "dcim",
        "exif_jpeg_picture",
        "exif jpeg picture",
        "digital camera",
        "image",
        "default",
        "untitled",
    }
)

Part = tuple[str, bytes]  # "xmp", "iptc", "exif" or "text", and what it holds


def found(data: bytes) -> Found:
    """What the file says of its picture; never raises."""
    result = Found()
    for kind, part in islice(_parts(data), _MOST_PARTS):
        if kind == "xmp":
            result = result.joined(_in_packet(part))
        else:
            text = _iptc_caption(part) if kind == "iptc" else part
            words = text.decode("utf-8", "replace").strip(" \t\r\n\0")
            if words.lower() not in _EMPTY_WORDS:
                result = result.joined(Found(description=words))
    return result


def image_data(data: bytes) -> bytes | None:
    """The bytes that hold the pixels; None where this kind of file is not known so well."""
    if data.startswith(b"\xff\xd8\xff"):
        scan = _scan_start(data)
        return data[scan:] if scan else None
    if data.startswith(b"\x89PNG"):
        return b"".join(part for name, part in _chunks(data) if name in (b"IDAT", b"fdAT", b"PLTE"))
    if _is_webp(data):
        kept = (b"VP8 ", b"VP8L", b"ANMF", b"ALPH")
        return b"".join(part for name, part in _riff(data) if name in kept)
    return None


def _in_packet(part: bytes) -> Found:
    try:
        return xmp.Packet(part.strip(b"\0")).found()
    except xmp.PacketError:
        return Found(is_damaged=True)


def _parts(data: bytes) -> Iterator[Part]:
    if data.startswith(b"\xff\xd8\xff"):
        yield from _of_jpeg(data)
    elif data.startswith(b"\x89PNG"):
        yield from _of_png(data)
    elif _is_webp(data):
        for name, part in _riff(data):
            if name == b"XMP ":
                yield "xmp", part
            elif name == b"EXIF":
                yield from _of_tiff(part.removeprefix(b"Exif\0\0"))
    elif data[:4] in (b"II*\0", b"MM\0*"):
        yield from _of_tiff(data)
    else:  # as the standard has it for a reader that does not know the file's kind
        start = data.find(b"<x:xmpmeta")
        end = data.find(b"</x:xmpmeta>", start)
        if 0 <= start < end:
            yield "xmp", data[start : end + len(b"</x:xmpmeta>")]


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(marker, start, end) of the segments before the first scan."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in (0xFF, 0x01) or 0xD0 <= marker <= 0xD8:  # fill, and markers without content
            place += 1 if marker == 0xFF else 2
            continue
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4])
        yield marker, place + 4, min(end, len(data))
        if marker in (0xDA, 0xD9) or end < place + 4:
            return
        place = end


def _scan_start(data: bytes) -> int:
    return next((start for marker, start, _ in _segments(data) if marker == 0xDA), 0)


def _of_jpeg(data: bytes) -> Iterator[Part]:
    more: list[tuple[int, bytes]] = []
    for marker, start, end in _segments(data):
        segment = data[start:end]
        if marker == 0xE1 and segment.startswith(_XMP):
            yield "xmp", segment[len(_XMP) :]
        elif marker == 0xE1 and segment.startswith(_MORE_XMP):
            place = int.from_bytes(segment[_MORE_HEADER - 4 : _MORE_HEADER])
            more.append((place, segment[_MORE_HEADER:]))
        elif marker == 0xE1 and segment.startswith(b"Exif\0\0"):
            yield from _of_tiff(segment[6:])
        elif marker == 0xED and segment.startswith(b"Photoshop 3.0\0"):
            yield from _resources(segment[14:])
    if more:
        yield "xmp", b"".join(piece for _, piece in sorted(more))


def _resources(data: bytes) -> Iterator[Part]:
    """Photoshop's: a mark, a number, a name, a length, the content, each of an even length."""
    place = 0
    while data[place : place + 4] == b"8BIM" and place + 12 <= len(data):
        number = int.from_bytes(data[place + 4 : place + 6])
        name = 1 + data[place + 6]
        start = place + 6 + name + name % 2
        size = int.from_bytes(data[start : start + 4])
        if number == _IPTC_RESOURCE:
            yield "iptc", data[start + 4 : start + 4 + size]
        place = start + 4 + size + size % 2


def _iptc_caption(data: bytes) -> bytes:
    """Data set 2:120, Caption/Abstract; b"" without one."""
    place = 0
    while data[place : place + 1] == b"\x1c" and place + 5 <= len(data):
        size = int.from_bytes(data[place + 3 : place + 5])
        if size & 0x8000:  # an extended one: nobody writes captions of 32 kB
            return b""
        if data[place + 1 : place + 3] == b"\x02\x78":
            return data[place + 5 : place + 5 + size]
        place += 5 + size
    return b""


def _of_tiff(data: bytes) -> Iterator[Part]:
    """Of the first directory, as EXIF and TIFF files have it."""
    if data[:2] not in (b"II", b"MM"):
        return

    def number(place: int, size: int) -> int:
        return int.from_bytes(data[place : place + size], "little" if data[:1] == b"I" else "big")

    start = number(4, 4)
    for index in range(min(number(start, 2), _MOST_TAGS)):
        entry = start + 2 + 12 * index
        tag, kind, count = number(entry, 2), number(entry + 2, 2), number(entry + 4, 4)
        if tag not in (_DESCRIPTION, _XMP_TAG, _IPTC_TAG):
            continue
        size = count * (4 if kind in (4, 9) else 1)
        place = entry + 8 if size <= 4 else number(entry + 8, 4)
        name = {_DESCRIPTION: "exif", _XMP_TAG: "xmp", _IPTC_TAG: "iptc"}[tag]
        yield name, data[place : place + size]


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 8
    while place + 8 <= len(data):
        size = int.from_bytes(data[place : place + 4])
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + size]
        place += 12 + size


def _of_png(data: bytes) -> Iterator[Part]:
    for name, chunk in _chunks(data):
        if name == b"eXIf":
            yield from _of_tiff(chunk)
        elif name in (b"tEXt", b"zTXt", b"iTXt"):
            keyword, _, rest = chunk.partition(b"\0")
            if keyword not in (b"XML:com.adobe.xmp", b"Description"):
                continue
            packed = name == b"zTXt"
            if name == b"iTXt":  # whether and how it is packed, a language, a keyword in that
                packed, rest = rest[:1] == b"\1", rest[2:].partition(b"\0")[2].partition(b"\0")[2]
            elif packed:
                rest = rest[1:]
            text = _unpacked(rest) if packed else rest
            yield ("xmp" if keyword.startswith(b"XML") else "text"), text


def _unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, xmp.MAX_BYTES)
    except zlib.error:
        return b""


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def _riff(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 12
    while place + 8 <= len(data):
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        yield data[place : place + 4], data[place + 8 : place + 8 + size]
        place += 8 + size + size % 2
