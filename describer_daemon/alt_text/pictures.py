"""Alt text for a picture's file: look at what is there, describe, write where it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from describer_daemon.alt_text import embedding, metadata, sidecars, writing
from describer_daemon.alt_text.proposals import Proposal, proposed
from describer_daemon.alt_text.results import Result
from describer_daemon.alt_text.writing import Stamp
from describer_daemon.alt_text.xmp import Found
from describer_daemon.core import phrasing
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import Captioner, DescriberError, Encoded
from describer_daemon.core.reasons import reason

Read = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where alt text is written: nowhere, beside the picture, into it; `replace`: over others."""

    sidecar: bool = False
    embed: bool = False
    replace: bool = False


def alt_text(file: str, captioner: Captioner, wanted: Wanted, read: Read) -> Result:
    """Look at one file ("-" is standard input), and write what is `wanted`; never raises for it.

    `read` gives all of a file, or raises DescriberError.
    """
    try:
        return _alt_text(file, captioner, wanted, read)
    except DescriberError as error:
        return Result(file, error=error.spoken)
    except OSError as error:
        told = _("{path} cannot be written: {reason}.")
        told = told.format(path=error.filename or file, reason=reason(error))
        return Result(file, error=told)


def _alt_text(file: str, captioner: Captioner, wanted: Wanted, read: Read) -> Result:
    path = Path(file)
    before = _stamp(file)
    data = read(file)
    inside = metadata.found(data)
    beside = sidecars.found(path) if file != "-" else Found()
    if not wanted.replace:
        there = _there(file, inside, beside, wanted)
        if there is not None:
            return there
    if wanted.embed and inside.is_damaged:
        raise DescriberError(_("What the file says of itself is damaged. Please use --sidecar."))
    caption = captioner.describe(Encoded(data))
    proposal = proposed(caption)
    if proposal is None:
        return Result(file, reason=phrasing.sentence(caption))
    written: list[Path] = []
    if wanted.sidecar or wanted.embed:
        if not before or _stamp(file) != before:
            raise writing.changed(file)
        try:
            written = _write(path, data, before, proposal, wanted)
        except FileExistsError as error:  # somebody else was quicker
            raise writing.changed(error.filename or file) from error
    return Result(file, "proposed", proposal.text, proposal, written=written)


def _there(file: str, inside: Found, beside: Found, wanted: Wanted) -> Result | None:
    """What is left alone: an author's text, and what is where it is wanted already."""
    both = beside.joined(inside)
    if both.by_author:
        return Result(file, "author", both.by_author)
    if beside.is_damaged and wanted.sidecar:
        raise DescriberError(
            _("{path} is there, and damaged or no XMP.").format(path=sidecars.sidecar(Path(file)))
        )
    places = [one for one, asked in ((beside, wanted.sidecar), (inside, wanted.embed)) if asked]
    if both.alt and all(one.is_ours for one in places):
        return Result(file, "describer", both.alt)
    return None


def _write(
    path: Path, data: bytes, before: Stamp, proposal: Proposal, wanted: Wanted
) -> list[Path]:
    written = []
    if wanted.embed:
        told = metadata.found(data)
        if not (told.is_ours and told.alt == proposal.text):
            written.append(embedding.write(path, data, before, proposal))
    if wanted.sidecar and (made := sidecars.write(path, proposal)) is not None:
        written.append(made)
    return written


def _stamp(file: str) -> Stamp:
    try:
        return writing.stamp(Path(file))
    except (OSError, ValueError):  # whoever reads it says what is wrong
        return ()
