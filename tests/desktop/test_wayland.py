"""A real Wayland desktop: sway without a screen, as an ordinary user, with grim and wl-paste."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from describer_daemon.capture import compositor
from describer_daemon.capture.candidates import CLIPBOARDS, SCREENS
from describer_daemon.capture.clipboard_watch import ClipboardWatch
from describer_daemon.capture.clipboard_wayland import WaylandClipboard
from describer_daemon.capture.screen_grim import GrimScreen
from describer_daemon.capture.window_focus import InWindow
from describer_daemon.core import backends
from describer_daemon.core.ports import (
    Aim,
    DescriberError,
    Encoded,
    ImageSource,
    Rectangle,
    Region,
)
from describer_daemon.hotkeys.x11 import X11Hotkeys
from tests.desktop.fixtures_display import Owner, wait_until

BLUE = (20, 60, 200)
WINDOW = """
import gi
gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gtk
window = Gtk.Window(title="picture", decorated=False)
window.override_background_color(Gtk.StateFlags.NORMAL, Gdk.RGBA(20 / 255, 60 / 255, 200 / 255))
window.show_all()
Gtk.main()
"""


@pytest.fixture
def blue_window(sway: Callable[..., Owner]) -> None:
    """A window of 400x300 at 100,50, all blue."""
    sway("/usr/bin/python3", "-c", WINDOW)
    place = "floating enable, resize set 400 300, move absolute position 100 50, focus"
    # A window that has just come may yet ask for another size.
    wait_until(
        lambda: _tell(f'[title="picture"] {place}') and all_blue("window", (400, 300)),
        "no window",
    )


def _tell(command: str) -> bool:
    return subprocess.run(
        ["swaymsg", command], check=False, capture_output=True, timeout=20
    ).returncode == 0  # fmt: skip


def grab(region: Region) -> Image.Image:
    picture = GrimScreen(region).grab()
    assert isinstance(picture, Encoded)
    return Image.open(io.BytesIO(picture.data)).convert("RGB")


def all_blue(region: Region, size: tuple[int, int]) -> bool:
    return grab(region).getcolors() == [(size[0] * size[1], BLUE)]


def test_the_focused_window(blue_window: None) -> None:
    wait_until(lambda: all_blue("window", (400, 300)))


def test_the_focus_in_the_window_is_the_focus_in_its_picture(blue_window: None) -> None:
    focused = InWindow(Rectangle(110, 60, 80, 50), Rectangle(10, 10, 400, 300))

    def aim(region: Region) -> Aim | None:
        return GrimScreen(region, window_focus=lambda: focused).grab().aim

    wait_until(lambda: aim("window") == Aim(focus=Rectangle(100, 50, 80, 50)))
    assert aim("screen") == Aim()


def test_a_fixed_rectangle_is_clipped(blue_window: None) -> None:
    wait_until(lambda: all_blue(Rectangle(110, 60, 30, 20), (30, 20)))
    assert grab(Rectangle(1200, 700, 500, 500)).size == (80, 100)
    with pytest.raises(DescriberError, match="outside the screen"):
        grab(Rectangle(5000, 0, 10, 10))
    told: list[DescriberError] = []
    picture = GrimScreen(Rectangle(5000, 0, 10, 10), told=told.append).grab()
    assert isinstance(picture, Encoded)
    assert Image.open(io.BytesIO(picture.data)).size == (400, 300)  # the window instead
    assert [error.spoken for error in told] == [
        "The region lies outside the screen, so I look at the window. Change it in the settings."
    ]


def test_the_focused_monitor(sway: Callable[..., Owner]) -> None:
    assert grab("screen").size == (1280, 800)
    assert grab("window").size == (1280, 800)
    assert grab("pointer").size == (1280, 800)
    assert _tell("create_output")
    assert _tell("output HEADLESS-2 mode 640x480 position 1280 0")
    assert _tell("focus output HEADLESS-2")
    wait_until(lambda: grab("screen").size == (640, 480))


def test_without_swaymsg_the_whole_desktop(
    sway: Callable[..., Owner], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SWAYSOCK")
    assert grab("window").size == (1280, 800)
    assert grab(Rectangle(10, 20, 30, 40)).size == (30, 40)
    told: list[DescriberError] = []
    picture = GrimScreen(Rectangle(5000, 0, 10, 10), told=told.append).grab()
    assert isinstance(picture, Encoded)
    assert (Image.open(io.BytesIO(picture.data)).size, len(told)) == ((1280, 800), 1)


def test_without_grim(sway: Callable[..., Owner], without: Callable[[str], None]) -> None:
    without("grim")
    assert "install the package grim" in GrimScreen.unavailable_reason()


def test_a_desktop_that_hangs(sway: Callable[..., Owner], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("describer_daemon.capture.screen_grim._GRAB_SECONDS", 0.5)
    monkeypatch.setattr("describer_daemon.capture.screen_grim._ASK_SECONDS", 0.5)
    server = int(os.environ["SWAYSOCK"].rsplit(".", 2)[1])
    os.kill(server, signal.SIGSTOP)
    try:
        with pytest.raises(DescriberError, match="The screen did not answer"):
            grab("screen")
    finally:
        os.kill(server, signal.SIGCONT)
    assert grab("screen").size == (1280, 800)


def test_the_back_ends_for_wayland_are_chosen(sway: Callable[..., Owner]) -> None:
    assert backends.require(SCREENS, "see the screen") is GrimScreen
    assert backends.require(CLIPBOARDS, "read the clipboard") is WaylandClipboard
    assert "Wayland" in X11Hotkeys.unavailable_reason()
    offered = compositor.interfaces()
    assert offered is not None
    assert {"wl_seat", "zwlr_data_control_manager_v1"} <= offered


def copied(sway: Callable[..., Owner], kind: str, data: bytes, sandbox: Path) -> Owner:
    path = sandbox / "copied"
    path.write_bytes(data)
    path.chmod(0o644)
    with path.open("rb") as file:
        owner = subprocess.Popen(
            ["wl-copy", "--foreground", "--type", kind],
            stdin=file, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    wait_until(lambda: kind in _types(), "wl-copy did not own it")
    return owner


def _types() -> str:
    return subprocess.run(
        ["wl-paste", "--list-types"], check=False, capture_output=True, timeout=20, text=True
    ).stdout


@pytest.fixture
def copy(sway: Callable[..., Owner], sandbox: Path) -> Iterator[Callable[[str, bytes], Owner]]:
    owners: list[Owner] = []

    def own(kind: str, data: bytes) -> Owner:
        owners.append(copied(sway, kind, data, sandbox))
        return owners[-1]

    yield own
    for owner in owners:
        owner.kill()
        owner.wait(20)


def paste() -> bytes:
    picture = WaylandClipboard().grab()
    assert isinstance(picture, Encoded)
    return picture.data


def test_a_copied_image(copy: Callable[[str, bytes], Owner]) -> None:
    file = io.BytesIO()
    Image.new("RGB", (30, 20), BLUE).save(file, "PNG")
    copy("image/png", file.getvalue())
    assert paste() == file.getvalue()


def test_a_watched_clipboard(copy: Callable[[str, bytes], Owner]) -> None:
    copy("image/png", b"\x89PNG that was there before")
    found: list[ImageSource] = []
    watch = ClipboardWatch(WaylandClipboard, found.append, lambda _: None)
    watch.start()
    try:
        wait_until(lambda: watch.name == "wl-paste", "it does not watch")
        time.sleep(1.0)  # what was there before would be told by now
        for kind, data in (("text/plain", b"hunter2"), ("image/png", b"\x89PNG new")):
            copy(kind, data)
            time.sleep(1.0)  # longer than a burst
        wait_until(lambda: found, "nothing was told")
        assert [source.grab() for source in found] == [Encoded(b"\x89PNG new")]
    finally:
        watch.stop()


def test_a_copied_file(copy: Callable[[str, bytes], Owner], sandbox: Path) -> None:
    path = sandbox / "photo.png"
    Image.new("RGB", (30, 20), BLUE).save(path)
    copy("text/uri-list", path.as_uri().encode() + b"\r\n")
    assert paste() == path.read_bytes()


def test_text_and_nothing_are_told(copy: Callable[[str, bytes], Owner]) -> None:
    with pytest.raises(DescriberError, match="The clipboard is empty"):
        paste()
    copy("text/plain", b"words")
    with pytest.raises(DescriberError, match="holds text, not a picture"):
        paste()


def test_a_frozen_owner(copy: Callable[[str, bytes], Owner]) -> None:
    owner = copy("image/png", b"\x89PNG" + bytes(1_000_000))
    os.kill(owner.pid, signal.SIGSTOP)
    try:
        with pytest.raises(DescriberError, match="The clipboard did not answer"):
            paste()
    finally:
        os.kill(owner.pid, signal.SIGCONT)


def test_without_wl_paste(sway: Callable[..., Owner], without: Callable[[str], None]) -> None:
    without("wl-paste")
    assert "install the package wl-clipboard" in WaylandClipboard.unavailable_reason()
    with pytest.raises(DescriberError):
        paste()
