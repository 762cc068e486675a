"""`describer captioner`: other captioners than the one that ships, had by one command each."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from describer_daemon.catalogue import entries, files, installed, pins
from describer_daemon.catalogue.entries import Entry
from describer_daemon.catalogue.installed import SHIPPED, Installed
from describer_daemon.catalogue.layouts import BUNDLE
from describer_daemon.cli import asking, captioner_measuring, captioner_using, help_texts, streams
from describer_daemon.cli.shared import settings_for_command
from describer_daemon.core.escaping import json_line
from describer_daemon.core.i18n import N_, _, pgettext
from describer_daemon.service.folders import captioners_folder

if TYPE_CHECKING:
    from describer_daemon.catalogue.sources import Asked

_GOOD_AT = N_(
    "Short sentences about photographs, and eighty kinds of thing; comes with the describer."
)
_IN_JSON = {"good_at": _GOOD_AT}  # which is in English
# what the catalogue says of each, here for the extraction
_SAID_BY_CATALOGUE = (
    # Translators: of a captioner; distilvit is the name of another one
    N_("Short sentences about photographs; the larger model that distilvit was made from."),
    N_("Short sentences about photographs; Firefox proposes alt text with it."),
    # Translators: of a captioner; --detail detailed is typed
    N_("Exact sentences, with --detail detailed several of them, and drawings."),
    N_(
        "Whole descriptions of photographs, screens and documents; a language model, so it "
        "takes its time."
    ),
)
_STEPS = 200  # that the bar moves in


@click.group(
    help=help_texts.page(
        # Translators: a captioner is a model that describes pictures
        _("Better eyes: captioners beside the one that ships, and which of them describes."),
        help_texts.examples(
            # Translators: what a command tells: which captioners
            ("describer captioner list", _("which there are, and which is in use")),
            (
                "describer captioner add distilvit",
                # Translators: what a command does: one of the captioners
                _("fetch one; only this command uses the network"),
            ),
            ("describer captioner use distilvit", _("describe with it, at once")),
            ("describer captioner test distilvit", _("what it takes on this computer")),
            ("describer captioner remove distilvit", _("take it away again")),
            width=38,
        ),
    )
)
def captioner() -> None:
    """Gather the commands about captioners."""


captioner.add_command(captioner_using.use)
captioner.add_command(captioner_using.remove)
captioner.add_command(captioner_measuring.test)


@captioner.command(
    "list",
    help=_("List the captioner that ships, those that were added, and those that can be."),
)
@click.option("--json", "as_json", is_flag=True, help=_("As a JSON object a line."))
def list_(as_json: bool) -> None:
    """List the captioner that ships, those that were added, and those that can be."""
    bundle = settings_for_command().captioner.bundle
    ships = bundle is None or str(bundle) == SHIPPED
    using = installed.of(bundle) if bundle is not None else None
    there = {one.name: one for one in installed.everyone()}
    if as_json:
        shipped = {"name": SHIPPED, "state": "ships", "in_use": ships}
        streams.json(json_line({**shipped, **_IN_JSON}))
    else:
        state = _in_use() if ships else pgettext("captioner", "ships")
        streams.line(_row(SHIPPED, state, _(_GOOD_AT)))
    for name, entry in sorted({**entries.shipped(), **_entries(there)}.items()):
        one = there.get(name)
        in_use = using is not None and using.name == name
        if as_json:
            streams.json(json_line(_fields(entry, one, in_use=in_use)))
        else:
            there_is = pgettext("captioner", "installed") if one else files.megabytes(entry.bytes)
            state = _in_use() if in_use else there_is
            streams.line(_row(name, state, _told(entry, one)))


def _in_use() -> str:
    # Translators: one of three words that say how it is with a captioner, each in a column: in use,
    # installed, or that it ships with the describer
    return pgettext("captioner", "in use")


def _entries(there: dict[str, Installed]) -> dict[str, Entry]:
    return {name: one.entry for name, one in there.items()}


def _row(name: str, state: str, text: str) -> str:
    return f"{name:16s}  {state:9s}  {text}"


def _told(entry: Entry, one: Installed | None) -> str:
    origin = entry.repository or (one.source if one else "")
    begun = 0 if one else installed.begun(entry.name)
    parts = [
        _("{number} MB of memory").format(number=entry.memory_megabytes),
        entry.licence or _("licence not known"),
        ", ".join(entry.languages),
        # Translators: where a captioner comes from: an address or a folder
        _("from {origin}").format(origin=origin),
        # Translators: {size} is "12 MB", and add the name of a command
        _("{size} of it are here: add goes on").format(size=files.megabytes(begun))
        if begun
        else "",
    ]
    return f"{_(entry.good_at) or entry.title} ({'; '.join(filter(None, parts))})"


def _fields(entry: Entry, one: Installed | None, *, in_use: bool) -> dict[str, Any]:
    return {
        "name": entry.name,
        "state": "installed" if one else "available",
        "in_use": in_use,
        "title": entry.title,
        "good_at": entry.good_at,
        "layout": entry.layout,
        "bytes": entry.bytes,
        "memory_megabytes": entry.memory_megabytes,
        "seconds": entry.seconds,
        "licence": entry.licence,
        "languages": entry.languages,
        "repository": entry.repository,
        "revision": entry.revision,
        "pinned": entry.is_pinned,
        "files": [
            {"name": piece.name, "size": piece.size, "sha256": piece.sha256}
            for piece in entry.files
        ],
    }


@captioner.command(
    help=help_texts.page(
        _("Add a captioner: from the catalogue, from a repository, or a copy of a folder."),
        help_texts.examples(
            "describer captioner add distilvit --pin",
            "describer captioner add Mozilla/distilvit@REVISION",
            "describer captioner add ~/models/my-captioner",
        ),
        # Translators: words in capitals are names of variables of the environment
        _(
            "This is the only command that uses the network, save for a folder: it fetches files "
            "by HTTPS from huggingface.co, or from HF_ENDPOINT, by a proxy where HTTPS_PROXY names "
            "one. It asks before. Broken off, the same command goes on where it was; what is not "
            "whole, or not what it must be, is never used."
        ),
        # Translators: --pin is an option, a token a kind of password
        _(
            "Where the catalogue does not say, byte for byte, what must come, --pin takes what "
            "comes now, notes it, and accepts nothing else from then on. No token is sent: what "
            "only an account may have can be downloaded otherwise and added as a folder."
        ),
    )
)
@click.argument("what", metavar="NAME|REPOSITORY@REVISION|FOLDER")
@click.option(
    "--name", help=_("What it shall be called. [default: after the repository or folder]")
)
@click.option("--pin", is_flag=True, help=_("Trust what comes now, and nothing else ever after."))
@click.option("--variant", help=_("The precision that is taken of several, as q4 or int8."))
@click.option("--yes", is_flag=True, help=_("Do not ask whether the network may be used."))
def add(what: str, name: str | None, pin: bool, variant: str | None, yes: bool) -> None:
    """Add a captioner: from the catalogue, from a repository, or a copy of a folder."""
    from describer_daemon.catalogue import sources

    asked = sources.parse(what, name, entries.shipped())
    if installed.named(asked.name) is not None:
        streams.line(_("{name} is installed already.").format(name=asked.name))
        return
    if asked.folder is not None:
        one = _copied(asked, asked.folder, variant)
    else:
        one = _fetched(asked, variant, pin=pin, yes=yes)
    streams.line(
        _("{name} is installed. To use it: describer captioner use {name}").format(name=one.name)
    )
    if one.entry.layout != BUNDLE and importlib.util.find_spec("tokenizers") is None:
        streams.line(_("Its words need one more package: pip install 'describer[eyes]'"))


def _copied(asked: Asked, folder: Path, variant: str | None) -> Installed:
    from describer_daemon.catalogue import installing, sources

    entry = sources.in_folder(asked.name, folder, variant)
    files.require_room(captioners_folder(), entry.bytes)
    with _progress(entry.bytes) as on_bytes:
        one = installing.copy(entry, folder, on_bytes)
    streams.line(_("{folder} was copied; it is not needed any more.").format(folder=folder))
    return one


def _fetched(asked: Asked, variant: str | None, *, pin: bool, yes: bool) -> Installed:
    from describer_daemon.catalogue import hub, installing, sources
    from describer_daemon.catalogue.fetching import Fetcher

    known = sources.known(asked, pin=pin)
    there = hub.Hub()
    about = asked.bytes if known is None else known.bytes
    free = files.require_room(captioners_folder(), about - installed.begun(asked.name))
    _ask(there.host, about, free, yes=yes)
    entry = known or sources.offered(asked, there, variant)
    files.require_room(captioners_folder(), entry.bytes - installed.begun(asked.name))
    with _progress(entry.bytes) as on_bytes:
        fetcher = Fetcher(there, entry.repository, entry.revision, on_bytes)
        one = installing.download(entry, fetcher, there.address)
    if known is None:
        path = pins.note(one.entry, there.address)
        streams.line(
            _("What came is noted in {path}: nothing else is accepted as {name} now.").format(
                path=path, name=one.name
            )
        )
    return one


def _ask(host: str, about: int, free: int, *, yes: bool) -> None:
    """Ask once whether the network may be used. Raises Abort, without a person DescriberError."""
    if about:
        told = _("This fetches about {size} from {host}, by the network; {free} are free here.")
    else:
        told = _("This fetches it from {host}, by the network; {free} are free here.")
    told = told.format(size=files.megabytes(about), host=host, free=files.megabytes(free))
    asking.confirm(told, yes=yes)
    if yes:
        streams.complain(told)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda __: None
        return
    bar = click.progressbar(length=total, file=sys.stderr, update_min_steps=max(1, total // _STEPS))
    with bar:
        yield bar.update
