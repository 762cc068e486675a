"""A clipboard tool's failure is never taken for an empty clipboard."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from describer_daemon import displays
from describer_daemon.capture import clipboard_tools, clipboard_wayland, clipboard_x11
from describer_daemon.capture.clipboard_wayland import WaylandClipboard
from describer_daemon.capture.clipboard_x11 import X11Clipboard
from describer_daemon.capture.copied_files import NoPictureError
from describer_daemon.cli import doctor
from describer_daemon.core.ports import DescriberError, Encoded

REACH = "I cannot reach the clipboard. Is the describer running on your desktop?"


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wl-paste of our own, on a desktop that has Wayland."""
    path = tmp_path / "tools" / "wl-paste"
    path.parent.mkdir()
    monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
    on_wayland(tmp_path, monkeypatch)
    return path


def on_wayland(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a compositor had been there when it was looked for, and had ended just now."""
    monkeypatch.setenv("WAYLAND_DISPLAY", "nobody")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    monkeypatch.setattr(displays, "wayland_unavailable_reason", lambda: "")


def write(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def told() -> DescriberError:
    with pytest.raises(DescriberError) as error:
        WaylandClipboard().grab()
    return error.value


@pytest.mark.parametrize("phrase", clipboard_wayland._NOTHING[:3])
def test_nothing_is_what_the_tool_says_is_nothing(tool: Path, phrase: str) -> None:
    write(tool, f'echo "{phrase.capitalize()}" >&2; exit 1')
    error = told()
    assert isinstance(error, NoPictureError)
    assert error.spoken == "The clipboard is empty. Copy a picture first."
    assert "is empty" in doctor._clipboard()


@pytest.mark.parametrize(
    "script",
    [
        'echo "Failed to connect to a Wayland server" >&2; exit 1',
        "exit 1",
        "kill -SEGV $$",
        'echo "The compositor does not support it" >&2; exit 3',
        'printf "%0100000d" 0 >&2; exit 1',
    ],
)
def test_every_other_failure_is_told_as_one(tool: Path, script: str) -> None:
    write(tool, script)
    error = told()
    assert error.spoken == REACH
    assert not isinstance(error, NoPictureError)
    with pytest.raises(DescriberError, match="I cannot reach the clipboard"):
        doctor._clipboard()


def test_the_real_tool_without_a_compositor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_wayland(tmp_path, monkeypatch)
    error = told()
    assert error.spoken == REACH
    assert "connect" in error.detail


def test_a_failure_while_a_type_is_read(tool: Path) -> None:
    listing = 'if [ "$1" = --list-types ]; then echo image/png; exit 0; fi\n'
    write(tool, listing + 'echo "Failed to connect to a Wayland server" >&2; exit 1')
    assert told().spoken == REACH
    write(tool, listing + 'echo "No suitable type of content copied" >&2; exit 1')
    assert told().spoken == "The clipboard changed just now. Please try again."


def test_a_type_that_is_not_given_is_taken_from_another(tool: Path) -> None:
    write(
        tool,
        'case "$*" in\n--list-types) echo image/png; echo image/jpeg;;\n'
        '*image/jpeg*) printf picture;;\n*) echo "No selection" >&2; exit 1;;\nesac',
    )
    assert WaylandClipboard().grab() == Encoded(b"picture")


def test_a_tool_that_cannot_be_started(tool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tool.parent))
    tool.write_bytes(b"\x7fELF nonsense")
    tool.chmod(0o755)
    assert told().spoken == "The program wl-paste cannot be started."


def test_a_tool_that_is_silent(tool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard_wayland, "_SECONDS", 0.2)
    for script in ("sleep 1000", "exec >&-; sleep 1000", "exec 2>&-; sleep 1000"):
        write(tool, script)
        assert told().spoken == "The clipboard did not answer. Copy the picture again."


def test_errors_without_an_end_are_no_reason_to_go_on_for_ever(tool: Path) -> None:
    write(tool, "exec 1>&2; yes")
    assert told().spoken
    write(tool, "sleep 1000 >/dev/null & echo image/png")
    assert clipboard_tools.types(["wl-paste"], timeout=20.0, none=()) == ["image/png"]


def test_xclip_fails_on_a_display_that_is_there(
    tool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY")
    monkeypatch.setenv("DISPLAY", ":77")
    write(tool.with_name("xclip"), 'echo "Error: Can\'t open display: :77" >&2; exit 1')
    monkeypatch.setattr(clipboard_x11.x11, "unavailable_reason", lambda: "")
    with pytest.raises(DescriberError, match="I cannot reach the clipboard"):
        X11Clipboard().grab()
    write(tool.with_name("xclip"), 'echo "Error: target TARGETS not available" >&2; exit 1')
    with pytest.raises(NoPictureError, match="The clipboard is empty"):
        X11Clipboard().grab()
