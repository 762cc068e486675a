"""Being told by a Wayland compositor that somebody copied an image: wl-paste --watch."""

from __future__ import annotations

import os
import select
import subprocess

from describer_daemon import processes
from describer_daemon.capture import clipboard_tools
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

_MARK = "DESCRIBER_COPIED"
# A program that prints variables stands for the shell that is usual here. wl-clipboard 2.2 sets
# the second one: "data", or "sensitive", "nil", "clear".
_COMMAND = ("wl-paste", "--type", "image", "--watch", "printenv", _MARK, "CLIPBOARD_STATE")
_LIST = ("wl-paste", "--list-types")
_SECONDS = 2.0
_CHUNK = 1 << 16
_UNSUPPORTED = ("data-control", "data control", "unrecognized option", "invalid option")


class UnsupportedError(DescriberError):
    """This desktop never tells."""


class WaylandChanges:
    """The tool and a line of its for each image; it asks the compositor by data-control."""

    def __init__(self) -> None:
        """Raises DescriberError when the tool cannot be started."""
        # it begins with what is on the clipboard already, which nobody has copied just now
        self._to_skip = int(_offers_image())
        self._rest = b""
        try:
            self._process = processes.start(
                _COMMAND,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, _MARK: "copied"},
            )
        except OSError as error:
            raise DescriberError(
                _("I need wl-paste to watch the clipboard. Install the package wl-clipboard."),
                detail=str(error),
            ) from error

    def fileno(self) -> int:
        """What becomes readable when there is something to `take`."""
        return processes.pipe(self._process.stdout).fileno()

    def take(self) -> bool:
        """Whether an image was copied. Raises DescriberError once the tool has ended."""
        chunk = os.read(self.fileno(), _CHUNK)
        if not chunk:
            raise self._ended()
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        copied = False
        for line in lines:
            if line == b"copied":
                copied = not self._to_skip
                self._to_skip = max(0, self._to_skip - 1)
            elif line in (b"sensitive", b"nil", b"clear"):
                copied = False
        return copied

    def close(self) -> None:
        """End the tool."""
        processes.end(self._process)
        for stream in (self._process.stdout, self._process.stderr):
            processes.pipe(stream).close()

    def _ended(self) -> DescriberError:
        errors = processes.pipe(self._process.stderr)
        ready = select.select([errors], [], [], 0)[0]
        told = os.read(errors.fileno(), _CHUNK).decode("utf-8", "replace") if ready else ""
        detail = f"wl-paste says {told.strip()[-200:]}"
        if any(phrase in told.lower() for phrase in _UNSUPPORTED):
            return UnsupportedError(
                _("This desktop does not tell when something is copied. Use the clipboard key."),
                detail=detail,
            )
        return DescriberError(_("The watch over the clipboard ended."), detail=detail)


def _offers_image() -> bool:
    found = clipboard_tools.fetch(_LIST, timeout=_SECONDS)
    return any(line.startswith(b"image/") for line in found.output.splitlines())
