"""Which display this program is on: a Wayland compositor counts if a connection can be opened.

The variables alone do not tell: WAYLAND_DISPLAY outlives its session in a terminal multiplexer or a
service, and in a Wayland session DISPLAY is set, too, for XWayland. See ADR 0035.
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from describer_daemon.core.i18n import _

_CONNECT_SECONDS = 1.0  # for servers elsewhere; here, the system answers at once
X_SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108 - the one place where X servers have theirs
_X_PORT = 6000


def wayland_socket() -> Path | None:
    """Where the compositor that WAYLAND_DISPLAY names should listen; None when it names none."""
    name = os.environ.get("WAYLAND_DISPLAY", "")
    if not name or sys.platform in ("win32", "darwin"):
        return None
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    if not name.startswith("/") and not folder.startswith("/"):
        return None
    return Path(folder, name)  # a full path stays what it is


def on_wayland() -> bool:
    """Whether the compositor that WAYLAND_DISPLAY names takes a connection."""
    path = wayland_socket()
    return path is not None and listens(path)


def wayland_unavailable_reason() -> str:
    """Why this is no Wayland session; "" when it is one."""
    if on_wayland():
        return ""
    if os.environ.get("WAYLAND_DISPLAY"):
        return _("WAYLAND_DISPLAY is left over from a session that has ended")
    return _("this is not a Wayland session")


def answers() -> bool:
    """Whether a display that we were told of takes a connection; it may still let nobody in.

    X11 is asked last: where a compositor answers, to connect would start an XWayland.
    """
    return sys.platform in ("win32", "darwin") or on_wayland() or on_x11()


def are_named() -> bool:
    """Whether we were told of a display, which need not be there, or not yet."""
    named = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return sys.platform in ("win32", "darwin") or bool(named)


def on_x11() -> bool:
    """Whether the X server that DISPLAY names takes a connection, XWayland or not."""
    host, __, number = os.environ.get("DISPLAY", "").rpartition(":")
    number = number.partition(".")[0]
    if not number.isdigit():
        return False
    if host.startswith("/"):
        return listens(Path(f"{host}:{number}"))
    way, __, host = host.rpartition("/")  # "tcp/host:0", "unix/host:0"
    if "unix" in (way, host) or not host:
        path = X_SOCKETS / f"X{number}"
        return listens(path) or listens(f"\0{path}")  # the second is Linux's own kind
    try:
        address = (host.strip("[]"), _X_PORT + int(number))
        socket.create_connection(address, _CONNECT_SECONDS).close()
    except (OSError, OverflowError):
        return False
    return True


def key() -> str:
    """What this display is called, the same for every program on it; "" where there is none.

    ":0" and ":0.0" are one, and in a Wayland session it is the compositor, not XWayland.
    """
    if on_wayland():
        return f"wayland {wayland_socket()}"
    if sys.platform in ("win32", "darwin"):
        return ""
    host, colon, number = os.environ.get("DISPLAY", "").rpartition(":")
    return f"{host}{colon}{number.partition('.')[0]}"


def listens(path: Path | str) -> bool:
    """Whether anybody takes connections at this Unix socket; a tenth of a millisecond."""
    if sys.platform == "win32":  # Python has none there
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_CONNECT_SECONDS)
        try:
            connection.connect(str(path))
        except BlockingIOError:  # so many wait there that one more has no room
            return True
        except OSError:
            return False
    return True
