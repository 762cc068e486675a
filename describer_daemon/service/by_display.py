"""Which describer is meant, where one person has several displays: sockets named after them."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path

from describer_daemon import displays
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError


def connect(connection: socket.socket, folder: Path) -> None:
    """Connect to the describer of this display; without a display, to the only one that runs.

    Raises FileNotFoundError or ConnectionRefusedError when there is none, DescriberError when
    there are some on other displays.
    """
    key = displays.key()
    # One that has no display may serve any that has none of its own.
    for path in dict.fromkeys([folder / named("control.sock", key), folder / "control.sock"]):
        try:
            connection.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            refused = error
        else:
            return
    sockets = [one for one in folder.glob("*.sock") if not one.is_symlink()]
    running = [one for one in sockets if displays.listens(one)]
    if not running:
        raise refused
    if key and displays.answers():  # else it is the name of one that has ended
        raise DescriberError(
            _(
                "The describer runs on another display, not on this one. "
                "Start it here with: describer run."
            )
        )
    if len(running) > 1:
        raise DescriberError(
            _(
                "Several describers run, each on a display of its own. "
                "Set DISPLAY or WAYLAND_DISPLAY to say which is meant."
            )
        )
    connection.connect(str(running[0]))


def named(name: str, key: str) -> str:
    """The file of that name for the display `key`: no longer, for a socket's path has its limit."""
    if not key:
        return name
    return f"{hashlib.sha256(key.encode()).hexdigest()[:7]}{Path(name).suffix or '.lock'}"
