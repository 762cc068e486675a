"""The desktops' own programs for pictures of the screen: gnome-screenshot and spectacle.

They are let through where others are asked for permission.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from describer_daemon import processes
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

_SECONDS = 10.0  # gnome-screenshot hangs where no window has the focus


@dataclass(frozen=True, slots=True)
class Tool:
    """A program of some `desktops`, and what grabs the active `window` or the whole `screen`."""

    name: str
    desktops: frozenset[str]
    window: tuple[str, ...]
    screen: tuple[str, ...]

    def grab(self, arguments: tuple[str, ...]) -> bytes:
        """The picture as a PNG's bytes; of the file that the program writes nothing is left.

        Raises DescriberError when it fails or does not end in time.
        """
        try:
            done, data = self._in_a_file(arguments)
        except OSError as error:
            raise DescriberError(
                _("There is no room for a picture of the screen. Please free some disk space."),
                detail=str(error),
            ) from error
        if done.code or not data:
            said = done.errors.decode(errors="replace").strip()[-300:]
            raise DescriberError(
                _("The program {name} gives no picture of the screen.").format(name=self.name),
                detail=f"exit {done.code}: {said}",
            )
        return data

    def _in_a_file(self, arguments: tuple[str, ...]) -> tuple[processes.Finished, bytes]:
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        with tempfile.TemporaryDirectory(
            prefix="describer-", dir=runtime if Path(runtime or "-").is_dir() else None,
            ignore_cleanup_errors=True,
        ) as folder:  # fmt: skip
            path = Path(folder, "screen.png")
            done = processes.run(
                [self.name, *arguments, str(path)], timeout=_SECONDS, what="The screen"
            )
            with contextlib.suppress(FileNotFoundError):
                return done, path.read_bytes()
            return done, b""


_TOOLS = (
    Tool("gnome-screenshot", frozenset({"GNOME", "UNITY"}), ("-w", "-f"), ("-f",)),
    Tool("spectacle", frozenset({"KDE"}), ("-b", "-n", "-a", "-o"), ("-b", "-n", "-f", "-o")),
)


def tool() -> Tool | None:
    """The one of this desktop, where it is installed."""
    current = {part.upper() for part in os.environ.get("XDG_CURRENT_DESKTOP", "").split(":")}
    for one in _TOOLS:
        if one.desktops & current and shutil.which(one.name):
            return one
    return None
