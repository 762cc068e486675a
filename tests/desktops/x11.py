"""Xfce, MATE and LXDE under Xvfb, each begun by its own session manager with its own settings."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator

from describer_daemon import x11
from tests.desktops.session import Session, until

# what display managers start, by /usr/share/xsessions
SESSIONS = {"xfce": ("XFCE", "xfce4-session"), "mate": ("MATE", "mate-session"),
            "lxde": ("LXDE", "startlxde")}  # fmt: skip
_OFFSET = 8  # from linux/input-event-codes.h to X's


class XTest:
    """Keys by the X server's own extension for tests."""

    def key(self, code: int, down: bool) -> None:
        """Press or release it; returns once the server has it."""
        from Xlib import X
        from Xlib.ext import xtest

        with x11.opened() as display:
            xtest.fake_input(display, X.KeyPress if down else X.KeyRelease, code + _OFFSET)
            display.sync()


def server(session: Session) -> None:
    """Start Xvfb and set DISPLAY."""
    process = session.start(
        "Xvfb", "-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset"
    )
    log = session.log

    def number() -> re.Match[str] | None:
        assert process.poll() is None, log.read_text()
        return re.search(r"^\d+$", log.read_text(), re.MULTILINE)

    found = until(number, log.read_text)
    session.set(DISPLAY=f":{found[0]}", XDG_SESSION_TYPE="x11")


@contextlib.contextmanager
def begun(session: Session, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Begin the session on DISPLAY, as at a login. → the session manager."""
    desktop, command = SESSIONS[name]
    session.set(XDG_CURRENT_DESKTOP=desktop, DESKTOP_SESSION=name)
    session.tell_the_bus("DISPLAY")
    manager = session.start(command)
    log = session.log
    until(_is_managed, lambda: f"there is no window manager: {log.read_text()}")
    yield manager
    session.end(manager)


def _is_managed() -> bool:
    from Xlib import X

    with x11.opened() as display:
        atom = display.intern_atom("_NET_SUPPORTING_WM_CHECK")
        return display.screen().root.get_full_property(atom, X.AnyPropertyType) is not None
