"""A notification of the desktop, for what cannot be spoken: screen readers read it aloud.

On Windows it is a box, which is read for certain, while its notifications need an installed app.
"""

from __future__ import annotations

import ctypes
import logging
import sys

log = logging.getLogger(__name__)

_TIMEOUT = 3.0  # seconds; the first one may have to start the server
_NAME, _PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"


def show(title: str, text: str) -> bool:
    """Show it by D-Bus. → whether the desktop took it; waits for some seconds at most."""
    try:
        from jeepney import DBusAddress, new_method_call
        from jeepney.io.blocking import open_dbus_connection
        from jeepney.wrappers import unwrap_msg

        call = new_method_call(
            DBusAddress(_PATH, _NAME, _NAME),
            "Notify",
            "susssasa{sv}i",
            ("describer", 0, "describer", title, text, [], {"urgency": ("y", 2)}, -1),
        )
        with open_dbus_connection("SESSION") as bus:
            unwrap_msg(bus.send_and_get_reply(call, timeout=_TIMEOUT))
    except Exception as error:  # no bus, nobody on it who shows anything, or no jeepney
        log.debug("no notification: %r", error)
        return False
    return True


if sys.platform == "win32":

    def show_box(title: str, text: str) -> None:
        """Show it in front of all windows, until the person closes it."""
        warning_in_front = 0x00010030  # MB_SETFOREGROUND, MB_ICONWARNING
        ctypes.windll.user32.MessageBoxW(None, text, title, warning_in_front)
