"""What the app does aside, without waiting: copying, notifying, opening; and how it says so."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path

from describer_daemon import displays, processes
from describer_daemon.capture.candidates import SCREENS
from describer_daemon.core import backends
from describer_daemon.core.ports import DescriberError
from describer_daemon.service import notification

log = logging.getLogger(__name__)


def copy_text(text: str) -> None:
    """Put text on the clipboard. Raises DescriberError when the clipboard does not take it."""
    errors: list[BaseException] = []

    def work() -> None:
        import pyperclip

        try:
            # its own `copy` would for ever think that there is no tool when there was none once
            copy, _ = pyperclip.determine_clipboard()
            copy(text)
        except (pyperclip.PyperclipException, OSError) as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="copy", daemon=True)
    thread.start()
    thread.join(2.0)
    if thread.is_alive() or errors:
        raise DescriberError(
            "I could not copy: the clipboard did not take it.", detail=repr(errors)
        )


def no_screen(error: DescriberError) -> DescriberError:
    """Why the screen cannot be seen: the reason that holds for this desktop, of all there are."""
    if sys.platform in ("win32", "darwin"):
        return error
    meant = "desktop" if displays.on_wayland() else "x11"
    reason = backends.why_not(SCREENS, meant) or "the desktop gives no picture of it"
    return DescriberError(f"I cannot see the screen here: {reason}.", detail=error.detail)


def notify(error: DescriberError) -> None:
    """Show what could not be spoken as a desktop notification, without waiting for it."""
    title = "The describer could not speak"

    def work() -> None:
        if sys.platform != "linux" or not notification.show(title, error.spoken):
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
