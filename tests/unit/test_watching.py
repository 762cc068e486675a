"""Watching the clipboard: off it costs nothing, and what breaks off is tried again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from describer_daemon.capture import clipboard, clipboard_marks
from describer_daemon.capture.changes_wayland import UnsupportedError
from describer_daemon.capture.clipboard_watch import ClipboardWatch, CopiedImage
from describer_daemon.capture.copied_files import NoPictureError
from describer_daemon.core.ports import DescriberError, ImageSource
from tests.unit.core.room import until

PNG = b"\x89PNG\r\n\x1a\n"
OFF = """
import sys, threading
from describer_daemon import app
from describer_daemon.settings.settings import Settings
before = threading.active_count()
daemon = app.Daemon(Settings(), None)
daemon._watching.follow(False)
assert daemon._watching.name == "off"
assert not [name for name in sys.modules if "clipboard_watch" in name or "changes_" in name]
assert "clipboard" not in [thread.name for thread in threading.enumerate()]
daemon._close()
"""


class Desktop:
    """A clipboard, and somebody who tells of what is copied."""

    name = "a desktop"

    def __init__(self) -> None:
        self.types: list[str] = ["image/png"]
        self.error: Exception | None = None
        self.made: list[Changes] = []
        self.told: list[str] = []
        self.found: list[ImageSource] = []

    def offered(self) -> list[str]:
        if self.error is not None:
            raise self.error
        return self.types

    def read(self, kind: str) -> bytes:
        assert kind in self.types
        return PNG

    def changes(self) -> Changes:
        self.made.append(Changes())
        return self.made[-1]


class Changes:
    """A pipe, by which a test tells."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self.error: Exception | None = None
        self.is_open = True

    def copied(self, times: int = 1) -> None:
        os.write(self.writing, b"x" * times)

    def fileno(self) -> int:
        return self.reading

    def take(self) -> bool:
        os.read(self.reading, 1)
        if self.error is not None:
            raise self.error
        return True

    def close(self) -> None:
        self.is_open = False
        for end in (self.reading, self.writing):
            os.close(end)


@pytest.fixture
def desktop() -> Desktop:
    return Desktop()


@pytest.fixture
def watch(desktop: Desktop) -> Iterator[ClipboardWatch]:
    made = ClipboardWatch(
        lambda: desktop,
        desktop.found.append,
        lambda error: desktop.told.append(error.spoken),
        soonest=0.01,
        settle=0.05,
    )
    made.start()
    until(lambda: made.name == desktop.name)
    yield made
    made.stop()
    until(lambda: not made._thread.is_alive())
    assert not any(changes.is_open for changes in desktop.made)


def test_off_it_loads_nothing_and_starts_nothing() -> None:
    command = [sys.executable, "-c", OFF]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_a_burst_is_one(desktop: Desktop, watch: ClipboardWatch) -> None:
    desktop.made[0].copied(10)
    until(lambda: bool(desktop.found))
    desktop.made[0].copied()
    until(lambda: len(desktop.found) == 2)
    assert desktop.found[0].grab().data == PNG


@pytest.mark.parametrize("error", [DescriberError("It went."), OSError("gone"), ValueError("bug")])
def test_what_breaks_off_is_tried_again(
    desktop: Desktop, watch: ClipboardWatch, error: Exception
) -> None:
    for number in range(3):
        until(lambda number=number: len(desktop.made) == number + 1)  # type: ignore[misc]
        desktop.made[number].error = error
        desktop.made[number].copied()
    until(lambda: len(desktop.made) == 4)
    assert [changes.is_open for changes in desktop.made] == [False, False, False, True]
    desktop.made[3].copied()
    until(lambda: len(desktop.found) == 1)


def test_an_owner_that_hangs_is_no_end(desktop: Desktop, watch: ClipboardWatch) -> None:
    desktop.error = DescriberError("The clipboard did not answer.")
    desktop.made[0].copied()
    until(lambda: watch_is_waiting(desktop))
    desktop.error = None
    desktop.made[0].copied()
    until(lambda: len(desktop.found) == 1)
    assert len(desktop.made) == 1
    assert desktop.told == []


def watch_is_waiting(desktop: Desktop) -> bool:
    threading.Event().wait(0.2)
    return not desktop.found


def test_a_desktop_that_never_tells_is_told_of_once(desktop: Desktop) -> None:
    def changes() -> Changes:
        raise UnsupportedError("This desktop does not tell.")

    desktop.changes = changes  # type: ignore[method-assign]
    made = ClipboardWatch(
        lambda: desktop, desktop.found.append, lambda error: desktop.told.append(error.spoken)
    )
    made.start()
    until(lambda: not made._thread.is_alive())
    assert desktop.told == ["This desktop does not tell."]
    made.stop()


def test_what_is_no_picture_any_more_is_not_read(desktop: Desktop) -> None:
    desktop.types = ["image/png", "x-kde-passwordManagerHint"]
    with pytest.raises(NoPictureError, match="taken from the clipboard"):
        CopiedImage(desktop).grab()


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        (["image/png"], ["image/png"]),
        (["image/bmp", "text/html", "image/png"], ["image/png", "image/bmp"]),
        (["text/x-moz-url", "image/png", "text/html"], ["image/png"]),
        (["TARGETS", "image/svg+xml", "application/pdf"], []),
        (["image/png", "STRING"], []),
        (["image/png", "text/plain;charset=utf-8"], []),
        (["image/png", "X-KDE-PasswordManagerHint"], []),
        (["image/png", "org.nspasteboard.ConcealedType"], []),
        (["image/png", "ExcludeClipboardContentFromMonitorProcessing"], []),
        (["image/png", clipboard_marks.OURS], []),
        ([], []),
    ],
)
def test_what_was_copied_as_a_picture(offered: list[str], expected: list[str]) -> None:
    assert clipboard.images_alone(offered) == expected


def test_a_key_describes_a_secret_and_the_picture_says_so() -> None:
    offered = {"image/png": PNG, "x-kde-passwordManagerHint": b"secret"}
    assert clipboard.picture(list(offered), offered.__getitem__).secret
    assert not clipboard.picture(["image/png"], offered.__getitem__).secret
