"""What wl-paste tells of copied images, in each of its versions."""

from __future__ import annotations

import select
from collections.abc import Callable
from pathlib import Path

import pytest

from describer_daemon.capture.changes_wayland import UnsupportedError, WaylandChanges
from describer_daemon.core.ports import DescriberError

TOOL = """#!/bin/sh
if [ "$1" = --list-types ]; then printf '%b' '{types}'; exit; fi
printf '%b' '{told}'
printf '%b' '{errors}' >&2
exec /bin/sleep {seconds}
"""


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., WaylandChanges]:
    """A wl-paste that tells this, and stays so many seconds."""

    def make(told: str = "", types: str = "", errors: str = "", seconds: int = 0) -> WaylandChanges:
        path = tmp_path / "wl-paste"
        path.write_text(TOOL.format(told=told, types=types, errors=errors, seconds=seconds))
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))
        return WaylandChanges()

    return make


@pytest.mark.parametrize(
    ("told", "types", "copied"),
    [
        ("copied\\n", "", True),  # 2.1
        ("copied\\ndata\\n", "text/plain\\n", True),
        ("copied\\nsensitive\\n", "", False),
        ("copied\\ndata\\ncopied\\nsensitive\\n", "", False),
        ("copied\\nsensitive\\ncopied\\ndata\\n", "", True),
        ("copied\\nnil\\n", "", False),
        ("copied\\nclear\\n", "", False),
        ("copied\\n", "text/html\\nimage/png\\n", False),  # it was there before
        ("copied\\ncopied\\n", "image/png\\n", True),
        ("cop", "", False),
    ],
)
def test_what_was_copied(
    tool: Callable[..., WaylandChanges], told: str, types: str, copied: bool
) -> None:
    changes = tool(told, types, seconds=100)
    try:
        assert select.select([changes], [], [], 60)[0]
        assert changes.take() is copied
    finally:
        changes.close()


def test_a_desktop_without_data_control_never_tells(tool: Callable[..., WaylandChanges]) -> None:
    error = "Watch mode requires a compositor that supports wlroots data-control protocol\\n"
    changes = tool(errors=error)
    try:
        with pytest.raises(UnsupportedError, match="Use the clipboard key"):
            changes.take()
    finally:
        changes.close()


def test_a_tool_that_ends_may_be_started_again(tool: Callable[..., WaylandChanges]) -> None:
    changes = tool(errors="compositor went away\\n")
    try:
        with pytest.raises(DescriberError) as told:
            changes.take()
        assert not isinstance(told.value, UnsupportedError)
        assert "compositor went away" in told.value.detail
    finally:
        changes.close()


def test_without_the_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DescriberError, match="wl-paste"):
        WaylandChanges()
