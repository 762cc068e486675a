"""The clipboard where wl-paste would take the focus, as on GNOME: by XWayland, else by wl-paste."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from describer_daemon import aside, x11
from describer_daemon.capture import compositor, xwayland
from describer_daemon.capture.clipboard_wayland import WaylandClipboard
from describer_daemon.capture.copied_files import NoPictureError
from describer_daemon.core.ports import DescriberError, Encoded
from describer_daemon.virtual.display import VirtualDisplay
from tests.desktop.fixtures_display import own_number, pasted, wait_until

GNOME = ("wl_compositor", "wl_seat", "wl_data_device_manager", "gtk_shell1")
WLROOTS = (*GNOME, "zwlr_data_control_manager_v1")


class Compositor(threading.Thread):
    """Answers what interfaces it has; `answers` are sent as they are in place of that."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.answers: list[bytes] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        self.has(*GNOME)
        self.start()

    def has(self, *names: str) -> None:
        self.answers = [*(event(2, 0, number(1) + text(one) + number(3)) for one in names),
                        event(3, 0, number(7)), event(1, 1, number(3))]  # fmt: skip

    def run(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            # who has heard enough hangs up, at times before the last word is out
            with connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
                if len(connection.recv(64)) == 24:
                    for answer in self.answers:
                        connection.sendall(answer)

    def end(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.join(20)


def number(value: int) -> bytes:
    return struct.pack("=I", value)


def text(value: str) -> bytes:
    data = value.encode() + b"\0"
    return number(len(data)) + data + bytes(-len(data) % 4)


def event(target: int, opcode: int, arguments: bytes) -> bytes:
    return struct.pack("=II", target, (8 + len(arguments)) << 16 | opcode) + arguments


@pytest.fixture
def gnome(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Compositor]:
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-1")
    made = Compositor(sandbox / "run" / "wayland-1")
    yield made
    made.end()


@pytest.fixture
def wl_paste(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in that gives a picture; → the file that has its calls."""
    calls = sandbox / "calls"
    calls.touch()
    program = sandbox / "bin" / "wl-paste"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\necho "$*" >> {calls}\n'
        'case "$*" in --list-types) echo image/png;; *) printf focus;; esac\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return calls


@pytest.fixture
def as_xwayland(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests' X server stands in for one that serves a compositor."""
    monkeypatch.setattr(x11, "is_xwayland", lambda _: True)


def test_a_compositor_tells_what_it_has(gnome: Compositor) -> None:
    assert compositor.interfaces() == set(GNOME)
    whole = b"".join(gnome.answers)
    gnome.answers = [whole[at : at + 5] for at in range(0, len(whole), 5)]
    assert compositor.interfaces() == set(GNOME)


def test_one_that_does_not_answer_is_not_waited_for(
    gnome: Compositor, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = event(1, 0, number(1) + number(0) + text("no"))
    for answers in ([], [refusal], [b"\0" * 64], gnome.answers[:1], [event(2, 0, b"")]):
        gnome.answers = answers
        assert compositor.interfaces() is None
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
    assert compositor.interfaces() is None
    monkeypatch.delenv("WAYLAND_DISPLAY")
    assert compositor.interfaces() is None


def test_on_gnome_the_selection_of_xwayland_is_read(
    xserver: VirtualDisplay,
    gnome: Compositor,
    wl_paste: Path,
    as_xwayland: None,
    clip_image: Callable[..., tuple[object, bytes]],
) -> None:
    _, data = clip_image(Image.new("RGB", (8, 6), "red"))
    assert WaylandClipboard().grab() == Encoded(data)
    assert wl_paste.read_text() == ""  # so the focus stayed where it was
    gnome.has(*WLROOTS)
    assert WaylandClipboard().grab() == Encoded(b"focus")


def test_on_gnome_a_caption_is_copied_through_it_too(
    xserver: VirtualDisplay,
    gnome: Compositor,
    as_xwayland: None,
    wl_paste: Path,
    clip_text: Callable[[str], object],
) -> None:
    wl_paste.parent.joinpath("bin", "wl-copy").symlink_to(wl_paste.parent / "bin" / "wl-paste")
    aside.copy_text("A dog.")
    wait_until(lambda: pasted() == b"A dog.", "it was not copied")
    assert wl_paste.read_text() == ""
    gnome.has(*WLROOTS)
    aside.copy_text("A cat.")
    assert wl_paste.read_text() == "\n"  # wl-copy, without an argument
    clip_text("until the end of this test")


def test_where_xwayland_has_nothing_wl_paste_is_asked(
    xserver: VirtualDisplay, gnome: Compositor, wl_paste: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And where DISPLAY names another server, whose clipboard is another one, or a dead one."""
    assert WaylandClipboard().grab() == Encoded(b"focus")
    monkeypatch.setenv("DISPLAY", f":{own_number()}")
    assert WaylandClipboard().grab() == Encoded(b"focus")
    monkeypatch.setattr(x11, "is_xwayland", lambda _: True)
    monkeypatch.setenv("DISPLAY", xserver.name)
    assert WaylandClipboard().grab() == Encoded(b"focus")


def test_without_wl_paste_it_is_said_truly_what_is_there(
    xserver: VirtualDisplay,
    gnome: Compositor,
    without: Callable[[str], None],
    clip_text: Callable[[str], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without("wl-paste")
    assert WaylandClipboard.unavailable_reason() == ""
    with pytest.raises(DescriberError, match="install the package wl-clipboard"):
        WaylandClipboard().grab()  # this X server is another one
    monkeypatch.setattr(x11, "is_xwayland", lambda _: True)
    with pytest.raises(NoPictureError, match="The clipboard is empty"):
        WaylandClipboard().grab()
    clip_text("words")
    with pytest.raises(NoPictureError):
        WaylandClipboard().grab()
    gnome.has(*WLROOTS)
    assert "install the package wl-clipboard" in WaylandClipboard.unavailable_reason()
    gnome.has(*GNOME)
    without("xclip")
    assert "install the package xclip" in WaylandClipboard.unavailable_reason()
    monkeypatch.delenv("DISPLAY")
    assert "install the package wl-clipboard" in WaylandClipboard.unavailable_reason()


def test_gnomes_cookie_is_found(
    xserver: VirtualDisplay, sandbox: Path, as_xwayland: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie = sandbox / "run" / ".mutter-Xwaylandauth.AB12CD"
    cookie.touch()
    monkeypatch.setenv("XAUTHORITY", str(sandbox / "of a session that has ended"))
    assert xwayland.is_there()
    assert os.environ["XAUTHORITY"] == str(cookie)
    own = sandbox / "own"
    own.touch()
    monkeypatch.setenv("XAUTHORITY", str(own))
    assert xwayland.is_there()
    assert os.environ["XAUTHORITY"] == str(own)
