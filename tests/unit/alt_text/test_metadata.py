"""What a picture's file says of it already is found in each kind of file, and never believed."""

from __future__ import annotations

import random
import zlib

import pytest

from benchmarks.fuzz import mangling
from describer_daemon.alt_text import metadata
from describer_daemon.alt_text.xmp import Found
from tests.unit.alt_text import making
from tests.unit.alt_text.making import chunk, jpeg_with, png_with, segment, tiff_with, xmp_segment

XMP = making.packet(making.alternative("i:AltTextAccessibility", ("x-default", "A dog.")))
ALT, TEXT = Found("A dog."), Found(description="By me.")
IPTC = b"8BIM\x04\x04\0\0" + b"\0\0\0\x0b" + b"\x1c\x02\x78\0\x06By me." + b"\0"
MORE = b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 36
WEBP = b"XMP " + len(XMP).to_bytes(4, "little") + XMP
PLACES = {
    "jpeg xmp": (jpeg_with(xmp_segment(XMP)), ALT),
    "jpeg extended xmp": (
        jpeg_with(
            segment(0xE1, MORE + b"\0\0\0\x32" + XMP[50:]),
            segment(0xE1, MORE + b"\0\0\0\0" + XMP[:50]),
        ),
        ALT,
    ),
    "jpeg iptc": (jpeg_with(segment(0xED, b"Photoshop 3.0\0" + IPTC)), TEXT),
    "jpeg exif": (jpeg_with(segment(0xE1, b"Exif\0\0" + tiff_with(270, b"By me.\0"))), TEXT),
    "camera's": (jpeg_with(segment(0xE1, b"Exif\0\0" + tiff_with(270, b"SONY DSC \0"))), Found()),
    "png xmp": (png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)), ALT),
    "png packed": (
        png_with(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0en\0\0" + zlib.compress(XMP))),
        ALT,
    ),
    "png text": (png_with(chunk(b"tEXt", b"Description\0By me.")), TEXT),
    "png ztext": (png_with(chunk(b"zTXt", b"Description\0\0" + zlib.compress(b"By me."))), TEXT),
    "png exif": (png_with(chunk(b"eXIf", tiff_with(270, b"By me."))), TEXT),
    "webp": (b"RIFF\0\0\0\0WEBP" + WEBP, ALT),
    "tiff": (tiff_with(700, XMP), ALT),
    "any": (b"GIF89a...." + XMP + b"\1\2", ALT),
    "damaged": (jpeg_with(xmp_segment(XMP[:-9])), Found(is_damaged=True)),
    "nothing": (making.picture("JPEG"), Found()),
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_it_is_found_where_it_is(name: str) -> None:
    data, expected = PLACES[name]
    assert metadata.found(data) == expected


def test_what_is_mangled_is_never_an_error() -> None:
    random_ = random.Random(5)
    told = [
        metadata.found(mangling.mangled(random_, data)[1])
        for data, _ in PLACES.values()
        for _ in range(60)
    ]
    assert any(one.alt for one in told)
    assert any(not one.alt for one in told)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_bytes_of_the_pixels_do_not_hang_on_what_is_said(kind: str) -> None:
    data, other = making.picture(kind), making.picture(kind, 9)
    assert metadata.image_data(data)
    assert metadata.image_data(data) != metadata.image_data(other)
    if kind == "JPEG":
        assert metadata.image_data(jpeg_with(xmp_segment(XMP))) == metadata.image_data(data)
    assert metadata.image_data(b"GIF89a") is None


def test_a_bomb_of_texts_is_bounded() -> None:
    bomb = chunk(b"zTXt", b"Description\0\0" + zlib.compress(b"\0" * (1 << 20)))
    assert metadata.found(png_with(*[bomb] * 500)) == Found()
