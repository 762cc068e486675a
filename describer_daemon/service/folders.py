"""Folders that only their owner may enter, whatever the process's umask is."""

from __future__ import annotations

from pathlib import Path


def make_private(folder: Path) -> None:
    """Make it, and its parents that are missing, with mode 0700; one that exists is left alone.

    Raises OSError. `Path.mkdir(parents=True)` would give the parents whatever the umask lets
    through, which may be the right to write for everybody.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
