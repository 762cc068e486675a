"""What a file is, by its first bytes: never by its name, which may be anything."""

from __future__ import annotations

import re
import zlib
from enum import Enum

from describer_daemon.core.i18n import N_

HEAD = 1024  # bytes that are enough to tell


class FileKind(Enum):
    """What can be told from each other; the value is how a sentence calls it, marked by `N_`."""

    # Translators: all fourteen stand in "This is {kind}, which I cannot read."
    PICTURE = N_("a picture")  # of a kind that is read without further packages
    AVIF = N_("an AVIF picture")
    HEIC = N_("an HEIC photograph")
    JPEG_XL = N_("a JPEG XL picture")
    SVG = N_("an SVG drawing")
    PHOTOSHOP = N_("a Photoshop file")
    GIMP = N_("a GIMP file")
    RAW = N_("a camera's raw photograph")
    PDF = N_("a PDF document")
    POSTSCRIPT = N_("a PostScript drawing")
    METAFILE = N_("a Windows metafile")
    UNREAD = N_("a picture of a rare kind")
    VIDEO = N_("a video")
    UNKNOWN = N_("something else")


_MAGIC: tuple[tuple[bytes, FileKind], ...] = (
    (b"\x89PNG", FileKind.PICTURE),
    (b"\xff\xd8\xff", FileKind.PICTURE),
    (b"GIF8", FileKind.PICTURE),
    (b"\0\0\1\0", FileKind.PICTURE),  # icon
    (b"\0\0\0\x0cjP", FileKind.PICTURE),  # JPEG 2000, and without its box:
    (b"\xff\x4f\xff\x51", FileKind.PICTURE),
    (b"\xff\x0a", FileKind.JPEG_XL),
    (b"\0\0\0\x0cJXL ", FileKind.JPEG_XL),
    (b"8BPS", FileKind.PHOTOSHOP),
    (b"gimp xcf", FileKind.GIMP),
    # raw photographs: Canon, Fujifilm, Olympus, Panasonic, Minolta, Sigma
    (b"II\x1a\0\0\0HEAPCCDR", FileKind.RAW),
    (b"FUJIFILMCCD-RAW", FileKind.RAW),
    (b"IIRO", FileKind.RAW),
    (b"IIRS", FileKind.RAW),
    (b"MMOR", FileKind.RAW),
    (b"IIU\0", FileKind.RAW),
    (b"\0MRM", FileKind.RAW),
    (b"FOVb", FileKind.RAW),
    (b"II*\0\x10\0\0\0CR", FileKind.RAW),
    (b"II*\0", FileKind.PICTURE),  # TIFF, also of more than 4 gigabytes
    (b"MM\0*", FileKind.PICTURE),
    (b"II+\0", FileKind.PICTURE),
    (b"MM\0+", FileKind.PICTURE),
    (b"II\xbc", FileKind.UNREAD),  # JPEG XR
    (b"qoif", FileKind.PICTURE),
    (b"icns", FileKind.PICTURE),
    (b"DDS ", FileKind.UNREAD),
    (b"\x0a\x05\1\x08", FileKind.UNREAD),  # PCX
    (b"\x76\x2f\x31\x01", FileKind.UNREAD),  # OpenEXR
    (b"#?RADIANCE", FileKind.UNREAD),
    (b"AT&TFORM", FileKind.UNREAD),  # DjVu
    (b"%PDF-", FileKind.PDF),
    (b"%!PS", FileKind.POSTSCRIPT),
    (b"\xc5\xd0\xd3\xc6", FileKind.POSTSCRIPT),
    (b"\xd7\xcd\xc6\x9a", FileKind.METAFILE),
    (b"\1\0\0\0\x6c\0\0\0", FileKind.METAFILE),
    (b"\x1a\x45\xdf\xa3", FileKind.VIDEO),  # Matroska and WebM
)
_BRANDS = (  # of ISO media files, at byte 8
    ((b"avif", b"avis"), FileKind.AVIF),
    ((b"crx ",), FileKind.RAW),  # Canon's CR3
    ((b"hei", b"hev", b"mif1", b"mif2", b"msf1"), FileKind.HEIC),
    ((b"isom", b"iso2", b"mp4", b"M4V", b"qt  ", b"avc1", b"3gp", b"dash"), FileKind.VIDEO),
)
_NETPBM = re.compile(rb"P[1-7][\s#]")
# comments, a type and processing instructions may come before the drawing itself
_SVG = re.compile(rb"<(?:[A-Za-z][\w.-]{0,30}:)?svg[\s/>]")
_MARKUP = re.compile(rb"\s*<(?:\?xml|!--|!DOCTYPE\s+svg|(?:[A-Za-z][\w.-]{0,30}:)?svg[\s/>])")
_BYTE_ORDERS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def kind_of(head: bytes) -> FileKind:
    """The kind of a file that begins with these bytes, `HEAD` or all that there are."""
    head = head[:HEAD]
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF":
        return {b"WEBP": FileKind.PICTURE, b"AVI ": FileKind.VIDEO}.get(
            head[8:12], FileKind.UNKNOWN
        )
    if head[4:8] == b"ftyp":
        return next(
            (kind for brands, kind in _BRANDS if head[8:12].startswith(brands)), FileKind.UNKNOWN
        )
    if _NETPBM.match(head) or (head[:2] == b"BM" and _has_bitmap_header(head)):
        return FileKind.PICTURE
    return FileKind.SVG if _is_svg(head) else FileKind.UNKNOWN


def _has_bitmap_header(head: bytes) -> bool:
    """Two letters are not enough: the length of the header that follows is one of a few."""
    return int.from_bytes(head[14:18], "little") in (12, 16, 40, 52, 56, 64, 108, 124)


def _is_svg(head: bytes) -> bool:
    if head[:2] == b"\x1f\x8b":
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, HEAD)
        except zlib.error:
            return False
    for mark, encoding in _BYTE_ORDERS:
        if head.startswith(mark):
            text = head[: len(head) // 2 * 2] if encoding == "utf-16" else head
            head = text.decode(encoding, "replace").lstrip("\ufeff").encode()
    if not _MARKUP.match(head):
        return False
    # a long comment may hide where it begins: whoever reads it will see
    return _SVG.search(head) is not None or b"<!--" in head or b"DOCTYPE svg" in head
