"""The captioners that were added: where they lie, what is told of each, whether it is whole.

captioners/NAME/captioner.json    what it is, with the size and the SHA-256 of each file
captioners/NAME/model/…           the files, under the names that they had
captioners/NAME/model/limits.json when it may speak plainly, once that was learnt
captioners/NAME/measured.json     what else that measured
captioners/.partial-NAME/         one that is being fetched
pins/NAME.json                    what was fetched the first time: see `pins`
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from describer_daemon.catalogue import files
from describer_daemon.catalogue.entries import MEGABYTE, Entry, EntryError, is_name, make
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.service.folders import captioners_folder

MANIFEST, MODEL, MEASURED = "captioner.json", "model", "measured.json"
SHIPPED = "everyday"  # the one that ships, which needs no name in the settings

_FORMAT = 1
_SLACK, _LONGEST = 3.0, 3600.0  # times a time that was measured; seconds
_LARGEST = 1_000_000  # bytes of a manifest
_USUAL_ALLOWANCE = 512 << 20  # bytes beside its weights, as of the one that ships


@dataclass(frozen=True, slots=True)
class Installed:
    """A captioner in a folder of its own; `source` is who it was had from."""

    folder: Path
    entry: Entry
    source: str

    @property
    def name(self) -> str:
        """What it is called."""
        return self.entry.name

    @property
    def model(self) -> Path:
        """The folder that is loaded."""
        return self.folder / MODEL

    @property
    def seconds(self) -> float:
        """How long one caption may take: thrice the slowest that was measured, or as it is told."""
        slowest = 0.0
        with contextlib.suppress(OSError, ValueError, TypeError, LookupError, RecursionError):
            table = json.loads((self.folder / MEASURED).read_text(encoding="utf-8"))
            slowest = float(table["slowest"])
        longest = _SLACK * slowest
        return max(float(self.entry.seconds), longest if longest < _LONGEST else 0.0)

    @property
    def allowance(self) -> int:
        """How many bytes its process may take beside its weights."""
        room = self.entry.memory_megabytes * MEGABYTE - self.entry.bytes
        return max(_USUAL_ALLOWANCE, room)


def text(entry: Entry, source: str) -> str:
    """The manifest of an entry whose files are all known."""
    table = {"format": _FORMAT, "source": source, **dataclasses.asdict(entry)}
    return json.dumps(table, indent=2, ensure_ascii=False) + "\n"


def parse(told: str) -> tuple[Entry, str]:
    """A manifest → the entry, and where it is from. Raises EntryError."""
    try:
        table = dict(json.loads(told))
    except (TypeError, ValueError, RecursionError) as error:
        raise EntryError(f"it is no manifest: {error}") from error
    if table.pop("format", None) != _FORMAT:
        raise EntryError(f"it has another format than {_FORMAT}")
    source = str(table.pop("source", ""))
    return make(table), source


def at(folder: Path) -> Installed | None:
    """The captioner in a folder; None where none is, or none that can be made out."""
    try:
        with (folder / MANIFEST).open("rb") as file:
            told = file.read(_LARGEST + 1)
        entry, source = parse(told[:_LARGEST].decode("utf-8"))
    except (OSError, ValueError):
        return None
    return Installed(folder, entry, source) if entry.name == folder.name else None


def named(name: str) -> Installed | None:
    """The captioner that was added under this name. Raises DescriberError without a home."""
    return at(captioners_folder() / name) if is_name(name) else None


def everyone() -> list[Installed]:
    """All that were added, by name. Raises DescriberError without a home."""
    try:
        folders = sorted(captioners_folder().iterdir())
    except OSError:
        return []
    return [one for folder in folders if is_name(folder.name) if (one := at(folder))]


def partial(name: str) -> Path:
    """Where a captioner is until it is whole. Raises DescriberError without a home."""
    return captioners_folder() / f".partial-{name}"


def begun(name: str) -> int:
    """Bytes of it that are here already, from a time when it was broken off."""
    there = (partial(name) / MODEL).rglob("*")
    return sum(files.size(path) for path in there if path.suffix != ".etag")


def of(bundle: Path) -> Installed | None:
    """The captioner that a setting means, or whose model lies there; None for any other folder."""
    if not bundle.is_absolute():
        return named(str(bundle))
    return at(bundle.parent) if bundle.name == MODEL else None


def folder_of(bundle: Path) -> Path:
    """What to load for a setting that is a full path, or a name. Raises DescriberError."""
    if bundle.is_absolute():
        return bundle
    return captioners_folder() / bundle / MODEL


def check(model: Path) -> None:
    """Raises DescriberError when a file of a captioner that was added is not as it was then.

    A folder that nobody added is its owner's own affair.
    """
    one = of(model)
    if one is None:
        if not model.exists() and model.name == MODEL and is_name(model.parent.name):
            raise DescriberError(
                _("There is no captioner {name}. Please add it, or choose another.").format(
                    name=model.parent.name
                ),
                detail=str(model),
            )
        return
    for piece in one.entry.files:
        path = model / piece.name
        if files.size(path) != piece.size or files.digest(path) != piece.sha256:
            raise DescriberError(
                _("The captioner {name} is damaged. Please remove it, and add it again.").format(
                    name=one.name
                ),
                detail=f"{piece.name} is missing or changed",
            )
