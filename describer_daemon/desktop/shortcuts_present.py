"""Whether the desktop's own shortcuts start the describer, whoever has made them.

Desktops without keys for programs do not tell who is started by theirs; their files do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from describer_daemon import APP_ID
from describer_daemon.core.ports import DescriberError
from describer_daemon.desktop import shortcuts, shortcuts_gnome
from describer_daemon.service.folders import config_folder, desktop_folder

_STARTS_US = re.compile(rb"^(?!\s*(?:#|//)).*describer.{0,200}\btrigger\b", re.MULTILINE)
_LARGEST = 1 << 20  # bytes of a file of shortcuts
_MOST = 200  # files that are looked at


def start_us() -> bool:
    """Whether there are such shortcuts; False where that cannot be told."""
    try:
        name = shortcuts.desktop()
        if name == "gnome":
            return shortcuts_gnome.starts(lambda command: _fits(command.encode()))
        if name == "kde":
            return any(_fits(_read(path)) for path in _kde_files())
        if name in shortcuts.COMPOSITORS:
            folder = shortcuts.COMPOSITORS[name].path.parent
            files = (path for path in folder.rglob("*") if path.is_file())
            return any(_fits(_read(path)) for path in islice(files, _MOST))
    except (DescriberError, OSError):
        return False
    return False


def _kde_files() -> Iterator[Path]:
    yield desktop_folder() / f"kglobalaccel/{APP_ID}.keys.desktop"
    yield config_folder().parent / "khotkeysrc"
    # what its settings make of a command that the person types
    yield from islice(desktop_folder().glob("applications/net.local.*.desktop"), _MOST)


def _fits(text: bytes) -> bool:
    return _STARTS_US.search(text) is not None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST)
    except OSError:
        return b""
