"""Pictures from outside: an image or a sentence, and never anything else."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageDraw

from describer_daemon.captioner import image_decoding
from describer_daemon.core.ports import DescriberError
from models.captioning.preprocess import upright_rgb

RED, GREEN, WHITE = (255, 0, 0), (0, 255, 0), (255, 255, 255)
KIND = "^This is not a picture of a kind that I can read"
DAMAGED = "^The picture is damaged or cut off"


def photo(width: int = 96, height: int = 64) -> Image.Image:
    """Red and green halves below a black bar, all in whole blocks of a JPEG.

    A copy: Pillow leaves in an image how it was saved last, which another format may not bear.
    """
    return _photo(width, height).copy()


@cache
def _photo(width: int, height: int) -> Image.Image:
    image = Image.new("RGB", (width, height), RED)
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 2, 0, width, height), GREEN)
    draw.rectangle((0, 0, width, height // 4 - 1), "black")
    return image


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def seen(data: bytes) -> Image.Image:
    """What the captioner gets to see."""
    return upright_rgb(image_decoding.from_encoded(data))


def assert_same(image: Image.Image, expected: Image.Image, tolerance: int = 0) -> None:
    assert (image.mode, image.size) == ("RGB", expected.size)
    difference = np.asarray(image, np.int16) - np.asarray(expected.convert("RGB"), np.int16)
    # lossy formats err most at edges: compare what is there, not how sharp it is
    assert np.percentile(abs(difference), 90) <= tolerance


def png(width: int, height: int, depth: int = 1) -> bytes:
    """A black greyscale PNG of any size that packs to next to nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    packer = zlib.compressobj(1)
    row = bytes(1 + (width * depth + 7) // 8)
    rows = [packer.compress(row * 1000) for _ in range(height // 1000)]
    rows += [packer.compress(row * (height % 1000)), packer.flush()]
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))
        + chunk(b"IDAT", b"".join(rows))
        + chunk(b"IEND", b"")
    )


def icon_of(content: bytes) -> bytes:
    """An icon that claims to be 64 by 64 and holds any PNG."""
    return (
        struct.pack("<HHH", 0, 1, 1)
        + struct.pack("<BBBBHHII", 64, 64, 0, 0, 1, 32, len(content), 22)
        + content
    )


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("JPEG", {"quality": 95}, 4),
        ("JPEG", {"progressive": True}, 8),
        ("WEBP", {"lossless": True}, 0),
        ("BMP", {}, 0),
        ("GIF", {}, 2),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("PPM", {}, 0),
        ("ICO", {"sizes": [(96, 64)]}, 0),
        ("JPEG2000", {}, 4),
        ("AVIF", {"quality": 90}, 8),
        ("MPO", {"quality": 95}, 4),
    ],
)
def test_every_kind_of_picture(kind: str, options: dict[str, Any], tolerance: int) -> None:
    assert_same(seen(encoded(photo(), kind, **options)), photo(), tolerance)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "YCbCr", "HSV"])
def test_every_colour_mode(mode: str) -> None:
    kind = {"CMYK": "TIFF", "YCbCr": "TIFF", "HSV": None, "PA": None}.get(mode, "PNG")
    if kind is None:  # no file holds it: only what we make of it matters
        assert_same(upright_rgb(photo().convert(mode)), photo(), 4)
        return
    image = photo().convert(mode)
    assert_same(seen(encoded(image, kind)), image.convert("RGB"), 4)


def test_a_cmyk_jpeg_has_its_colours() -> None:
    assert_same(seen(encoded(photo().convert("CMYK"), "JPEG", quality=95)), photo(), 6)


@pytest.mark.parametrize("top", [255, 4095, 65535])
def test_a_deep_greyscale_picture_is_neither_white_nor_black(top: int) -> None:
    ramp = np.linspace(0, top, 64 * 64).reshape(64, 64).astype(np.uint16)
    image = seen(encoded(Image.fromarray(ramp), "PNG"))
    values = np.asarray(image)[..., 0]
    assert values[0, 0] == 0
    assert values.max() >= 254  # whatever part of the sixteen bits a camera or scanner uses
    assert (np.diff(values.ravel().astype(int)) >= 0).all()


def test_what_is_transparent_is_white_paper() -> None:
    image = Image.new("RGBA", (96, 64), (0, 0, 0, 0))
    image.paste((255, 0, 0, 255), (0, 0, 48, 64))
    paper = Image.new("RGB", (96, 64), WHITE)
    paper.paste(RED, (0, 0, 48, 64))
    assert_same(seen(encoded(image, "PNG")), paper)
    assert_same(seen(encoded(image, "WEBP", lossless=True)), paper)
    palette = Image.new("P", (96, 64), 1)
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.paste(0, (48, 0, 96, 64))
    assert_same(seen(encoded(palette, "PNG", transparency=0)), paper)
    assert_same(seen(encoded(palette, "GIF", transparency=0)), paper)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pictures_are_turned_upright(kind: str, orientation: int) -> None:
    undo = {
        2: "FLIP_LEFT_RIGHT",
        3: "ROTATE_180",
        4: "FLIP_TOP_BOTTOM",
        5: "TRANSPOSE",
        6: "ROTATE_90",
        7: "TRANSVERSE",
        8: "ROTATE_270",
    }.get(orientation)
    held = photo().transpose(Image.Transpose[undo]) if undo else photo()
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"JPEG": {"quality": 95}, "WEBP": {"lossless": True}}.get(kind, {})
    assert_same(seen(encoded(held, kind, exif=exif, **options)), photo(), 4)


@pytest.mark.parametrize(
    "note",
    [
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12",
        b"Exif\0\0nonsense",
        b"Exif\0\0",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0ab\0\0\0\0\0\0",
    ],
)
def test_a_damaged_note_is_no_reason_to_refuse_a_picture(note: bytes) -> None:
    assert_same(seen(encoded(photo(), "JPEG", quality=95, exif=note)), photo(), 4)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_counts(kind: str) -> None:
    others = [Image.new("RGB", (96, 64), "blue"), Image.new("RGB", (96, 64), WHITE)]
    options: dict[str, Any] = {"WEBP": {"lossless": True}}.get(kind, {})
    data = encoded(photo(), kind, save_all=True, append_images=others, **options)
    assert_same(seen(data), photo(), 2)


def test_a_large_photograph_is_not_decoded_in_full() -> None:
    data = encoded(photo(4096, 4096), "JPEG")
    assert image_decoding.from_encoded(data).size == (1024, 1024)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "CMYK", "P", "1"])
def test_a_large_picture_is_reduced_whatever_its_kind(mode: str) -> None:
    data = encoded(photo(3072, 2048).convert(mode), "TIFF" if mode == "CMYK" else "PNG")
    small = upright_rgb(image_decoding.from_encoded(data))
    large = upright_rgb(image_decoding.from_encoded(data, full=True))
    assert large.size == (3072, 2048)
    assert small.size == (large.size if mode in ("P", "1") else (1536, 1024))
    assert_same(small.reduce(16 if small.width == 1536 else 32), large.reduce(32), 3)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_large_picture_that_was_held_askew_is_upright(kind: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = encoded(photo(3072, 2048), kind, exif=exif)
    image = upright_rgb(image_decoding.from_encoded(data))
    assert image.size in {(2048, 3072), (1024, 1536)}  # Pillow turns some kinds while it decodes
    assert_same(image.reduce(image.width // 64), photo().rotate(-90, expand=True), 3)


def test_a_large_picture_with_broken_notes_is_reduced() -> None:
    data = encoded(photo(2048, 2048), "PNG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert image_decoding.from_encoded(data).size == (1024, 1024)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(96, 64), (2080, 3120)])
def test_the_size_of_the_whole_is_known_however_it_was_decoded(
    kind: str, orientation: int, size: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    data = encoded(photo(*size), kind, exif=exif)
    whole = image_decoding.from_encoded(data, full=True).size
    assert whole == (size if orientation == 1 else size[::-1])
    decoded = seen(data)
    assert (decoded.size == whole) == (size[0] < 2048 or (kind, orientation) == ("PNG", 6))
    assert image_decoding.full_size(data, decoded) == whole


def test_an_icon_that_claims_another_size_has_the_size_that_it_has() -> None:
    data = icon_of(encoded(photo(), "PNG"))
    assert image_decoding.full_size(data, seen(data)) == seen(data).size


def test_an_empty_file_is_a_sentence() -> None:
    with pytest.raises(DescriberError, match=r"^The picture is empty"):
        image_decoding.from_encoded(b"")


@pytest.mark.parametrize(
    "data",
    [
        b"Dear diary, today I saw a dog.\n",
        b"BMW is a car, and this is a letter about it and about other cars.",
        b"\x00",
        b"\xff" * 100,
        b"MZ" + bytes(100),
        b"<html><body>404 Not Found</body></html>",
        b"RIFF\x24\0\0\0WAVEfmt " + bytes(40),
    ],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(DescriberError, match=KIND):
        image_decoding.from_encoded(data)


def test_an_eps_file_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("a program was started")

    monkeypatch.setattr("subprocess.Popen", forbidden)
    monkeypatch.setattr("os.system", forbidden)
    with pytest.raises(DescriberError, match=r"^This is a PostScript drawing, which I"):
        image_decoding.from_encoded(encoded(photo(), "EPS"))


def test_a_huge_picture_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any) -> None:
        raise AssertionError("it was decoded")

    data = png(30_000, 30_000)
    assert len(data) < 1_000_000
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", forbidden)
    for hiding in (data, icon_of(data)):
        with pytest.raises(DescriberError, match=r"^The picture is too large"):
            image_decoding.from_encoded(hiding)


def test_the_largest_picture_that_is_taken() -> None:
    assert image_decoding.from_encoded(png(10_000, 10_000)).size == (10_000, 10_000)
    assert image_decoding.from_encoded(icon_of(png(64, 64, 8))).size == (64, 64)
    with pytest.raises(DescriberError, match=r"^The picture is too large.* at most 100 mill"):
        image_decoding.from_encoded(png(10_000, 10_001))


@pytest.mark.parametrize("size", [(1, 1), (7, 100), (100, 7)])
def test_a_tiny_picture_is_refused(size: tuple[int, int]) -> None:
    sentence = f"^The picture is too small: {size[0]} by {size[1]} pixels"
    with pytest.raises(DescriberError, match=sentence):
        image_decoding.from_encoded(encoded(Image.new("RGB", size, RED), "PNG"))
    with pytest.raises(DescriberError, match=sentence):
        image_decoding.from_pixels(*size, "RGB", bytes(size[0] * size[1] * 3))


def test_pixels_of_both_layouts_are_the_same_picture() -> None:
    data = np.asarray(photo())
    bgrx = np.zeros((64, 96, 4), np.uint8)
    bgrx[..., :3] = data[..., ::-1]
    bgrx[..., 3] = 77  # what X leaves there is anything
    assert_same(image_decoding.from_pixels(96, 64, "RGB", data.tobytes()), photo())
    assert_same(image_decoding.from_pixels(96, 64, "BGRX", bgrx.tobytes()), photo())


@pytest.mark.parametrize("length", [0, 96 * 64 * 3 - 1, 96 * 64 * 3 + 1, 96 * 64 * 4])
def test_pixels_that_do_not_fit_are_refused(length: int) -> None:
    with pytest.raises(DescriberError, match=r"^The screen picture came incomplete"):
        image_decoding.from_pixels(96, 64, "RGB", bytes(length))


@pytest.mark.parametrize("size", [(0, 0), (-5, 100), (20_000, 20_000)])
def test_pixels_of_absurd_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(DescriberError, match=r"^The picture is too"):
        image_decoding.from_pixels(*size, "RGB", b"")


def noisy(colour: int, amount: int) -> Image.Image:
    noise = np.random.default_rng(2).integers(-amount, amount + 1, (300, 400, 3))
    return Image.fromarray((colour + noise).clip(0, 255).astype(np.uint8))


def with_line(background: int, line: int) -> Image.Image:
    image = Image.new("RGB", (1920, 1080), (background,) * 3)
    ImageDraw.Draw(image).line((900, 500, 960, 500), (line,) * 3, 1)
    return image


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (Image.new("RGB", (1920, 1080)), "black"),
        (Image.new("RGB", (40, 40), (9, 9, 9)), "black"),
        (noisy(4, 4), "black"),
        (Image.new("RGB", (40, 40), WHITE), "plain"),
        (Image.new("RGB", (1920, 1080), (0, 90, 180)), "plain"),
        (noisy(128, 5), "plain"),
        (photo(), ""),
        (noisy(128, 100), ""),
        (with_line(0, 255), ""),
        (with_line(255, 0), ""),
        (with_line(3, 90), ""),
    ],
)
def test_pictures_of_nothing_are_found(image: Image.Image, expected: str) -> None:
    assert image_decoding.blank_reason(image) == expected


@cache
def samples() -> tuple[bytes, ...]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E], exif[0x011A] = 6, "a photograph", 72.0
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("PNG", {"exif": exif}),
        ("JPEG", {"exif": exif}),
        ("JPEG", {"progressive": True}),
        ("GIF", {"save_all": True, "append_images": [photo().rotate(90)]}),
        ("WEBP", {"exif": exif}),
        ("BMP", {}),
        ("TIFF", {"exif": exif}),
        ("PPM", {}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("ICO", {}),
        ("JPEG2000", {}),
        ("ICO", {"bitmap_format": "bmp"}),
        ("AVIF", {"exif": exif}),
    ]
    palette = photo().quantize(16)
    return (
        *(encoded(photo(), kind, **options) for kind, options in kinds),
        encoded(palette, "PNG", transparency=1),
        encoded(photo().convert("CMYK"), "JPEG"),
        encoded(photo().convert("RGBA"), "PNG"),
        encoded(photo().convert("1"), "PNG"),
    )


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A picture of any kind with bytes changed, taken out, put in, or cut off."""
    data = bytearray(draw(st.sampled_from(samples())))
    for _ in range(draw(st.integers(1, 8))):
        if not data:
            break
        # headers matter more than what is between them
        place = draw(st.integers(0, len(data) - 1) | st.integers(0, min(len(data) - 1, 150)))
        match draw(st.sampled_from(["change", "change", "change", "take", "put", "cut"])):
            case "change":
                data[place] = draw(st.sampled_from([0, 1, 127, 128, 255]) | st.integers(0, 255))
            case "take":
                del data[place : place + draw(st.integers(1, 20))]
            case "put":
                data[place:place] = draw(st.binary(min_size=1, max_size=8))
            case "cut":
                del data[place:]
    return bytes(data)


@pytest.fixture(scope="module")
def quiet_libraries() -> Iterator[None]:
    """libtiff writes its complaints straight to the standard error stream's file."""
    import os

    saved = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    yield
    os.dup2(saved, 2)
    os.close(saved)
    os.close(nothing)


def image_or_sentence(read: Callable[[bytes], Image.Image], data: bytes) -> None:
    try:
        image = read(data)
    except DescriberError:
        return
    assert image.mode == "RGB"
    assert image.width * image.height <= image_decoding.MAX_PIXELS
    assert image_decoding.blank_reason(image) in ("", "black", "plain")


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=damaged())
def test_damaged_pictures_are_an_image_or_a_sentence(quiet_libraries: None, data: bytes) -> None:
    image_or_sentence(seen, data)


@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(st.binary(max_size=200), st.sampled_from([data[:12] for data in samples()] + [b""]))
def test_any_bytes_are_an_image_or_a_sentence(data: bytes, beginning: bytes) -> None:
    image_or_sentence(seen, beginning + data)
