"""A clipboard that is watched: what is copied is told, once, and secrets never."""

from __future__ import annotations

import io
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from describer_daemon import x11
from describer_daemon.capture.clipboard_marks import OURS
from describer_daemon.capture.clipboard_owner import Owner
from describer_daemon.capture.clipboard_watch import ClipboardWatch
from describer_daemon.capture.clipboard_x11 import X11Clipboard
from describer_daemon.core.ports import DescriberError, Encoded, ImageSource
from describer_daemon.service import control
from describer_daemon.virtual.display import VirtualDisplay
from tests.desktop.fixtures_daemon import RunningDaemon
from tests.desktop.fixtures_display import Owner as Process
from tests.desktop.fixtures_display import own_number, wait_until
from tests.desktop.test_main_job import SAME, photograph

Own = Callable[[str, bytes], Process]
OwnAll = Callable[[dict[str, bytes]], Process]
HINT = "x-kde-passwordManagerHint"


def png(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), (number, 0, 0)).save(file, "PNG")
    return file.getvalue()


class Watched:
    """A watch by itself, and what it found."""

    def __init__(self, settle: float = 0.3, kind: type[X11Clipboard] = X11Clipboard) -> None:
        self.found: list[ImageSource] = []
        self.reported: list[DescriberError] = []
        self.watch = ClipboardWatch(
            kind, self.found.append, self.reported.append, soonest=0.05, settle=settle
        )
        self.watch.start()
        wait_until(lambda: self.watch.name == "xclip", "it does not watch")

    def next(self) -> bytes:
        wait_until(lambda: self.found, "nothing was told")
        picture = self.found.pop(0).grab()
        assert isinstance(picture, Encoded)
        return picture.data


@pytest.fixture
def watched(xserver: VirtualDisplay) -> Iterator[Watched]:
    one = Watched()
    yield one
    one.watch.stop()


def test_a_copied_picture_is_told(watched: Watched, clip_data: Own) -> None:
    for number in (1, 2):
        clip_data("image/png", png(number))
        assert watched.next() == png(number)
    assert not watched.found


def test_a_picture_of_a_gtk_program(
    watched: Watched, sandbox: Path, gtk_owner: Callable[[str, str], object]
) -> None:
    sandbox.joinpath("a.png").write_bytes(png(1))
    gtk_owner("image", str(sandbox / "a.png"))
    assert Image.open(io.BytesIO(watched.next())).getpixel((0, 0))[:3] == (1, 0, 0)


def test_of_a_burst_the_last_one_alone(xserver: VirtualDisplay) -> None:
    one = Watched(settle=1.0)
    try:
        with x11.opened() as display:
            owners = [Owner(display, {"image/png": png(number)}) for number in range(10)]
            for owner in owners:
                assert owner.take()
            serving = threading.Thread(target=owners[-1].serve, daemon=True)
            serving.start()
            assert one.next() == png(9)
            assert not one.found
            with x11.opened() as another:
                assert Owner(another, {"UTF8_STRING": b"x"}).take()
                serving.join(60)
    finally:
        one.watch.stop()


@pytest.mark.parametrize(
    "contents",
    [
        {"UTF8_STRING": b"hunter2"},
        {"text/uri-list": b"file:///tmp/a.png"},
        {"image/png": png(1), HINT: b"secret"},
        {"image/png": png(1), f"text/{HINT}": b"secret"},
        {"image/png": png(1), f'electron application/osclipboard;format="{HINT}"': b"1"},
        {"image/png": png(1), "application/x-nspasteboard-concealed-type": b""},
        {"image/png": png(1), 'application/x-qt-windows-mime;value="Clipboard Viewer Ignore"': b""},
        {"image/png": png(1), OURS: b""},
        {"image/png": png(1), "UTF8_STRING": b"a cell", "text/html": b"<td>a cell"},
        {"image/svg+xml": b"<svg/>"},
    ],
    ids=lambda contents: list(contents)[-1][:30],
)
def test_of_anything_else_nothing(
    watched: Watched, clip_types: OwnAll, contents: dict[str, bytes]
) -> None:
    clip_types(contents)
    time.sleep(1.0)  # several times as long as a burst goes on
    clip_types({"image/png": png(99)})
    assert watched.next() == png(99)
    assert not watched.found


def test_a_secret_that_takes_the_place_of_a_picture_is_not_read(
    watched: Watched, clip_types: OwnAll
) -> None:
    clip_types({"image/png": png(1)})
    wait_until(lambda: watched.found)
    clip_types({"image/png": png(2), HINT: b"secret"})
    with pytest.raises(DescriberError, match="taken from the clipboard"):
        watched.found[0].grab()


def test_a_display_that_comes_back_is_watched_again(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch, clip_data: Own
) -> None:
    number = own_number()
    with VirtualDisplay(number=number) as first:
        monkeypatch.setenv("DISPLAY", first.name)
        one = Watched()
    try:
        wait_until(lambda: one.watch.name == "none", "the loss was not noticed")
        with VirtualDisplay(number=number):
            wait_until(lambda: one.watch.name == "xclip", "it is not watched again")
            clip_data("image/png", png(1))
            assert one.next() == png(1)
            one.watch.stop()
    finally:
        one.watch.stop()


def test_without_xclip_it_is_told(xserver: VirtualDisplay, without: Callable[[str], None]) -> None:
    without("xclip")
    found = X11Clipboard()
    with pytest.raises(DescriberError, match="Install the package xclip"):
        found.offered()


class Known(X11Clipboard):
    """A clipboard of which the test knows what is on it, whatever changes it."""

    def offered(self) -> list[str]:
        return ["image/png"]

    def read(self, kind: str) -> bytes:
        return bytes(1_000_000)


def test_memory_is_flat(xserver: VirtualDisplay) -> None:
    watched, sizes = Watched(settle=0.005, kind=Known), []
    try:
        with x11.opened() as display:
            for _ in range(int(os.environ.get("DESCRIBER_TEST_COPIES", "100"))):
                assert Owner(display, {}).take()
                for _ in range(display.pending_events()):
                    display.next_event()
                assert len(watched.next()) == 1_000_000
                sizes.append(resident())
    finally:
        watched.watch.stop()
    assert max(sizes) - sizes[9] < 4096, (sizes[9], max(sizes))


def resident() -> int:
    """Kilobytes of memory that this process takes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0])


def test_it_is_heard_and_only_while_the_settings_want_it(
    daemon: RunningDaemon, settings: Path, clip_image: Callable[[Image.Image], object]
) -> None:
    assert control.send("status")["clipboard watched by"] == "off"
    off = settings.read_text(encoding="utf-8")
    settings.write_text(off.replace("watch = false", "watch = true"), encoding="utf-8")
    wait_until(lambda: control.send("status")["clipboard watched by"] == "xclip", "not watched")
    sentence, sureness = daemon.hears(lambda: clip_image(photograph("chelsea")))
    assert sentence
    assert sureness > SAME
    settings.write_text(off, encoding="utf-8")
    wait_until(lambda: control.send("status")["clipboard watched by"] == "off", "still watched")
