"""KWin without a screen, with its portal: KDE's compositor and global keys."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator

from tests.desktops.fake_input import FakeInput
from tests.desktops.session import Session, ran, until

_NAME = "org.freedesktop.portal.Desktop"
_PORTAL = "/usr/lib/x86_64-linux-gnu/libexec/xdg-desktop-portal-kde"


@contextlib.contextmanager
def kwin(session: Session) -> Iterator[FakeInput]:
    """Until the end of the block; gives the keyboard."""
    session.set(XDG_CURRENT_DESKTOP="KDE", XDG_SESSION_TYPE="wayland", KDE_FULL_SESSION="true")
    session.set(KDE_SESSION_VERSION="5", QT_QPA_PLATFORM="wayland", QT_ACCESSIBILITY="1")
    # the installed one carries a capability, with which it does not see our environment
    copy = session.home / "kwin_wayland"
    shutil.copy(str(shutil.which("kwin_wayland")), copy)
    # who has no seat may press keys by no other way
    allowed = {
        "KWIN_WAYLAND_NO_PERMISSION_CHECKS": "1",
        "KWIN_SCREENSHOT_NO_PERMISSION_CHECKS": "1",
    }
    session.start(
        str(copy), "--virtual", "--width", "1280", "--height", "800", "--no-lockscreen",
        "--socket", "wayland-k", "--xwayland", env=allowed,
    )  # fmt: skip
    until((session.run / "wayland-k").is_socket, "there is no KWin")
    session.set(WAYLAND_DISPLAY="wayland-k")
    session.tell_the_bus("WAYLAND_DISPLAY", "KDE_FULL_SESSION", "QT_QPA_PLATFORM")
    session.start(_portal())
    session.start("/usr/libexec/xdg-desktop-portal")
    until(lambda: _NAME in ran("busctl", "--user", "list"), "there is no portal")
    with FakeInput() as keyboard:
        yield keyboard


def _portal() -> str:
    from pathlib import Path

    return str(next(Path("/usr/lib").glob("*/libexec/xdg-desktop-portal-kde")))
