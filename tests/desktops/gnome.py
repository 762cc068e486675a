"""GNOME Shell without a screen, with its settings daemon and portal."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any, Self

from tests.desktops.session import Session, ran, until

_SHELL = "org.gnome.Shell"
_DESK = "org.gnome.Mutter.RemoteDesktop"
_SETTLES = 2.5  # seconds
_PORTAL = "org.freedesktop.portal.Desktop"
_LEFT_SHIFT = 42


class RemoteDesktop:
    """Keys by mutter's own interface, for which it asks nobody; a context."""

    def __enter__(self) -> Self:
        from jeepney.io.blocking import open_dbus_connection

        self._bus = open_dbus_connection("SESSION")
        self._path = "/org/gnome/Mutter/RemoteDesktop"
        self._interface = _DESK
        (self._path,) = self._call("CreateSession")
        self._interface = f"{_DESK}.Session"
        self._call("Start")
        for down in (True, False):  # the first key makes the keyboard, and is lost
            self.key(_LEFT_SHIFT, down)
        return self

    def __exit__(self, *_: object) -> None:
        self._call("Stop")
        self._bus.close()

    def key(self, code: int, down: bool) -> None:
        """Press or release it; returns once the compositor has it."""
        self._call("NotifyKeyboardKeycode", "ub", (code, down))

    def _call(self, member: str, signature: str | None = None, body: Any = ()) -> Any:
        from jeepney import DBusAddress, new_method_call
        from jeepney.wrappers import unwrap_msg

        address = DBusAddress(self._path, _DESK, self._interface)
        call = new_method_call(address, member, signature, body)
        return unwrap_msg(self._bus.send_and_get_reply(call, timeout=60))


@contextlib.contextmanager
def shell(session: Session) -> Iterator[RemoteDesktop]:
    """Until the end of the block; gives the keyboard."""
    session.set(XDG_CURRENT_DESKTOP="GNOME", XDG_SESSION_TYPE="wayland")
    session.set(XDG_SESSION_DESKTOP="gnome", DESKTOP_SESSION="gnome")
    ran("gsettings", "set", "org.gnome.desktop.interface", "enable-animations", "false")
    ran("gsettings", "set", "org.gnome.desktop.interface", "toolkit-accessibility", "true")
    session.start("pipewire")
    session.start("wireplumber")
    session.start("gnome-shell", "--headless", "--virtual-monitor", "1280x800", "--wayland")
    log = session.log
    until(lambda: _shell("ShellVersion"), "there is no GNOME Shell")
    session.set(WAYLAND_DISPLAY="wayland-0", DISPLAY=_xwayland(session))
    session.set(XAUTHORITY=str(next(session.run.glob(".mutter-Xwaylandauth.*"))))
    session.tell_the_bus("WAYLAND_DISPLAY", "DISPLAY", "XAUTHORITY")
    session.start("/usr/libexec/gsd-media-keys")
    session.start("/usr/libexec/xdg-desktop-portal")
    # only then does it open its overview, in which no window has the focus
    until(lambda: "GNOME Shell started" in log.read_text(), log.read_text)
    until(_leaves_the_overview, "the overview does not close")
    until(lambda: _PORTAL in ran("busctl", "--user", "list"), "there is no portal")
    with RemoteDesktop() as keyboard:
        yield keyboard


def _leaves_the_overview() -> bool:
    """Whether it stays closed."""
    address = (_SHELL, "/org/gnome/Shell", _SHELL)
    ran("busctl", "--user", "set-property", *address, "OverviewActive", "b", "false")
    time.sleep(_SETTLES)
    return "false" in _shell("OverviewActive")


def _shell(name: str) -> str:
    from describer_daemon import processes

    command = ["busctl", "--user", "get-property", _SHELL, "/org/gnome/Shell", _SHELL, name]
    done = processes.run(command, timeout=60, what="GNOME Shell")
    return done.output.decode() if done.code == 0 else ""


def _xwayland(session: Session) -> str:
    log = next(session.logs.glob("*gnome-shell.log"))
    line = next(one for one in log.read_text().splitlines() if "Using public X11 display" in one)
    return line.partition("display ")[2].partition(",")[0]


def allow_screenshots() -> None:
    """As the person does once, in the portal's dialog; it is kept under no name."""
    store = "org.freedesktop.impl.portal.PermissionStore"
    path = f"/{store.replace('.', '/')}"
    ran("busctl", "--user", "call", store, path, store, "SetPermission",
        "sbssas", "screenshot", "true", "screenshot", "", "1", "yes")  # fmt: skip
