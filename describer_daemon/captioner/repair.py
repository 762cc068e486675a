"""What can still be seen of a file that is damaged or cut off, as viewers show it.

Decoders that want all of a file get zeros in place of what is missing.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFile

from describer_daemon.captioner import image_files, papers
from describer_daemon.core.file_kinds import FileKind, kind_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PNG = b"\x89PNG\r\n\x1a\n"
_SIGNATURES = (_PNG, b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe1", b"\xff\xd8\xff\xdb")
_MAX_JUNK = 1024  # bytes before a picture, such as a transfer's headers
# files that may well begin with a picture, which is not what they are: sound, archives, programs
_OTHERS = (b"ID3", b"fLaC", b"OggS", b"RIFF", b"PK", b"MZ", b"\x7fELF", b"\xd0\xcf\x11\xe0")
_MAX_PADDING = 64 << 20  # bytes
_PREVIEWS = 8  # of a raw photograph are tried, the largest first
_SMALLEST_SHARE = 16  # of the rows, one must have been decoded


@contextlib.contextmanager
def lenient() -> Iterator[None]:
    """Inside this context Pillow gives what it could decode."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before


def candidates(data: bytes, kind: FileKind) -> Iterator[tuple[bytes, FileKind]]:
    """Files to be tried in place of a damaged one, the likeliest first, with their kinds."""
    if kind is FileKind.RAW:
        yield from ((preview, FileKind.PICTURE) for preview in _previews(data))
        return
    if kind is FileKind.UNKNOWN:
        if not data.startswith(_OTHERS):
            places = (data.find(mark, 0, _MAX_JUNK) for mark in _SIGNATURES)
            if start := min((place for place in places if place > 0), default=0):
                yield data[start:], kind_of(data[start:])
        return
    yield data, kind
    if data.startswith(_PNG):
        yield _with_checksums(data), kind
    padding = bytes(min(_missing(data), _MAX_PADDING))
    yield data + padding, kind
    if data[:4] in (b"II*\0", b"MM\0*"):  # most cameras' raw photographs are TIFF, too
        yield from ((preview, FileKind.PICTURE) for preview in _previews(data))


def recognisable(image: Image.Image, data: bytes) -> Image.Image | None:
    """Cut off the rows of an RGB image that could not be decoded; None if nothing is left."""
    values = np.asarray(image)
    if data[:2] == b"BM":  # bitmaps begin with their last row
        values = values[::-1]
    if not _is_filling(values[-1, 0]):
        return image
    if papers.blank_reason(image):
        return None
    filled = (values == values[-1, 0]).all(axis=(1, 2))
    missing = int(np.argmin(filled[::-1]))
    if not missing:
        return image
    left = image.height - missing
    if left * _SMALLEST_SHARE < image.height or left < image_files.MIN_SIDE:
        return None
    top = missing if data[:2] == b"BM" else 0
    shown = image.crop((0, top, image.width, top + left))
    return None if papers.blank_reason(shown) else shown


def _is_filling(colour: NDArray[np.uint8]) -> bool:
    """Whether decoders put this colour where they have none: black, transparent or mid-grey."""
    low, high = int(colour.min()), int(colour.max())
    return low == high in (0, 255) or 122 <= low <= high <= 138


def _missing(data: bytes) -> int:
    """About how many bytes a file of this kind may lack."""
    if data[:4] == b"RIFF":
        return max(0, 8 + int.from_bytes(data[4:8], "little") + 1 - len(data))
    if (box := data.find(b"jp2c", 0, 4096)) >= 4:  # JPEG 2000's, which ends with the data
        return max(0, box - 4 + int.from_bytes(data[box - 4 : box]) - len(data))
    return 7 * len(data) + 1024


def _with_checksums(data: bytes) -> bytes:
    """A PNG with the checksum of each chunk as it should be."""
    mended, place = bytearray(data), len(_PNG)
    while place + 12 <= len(mended):
        end = place + 8 + int.from_bytes(mended[place : place + 4])
        if end + 4 > len(mended):
            break
        mended[end : end + 4] = zlib.crc32(mended[place + 4 : end]).to_bytes(4)
        place = end + 4
    return bytes(mended)


def _previews(data: bytes) -> list[bytes]:
    """The pictures in JPEG that a camera put into its raw file, the largest first."""
    places: list[int] = []
    place = data.find(b"\xff\xd8\xff", 2)
    while place >= 0 and len(places) < 64:
        places.append(place)
        place = data.find(b"\xff\xd8\xff", place + 3)
    ends = [*places, len(data)][1:]
    parts = [data[start:end] for start, end in zip(places, ends, strict=True)]
    return sorted(parts, key=len, reverse=True)[:_PREVIEWS]
