"""The focus is asked for while the screen is grabbed, and no answer is waited for."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import pytest
from PIL import Image

from describer_daemon import processes
from describer_daemon.capture import geometry, meanwhile, screen_desktop, screen_grim
from describer_daemon.capture.screenshot_tools import Tool
from describer_daemon.capture.window_focus import InWindow
from describer_daemon.core.ports import Aim, Encoded, Picture, Rectangle

WINDOW = Rectangle(0, 0, 40, 30)
FOCUSED = InWindow(Rectangle(10, 10, 8, 5), WINDOW)
Ask = Callable[[], InWindow | None]


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30)).save(file, kind)
    return file.getvalue()


def by_program(patch: pytest.MonkeyPatch, grabbing: Callable[[], object], ask: Ask) -> Picture:
    def grab(tool: Tool, arguments: tuple[str, ...]) -> bytes:
        grabbing()
        return picture("PNG")

    tool = Tool("gnome-screenshot", frozenset(), ("-w",), ())
    patch.setattr(Tool, "grab", grab)
    patch.setattr(screen_desktop.screenshot_tools, "tool", lambda: tool)
    patch.setattr(screen_desktop.portal, "targets", lambda: None)
    return screen_desktop.DesktopScreen("window", window_focus=ask).grab()


def by_grim(patch: pytest.MonkeyPatch, grabbing: Callable[[], object], ask: Ask) -> Picture:
    def grab(area: Rectangle | None) -> processes.Finished:
        grabbing()
        return processes.Finished(0, picture("PPM"), b"")

    desktop = geometry.Desktop(WINDOW, (WINDOW,), window=WINDOW)
    patch.setattr(screen_grim, "_grim", grab)
    patch.setattr(screen_grim, "_desktop", lambda: desktop)
    return screen_grim.GrimScreen("window", window_focus=ask).grab()


WAYS = pytest.mark.parametrize("grab", [by_program, by_grim])


@WAYS
def test_an_answer_that_takes_as_long_as_the_grab_is_in_time(
    grab: Callable[..., Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy GNOME no program told of its focus in the 60 ms before the grab."""
    monkeypatch.setattr(meanwhile, "_GRACE", 30.0)
    grabbing = threading.Event()
    taken = grab(monkeypatch, grabbing.set, lambda: FOCUSED if grabbing.wait(5) else None)
    assert isinstance(taken, Encoded)
    assert taken.aim == Aim(focus=FOCUSED.box)


@WAYS
def test_a_program_that_hangs_costs_the_hint_alone(
    grab: Callable[..., Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    taken = grab(monkeypatch, lambda: None, lambda: FOCUSED if never.wait(60) else None)
    never.set()
    assert isinstance(taken, Encoded)
    assert taken.aim == Aim()
