"""Desktops that come after us: a service may be started before anyone has logged in to one.

What programs of a desktop inherit, DISPLAY and the like, a service that is older lacks. Desktops
tell it to the person's own systemd; where there is none, a server's socket gives it away.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from describer_daemon import displays

_X_SOCKETS = displays.X_SOCKETS
_LOOK_INTERVAL = 10.0  # seconds between looks where nothing changed
_BUS_TIMEOUT = 0.5  # seconds for systemd's answer
_TOLD = (
    "DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY", "SWAYSOCK", "XDG_SESSION_TYPE",
    "XDG_CURRENT_DESKTOP", "DBUS_SESSION_BUS_ADDRESS",
)  # fmt: skip
_COOKIES = ("gdm/Xauthority", "xauth_*", "lightdm/Xauthority")


class DesktopFinder:
    """Looks for a desktop of this person's; cheap to ask again and again."""

    def __init__(self) -> None:
        self._seen: tuple[int, ...] = ()
        self._looked_at = -_LOOK_INTERVAL

    def look(self, *, guess: bool) -> Iterator[dict[str, str]]:
        """Yield the variables of each desktop that may be there, the likeliest first.

        Unless it is to `guess`, only one that the person's systemd was told of. Nothing comes if
        nothing has changed since the last look, some seconds ago.
        """
        folders = (_changed_at(_X_SOCKETS), _changed_at(_runtime()))
        now, seen = time.monotonic(), (*folders, guess)
        if seen == self._seen and now - self._looked_at < _LOOK_INTERVAL:
            return
        self._seen, self._looked_at = seen, now
        told = _told_to_systemd()
        if _is_new(told):
            yield told
        if guess:
            yield from _wayland_sockets()
            yield from _x_sockets()


def _is_new(variables: dict[str, str]) -> bool:
    # with another login a display of the same name has another cookie
    names = ("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY")
    named = [name for name in names if variables.get(name)]
    return any(variables[name] != os.environ.get(name) for name in named)


def _told_to_systemd() -> dict[str, str]:
    """What `systemctl --user show-environment` has of a desktop; {} without a systemd."""
    try:
        lines = _ask_systemd()
    except Exception:  # no bus, no jeepney, no systemd, no answer: all the same to us
        return {}
    variables = dict(line.split("=", 1) for line in lines if "=" in line)
    return {name: variables[name] for name in _TOLD if variables.get(name)}


def _ask_systemd() -> list[str]:
    from jeepney import DBusAddress, MessageFlag, Properties
    from jeepney.io.blocking import open_dbus_connection
    from jeepney.wrappers import unwrap_msg

    address = os.environ.get("DBUS_SESSION_BUS_ADDRESS") or f"unix:path={_runtime() / 'bus'}"
    manager = DBusAddress(
        "/org/freedesktop/systemd1", "org.freedesktop.systemd1", "org.freedesktop.systemd1.Manager"
    )
    call = Properties(manager).get("Environment")
    call.header.flags |= MessageFlag.no_auto_start
    with open_dbus_connection(address) as bus:
        ((_, lines),) = unwrap_msg(bus.send_and_get_reply(call, timeout=_BUS_TIMEOUT))
    return [str(line) for line in lines]


def _wayland_sockets() -> Iterator[dict[str, str]]:
    for path in _sockets(_runtime(), "wayland-*"):
        if displays.listens(path):
            yield {"WAYLAND_DISPLAY": path.name}


def _x_sockets() -> Iterator[dict[str, str]]:
    """A server of ours, or of root, who starts it for others; its cookie keeps strangers out."""
    named = os.environ.get("XAUTHORITY", "")
    cookies = [] if named and Path(named).exists() else _cookies()
    for path in _sockets(_X_SOCKETS, "X*"):
        display = {"DISPLAY": f":{path.name[1:]}"}
        for cookie in cookies:
            yield {**display, "XAUTHORITY": str(cookie)}
        yield display


def _cookies() -> list[Path]:
    """Where display managers leave them, if not in the home."""
    return [path for pattern in _COOKIES for path in sorted(_runtime().glob(pattern))]


def _sockets(folder: Path, pattern: str) -> list[Path]:
    found = []
    for path in folder.glob(pattern):
        try:
            state = path.stat()
        except OSError:
            continue
        number = path.name.removeprefix(pattern.removesuffix("*"))
        if stat.S_ISSOCK(state.st_mode) and state.st_uid in (0, _user()) and number.isdigit():
            found.append((int(number), path))
    return [path for _, path in sorted(found)]


def _runtime() -> Path:
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    return Path(named if named.startswith("/") else f"/run/user/{_user()}")


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _changed_at(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0
