"""Of a damaged picture is shown what every viewer shows: most of a picture is a picture."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from describer_daemon.captioner import image_decoding
from describer_daemon.core.ports import DescriberError
from tests.unit.captioner.test_image_decoding import DAMAGED, KIND, assert_same, encoded, photo

KINDS: list[tuple[str, dict[str, Any]]] = [
    ("PNG", {}),
    ("JPEG", {"quality": 95}),
    ("JPEG", {"progressive": True}),
    ("MPO", {"quality": 95}),
    ("WEBP", {}),
    ("WEBP", {"lossless": True}),
    ("GIF", {}),
    ("BMP", {}),
    ("TIFF", {}),
    ("JPEG2000", {}),
    ("AVIF", {"quality": 90}),
    ("PPM", {}),
    ("ICO", {"sizes": [(256, 256)]}),
    ("ICO", {"sizes": [(256, 256)], "bitmap_format": "bmp"}),
]


def scene(width: int = 256, height: int = 256) -> Image.Image:
    """Bright below and dark above, with so much noise that a byte is worth about a pixel."""
    noise = np.random.default_rng(1).integers(0, 40, (height, width, 3))
    return Image.fromarray((np.linspace(20, 210, height)[:, None, None] + noise).astype(np.uint8))


def rows_alike(image: Image.Image, expected: Image.Image) -> int:
    """How many rows are about what they should be; bitmaps keep the lower ones."""
    values = np.asarray(image, np.int16)
    return max(
        int((abs(values - part).mean(axis=(1, 2)) < 30).sum())
        for part in (
            np.asarray(expected, np.int16)[: image.height],
            np.asarray(expected, np.int16)[-image.height :],
        )
    )


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_the_last_two_bytes_are_missed_by_nobody(kind: str, options: dict[str, Any]) -> None:
    data = encoded(scene(), kind, **options)
    image = image_decoding.from_encoded(data[:-2])
    assert image.height >= 240
    assert rows_alike(image, scene()) >= 240


@pytest.mark.parametrize(("kind", "options"), KINDS)
@pytest.mark.parametrize("share", [0.75, 0.5])
def test_most_of_a_picture_is_a_picture(kind: str, options: dict[str, Any], share: float) -> None:
    data = encoded(scene(), kind, **options)
    image = image_decoding.from_encoded(data[: int(share * len(data))])
    assert image.width == 256
    if (kind, options.get("bitmap_format")) != ("ICO", "bmp"):
        assert rows_alike(image, scene()) >= 0.3 * 256
    assert not image_decoding.blank_reason(image)


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_what_shows_nothing_recognisable_is_refused(kind: str, options: dict[str, Any]) -> None:
    data = encoded(scene(), kind, **options)
    for length in (20, 40):
        with pytest.raises(DescriberError, match=DAMAGED):
            image_decoding.from_encoded(data[:length])


def test_the_part_that_is_missing_is_not_shown() -> None:
    data = encoded(scene(), "PNG")
    assert 100 < image_decoding.from_encoded(data[: len(data) // 2]).height < 150
    data = encoded(scene(), "BMP")
    image = image_decoding.from_encoded(data[: len(data) // 2])
    assert 100 < image.height < 150
    assert np.asarray(image).mean() > 150  # the lower half, which is the bright one


def test_a_flat_picture_that_lacks_its_end_is_flat() -> None:
    data = encoded(Image.new("RGB", (64, 64), (200, 10, 10)), "JPEG")[:-2]
    assert image_decoding.blank_reason(image_decoding.from_encoded(data)) == "plain"


def test_a_deep_cut_into_a_large_photograph() -> None:
    data = encoded(scene(2048, 2048), "JPEG", quality=90)
    image = image_decoding.from_encoded(data[: len(data) // 2])
    assert image.width == 1024
    assert image_decoding.full_size(data[: len(data) // 2], image)[0] in (1024, 2048)


@pytest.mark.parametrize("chunk", [b"IHDR", b"IDAT", b"PLTE", b"IEND", b"tEXt"])
def test_a_png_with_wrong_checksums(chunk: bytes) -> None:
    image = photo().quantize(8) if chunk == b"PLTE" else photo()
    data = bytearray(encoded(image, "PNG"))
    if chunk == b"tEXt":
        text = b"tEXtComment\0none"
        data[33:33] = (len(text) - 4).to_bytes(4) + text + zlib.crc32(text).to_bytes(4)
    place = data.index(chunk)
    end = place + 4 + int.from_bytes(data[place - 4 : place])
    data[end] ^= 0xFF
    assert_same(image_decoding.from_encoded(bytes(data)), photo(), 4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    "before", [b"\r\n", b"HTTP/1.1 200 OK\r\n\r\n", bytes(128), b"\xef\xbb\xbf"]
)
def test_junk_before_and_after(kind: str, before: bytes) -> None:
    options = {"quality": 95} if kind == "JPEG" else {}
    data = encoded(photo(), kind, **options)
    assert_same(image_decoding.from_encoded(before + data + b"and some more" * 100), photo(), 4)
    assert_same(image_decoding.from_encoded(data + bytes(5000)), photo(), 4)


@pytest.mark.parametrize("head", [b"ID3\4\0\0\0\0\0\0APIC", b"PK\3\4", b"MZ", b"\x7fELF"])
def test_what_merely_holds_a_picture_is_not_one(head: bytes) -> None:
    with pytest.raises(DescriberError, match=KIND):
        image_decoding.from_encoded(head + encoded(photo(), "JPEG"))
