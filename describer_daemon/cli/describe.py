"""`describer describe`: its options, its output and its drawings."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from describer_daemon import making
from describer_daemon.captioner import pool
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.cli import completion, help_texts, outputs, streams
from describer_daemon.cli import files as picture_files
from describer_daemon.cli.click_words import WholeNumber
from describer_daemon.cli.files import Described
from describer_daemon.cli.shared import settings_for_command, speaker_for_command
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.service import control, elsewhere
from describer_daemon.service.shutdown import as_interrupts
from describer_daemon.speech import blocking

if TYPE_CHECKING:
    from describer_daemon.core.ports import Speaker
    from describer_daemon.settings.settings import Settings

# Translators: "Describe picture" is the entry in file managers' menus
_NOTHING_CHOSEN = N_(
    "No picture was chosen. Open pictures from the file manager with Describe picture."
)


@dataclass(frozen=True, slots=True)
class Options:
    """What is done with each file: `find` pictures in it, or `read` it; and where drawings go."""

    find: bool
    read: bool
    as_json: bool
    heatmap: Path | None
    boxes: Path | None

    def work(self, file: str, captioner: ChildCaptioner) -> Iterable[Described]:
        """Describe one file."""
        if self.read:
            return picture_files.read([file], captioner)
        if self.boxes is not None:
            return picture_files.outline(file, captioner)
        if self.heatmap is not None:
            return [picture_files.illustrate(file, captioner)]
        return picture_files.describe([file], captioner, find=self.find, kinds=self.as_json)


def check(files: Sequence[str], options: Options) -> None:
    """Raises UsageError for options that exclude each other, and for drawings of many files."""
    if options.read and (options.find or options.heatmap is not None):
        raise click.UsageError(
            _("--text makes no captions: use it without --find, --boxes and --heatmap.")
        )
    if options.heatmap is not None and options.find:
        raise click.UsageError(
            _("--heatmap draws one picture as a whole: use it without --find and --boxes.")
        )
    for option, path in (("--heatmap", options.heatmap), ("--boxes", options.boxes)):
        if path is not None:
            _check_drawing(option, path, files)


def _check_drawing(option: str, path: Path, files: Sequence[str]) -> None:
    if len(files) != 1:
        told = _("{option} draws one picture: name exactly one FILE.")
        raise click.UsageError(told.format(option=option))
    if outputs.is_same(path, files[0]):
        told = _("{path} is the picture itself: name another file for {option}.")
        raise click.UsageError(told.format(path=path, option=option))


def print_result(described: Described, options: Options, *, named: bool) -> None:
    """Print what was found, after the file's name if it is to be `named`, and draw it."""
    if options.as_json:
        streams.json(described.as_json())
    for text in [] if options.as_json else described.printed():
        shown = f"{described.file}: {text}" if named else text
        (streams.complain if described.failed else streams.line)(shown)
    if not described.failed:
        _save_drawing(described, options)


def _save_drawing(described: Described, options: Options) -> None:
    path = options.heatmap or options.boxes
    if path is None:
        return
    if described.drawn:
        outputs.write(path, described.drawn)
    elif options.heatmap is not None:
        told = _("There is no caption to draw, so {path} was not written.")
        streams.complain(told.format(path=path))
    elif described.caption is not None and not described.caption.pictures:
        told = _("There is no picture to draw a box around, so {path} was not written.")
        streams.complain(told.format(path=path))


class Progress:
    """How many files are done, on the terminal: or nothing, without a `bar`."""

    def __init__(self, bar: Any = None) -> None:
        self._bar = bar

    def step(self) -> None:
        """One more file is done."""
        if self._bar is not None:
            self._bar.update(1)

    def clear(self) -> None:
        """Make room for a line; the next step draws the bar again."""
        if self._bar is not None:
            sys.stderr.write("\r\033[K")


@contextmanager
def progress(files: int) -> Iterator[Progress]:
    """A bar on standard error, where the lines themselves are not seen to come.

    On a terminal that shows the lines it would be noise, most of all to a screen reader.
    """
    if files < 2 or sys.stdout.isatty() or not sys.stderr.isatty():
        yield Progress()
        return
    with click.progressbar(length=files, show_pos=True, file=sys.stderr) as bar:
        yield Progress(bar)


@click.command(
    help=help_texts.page(
        # Translators: the hyphen is typed in place of a file's name
        _(
            "Describe picture FILES, - for standard input; one line each, in order, "
            "as each is done."
        ),
        help_texts.examples(
            "describer describe holiday/*.jpg",
            "describer describe --json - < photo.png",
            "describer describe photo.jpg --save speech.wav",
            "describer describe photo.jpg --heatmap looks.png",
            "describer describe screenshot.png --find --boxes found.png",
            "describer describe --text letter.png",
            "describer describe --captioner florence-2 --detail detailed photo.jpg",
        ),
        _(
            "Exit status 1 when any file could not be described, or not be heard; "
            "the others still are."
        ),
    )
)
@click.argument("files", nargs=-1, metavar="FILES...", shell_complete=completion.files)
@click.option("--speak", is_flag=True, help=_("Speak each caption too."))
@click.option(
    "--save",
    type=outputs.Output(),
    callback=outputs.named(".wav", outputs.NO_SPEECH),
    help=_("Write the speech of all captions to this WAV file."),
)
@click.option(
    "--heatmap",
    type=outputs.Output(),
    callback=outputs.named(".png", outputs.NO_HEAT_MAP),
    metavar="OUT.PNG",
    help=_("Draw where each word of one FILE's caption looked."),
)
@click.option(
    "--find",
    is_flag=True,
    help=_("Describe every picture that is found in a FILE, such as a screenshot."),
)
@click.option(
    "--boxes",
    type=outputs.Output(),
    callback=outputs.named(".png", outputs.NO_DRAWING),
    metavar="OUT.PNG",
    help=_(
        "Draw where the pictures of one FILE were found, and of a single one the "
        "things on it; implies --find."
    ),
)
@click.option(
    "--text",
    "read",
    is_flag=True,
    # Translators: an extra is a part of the program that is installed by this name
    help=_("Read the text in them instead (extra: describer[text])."),
)
@click.option("--json", "as_json", is_flag=True, help=_("One JSON object a line."))
@click.option("--beam", type=WholeNumber(1, 10), help=_("Captions weighed against each other."))
@click.option(
    "--captioner",
    "name",
    metavar="NAME",
    help=_("Who describes, of those that describer captioner list shows."),
)
@click.option(
    "--detail",
    type=click.Choice(["brief", "detailed"]),
    default="brief",
    show_default=True,
    help=_("How much is said, by captioners that know both."),
)
@click.option(
    "--engine",
    type=click.Choice(["onnx", "torch"]),
    default="onnx",
    show_default=True,
    help=_("torch uses a GPU where there is one (extra: describer[torch])."),
)
@click.option(
    "--jobs",
    type=WholeNumber(1, 64),
    metavar="N",
    help=_("Work on so many FILES at a time; with many, one a processor by default."),
)
def describe(
    files: tuple[str, ...],
    speak: bool,
    save: Path | None,
    heatmap: Path | None,
    find: bool,
    boxes: Path | None,
    read: bool,
    as_json: bool,
    beam: int | None,
    name: str | None,
    detail: str,
    engine: str,
    jobs: int | None,
) -> None:
    """Describe pictures in files; exit status 1 when one was not described, or not heard."""
    if not files:
        _refuse_nothing(speak=speak)
    options = Options(find or boxes is not None, read, as_json, heatmap, boxes)
    check(files, options)
    settings = settings_for_command()
    speaker = _speaker(settings, needed=save is not None) if speak or save else None
    usual = making.worker_count(settings.captioner, len(files), name) if engine == "onnx" else 1
    jobs = min(len(files), jobs or usual)
    make = captioner_factory(settings, options.find, beam, engine, name=name, detail=detail)
    captioners = pool.CaptionerPool(make, jobs)
    sentences = []
    failed = speak and speaker is None
    try:
        with (
            _stoppable(speaker if speak else None) as stopped,
            progress(len(files)) as bar,
            closing(captioners.map(options.work, files, bar.step)) as results,
        ):
            for described in results:
                failed |= described.failed
                sentences += [] if described.failed else [described.sentence()]
                bar.clear()
                print_result(described, options, named=len(files) > 1)
                if speak and speaker is not None:
                    failed |= not _heard(speaker, described, stopped, named=len(files) > 1)
        if save is not None and speaker is not None and sentences:
            outputs.save(save, lambda path: speaker.save(" ".join(sentences), path))
    finally:
        captioners.close()
        if speaker is not None:
            speaker.close()
    raise SystemExit(1 if failed else 0)


def _refuse_nothing(*, speak: bool) -> NoReturn:
    """Raises UsageError; to `speak` it helps who chose "Describe picture" in a menu."""
    speaker = _speaker(settings_for_command(), needed=False) if speak else None
    if speaker is not None:
        with closing(speaker), suppress(DescriberError), _stoppable(speaker) as stopped:
            blocking.speak_blocking(speaker, _(_NOTHING_CHOSEN), stopped=stopped)
    raise click.UsageError(_("Missing argument 'FILES...'."))


def captioner_factory(
    settings: Settings,
    find: bool,
    beam: int | None,
    engine: str,
    unload_after: float = 0.0,
    *,
    name: str | None = None,
    detail: str = "brief",
    judge: bool = False,
) -> Callable[[int], ChildCaptioner]:
    """→ `make` of `CaptionerPool`: captioners as the settings and the options want them."""
    configured = settings.captioner
    one = making.chosen(configured, name)
    return lambda threads: ChildCaptioner(
        one.bundle,
        beam=beam or configured.beam or None,
        engine=engine,
        find=find or settings.capture.find,
        timeout=one.timeout,
        reading_timeout=float(configured.text_timeout_seconds),
        unload_after=unload_after,
        threads=threads,
        detail=detail,
        allowance=one.allowance,
        judge=judge,
    )


def _speaker(settings: Settings, *, needed: bool) -> Speaker | None:
    """Whoever can speak. None, with the reason printed, without any, unless one is `needed`."""
    speaker: Speaker | None = None
    try:
        speaker = speaker_for_command(settings)
    except DescriberError as error:
        if needed:
            raise
        streams.complain(error.spoken)
    return speaker


@contextmanager
def _stoppable(speaker: Speaker | None) -> Iterator[threading.Event]:
    """Let the describer's stop, and whatever ends this command, silence it. → set by a stop.

    What is being said already, by the describer or another command, makes way for it.
    """
    stopped = threading.Event()
    if speaker is None:
        yield stopped
        return

    def stop() -> None:
        stopped.set()
        speaker.stop()

    with suppress(DescriberError):
        control.send(Verb.STOP.value, timeout=1.0)
    elsewhere.silence()
    with as_interrupts(), elsewhere.listening(stop):
        yield stopped


def _heard(
    speaker: Speaker, described: Described, stopped: threading.Event, *, named: bool
) -> bool:
    """Whether it could be spoken; else the reason is printed, and the next one may be heard."""
    if stopped.is_set():
        return True
    try:
        blocking.speak_blocking(
            speaker, described.sentence(), language=described.language, stopped=stopped
        )
    except DescriberError as error:
        streams.complain(f"{described.file}: {error.spoken}" if named else error.spoken)
        return False
    return True
