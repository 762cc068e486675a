"""Every way in which programs put a picture on a clipboard, and what is said of all else."""

from __future__ import annotations

import base64
import gzip
import shlex
from pathlib import Path

import pytest

from describer_daemon.capture import clipboard, clipboard_markup, clipboard_text, copied_files
from describer_daemon.capture.copied_files import NoPictureError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
SMALL = b"\x89PNG\r\n\x1a\n" + bytes(100)
DATA = "data:image/png;base64," + base64.b64encode(PNG).decode()
SPACER = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>'
WEB = "The clipboard holds a web address, not a picture. Copy the picture itself."
TEXT = "The clipboard holds text, not a picture."
ELSEWHERE = "The copied file is not on this computer. Copy it to a folder here first."


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "my photo (1).png"
    path.write_bytes(PNG)
    return path


def found(offered: dict[str, bytes]) -> bytes:
    return clipboard.picture(list(offered), offered.__getitem__).data


def told(offered: dict[str, bytes]) -> str:
    with pytest.raises(NoPictureError) as error:
        found(offered)
    return error.value.spoken


@pytest.mark.parametrize(
    "markup",
    [
        '<meta http-equiv="content-type" content="text/html"><img src="{data}" alt="a cat"/>',
        "<IMG SRC='{data}'>",
        "<img src={data}>",
        '<p>words, and <b>more</b></p><img width=1 src="{spacer}"><img src="{data}">',
        '<img src="{spacer}" srcset="https://example.org/a.png 1x, {data} 2x">',
        '<div style="background: url(&quot;{data}&quot;) no-repeat">words</div>',
        '<v:shape><v:imagedata src="{file}" o:title=""/></v:shape>',
        '<html><body><p><img src="{file}" name="Image1"></p></body></html>',
        '<svg><image xlink:href="{data}"/></svg>',
        '<object data="{file}" type="image/png"></object>',
        '<img alt=">" src="file:///gone.png"><img src="{file}">',
        '<img src="https://example.org/a.png"><img src="{data}',
        '<!--StartFragment--><img alt="" src="{broken}"/ ><img src="{data}"/>',
    ],
)
def test_pictures_in_copied_pages(markup: str, photo: Path) -> None:
    broken = "data:image/png;base64," + "!" * 2000
    text = markup.format(data=DATA, file=photo.as_uri(), spacer=SPACER, broken=broken)
    for encoding in ("utf-8", "utf-16", "utf-16-le", "utf-8-sig"):
        assert found({"text/html": text.encode(encoding)}) == PNG
    plain = b"https://example.org/a.png"
    assert (
        found({"TARGETS": b"", "UTF8_STRING": plain, "text/html;charset=x": text.encode()}) == PNG
    )


def test_the_largest_picture_of_a_page_is_meant() -> None:
    small = "data:image/png;base64," + base64.b64encode(SMALL).decode()
    assert found({"text/html": f'<img src="{small}"><img src="{DATA}">'.encode()}) == PNG


def test_pages_without_a_picture_are_called_what_they_are() -> None:
    words, image = b"<b>good</b> morning", b'<img src="https://example.org/a.png">'
    assert told({"text/html": words, "text/plain": b"good morning"}) == TEXT
    assert told({"text/html": words}) == TEXT
    assert told({"text/html": words + image}) == TEXT
    assert told({"text/html": image}) == WEB
    assert told({"text/html": b"<style>p {}</style><!-- x --> " + image}) == WEB
    assert told({"text/html": image, "text/plain": b"https://example.org/a.png"}) == WEB
    assert told({"text/html": f'<img src="{SPACER}">words'.encode()}) == TEXT
    gone = b'<img src="file:///nowhere/a.png">'
    assert told({"text/html": gone}) == "The copied file is not there any more."
    assert told({"text/html": gone + b"words", "text/plain": b"words"}) == TEXT


def test_rich_text() -> None:
    word = rb"{\rtf1 {\pict\pngblip{\*\blipuid 0123456789abcdef0123456789abcdef}%s}}"
    digits = PNG.hex()
    lines = "\n".join(digits[place : place + 100] for place in range(0, len(digits), 100))
    for kind in ("text/rtf", "application/rtf", "text/richtext"):
        assert found({kind: word % lines.encode(), "text/plain": b" "}) == PNG
        assert found({kind: word % digits.upper().encode()}) == PNG
        assert told({kind: rb"{\rtf1 words}", "text/plain": b"words"}) == TEXT
        assert told({kind: rb"{\rtf1 words}"}) == TEXT


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-qt-image",
        "image/png;charset=x",
        "IMAGE/PNG",
        'application/x-openoffice-bitmap;windows_formatname="Bitmap"',
    ],
)
def test_other_names_of_images(kind: str) -> None:
    assert found({"TARGETS": b"", kind: PNG}) == PNG


def test_an_image_that_its_owner_does_not_give_is_looked_for_elsewhere() -> None:
    assert found({"image/png": b"", "image/jpeg": PNG}) == PNG
    assert found({"image/png": b"", "text/html": f"<img src='{DATA}'>".encode()}) == PNG
    assert told({"image/png": b"", "text/plain": b"words"}) == copied_files.broken().spoken


@pytest.mark.parametrize(
    "head", [SVG, b"%PDF-1.7\n", b"II\x1a\0\0\0HEAPCCDR", b"\0\0\0\x18ftypqt  "]
)
def test_copied_files_that_cannot_be_read_here_go_on_to_whoever_names_them(
    head: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(head)
    assert found({"text/uri-list": path.as_uri().encode()}) == head


@pytest.mark.parametrize("kind", ["image/svg+xml", "image/x-inkscape-svg", "image/x-emf"])
def test_drawings_are_taken_when_there_is_no_photograph(kind: str) -> None:
    assert found({kind: SVG}) == SVG
    assert found({kind: SVG, "image/png": PNG}) == PNG


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SVG.decode(), SVG),
        (f'<?xml version="1.0"?>\n{SVG.decode()}', b'<?xml version="1.0"?>\n' + SVG),
        (f"![a cat]({DATA})", PNG),
        (f'"{DATA}"', PNG),
        (f'<img src="{DATA}">', PNG),
        (f"background-image: url({DATA});", PNG),
        (base64.b64encode(PNG).decode(), PNG),
        (base64.encodebytes(PNG).decode(), PNG),
        (f"data:;base64,{base64.b64encode(PNG).decode()}", PNG),
        (f"data:application/octet-stream;base64,{base64.b64encode(PNG).decode()}", PNG),
    ],
)
def test_texts_that_are_a_picture(text: str, expected: bytes) -> None:
    assert clipboard_text.from_text(text).data == expected
    assert found({"text/plain;charset=utf-16": text.encode("utf-16")}) == expected


@pytest.mark.parametrize(
    "text",
    [
        "<p>words</p>",
        '<img src="https://example.org/a.png">',
        "iVBORw0KGgo and so on, which is how each of them begins, as everybody knows by now",
        "/9j/" + "a" * 100 + ".",
        "data:application/octet-stream;base64,AAAA",
        "a long text about the matter " * 40 + DATA,
    ],
)
def test_texts_that_are_none(text: str) -> None:
    assert told({"text/plain": text.encode()}) == TEXT


@pytest.mark.parametrize(
    "template",
    [
        "x-special/nautilus-clipboard\ncopy\n{uri}\n",
        "x-special/nautilus-clipboard\ncut\n{uri}\n{uri}",
        "{escaped}",
        "{shell}",
        "{shell} {shell}",
        "{uri} {uri}",
        "{note}\n{path}",
        "{uri}\n{path}\n",
        "'{path}'\n\"{path}\"",
        "{escaped}\n{escaped}",
        "\n\n{path}\r\n",
    ],
)
def test_copied_files_as_plain_text(template: str, photo: Path) -> None:
    note = photo.parent / "note.txt"
    note.write_text("words")
    escaped = "".join(f"\\{letter}" if letter in " ()" else letter for letter in str(photo))
    text = template.format(
        uri=photo.as_uri(), path=photo, shell=shlex.quote(str(photo)), escaped=escaped, note=note
    )
    assert clipboard_text.from_text(text).data == PNG
    assert found({"UTF8_STRING": text.encode(), "TARGETS": b""}) == PNG


def test_lines_that_are_not_all_files_are_text(photo: Path) -> None:
    for text in (f"{photo}\nwords", f"see {photo}", f"{photo} 'and", "/no/such\\ file.png"):
        with pytest.raises(NoPictureError, match="holds text"):
            clipboard_text.from_text(text)


def test_file_managers_own_types(photo: Path) -> None:
    uri = photo.as_uri()
    for kind, text in {
        "x-special/nautilus-clipboard": f"copy\n{uri}",
        "x-special/mate-copied-files": f"cut\n{uri}",
        "text/x-moz-url": f"{uri}\nmy photo",
    }.items():
        assert found({kind: text.encode()}) == PNG
    assert found({"text/x-moz-url": f"{uri}\nmy photo".encode("utf-16-le")}) == PNG


@pytest.mark.parametrize("uri", ["sftp://host/a.png", "trash:///a.png", "mtp://phone/a.jpg"])
def test_files_of_other_machines_are_never_fetched(uri: str) -> None:
    assert told({"text/uri-list": uri.encode(), "text/plain": b"a.png"}) == ELSEWHERE
    assert told({"text/uri-list": b"https://example.org/a.png"}) == WEB


def test_a_compressed_drawing(tmp_path: Path) -> None:
    path = tmp_path / "drawing.svgz"
    path.write_bytes(gzip.compress(SVG))
    assert clipboard_text.from_text(str(path)).data == path.read_bytes()


@pytest.mark.parametrize(
    "part", ["<img ", '<img src="', "<style>", "<!--", "<", "<img style=url(", "a=' ", "{\\pict"]
)
def test_markup_made_to_keep_a_reader_busy_is_read_once(part: str) -> None:
    text = part * (2_000_000 // len(part))
    assert len(clipboard_markup.addresses(text)) <= 200
    assert clipboard_markup.has_text(text) in (True, False)
    assert clipboard_markup.in_rich_text(text.encode()) == b""
