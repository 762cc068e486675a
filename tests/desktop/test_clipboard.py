"""Real clipboards with real owners, well and ill."""

from __future__ import annotations

import base64
import io
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from describer_daemon import processes
from describer_daemon.capture import copied_files
from describer_daemon.capture.clipboard_pillow import PillowClipboard
from describer_daemon.capture.clipboard_wayland import WaylandClipboard
from describer_daemon.capture.clipboard_x11 import X11Clipboard
from describer_daemon.core.ports import DescriberError, Encoded, Pixels
from describer_daemon.virtual.display import VirtualDisplay
from tests.desktop.fixtures_display import Owner, clipboard_owner, wait_until

Own = Callable[[str, bytes], Owner]
PICTURE = Image.linear_gradient("L").convert("RGB").resize((64, 48))


def encoded(kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    PICTURE.save(file, kind)
    return file.getvalue()


def grab() -> bytes:
    picture = X11Clipboard().grab()
    assert isinstance(picture, Encoded)
    return picture.data


def sentence() -> str:
    with pytest.raises(DescriberError) as error:
        X11Clipboard().grab()
    return error.value.spoken


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "bmp", "tiff", "gif"])
def test_images_of_every_kind(
    xserver: VirtualDisplay, clip_image: Callable[..., tuple[object, bytes]], kind: str
) -> None:
    _, data = clip_image(PICTURE, f"image/{kind}")
    assert grab() == data


def test_an_unusual_image_type(xserver: VirtualDisplay, clip_data: Own) -> None:
    clip_data("image/x-portable-pixmap", encoded("PPM"))
    assert grab() == encoded("PPM")


def test_a_gtk_program_offers_many_types_and_png_is_taken(
    xserver: VirtualDisplay, sandbox: Path, gtk_owner: Callable[[str, str], object]
) -> None:
    path = sandbox / "picture.bmp"
    PICTURE.save(path)
    gtk_owner("image", str(path))
    with Image.open(io.BytesIO(grab())) as image:
        assert image.format == "PNG"
        assert image.convert("RGB").tobytes() == PICTURE.tobytes()


def test_a_large_image(xserver: VirtualDisplay, clip_data: Own) -> None:
    data = encoded() + os.urandom(12_000_000)
    clip_data("image/png", data)
    assert grab() == data


@pytest.mark.parametrize(
    ("kind", "template"),
    [
        ("text/uri-list", "# a comment\r\n{uri}\r\n"),
        ("text/uri-list", "file:///nowhere.png\r\n{uri}\r\n"),
        ("x-special/gnome-copied-files", "copy\n{uri}"),
        ("x-special/gnome-copied-files", "cut\n{uri}\n"),
        ("UTF8_STRING", "{path}\n"),
        ("UTF8_STRING", '"{path}"'),
        ("UTF8_STRING", "~/a höuse #1.png"),
        ("UTF8_STRING", "{uri}"),
        ("STRING", "{uri}"),
        ("text/plain;charset=utf-8", "{path}"),
        ("x-special/nautilus-clipboard", "copy\n{uri}\n"),
        ("UTF8_STRING", "x-special/nautilus-clipboard\ncopy\n{uri}\n"),
        ("UTF8_STRING", "{path}\n/tmp"),
        ("text/html", '<img src="{uri}" alt="">'),
        (
            "text/html",
            '<meta charset="utf-8"><p>words</p><img src="data:image/png;base64,{base64}">',
        ),
        ("UTF8_STRING", "{base64}"),
        ("UTF8_STRING", "data:image/png;base64,{base64}"),
        ("UTF8_STRING", "DATA:image/png;charset=x;base64,{base64}\n"),
    ],
)
def test_files_and_addresses(
    xserver: VirtualDisplay, sandbox: Path, clip_data: Own, kind: str, template: str
) -> None:
    path = sandbox / "a höuse #1.png"
    path.write_bytes(encoded())
    text = template.format(
        uri=path.as_uri(), path=path, base64=base64.b64encode(encoded()).decode()
    )
    clip_data(kind, text.encode())
    assert grab() == encoded()


def test_text_is_told(
    xserver: VirtualDisplay, clip_text: Callable[[str], object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    clip_text("hunter2 is my password")
    assert sentence() == "The clipboard holds text, not a picture."
    assert "hunter2" not in caplog.text


def test_text_of_a_gtk_program(
    xserver: VirtualDisplay, gtk_owner: Callable[[str, str], object]
) -> None:
    gtk_owner("text", "Grüße")
    assert sentence() == "The clipboard holds text, not a picture."


def test_an_empty_clipboard(xserver: VirtualDisplay) -> None:
    assert sentence() == "The clipboard is empty. Copy a picture first."


def test_an_owner_that_has_no_bytes(xserver: VirtualDisplay, clip_data: Own) -> None:
    clip_data("image/png", b"")
    assert "is broken. Please copy it again." in sentence()


def test_something_else(xserver: VirtualDisplay, clip_data: Own) -> None:
    clip_data("application/x-spreadsheet", b"1;2;3")
    assert sentence() == "The clipboard holds no picture."
    clip_data("image/svg+xml", b"<svg/>")
    assert grab() == b"<svg/>"


def test_far_too_large(
    xserver: VirtualDisplay, clip_data: Own, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copied_files, "LIMIT", 1024 * 1024)
    clip_data("image/png", encoded() + bytes(1024 * 1024))
    assert "too large, over 1 megabytes" in sentence()


def test_a_frozen_owner(
    xserver: VirtualDisplay, sandbox: Path, gtk_owner: Callable[[str, str], Owner]
) -> None:
    path = sandbox / "picture.png"
    path.write_bytes(encoded())
    owner = gtk_owner("image", str(path))
    os.kill(owner.pid, signal.SIGSTOP)
    try:
        before = time.monotonic()
        assert sentence() == "The clipboard did not answer. Copy the picture again."
        assert time.monotonic() - before < 10
    finally:
        os.kill(owner.pid, signal.SIGCONT)
    assert grab().startswith(b"\x89PNG")


def test_without_xclip(xserver: VirtualDisplay, without: Callable[[str], None]) -> None:
    without("xclip")
    assert "install the package xclip" in X11Clipboard.unavailable_reason()
    assert "Install the package xclip" in sentence()


def test_without_a_display(sandbox: Path) -> None:
    assert "no display" in X11Clipboard.unavailable_reason()
    assert sentence() == "There is no clipboard here."


def test_the_display_is_gone(own_display: VirtualDisplay) -> None:
    own_display.close()
    assert sentence() == "There is no clipboard here."


_PIXMAP_OWNER = """
import sys
from Xlib import X, Xatom, display
from Xlib.protocol import event
shown = display.Display()
screen, atom = shown.screen(), shown.intern_atom
target, depth = sys.argv[1], int(sys.argv[2])
window = screen.root.create_window(0, 0, 1, 1, 0, screen.root_depth)
pixmap = window.create_pixmap(60, 40, depth)
ink, paper = (1, 0) if depth == 1 else (0xFF0000, 0x0000FF)
pencil = pixmap.create_gc(foreground=paper)
pixmap.fill_rectangle(pencil, 0, 0, 60, 40)
pencil.change(foreground=ink)
pixmap.fill_rectangle(pencil, 0, 0, 20, 40)
number = pixmap.id if target != "freed" else 77
name = atom("PIXMAP" if target == "freed" else target)
window.set_selection_owner(atom("CLIPBOARD"), X.CurrentTime)
shown.flush()
while True:
    asked = shown.next_event()
    if asked.type != X.SelectionRequest:
        continue
    kind, values = {
        atom("TARGETS"): (Xatom.ATOM, [atom("TARGETS"), name]), name: (name, [number])
    }.get(asked.target, (0, []))
    if kind:
        asked.requestor.change_property(asked.property, kind, 32, values)
    asked.requestor.send_event(event.SelectionNotify(
        time=asked.time, requestor=asked.requestor, selection=asked.selection,
        target=asked.target, property=asked.property if kind else X.NONE,
    ))
    shown.flush()
"""


@pytest.fixture
def pixmap_owner(xserver: VirtualDisplay) -> Iterator[Callable[[str, int], None]]:
    """Own the clipboard as an old program does that offers its target, of that depth, alone."""
    owners: list[Owner] = []

    def own(target: str, depth: int) -> None:
        before = clipboard_owner()
        owners.append(processes.start([sys.executable, "-c", _PIXMAP_OWNER, target, str(depth)]))
        wait_until(lambda: clipboard_owner() not in (0, before), "it did not own it")

    yield own
    for owner in owners:
        processes.end(owner)


@pytest.mark.parametrize(
    ("target", "depth", "left", "right"),
    [
        ("PIXMAP", 24, (255, 0, 0), (0, 0, 255)),
        ("BITMAP", 1, (0, 0, 0), (255, 255, 255)),
    ],
)
def test_a_picture_that_stays_in_the_x_server(
    pixmap_owner: Callable[[str, int], None],
    target: str,
    depth: int,
    left: tuple[int, ...],
    right: tuple[int, ...],
) -> None:
    pixmap_owner(target, depth)
    picture = X11Clipboard().grab()
    assert isinstance(picture, Pixels)
    image = Image.frombytes("RGB", (picture.width, picture.height), bytes(picture.data))
    assert image.size == (60, 40)
    assert [image.getpixel(place) for place in ((19, 39), (20, 0))] == [left, right]


def test_a_picture_that_only_its_program_can_read(
    pixmap_owner: Callable[[str, int], None],
) -> None:
    pixmap_owner("freed", 24)
    assert sentence().startswith("The clipboard holds a picture that only its own program can")


def test_who_serves_where(xserver: VirtualDisplay, monkeypatch: pytest.MonkeyPatch) -> None:
    assert X11Clipboard.unavailable_reason() == ""
    assert "Wayland" in WaylandClipboard.unavailable_reason()
    assert "Windows" in PillowClipboard.unavailable_reason()


def test_pillow_reads_an_image_in_its_child(
    xserver: VirtualDisplay, clip_image: Callable[..., tuple[object, bytes]]
) -> None:
    clip_image(PICTURE)
    picture = PillowClipboard().grab()
    assert isinstance(picture, Encoded)
    with Image.open(io.BytesIO(picture.data)) as image:
        assert image.convert("RGB").tobytes() == PICTURE.tobytes()


def test_pillow_tells_text_and_nothing(
    xserver: VirtualDisplay, gtk_owner: Callable[[str, str], Owner]
) -> None:
    with pytest.raises(DescriberError, match="The clipboard is empty"):
        PillowClipboard().grab()
    gtk_owner("text", "hunter2")
    with pytest.raises(DescriberError, match="holds text, not a picture"):
        PillowClipboard().grab()


def test_pillow_does_not_wait_for_ever(
    xserver: VirtualDisplay,
    clip_image: Callable[..., tuple[Owner, bytes]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("describer_daemon.capture.clipboard_pillow._SECONDS", 1.0)
    owner, _ = clip_image(PICTURE)
    os.kill(owner.pid, signal.SIGSTOP)
    try:
        with pytest.raises(DescriberError, match="The clipboard did not answer"):
            PillowClipboard().grab()
    finally:
        os.kill(owner.pid, signal.SIGCONT)
