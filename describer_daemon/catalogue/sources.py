"""What a person may ask to have added: a name, a repository's revision, or a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from describer_daemon.catalogue import entries, layouts, pins
from describer_daemon.catalogue.entries import MEGABYTE, Entry, EntryError, Piece
from describer_daemon.catalogue.files import megabytes
from describer_daemon.catalogue.hub import Hub, Listing, insist
from describer_daemon.catalogue.installed import SHIPPED
from describer_daemon.catalogue.refusals import HubError
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.core.reasons import reason

_BRANCH = "main"  # where a hub keeps the newest
_SPARE = 20 * MEGABYTE  # a file may be so much larger than the catalogue says about it, and half
_MOST_FILES = 10_000  # that a folder is searched for


@dataclass(frozen=True, slots=True)
class Asked:
    """`entry` is None for a repository that is in no catalogue, `folder` where it lies here."""

    name: str
    repository: str = ""
    revision: str = ""
    entry: Entry | None = None
    folder: Path | None = None

    @property
    def bytes(self) -> int:
        """About how much there is to fetch; 0 where nobody knows."""
        return self.entry.bytes if self.entry is not None else 0


def parse(text: str, name: str | None, catalogue: Mapping[str, Entry]) -> Asked:
    """NAME, REPOSITORY@REVISION or FOLDER. Raises DescriberError for what is none of them."""
    if name is not None and (not entries.is_name(name) or name == SHIPPED or name in catalogue):
        raise DescriberError(
            _(
                "{name} cannot be its name. Please choose one of small letters, digits and hyphens."
            ).format(name=repr(name))
        )
    if text in catalogue and name is None:
        entry = catalogue[text]
        return Asked(text, entry.repository, entry.revision, entry)
    repository, at, revision = text.partition("@")
    if at and entries.is_repository(repository) and entries.is_revision(revision):
        return _repository(repository, revision, name, catalogue)
    if Path(text).is_dir():
        folder = Path(text).resolve()
        return Asked(_free(name or entries.name_for(folder.name), catalogue), folder=folder)
    if entries.is_repository(text) and not text.startswith("."):
        raise DescriberError(
            _("Please say which revision of it you want: {text}@REVISION.").format(text=text)
        )
    raise DescriberError(
        _("There is no captioner and no folder {text}. See: describer captioner list.").format(
            text=repr(text)
        )
    )


def _repository(
    repository: str, revision: str, name: str | None, catalogue: Mapping[str, Entry]
) -> Asked:
    known = [e for e in catalogue.values() if e.repository.casefold() == repository.casefold()]
    if known and name is None:
        entry = known[0]
        if revision != entry.revision:  # its hashes are those of another one
            bare = (replace(piece, size=None, sha256="") for piece in entry.files)
            entry = replace(entry, revision="", files=tuple(bare))
        return Asked(entry.name, entry.repository, revision, entry)
    return Asked(_free(name or entries.name_for(repository), catalogue), repository, revision)


def _free(name: str, catalogue: Mapping[str, Entry]) -> str:
    if name in catalogue or name == SHIPPED:
        raise DescriberError(
            _("The name {name} is another captioner's. Please give it a --name.").format(name=name)
        )
    return name


def known(asked: Asked, *, pin: bool) -> Entry | None:
    """What must come, if that is known byte for byte; None if the hub has to be asked.

    Raises DescriberError where nobody could tell whether the right thing comes, unless the person
    says `pin`.
    """
    if asked.entry is not None and asked.entry.is_pinned:
        return asked.entry
    if pin:
        return None
    noted = pins.noted(asked.name, asked.repository)
    if noted is not None and asked.revision in ("", noted.revision):
        return noted
    if not entries.is_commit(asked.revision):
        raise DescriberError(
            _(
                "Nobody has noted yet what {name} must consist of. With --pin I take what comes "
                "now, note it, and accept nothing else from then on."
            ).format(name=asked.name)
        )
    return None


def offered(asked: Asked, hub: Hub, variant: str | None = None) -> Entry:
    """Ask the hub what there is. Raises DescriberError for what does not fit."""
    listing = insist(lambda: hub.listing(asked.repository, asked.revision or _BRANCH))
    if asked.entry is not None:
        pieces = tuple(
            found for piece in asked.entry.files if (found := _found(piece, listing, asked.name))
        )
        return replace(asked.entry, revision=listing.commit, files=pieces)
    chosen = layouts.choose(listing.files, variant)
    return Entry(
        asked.name,
        chosen.layout,
        asked.repository,
        tuple(listing.files[name] for name in chosen.names),
        title=asked.repository,
        revision=listing.commit,
    )


def _found(piece: Piece, listing: Listing, name: str) -> Piece | None:
    """The file as the hub has it; None for one that need not be. Raises HubError."""
    there = listing.files.get(piece.name)
    if there is None:
        if piece.optional:
            return None
        raise HubError(
            _(
                "{name} is not what the catalogue says: it lacks {file}. A newer describer may "
                "know better."
            ).format(name=name, file=piece.name)
        )
    most = piece.bytes * 3 // 2 + _SPARE
    if there.bytes > most:
        raise HubError(
            _(
                "{name} is not what the catalogue says: {file} has {there}, not {said}. A "
                "newer describer may know better."
            ).format(
                name=name,
                file=piece.name,
                there=megabytes(there.bytes),
                said=megabytes(piece.bytes),
            )
        )
    for ours, theirs in ((piece.size, there.size), (piece.sha256, there.sha256)):
        if ours and theirs and ours != theirs:
            raise HubError(
                _(
                    "{name} is not the file that it was, so nothing was installed. Please tell "
                    "whoever offers it."
                ).format(name=piece.name),
                f"{theirs}, not {ours}",
            )
    return replace(
        piece,
        size=there.size if piece.size is None else piece.size,
        sha256=piece.sha256 or there.sha256,
        optional=False,
    )


def in_folder(name: str, folder: Path, variant: str | None = None) -> Entry:
    """What lies in a folder. Raises DescriberError when that is no captioner."""
    there = _names(folder)
    chosen = layouts.choose(there, variant)
    try:
        pieces = tuple(Piece(each, there[each]) for each in chosen.names)
        return Entry(name, chosen.layout, "", pieces, title=folder.name)
    except EntryError as error:
        raise DescriberError(
            _("This captioner cannot be added: {error}.").format(error=error)
        ) from error


def _names(folder: Path) -> dict[str, int]:
    """The names of its files, as a repository would have them, and how large each is."""
    there: dict[str, int] = {}
    try:
        for place, folders, names in os.walk(folder):
            if len(Path(place).relative_to(folder).parts) >= 2:  # ours lie no deeper
                folders.clear()
            for name in names:
                path = Path(place) / name
                shown = path.relative_to(folder).as_posix()
                if entries.is_safe(shown) and path.is_file():
                    there[shown] = path.stat().st_size
            if len(there) > _MOST_FILES:
                raise DescriberError(
                    _("There are too many files in {folder}.").format(folder=folder)
                )
    except OSError as error:
        raise DescriberError(
            _("The folder cannot be read: {strerror}.").format(strerror=reason(error)),
            detail=repr(error),
        ) from error
    return there
