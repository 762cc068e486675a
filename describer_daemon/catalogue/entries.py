"""The entries of the catalogue: which captioners there are, from where, and of what files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

FOLDER = Path(__file__).parents[1] / "assets" / "captioners"
USUAL_MEMORY, USUAL_SECONDS = 2000, 120  # of what no entry tells of
MEGABYTE = 1_000_000

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_PARTS = 3  # folders, and the file
_UNKNOWN_MEGABYTES = 1  # of a file that an entry says nothing about: a short text
# Windows has devices of these names in every folder
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


class EntryError(ValueError):
    """An entry, or a name of one, that says what it must not; the message says what."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of a captioner, by its name in the repository.

    `size` in bytes and `sha256` in hexadecimals are None and "" where they are not known, and
    `megabytes` is about how large it is then.
    """

    name: str
    size: int | None = None
    sha256: str = ""
    megabytes: int = _UNKNOWN_MEGABYTES
    optional: bool = False

    def __post_init__(self) -> None:
        """Raises EntryError for what must not be written, or cannot be right."""
        if not is_safe(self.name):
            raise EntryError(f"a file cannot be called {self.name!r}")
        if self.sha256 and not _SHA256.fullmatch(self.sha256):
            raise EntryError(f"{self.name}: sha256 must be 64 hexadecimals")
        if self.size is not None and self.size < 0:
            raise EntryError(f"{self.name}: size must not be negative")

    @property
    def bytes(self) -> int:
        """Its size, or about that."""
        return self.megabytes * MEGABYTE if self.size is None else self.size


@dataclass(frozen=True, slots=True)
class Entry:
    """A captioner that can be had.

    `revision` is the commit that the hashes are of, "" where nobody has noted one.
    `memory_megabytes` is what its process may take in all, `seconds` how long one caption may.
    """

    name: str
    layout: str
    repository: str
    files: tuple[Piece, ...]
    title: str = ""
    good_at: str = ""
    revision: str = ""
    licence: str = ""
    languages: tuple[str, ...] = ()
    memory_megabytes: int = USUAL_MEMORY
    seconds: int = USUAL_SECONDS

    def __post_init__(self) -> None:
        """Raises EntryError."""
        if not is_name(self.name):
            raise EntryError(f"a captioner cannot be called {self.name!r}")
        if self.repository and not is_repository(self.repository):
            raise EntryError(f"there is no repository {self.repository!r}")
        if self.revision and not is_commit(self.revision):
            raise EntryError("revision must be a commit's 40 hexadecimals")
        names = [piece.name.casefold() for piece in self.files]
        if not names or len(set(names)) != len(names):
            raise EntryError("files must be some, of different names")

    @property
    def bytes(self) -> int:
        """How much there is to download, or about that."""
        return sum(piece.bytes for piece in self.files)

    @property
    def is_pinned(self) -> bool:
        """Whether it is known, byte for byte, what must come."""
        return bool(self.revision) and all(
            piece.sha256 and piece.size is not None for piece in self.files if not piece.optional
        )


def is_name(text: str) -> bool:
    """Whether a captioner may be called so: small letters, digits, dots, hyphens, underscores."""
    return _NAME.fullmatch(text) is not None and not _DEVICES.fullmatch(text)


def is_repository(text: str) -> bool:
    """Whether it is an owner and a name."""
    return _REPOSITORY.fullmatch(text) is not None and ".." not in text


def is_revision(text: str) -> bool:
    """Whether it may be a commit, a branch or a tag."""
    return _REVISION.fullmatch(text) is not None and ".." not in text


def is_commit(text: str) -> bool:
    """Whether it is a whole commit's name, which always means the same files."""
    return _COMMIT.fullmatch(text) is not None


def is_safe(name: str) -> bool:
    """Whether a file of that name stays below its folder, on every system, and is not hidden."""
    parts = name.split("/")
    return len(parts) <= _MOST_PARTS and all(
        _PART.fullmatch(part) and not part.endswith(".") and not _DEVICES.fullmatch(part)
        for part in parts
    )


def name_for(repository: str) -> str:
    """What a captioner of a repository or a folder is called, if nobody says.

    Raises DescriberError.
    """
    name = re.sub(r"[^a-z0-9._-]+", "-", repository.rpartition("/")[2].lower()).strip("._-")[:64]
    if not is_name(name):
        raise DescriberError(
            _("A captioner cannot be called {name}. Please give it a --name.").format(
                name=repr(name)
            )
        )
    return name


def make(table: Mapping[str, Any]) -> Entry:
    """An entry of a table, as TOML and JSON give it. Raises EntryError."""
    try:
        fields = dict(table)
        fields["files"] = tuple(_piece(each) for each in fields.get("files", ()))
        fields["languages"] = tuple(fields.get("languages", ()))
        return _sensible(Entry(**fields))
    except EntryError:
        raise
    except (TypeError, ValueError, AttributeError) as error:
        raise EntryError(f"it is no entry: {error}") from error


def shipped(folder: Path = FOLDER) -> dict[str, Entry]:
    """The entries that come with the program, by name."""
    return {
        path.stem: make({"name": path.stem, **tomllib.loads(path.read_text(encoding="utf-8"))})
        for path in sorted(folder.glob("*.toml"))
    }


def _piece(table: Mapping[str, Any]) -> Piece:
    piece = Piece(**table)
    numbers = (piece.megabytes, *([] if piece.size is None else [piece.size]))
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise EntryError(f"{piece.name}: sizes are whole numbers")
    return piece


def _sensible(entry: Entry) -> Entry:
    texts: tuple[object, ...] = (
        entry.layout,
        entry.title,
        entry.good_at,
        entry.licence,
        *entry.languages,
    )
    if not all(isinstance(text, str) and text.isprintable() for text in texts):
        raise EntryError("each of its texts is one line")
    if not all(
        type(number) is int and number > 0 for number in (entry.memory_megabytes, entry.seconds)
    ):
        raise EntryError("memory_megabytes and seconds are whole numbers above 0")
    return entry
