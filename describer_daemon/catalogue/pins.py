"""What was fetched the first time, in the person's own data folder: it must be the same ever after.

Trust on first use, as ssh has it for hosts: nobody vouches for the first time, but whoever changes
the files later is found out.
"""

from __future__ import annotations

from pathlib import Path

from describer_daemon.catalogue import files, installed
from describer_daemon.catalogue.entries import Entry, EntryError, is_name
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.service.folders import captioners_folder


def place(name: str) -> Path:
    """The file for a captioner's name. Raises DescriberError without a home."""
    return captioners_folder().with_name("pins") / f"{name}.json"


def noted(name: str, repository: str) -> Entry | None:
    """What was noted of a repository under this name; None if nothing was.

    Raises DescriberError for a note that cannot be read: it must not pass for none.
    """
    path = place(name)
    try:
        entry, _source = installed.parse(path.read_text(encoding="utf-8"))
        if not (entry.is_pinned and is_name(name)):
            raise EntryError("not all is noted")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DescriberError(
            _(
                "What was noted of {name} cannot be read. Please look at {path}, or use --pin."
            ).format(name=name, path=path),
            detail=repr(error),
        ) from error
    return entry if entry.repository.casefold() == repository.casefold() else None


def note(entry: Entry, source: str) -> Path:
    """→ where it is noted now. Raises DescriberError."""
    path = place(entry.name)
    files.replace(path, installed.text(entry, source).encode("utf-8"))
    return path
