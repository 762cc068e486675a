"""`describer alt`: alt text for pictures in files and pages, written only where it is asked for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click

from describer_daemon import making
from describer_daemon.alt_text import embedding, pictures, tables
from describer_daemon.alt_text.pictures import Wanted
from describer_daemon.alt_text.results import Result
from describer_daemon.captioner import pool
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.cli import completion, help_texts, outputs, streams
from describer_daemon.cli.click_words import WholeNumber
from describer_daemon.cli.describe import captioner_factory, progress
from describer_daemon.cli.inputs import read_bytes
from describer_daemon.cli.shared import settings_for_command
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError


@dataclass(frozen=True, slots=True)
class Output:
    """How each result is told: as JSON, as a row of a `table`, with its file's name."""

    as_json: bool
    named: bool
    table: tables.Table | None = None

    def tell(self, result: Result) -> None:
        """Print one result, and keep it in the table. Raises OSError."""
        if self.as_json:
            streams.json(result.as_json())
        else:
            text = f"{result.file}: {result.shown()}" if self.named else result.shown()
            (streams.complain if result.failed else streams.line)(text)
        if self.table is not None and not result.failed and not self.table.has(result.file):
            proposal = result.proposal
            self.table.add(
                result.file,
                result.text,
                proposal.confidence if proposal else None,
                proposal.needs_review if proposal else None,
                result.source,
            )


@click.command(
    help=help_texts.page(
        _("Propose alt text for picture FILES; write it only where an option says so."),
        help_texts.examples(
            # Translators: what a command does: it writes nothing
            ("describer alt holiday/*.jpg", _("only tell")),
            # Translators: what a command does: it writes a file beside each picture
            ("describer alt --sidecar holiday/*.jpg", _("photo.jpg.xmp beside each")),
            # Translators: what a command does: it writes into the picture
            ("describer alt --embed photo.jpg", _("into the picture")),
            # Translators: what a command does: it writes a table
            ("describer alt --csv texts.csv holiday/*.jpg", _("a table")),
            # Translators: what to do after a command; what follows the colon stays
            (
                "describer alt --html index.html > alt.patch",
                _("then: patch index.html alt.patch"),
            ),
            width=51,
        ),
        _(
            "What is less sure is marked as needing review, what is not believed is not proposed. "
            "An alt text or a description of an author is never written over, unless by --replace. "
            "Broken off, the same command goes on where it was."
        ),
        _("Exit status 1 when any file failed; the others are still done."),
    )
)
@click.argument("files", nargs=-1, metavar="[FILES]...", shell_complete=completion.files)
@click.option("--sidecar", is_flag=True, help=_("Write it beside each picture: photo.jpg.xmp."))
@click.option("--embed", is_flag=True, help=_("Write it into each picture, by exiftool."))
@click.option(
    "--csv",
    "table",
    type=outputs.Output(),
    metavar="FILE",
    help=_("Add a row for each picture to this table; those that have one are passed over."),
)
@click.option(
    "--html",
    "page",
    type=outputs.Output(),
    metavar="PAGE",
    help=_("Propose alt texts for the pictures of this page that have none, as a patch."),
)
@click.option(
    "--patch",
    type=outputs.Output(),
    metavar="OUT.PATCH",
    help=_("Write that patch to this file, not to standard output."),
)
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help=_(
        "The page's site: addresses that begin with / begin here, and none leads out of it. "
        "[default: the page's folder]"
    ),
)
@click.option(
    "--replace", is_flag=True, help=_("Write over the alt text of authors, and of earlier runs.")
)
@click.option("--json", "as_json", is_flag=True, help=_("One JSON object a line."))
@click.option(
    "--jobs",
    type=WholeNumber(1, 64),
    metavar="N",
    help=_("Work on so many FILES at a time; with many, one a processor by default."),
)
def alt(
    files: tuple[str, ...],
    sidecar: bool,
    embed: bool,
    table: Path | None,
    page: Path | None,
    patch: Path | None,
    root: Path | None,
    replace: bool,
    as_json: bool,
    jobs: int | None,
) -> None:
    """Propose alt text for pictures in files or in a page; write it where an option says so."""
    if page is not None:
        from describer_daemon.cli import alt_page

        alt_page.check(files, sidecar or embed or replace or table is not None)
        raise SystemExit(alt_page.run(page, root, patch, as_json=as_json, jobs=jobs))
    if patch is not None or root is not None:
        raise click.UsageError(_("--patch and --root are for --html PAGE."))
    _check(files, embed=embed, writes=sidecar or embed, keeps=table is not None)
    if table is not None:
        outputs.require_answer(table)
    opened = tables.Table(table) if table is not None else None
    try:
        output = Output(as_json, len(files) > 1, opened)
        failed = _run(files, Wanted(sidecar, embed, replace), output, jobs)
    finally:
        if opened is not None:
            opened.close()
    raise SystemExit(1 if failed else 0)


def _check(files: Sequence[str], *, embed: bool, writes: bool, keeps: bool) -> None:
    """Raises UsageError for what has no meaning, DescriberError for what cannot be had here."""
    if not files:
        raise click.UsageError(_("Missing argument 'FILES...', or --html PAGE."))
    if writes and "-" in files:
        raise click.UsageError(_("Standard input has no place to write to: name a file."))
    if os.name != "posix" and (writes or keeps):
        raise DescriberError(_("Alt text cannot be written on this system yet."))
    if embed and not embedding.is_there():
        raise DescriberError(_(embedding.MISSING))


def _run(files: Sequence[str], wanted: Wanted, output: Output, jobs: int | None) -> bool:
    """→ whether any failed."""
    files = list(dict.fromkeys(files))
    if output.table is not None and not (wanted.sidecar or wanted.embed):
        files = [file for file in files if not output.table.has(file)]

    def work(file: str, captioner: ChildCaptioner) -> Iterable[Result]:
        try:
            if file != "-":
                outputs.require_answer(file)
        except DescriberError as error:
            return [Result(file, error=error.spoken)]
        return [pictures.alt_text(file, captioner, wanted, read_bytes)]

    settings = settings_for_command()
    usual = making.worker_count(settings.captioner, len(files))
    jobs = max(1, min(len(files), jobs or usual))
    make = captioner_factory(settings, find=False, beam=None, engine="onnx")
    captioners = pool.CaptionerPool(make, jobs)
    failed = False
    try:
        with (
            progress(len(files)) as bar,
            closing(captioners.map(work, files, bar.step)) as results,
        ):
            for result in results:
                failed |= result.failed
                bar.clear()
                output.tell(result)
    finally:
        captioners.close()
    return failed
