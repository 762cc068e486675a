"""Opening a picture's file, with whatever reads its kind: Pillow, an extra, or the renderer of
drawings. Runs in the captioner's process only.

The extras of `describer[formats]` are loaded with the first picture that needs them.
"""

from __future__ import annotations

import importlib
import io
import re
import zlib
from typing import Any

from PIL import Image, UnidentifiedImageError

from describer_daemon.captioner import memory
from describer_daemon.core.file_kinds import FileKind
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError

MAX_PIXELS = 100_000_000
# a JPEG is decoded at a reduced scale, so that the largest cameras' can be taken, too
MAX_JPEG_PIXELS = 256_000_000
MIN_SIDE = 8
# what desktops and cameras make; none that runs another program to be decoded, as EPS does
_FORMATS = (
    "PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "ICO", "JPEG2000", "AVIF", "PSD",
    "QOI", "ICNS",
)  # fmt: skip
# bytes a pixel that a decoder and what is made of its image take at most, of any depth
_BYTES_A_PIXEL = {"WEBP": 20, "JPEG2000": 40, "AVIF": 20, "HEIF": 24, "JXL": 40}
_BYTES_A_PIXEL_ELSE = 12
_BYTES_PROGRESSIVE = 6  # of a JPEG's coefficients, at full scale
# kind: the packages of which one reads it, and what is said without
# Translators: {kind} is "an HEIC photograph"
_INSTALL_OR_JPEG = N_("This is {kind}. Please install describer[formats], or save it as JPEG.")
# Translators: {kind} is "an SVG drawing"
_INSTALL_OR_PNG = N_("This is {kind}. Please install describer[formats], or save it as PNG.")
_EXTRAS = {
    FileKind.HEIC: (("pi_heif", "pillow_heif"), _INSTALL_OR_JPEG),
    FileKind.JPEG_XL: (("pillow_jxl",), _INSTALL_OR_JPEG),
    FileKind.SVG: (("resvg_py",), _INSTALL_OR_PNG),
}
_CURES = {
    # Translators: {kind} is "a PDF document" or "a GIMP file", in these four
    FileKind.PDF: N_(
        "This is {kind}, which I cannot read. Please open it, and ask for the screen."
    ),
    FileKind.VIDEO: N_(
        "This is {kind}, which I cannot read. Please show it, and ask for the screen."
    ),
    FileKind.RAW: N_("This is {kind}, which I cannot read. Please save it as JPEG."),
}
_CURE_ELSE = N_("This is {kind}, which I cannot read. Please save it as PNG.")
_DRAWING_SIDE = 1024  # pixels; drawings have no size of their own that means anything
_MAX_DRAWING = 32 << 20  # bytes of markup
_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
# anything but what is in the drawing itself: no other file is opened for it
_OUTER = re.compile(r"(href\s*=\s*)([\"'])(?!\s*(?:#|data:))", re.IGNORECASE)
_RATIOS = ((1, 1), (6, 5), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def named(kind: FileKind) -> DescriberError:
    """The sentence for a kind that cannot be read here: what it is, and what to do."""
    if kind in (FileKind.UNKNOWN, FileKind.PICTURE):
        return DescriberError(_("This is not a picture of a kind that I can read."))
    pattern = _EXTRAS[kind][1] if kind in _EXTRAS else _CURES.get(kind, _CURE_ELSE)
    return DescriberError(_(pattern).format(kind=_(kind.value)))


def opened(data: bytes, kind: FileKind, scope: memory.Scope) -> Image.Image:
    """Open a file whose size is not beyond what is taken; nothing large was decoded yet.

    Raises DescriberError, or whatever Pillow stumbles over.
    """
    most = MAX_JPEG_PIXELS if data.startswith(b"\xff\xd8\xff") else MAX_PIXELS
    # Pillow refuses more than twice its limit, even inside an icon, before it decodes any
    Image.MAX_IMAGE_PIXELS = most // 2
    formats: tuple[str, ...] = _FORMATS
    if kind is FileKind.SVG:
        image = _rendered(data)
    else:
        if kind is FileKind.HEIC:
            # one container for both, and not every name tells which it is
            try:
                _extra(kind).register_heif_opener()
                formats = ("AVIF", "HEIF")
            except DescriberError as missing:
                return _avif(data, missing)
        elif kind is FileKind.JPEG_XL:
            _extra(kind)
            formats = ("JXL",)
            _make_room("JXL", jpeg_xl_size(data), scope)
        elif data[:4] == b"RIFF":
            _make_room("WEBP", webp_size(data), scope)
        image = Image.open(io.BytesIO(data), formats=formats)
    check_size(*image.size, most)
    return image


def _avif(data: bytes, otherwise: DescriberError) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=("AVIF",))
    except UnidentifiedImageError:
        raise otherwise from None
    check_size(*image.size)
    return image


def needed(image: Image.Image, whole: tuple[int, int]) -> int:
    """Bytes that an image takes at most until it is as people see it; `whole` is its full size."""
    each = _BYTES_A_PIXEL.get(image.format or "", _BYTES_A_PIXEL_ELSE)
    size = image.width * image.height * each
    if image.info.get("progressive"):
        size += whole[0] * whole[1] * _BYTES_PROGRESSIVE
    return size


def full_size(data: bytes) -> tuple[int, int]:
    """Width and height as a file's header has them. Raises what Pillow stumbles over."""
    Image.MAX_IMAGE_PIXELS = MAX_JPEG_PIXELS // 2
    with Image.open(io.BytesIO(data), formats=(*_FORMATS, "HEIF")) as image:
        return image.size


def check_size(width: int, height: int, most: int = MAX_PIXELS) -> None:
    """Raises DescriberError for a picture that is too large or too small."""
    if width * height > most:
        raise DescriberError(
            _(
                "The picture is too large: {width} by {height} pixels. "
                "I take at most {number} million pixels."
            ).format(width=width, height=height, number=most // 1_000_000)
        )
    if min(width, height) < MIN_SIDE:
        raise DescriberError(
            _(
                "The picture is too small: {width} by {height} pixels. "
                "I need at least {least} by {least}."
            ).format(width=width, height=height, least=MIN_SIDE)
        )


def _make_room(name: str, size: tuple[int, int] | None, scope: memory.Scope) -> None:
    """For a format whose library takes its memory when a file is opened, and is silent of it."""
    if size is None:
        return
    check_size(*size)
    if not scope.allow(size[0] * size[1] * _BYTES_A_PIXEL[name]):
        raise DescriberError(_(memory.TOO_MUCH))


def _extra(kind: FileKind) -> Any:
    for module in _EXTRAS[kind][0]:
        try:
            return importlib.import_module(module)
        except ImportError:
            continue
    raise named(kind)


def _rendered(data: bytes) -> Image.Image:
    """A drawing in SVG, maybe compressed, as large as the network could use."""
    renderer = _extra(FileKind.SVG)
    if data[:2] == b"\x1f\x8b":
        data = zlib.decompressobj(wbits=31).decompress(data, _MAX_DRAWING + 1)
    if len(data) > _MAX_DRAWING:
        raise DescriberError(_("The drawing is too large. Please save it as PNG."))
    png = renderer.svg_to_bytes(
        svg_string=_OUTER.sub(r"\1\2#", _markup(data)), width=_DRAWING_SIDE, height=_DRAWING_SIDE
    )
    return Image.open(io.BytesIO(bytes(png)), formats=("PNG",))


def _markup(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    declared = _ENCODING.match(data.removeprefix(b"\xef\xbb\xbf"))
    try:
        return data.decode(declared[1].decode("ascii") if declared else "utf-8-sig", "replace")
    except LookupError:
        return data.decode("utf-8-sig", "replace")


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that a WebP claims (RFC 9649); None if unclear."""
    if len(data) < 30:
        return None
    kind, bits = data[12:16], int.from_bytes(data[20:30], "little")
    if kind == b"VP8X":
        return (bits >> 32 & 0xFFFFFF) + 1, (bits >> 56 & 0xFFFFFF) + 1
    if kind == b"VP8L":
        return (bits >> 8 & 0x3FFF) + 1, (bits >> 22 & 0x3FFF) + 1
    if kind == b"VP8 ":
        return bits >> 48 & 0x3FFF, bits >> 64 & 0x3FFF
    return None


def jpeg_xl_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG XL claims (ISO/IEC 18181-1, SizeHeader); None if unclear."""
    start = 0
    if data[:2] != b"\xff\x0a":
        whole, part = data.find(b"jxlc"), data.find(b"jxlp")
        start = whole + 4 if whole >= 0 else part + 8
        if data[start : start + 2] != b"\xff\x0a":
            return None
    bits = int.from_bytes(data[start + 2 : start + 14], "little")

    def take(count: int) -> int:
        nonlocal bits
        value = bits & ((1 << count) - 1)
        bits >>= count
        return value

    small = take(1)

    def side() -> int:
        return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

    height = side()
    ratio = take(3)
    if not ratio:
        return side(), height
    across, down = _RATIOS[ratio - 1]
    return height * across // down, height
