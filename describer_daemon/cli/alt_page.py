"""`describer alt --html`: the pictures of a page without alt text, and a patch that gives it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import click

from describer_daemon import making
from describer_daemon.alt_text import pages, patches, writing
from describer_daemon.alt_text.pages import Page, PagePicture
from describer_daemon.alt_text.proposals import proposed
from describer_daemon.alt_text.results import Result
from describer_daemon.captioner import pool
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.cli import outputs, streams
from describer_daemon.cli.describe import captioner_factory, progress
from describer_daemon.cli.inputs import read_bytes
from describer_daemon.cli.shared import settings_for_command
from describer_daemon.core import phrasing
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError, Encoded
from describer_daemon.core.reasons import reason

_SUFFIXES = (".patch", ".diff")
_REASONS = {
    "remote": N_("It is on another machine, and I fetch nothing."),
    "outside": N_("It lies outside of the page's folder. To allow that, name --root."),
    "unclear": N_("The page does not say which file it is."),
}


def check(files: Sequence[str], writes: bool) -> None:
    """Raises UsageError for what has no meaning beside --html."""
    if files:
        raise click.UsageError(_("--html looks at one PAGE: use it without FILES."))
    if writes:
        raise click.UsageError(
            _("--html makes a patch: use it without --sidecar, --embed, --csv and --replace.")
        )


def run(
    path: Path, root: Path | None, patch: Path | None, *, as_json: bool, jobs: int | None
) -> int:
    """Propose; → the exit status. Raises DescriberError, UsageError."""
    if patch is not None and patch.suffix.lower() not in _SUFFIXES:
        raise click.UsageError(_("{path} does not end in .patch or .diff.").format(path=patch))
    page = Page(read_bytes(str(path)), path, root)
    found = list(page.pictures())
    results = _results(found, jobs)
    diff = patches.unified(
        page.data,
        page.with_alts({one.start: results[one.start].text for one in found
                        if results[one.start].source == "proposed"}),
        str(path),
    )  # fmt: skip
    tell = streams.json if as_json else (streams.line if patch is not None else streams.complain)
    for one in found:
        result = results[one.start]
        # Translators: a picture of a page: the line that it is in, where it points to, its alt text
        shown = _("line {number}: {address}: {result}").format(
            number=one.line,
            # Translators: of a picture in a page
            address=pages.shown(one.source) or _("(no address)"),
            result=result.shown(),
        )
        tell(result.as_json() if as_json else shown)
    if not found:
        streams.complain(_("{path} has no picture without alt text.").format(path=path))
    if patch is not None:
        _save(patch, diff)
    elif not as_json:
        _print(diff)
    return 1 if any(result.failed for result in results.values()) else 0


def _results(found: Sequence[PagePicture], jobs: int | None) -> Mapping[int, Result]:
    """By the places of their tags; a picture that comes twice is described once."""
    first: dict[object, PagePicture] = {}
    for one in found:
        if one.place in ("file", "inside"):
            first.setdefault(one.file or one.data, one)
    by_place = {str(one.start): one for one in first.values()}

    def work(place: str, captioner: ChildCaptioner) -> Iterable[tuple[int, Result]]:
        return [(int(place), _described(by_place[place], captioner))]

    described: dict[int, Result] = {}
    if by_place:
        settings = settings_for_command()
        jobs = min(len(by_place), jobs or making.worker_count(settings.captioner, len(by_place)))
        make = captioner_factory(settings, find=False, beam=None, engine="onnx")
        captioners = pool.CaptionerPool(make, jobs)
        try:
            with (
                progress(len(by_place)) as bar,
                closing(captioners.map(work, by_place, bar.step)) as done,
            ):
                described = dict(done)
        finally:
            captioners.close()
    return {one.start: _of(one, first, described) for one in found}


def _of(
    one: PagePicture, first: Mapping[object, PagePicture], described: Mapping[int, Result]
) -> Result:
    name = pages.shown(one.source)
    if one.place in _REASONS:
        return Result(name, reason=_(_REASONS[one.place]), line=one.line)
    same = described[first[one.file or one.data].start]
    return Result(
        name, same.source, same.text, same.proposal, same.reason, same.error, line=one.line
    )


def _described(one: PagePicture, captioner: ChildCaptioner) -> Result:
    try:
        data = read_bytes(str(one.file)) if one.file is not None else one.data
        caption = captioner.describe(Encoded(data))
    except DescriberError as error:
        return Result(one.source, error=error.spoken)
    proposal = proposed(caption)
    if proposal is None:
        return Result(one.source, reason=phrasing.sentence(caption))
    return Result(one.source, "proposed", proposal.text, proposal)


def _save(patch: Path, diff: bytes) -> None:
    outputs.require_answer(patch)
    try:
        before = writing.stamp(patch)
        if before:
            writing.replace(patch, diff, before)
        else:
            writing.create(patch, diff)
    except OSError as error:
        raise DescriberError(
            _("{path} cannot be written: {reason}.").format(path=patch, reason=reason(error))
        ) from error


def _print(diff: bytes) -> None:
    """As it is for a program, so that it fits; escaped for a terminal, which would obey it."""
    if sys.stdout.isatty():
        for line in diff.decode("utf-8", "surrogateescape").splitlines():
            streams.line(line)
    else:
        streams.data(diff)
