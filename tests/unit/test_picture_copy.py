"""A picture and its words on the clipboard: whoever takes either has both."""

from __future__ import annotations

import base64
import html
import io
import re
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from describer_daemon import displays, picture_copy, processes, x11
from describer_daemon.capture import clipboard, clipboard_owner
from describer_daemon.core.ports import DescriberError

TEXT = 'A "dog" & a <cat>, grüßend; it\'s \u201cfine\u201d.'


def png(size: tuple[int, int] = (30, 20)) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(file, "PNG")
    return file.getvalue()


class Page(HTMLParser):
    """The attributes of the pictures in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.pictures: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.pictures.append(dict(attributes))


def test_the_words_are_inside_the_picture_and_the_pixels_stay() -> None:
    with Image.open(io.BytesIO(picture_copy.with_text(png(), TEXT))) as image:
        image.load()
        assert image.convert("RGB").tobytes() == Image.open(io.BytesIO(png())).tobytes()
        assert image.info["Description"] == TEXT
        packet = image.info["xmp"].decode()
        [words] = re.findall("<i:AltTextAccessibility><rdf:Alt><rdf:li .*?>(.*?)</rdf:li>", packet)
        assert html.unescape(words) == TEXT


def test_the_page_has_the_picture_and_its_words() -> None:
    offered = picture_copy.contents(png(), TEXT)
    [picture] = Page(offered["text/html"].decode()).pictures
    assert picture["alt"] == TEXT
    head, _, data = (picture["src"] or "").partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == offered["image/png"] == png()
    assert offered["UTF8_STRING"].decode() == offered["text/plain"].decode() == TEXT


def test_it_is_not_described_by_a_clipboard_that_is_watched() -> None:
    assert clipboard.images_alone(list(picture_copy.contents(png(), TEXT))) == []
    assert clipboard.images_alone(["image/png", picture_copy.OURS]) == []


def test_what_is_no_png_is_refused() -> None:
    with pytest.raises(DescriberError, match="cannot be copied"):
        picture_copy.with_text(b"\x89PNG\r\n\x1a\n", TEXT)


def test_what_the_owner_is_given_arrives() -> None:
    given = {"image/png": b"\n\0{}", "text/html": b"", "text/plain": b"words"}
    assert clipboard_owner.decode(io.BytesIO(clipboard_owner.encode(given))) == given
    with pytest.raises(ValueError, match="more than"):
        clipboard_owner.decode(io.BytesIO(clipboard_owner.encode(given) + b"x"))


@pytest.mark.parametrize(
    ("ready", "program"),
    [
        (b"ready\n", "exit 0"),
        (b"ready\n", "cat >/dev/null; echo no"),
        (b"ready\n", "sleep 100"),
        (b"", "cat >/dev/null; exit 1"),
        (b"", "exit 3"),
        (b"", "sleep 100"),
    ],
)
def test_an_owner_that_does_not_serve_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ready: bytes, program: str
) -> None:
    monkeypatch.setattr(picture_copy, "_SECONDS", 0.5)
    started: list[subprocess.Popen[bytes]] = []
    start = processes.start
    monkeypatch.setattr(
        processes, "start", lambda *a, **more: started.append(start(*a, **more)) or started[-1]
    )
    with pytest.raises(DescriberError, match="the clipboard did not take it"):
        picture_copy._own(["sh", "-c", program], b"x" * 1_000_000, ready=ready)
    assert started[0].poll() is not None


def test_where_there_is_neither_x11_nor_wayland(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(displays, "on_wayland", lambda: False)
    monkeypatch.setattr(x11, "unsupported_reason", lambda: "this is not an X11 desktop")
    with pytest.raises(DescriberError, match="words only"):
        picture_copy.copy_picture(png(), TEXT)


def test_without_wl_copy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(displays, "on_wayland", lambda: True)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DescriberError, match="Install the package wl-clipboard"):
        picture_copy.copy_picture(png(), TEXT)


def test_wl_copy_is_given_the_picture_with_its_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tool = tmp_path / "wl-copy"
    tool.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/how\nexec /bin/cat > {tmp_path}/what\n')
    tool.chmod(0o755)
    monkeypatch.setattr(displays, "on_wayland", lambda: True)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert picture_copy.copy_picture(png(), TEXT) == picture_copy.COPIED_INSIDE
    assert tmp_path.joinpath("how").read_text() == "--type image/png\n"
    assert tmp_path.joinpath("what").read_bytes() == picture_copy.with_text(png(), TEXT)
