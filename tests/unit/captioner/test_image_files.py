"""Kinds of file: read where something can, and else called by their names."""

from __future__ import annotations

import base64
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from describer_daemon.captioner import image_decoding, image_files, memory
from describer_daemon.core.file_kinds import FileKind, kind_of
from describer_daemon.core.ports import DescriberError
from tests.unit.captioner.test_image_decoding import assert_same, encoded, photo

# 64 by 48 pixels, black above and white below, as no library here makes them
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAA"
    "AAAAAAAAAAAAACJpbG9jAAAAAERAAAEAAQAAAAABoQABAAAAAAAAADIAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAA"
    "AAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34"
    "+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5"
    "uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAA"
    "AAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAA"
    "AAAAAAEAAQWBAgMFhAAAADptZGF0AAAALigBrxOA9sbPEMb2IzwG8Rg3rvGZVkVPGEaXOyW2JbOH8IfekqHlqchK"
    "+oGxSMA="
)
JPEG_XL = base64.b64decode(
    "/wrLBgATiAIAFAK1nyAAABUqo4wbvJzr+fJDh8W0jesMbbVtYQljs70wSAiAGvFiJbENBXUAQK8+DnaAEuQQggw+"
    "6jBOSUHXVWSfE0/AfU4CBcUnDJLlAACqNIortnNdROtC6LkVUiAFjIyMFy8GI2OMlxKuCNAv1F+yfvyQ4f+3Wuxl"
    "QCbf9xumAgLHOzRk"
)
NAMESPACE = 'xmlns="http://www.w3.org/2000/svg"'
DRAWING = (
    f'<svg {NAMESPACE} width="96" height="64"><rect width="96" height="64" fill="#f00"/>'
    '<rect x="48" width="48" height="64" fill="#0f0"/>'
    '<rect width="96" height="16" fill="#000"/></svg>'
)
DOCTYPE = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">\n'


def iso(brand: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1" + bytes(100)


def told(data: bytes) -> str:
    with pytest.raises(DescriberError) as refusal:
        image_decoding.from_encoded(data)
    return refusal.value.spoken


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "a PDF document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%EOF\n", "a PostScript drawing"),
        (b"\xc5\xd0\xd3\xc6" + bytes(40), "a PostScript drawing"),
        (b"8BPS\0\1" + bytes(40), "a Photoshop file"),
        (b"8BPS\0\2" + bytes(40), "a Photoshop file"),
        (b"gimp xcf v011\0" + bytes(40), "a GIMP file"),
        (b"\xd7\xcd\xc6\x9a" + bytes(40), "a Windows metafile"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(90), "a camera's raw photograph"),
        (b"IIU\0\x18\0\0\0" + bytes(90), "a camera's raw photograph"),
        (iso(b"crx "), "a camera's raw photograph"),
        (iso(b"isom"), "a video"),
        (b"\x1a\x45\xdf\xa3" + bytes(40), "a video"),
        (b"AT&TFORM\0\0\0\0DJVU", "a picture of a rare kind"),
    ],
)
def test_what_cannot_be_read_is_called_by_its_name(data: bytes, name: str) -> None:
    sentence = told(data)
    assert sentence.startswith(f"This is {name}, which I cannot read. Please ")
    assert sentence.count(". ") == 1


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (HEIC, "an HEIC photograph"),
        (JPEG_XL, "a JPEG XL picture"),
        (DRAWING.encode(), "an SVG drawing"),
    ],
)
def test_an_extra_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, data: bytes, name: str
) -> None:
    def missing(module: str) -> None:
        raise ImportError(module)

    monkeypatch.setattr(image_files.importlib, "import_module", missing)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    sentence = told(data)
    assert sentence.startswith(f"This is {name}. Please install describer[formats], or save it")


@pytest.mark.parametrize(
    "markup",
    [
        DRAWING.encode(),
        b"\xef\xbb\xbf" + DRAWING.encode(),
        ("\n" + DRAWING).encode(),
        ('<?xml version="1.0" encoding="UTF-16"?>' + DRAWING).encode("utf-16"),
        ('<?xml version="1.0" encoding="iso-8859-1"?><!-- für -->' + DRAWING).encode("latin-1"),
        ('<?xml version="1.0" encoding="no-such"?>' + DRAWING).encode(),
        ("<!-- " + "made by hand " * 200 + "-->" + DRAWING).encode(),
        (DOCTYPE + DRAWING).encode(),
        DRAWING.replace("<", "<svg:").replace("<svg:/", "</svg:").replace("xmlns", "xmlns:svg")
        .encode(),
        gzip.compress(DRAWING.encode()),
    ],
)  # fmt: skip
def test_drawings_are_rendered(markup: bytes) -> None:
    pytest.importorskip("resvg_py")
    assert kind_of(markup) is FileKind.SVG
    image = image_decoding.from_encoded(markup)
    assert max(image.size) == 1024
    assert_same(image.resize((96, 64)), photo(), 4)


@pytest.mark.parametrize("size", ['width="1" height="100000000"', 'width="1e9" height="1e9"', ""])
def test_a_drawing_of_any_size_takes_little(size: str) -> None:
    pytest.importorskip("resvg_py")
    markup = f'<svg {NAMESPACE} {size}><circle r="20"/><rect width="9" height="9"/></svg>'
    if "100000000" in size:
        assert "too small" in told(markup.encode())
    else:
        assert max(image_decoding.from_encoded(markup.encode()).size) <= 1024


def test_a_drawing_opens_no_other_file(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    outside = tmp_path / "outside.png"
    Image.new("RGB", (96, 64), "blue").save(outside)
    inside = base64.b64encode(outside.read_bytes()).decode()
    for address, seen in ((str(outside), False), (outside.as_uri(), False), (
        f"data:image/png;base64,{inside}", True)):  # fmt: skip
        for name in ("href", "xlink:href", "x:href"):
            markup = DRAWING.replace("</svg>", f"<image {name}='{address}' width='96' height='64'/>"
                "</svg>").replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" '
                'xmlns:x="http://www.w3.org/1999/xlink" ')  # fmt: skip
            image = image_decoding.from_encoded(markup.encode())
            blue = np.asarray(image)[image.height // 2, image.width // 4].tolist() == [0, 0, 255]
            assert blue is seen


def test_a_drawing_that_is_broken_is_told() -> None:
    pytest.importorskip("resvg_py")
    assert told(DRAWING[:-9].encode()).startswith("The picture is damaged or cut off")


def test_photographs_of_telephones() -> None:
    pytest.importorskip("pi_heif")
    image = image_decoding.from_encoded(HEIC)
    assert image.size == (64, 48)
    values = np.asarray(image)[:, 32, 0]
    assert values[0] < 40
    assert values[-1] > 215
    assert told(HEIC[:300]).startswith("The picture is damaged or cut off")


def test_jpeg_xl() -> None:
    pytest.importorskip("pillow_jxl")
    assert image_files.jpeg_xl_size(JPEG_XL) == (64, 48)
    image = image_decoding.from_encoded(JPEG_XL)
    assert image.size == (64, 48)
    assert np.asarray(image)[-1, 32, 0] > 215


def test_a_jpeg_xl_is_refused_by_its_size_before_it_is_decoded() -> None:
    pytest.importorskip("pillow_jxl")
    # 30,000 by 30,000: not small, 18 bits for the height, ratio 1:1
    bits = 0 | 2 << 1 | (30_000 - 1) << 3 | 1 << 21
    claimed = b"\xff\x0a" + bits.to_bytes(4, "little") + bytes(40)
    assert image_files.jpeg_xl_size(claimed) == (30_000, 30_000)
    assert told(claimed).startswith("The picture is too large: 30000 by 30000 pixels")


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("exif", [b"", b"Exif\0\0"])
def test_the_size_of_a_webp_is_known_before_it_is_opened(lossless: bool, exif: bytes) -> None:
    data = encoded(photo(120, 77), "WEBP", lossless=lossless, exif=exif)
    assert image_files.webp_size(data) == (120, 77)
    assert image_files.webp_size(b"RIFF\0\0\0\0WEBPnone") is None


@pytest.mark.parametrize("kind", ["WEBP", "JPEG2000", "AVIF"])
def test_a_library_that_runs_short_of_memory_is_not_called_a_damaged_picture(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def short(*_: object, **__: object) -> None:
        raise OSError("broken data stream")

    data = encoded(photo(), kind)
    monkeypatch.setattr(memory.Scope, "allow", lambda *_: False)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", short)
    monkeypatch.setattr("PIL.Jpeg2KImagePlugin.Jpeg2KImageFile.load", short)
    monkeypatch.setattr("PIL.WebPImagePlugin.WebPImageFile.load", short)
    monkeypatch.setattr("PIL.AvifImagePlugin.AvifImageFile.load", short)
    assert told(data) == memory.TOO_MUCH


def test_photoshop_files_are_read() -> None:
    width, height = 96, 64
    planes = b"".join(band.tobytes() for band in photo().split())
    head = b"8BPS\0\1" + bytes(6) + (3).to_bytes(2) + height.to_bytes(4) + width.to_bytes(4)
    data = head + (8).to_bytes(2) + (3).to_bytes(2) + bytes(12) + b"\0\0" + planes
    assert_same(image_decoding.from_encoded(data), photo())


def raw_photograph(*previews: bytes) -> bytes:
    return b"FUJIFILMCCD-RAW 0201" + bytes(80) + bytes(500).join(previews) + bytes(5000)


def test_of_a_raw_photograph_the_cameras_preview_is_seen() -> None:
    small = encoded(Image.new("RGB", (32, 24), "blue"), "JPEG")
    large = encoded(photo(480, 320), "JPEG", quality=95)
    assert_same(image_decoding.from_encoded(raw_photograph(small, large)), photo(480, 320), 4)


def test_what_a_file_is_called_has_no_say(tmp_path: Path) -> None:
    stream = io.BytesIO()
    photo().save(stream, "GIF")
    assert kind_of(stream.getvalue()) is FileKind.PICTURE
    assert kind_of(b"") is FileKind.UNKNOWN
    assert kind_of(b"\x1f\x8b" + bytes(30)) is FileKind.UNKNOWN
    assert kind_of(gzip.compress(b"a letter")) is FileKind.UNKNOWN
    assert kind_of(b"<svgs are nice>") is FileKind.UNKNOWN
