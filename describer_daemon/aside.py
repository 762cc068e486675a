"""What the app does aside, without waiting: copying, notifying, opening; and how it says so."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from describer_daemon import displays, processes
from describer_daemon.capture import xwayland
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.service import notification

log = logging.getLogger(__name__)

_COPY_SECONDS = 5.0  # GNOME may have to start its XWayland first
# the words are arguments, and so are never taken for a script
_MAC_NOTIFICATION = """on run argv
display notification (item 2 of argv) with title (item 1 of argv)
end run"""


def copy_text(text: str) -> None:
    """Put text on the clipboard. Raises DescriberError when the clipboard does not take it."""
    errors: list[BaseException] = []

    def work() -> None:
        import pyperclip

        try:
            _tool_to_copy(pyperclip)(text)
        except (pyperclip.PyperclipException, OSError) as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="copy", daemon=True)
    thread.start()
    thread.join(_COPY_SECONDS)
    if thread.is_alive() or errors:
        raise DescriberError(
            _("I could not copy: the clipboard did not take it."), detail=repr(errors)
        )


def _tool_to_copy(pyperclip: Any) -> Callable[[str], None]:
    """What copies on the display that answers. Raises OSError where none does.

    pyperclip itself goes by the variables, and hears nothing of a tool that failed. Nor is its own
    `copy` used, which would for ever think that there is no tool when there was none once.
    """
    if sys.platform in ("win32", "darwin"):
        chosen = pyperclip.determine_clipboard()
    elif xwayland.is_preferred() and xwayland.is_there():
        chosen = pyperclip.init_xclip_clipboard()
    elif displays.on_wayland() and shutil.which("wl-copy"):
        chosen = pyperclip.init_wl_clipboard()
    elif not displays.on_x11():
        raise OSError("no display answers, or wl-copy is missing")
    elif os.environ.get("WAYLAND_DISPLAY") and (tool := _x11_tool(pyperclip)):
        chosen = tool()
    else:
        chosen = pyperclip.determine_clipboard()
    copy: Callable[[str], None] = chosen[0]
    return copy


def _x11_tool(pyperclip: Any) -> Callable[[], Any] | None:
    for name in ("xclip", "xsel"):
        if shutil.which(name):
            tool: Callable[[], Any] = getattr(pyperclip, f"init_{name}_clipboard")
            return tool
    return None


def notify(error: DescriberError) -> None:
    """Show what could not be spoken as a desktop notification, without waiting for it."""
    title = _("The describer could not speak")

    def work() -> None:
        if sys.platform == "win32":
            notification.show_box(title, error.spoken)
        elif sys.platform == "darwin":
            _start_detached(["osascript", "-e", _MAC_NOTIFICATION, title, error.spoken])
        elif sys.platform != "linux" or not notification.show(title, error.spoken):
            _start_detached(["notify-send", "--app-name=describer", title, error.spoken])

    threading.Thread(target=work, name="notify", daemon=True).start()


def open_for_editing(path: Path) -> None:
    """Open the settings file in the person's own editor."""
    opener = {"darwin": "open", "win32": "notepad"}.get(sys.platform, "xdg-open")
    _start_detached([opener, str(path)])


def _start_detached(command: list[str]) -> None:
    def work() -> None:
        try:
            process = processes.start(command, stays=True)
        except OSError as error:
            log.warning("%s cannot be started: %s", command[0], error)
        else:
            process.wait()  # no zombie

    threading.Thread(target=work, name="aside", daemon=True).start()
