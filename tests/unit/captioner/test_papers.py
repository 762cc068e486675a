"""What is said to be nothing is nothing under every reasonable reading."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from describer_daemon.captioner import image_decoding
from models.captioning.preprocess import upright_rgb
from tests.unit.captioner.test_image_decoding import assert_same, encoded, icon_of, photo


def bitmap(values: np.ndarray, version: int) -> bytes:
    """A BMP of (H, W, 4) bytes BGRA, with header 3 (no alpha), 4 or 5."""
    height, width, _ = values.shape
    size = {3: 40, 4: 108, 5: 124}[version]
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    info = struct.pack("<IiiHHIIiiII", size, width, height, 1, 32, 0 if version == 3 else 3,
                       values.size, 2835, 2835, 0, 0)  # fmt: skip
    if version > 3:
        info += masks + b"BGRs" + bytes(size - 40 - 16 - 4)
    head = struct.pack("<2sIHHI", b"BM", 14 + size + values.size, 0, 0, 14 + size)
    return head + info + values[::-1].tobytes()


def bgra(alpha: int) -> np.ndarray:
    values = np.full((64, 96, 4), alpha, np.uint8)
    values[..., :3] = np.asarray(photo())[..., ::-1]
    return values


def with_alpha(mode: str, alpha: int) -> Image.Image:
    image = photo().convert("RGB" if mode == "RGBA" else "L")
    image.putalpha(alpha)
    return image


@pytest.mark.parametrize("version", [3, 4, 5])
@pytest.mark.parametrize("alpha", [0, 1])
def test_bitmaps_as_programs_copy_them(version: int, alpha: int) -> None:
    assert_same(image_decoding.from_encoded(bitmap(bgra(alpha), version)), photo())


@pytest.mark.parametrize("alpha", [0, 3])
@pytest.mark.parametrize(
    "save",
    [
        lambda image: encoded(image, "PNG"),
        lambda image: encoded(image, "TIFF"),
        lambda image: encoded(image, "WEBP", lossless=True, exact=True),
        lambda image: icon_of(encoded(image, "PNG")),
        lambda image: encoded(image, "ICO", sizes=[(96, 64)], bitmap_format="bmp"),
    ],
)
def test_alpha_that_hides_everything_was_not_meant(
    save: Callable[[Image.Image], bytes], alpha: int
) -> None:
    for mode in ("RGBA", "LA"):
        image = with_alpha(mode, alpha)
        try:
            data = save(image)
        except (OSError, KeyError):  # this kind has no such mode
            continue
        assert_same(image_decoding.from_encoded(data), image.convert("RGB"))


def test_a_large_picture_whose_alpha_hides_everything() -> None:
    image = photo(3072, 2048).convert("RGBA")
    image.putalpha(0)
    assert_same(image_decoding.from_encoded(encoded(image, "PNG")), photo(1536, 1024))


def test_a_palette_that_is_transparent_throughout() -> None:
    image = photo().quantize(8)
    data = encoded(image, "PNG", transparency=bytes(8))
    assert_same(image_decoding.from_encoded(data), photo(), 4)


def writing(mode: str, colour: tuple[int, ...], alpha: int = 255) -> Image.Image:
    """A drawing of one colour, and nothing else, on no paper."""
    mask = Image.new("L", (300, 200))
    draw = ImageDraw.Draw(mask)
    draw.ellipse((40, 40, 200, 160), fill=alpha)
    draw.line((0, 0, 299, 199), fill=alpha, width=3)
    image = Image.new("RGB", mask.size, colour)
    image.putalpha(mask)
    return image.convert(mode)


@pytest.mark.parametrize(
    ("colour", "paper"),
    [
        ((255, 255, 255), "black"),
        ((250, 250, 250), "black"),
        ((0, 0, 0), "white"),
        ((200, 0, 0), "white"),
    ],
)
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_drawing_is_put_on_the_paper_that_shows_it(
    mode: str, colour: tuple[int, int, int], paper: str
) -> None:
    image = writing(mode, colour)
    expected = Image.new("RGB", image.size, paper)
    expected.paste(image.convert("RGB"), mask=image.getchannel("A"))
    seen = image_decoding.from_encoded(encoded(image, "PNG"))
    assert_same(seen, expected, 1)
    assert not image_decoding.blank_reason(seen)


def test_a_white_drawing_in_a_palette() -> None:
    image = Image.new("P", (96, 64), 1)
    image.putpalette([255, 255, 255, 255, 255, 255])
    image.paste(0, (0, 0, 48, 64))
    for kind in ("PNG", "GIF"):
        seen = image_decoding.from_encoded(encoded(image, kind, transparency=1))
        assert not image_decoding.blank_reason(seen)
        assert seen.getpixel((4, 4)) == (255, 255, 255)
        assert seen.getpixel((90, 4)) == (0, 0, 0)


def test_a_white_page_with_a_rim_stays_on_white() -> None:
    page = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    page.paste((255, 255, 255, 255), (20, 20, 280, 180))
    ImageDraw.Draw(page).rectangle((40, 40, 160, 60), (0, 0, 0, 255))
    seen = image_decoding.from_encoded(encoded(page, "PNG"))
    assert seen.getpixel((1, 1)) == (255, 255, 255)


def test_colours_below_a_cover_are_seen_when_the_cover_is_flat() -> None:
    image = photo().convert("RGBA")
    alpha = Image.new("L", image.size, 0)
    alpha.paste(255, (0, 0, 96, 16))  # the black bar alone, on white: that is something
    image.putalpha(alpha)
    seen = image_decoding.from_encoded(encoded(image, "PNG"))
    assert seen.getpixel((2, 2)) == (0, 0, 0)
    assert seen.getpixel((2, 60)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_an_animation_that_begins_with_nothing(kind: str) -> None:
    first = Image.new("RGB", (96, 64), "black")
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(first, kind, save_all=True, append_images=[first, photo()], **options)
    assert_same(image_decoding.from_encoded(data), photo(), 4)


def test_an_animation_of_nothing_is_nothing() -> None:
    frames = [Image.new("RGB", (96, 64), (shade, 0, 0)) for shade in range(3)]
    data = encoded(frames[0], "PNG", save_all=True, append_images=frames[1:])
    assert image_decoding.blank_reason(image_decoding.from_encoded(data)) == "black"


@pytest.mark.parametrize("top", [200, 1000, 4000, 60_000])
def test_deep_pictures_that_use_a_part_of_their_bits(top: int) -> None:
    ramp = np.linspace(0, top, 64 * 64).reshape(64, 64).astype(np.uint16)
    for kind in ("PNG", "TIFF"):
        seen = image_decoding.from_encoded(encoded(Image.fromarray(ramp), kind))
        assert not image_decoding.blank_reason(seen)
        assert np.asarray(seen).max() > 150
    dark = image_decoding.from_encoded(encoded(Image.fromarray(ramp // 1000), "PNG"))
    assert image_decoding.blank_reason(dark) in ("black", "")


def test_sixteen_bits_of_colour_and_alpha() -> None:
    # PNG of type 6 and depth 16, as Pillow does not write it
    import zlib

    values = np.zeros((64, 96, 4), ">u2")
    values[..., :3] = np.asarray(photo(), np.uint16) * 257
    rows = b"".join(b"\0" + row.tobytes() for row in values)

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4) + name + data + zlib.crc32(name + data).to_bytes(4)

    header = struct.pack(">IIBBBBB", 96, 64, 16, 6, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    assert_same(image_decoding.from_encoded(data), photo(), 1)


@pytest.mark.parametrize("associated", [False, True])
def test_alpha_of_both_kinds_in_tiff(associated: bool) -> None:
    image = writing("RGBA", (200, 0, 0), alpha=128)
    if associated:
        colours = np.asarray(image).astype(np.uint16)
        colours[..., :3] = colours[..., :3] * colours[..., 3:] // 255
        image = Image.fromarray(colours.astype(np.uint8))
    stream = io.BytesIO()
    image.save(stream, "TIFF")
    tag = struct.pack("<HHI", 338, 3, 1)  # ExtraSamples
    assert tag + b"\2" in stream.getvalue()
    data = stream.getvalue().replace(tag + b"\2", tag + (b"\1" if associated else b"\2"))
    seen = image_decoding.from_encoded(data)
    assert seen.getpixel((1, 190)) == (255, 255, 255)
    assert np.allclose(seen.getpixel((120, 100)), (227, 127, 127), atol=4)


def test_colours_as_printers_and_scanners_have_them() -> None:
    lab = Image.new("LAB", (96, 64), (136, 128 + 81, 128 + 70))  # about red
    seen = image_decoding.from_encoded(encoded(lab, "TIFF"))
    red, green, blue = np.asarray(seen)[32, 48]
    assert red > 200
    assert max(green, blue) < 90


def test_nobody_turns_a_picture_twice() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    seen = image_decoding.from_encoded(encoded(photo(), "JPEG", quality=95, exif=exif))
    assert seen.size == (64, 96)
    assert not seen.info
    assert upright_rgb(seen).size == (64, 96)
