"""`describer captioner test`: what one takes on this computer, and how much is believed."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median

import click

from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.captioner.judging import Fit, Fitted, Judge, Judged, Row
from describer_daemon.catalogue import files, installed
from describer_daemon.catalogue.entries import FOLDER
from describer_daemon.catalogue.installed import SHIPPED
from describer_daemon.cli import help_texts, streams
from describer_daemon.cli.captioner_using import names, required
from describer_daemon.cli.click_words import WholeNumber
from describer_daemon.cli.describe import captioner_factory
from describer_daemon.cli.shared import settings_for_command
from describer_daemon.core.escaping import json_line
from describer_daemon.core.i18n import _, ngettext
from describer_daemon.core.ports import Caption, DescriberError, Encoded
from describer_daemon.processes import processors

_SAMPLE = FOLDER.with_name("sample.jpg")
_LIMITS = "limits.json"  # as `models.eyes.limits` reads it
_LONGEST = 80_000  # characters of what people say of a picture: twelve bytes each at most
_MOST_ROWS = 2000  # that are learnt from: some 250 bytes each, and a message has a mebibyte
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"})


@dataclass(frozen=True, slots=True)
class Measured:
    """Of `pictures`; times in seconds, memory in bytes (0 where it cannot be known).

    `plain` and `hedged` count what was said so; on `others` the one that ships answered. `judged`,
    2,000 at most, were compared with what people say of them; `learnt`: when to speak plainly,
    from these.
    """

    name: str
    pictures: int
    loading: float
    seconds: float
    slowest: float
    memory: int
    plain: int
    hedged: int
    others: int
    judged: int = 0
    learnt: bool = False


@click.command(
    help=help_texts.page(
        _("Measure a captioner on this computer: its time, its memory, how much is believed."),
        help_texts.examples(
            "describer captioner test distilvit",
            "describer captioner test distilvit --data ~/Pictures",
            "describer captioner test distilvit --data ~/Pictures --most 500",
        ),
        # Translators: everyday is the name of a captioner
        _(
            "It runs in its own process, as the describer has it, on the sample picture or those "
            "of a folder. What it takes is kept beside it, and it gets three times as long as the "
            "slowest picture took. Of what it says the captioner that ships contradicts some, and "
            "answers then."
        ),
        # Translators: NAME.jpg and NAME.txt are files
        _(
            "Where people's captions lie beside the pictures, NAME.txt beside NAME.jpg, each in a "
            "line, it learns from at least fifty of them when to speak plainly."
        ),
    )
)
@click.argument("name", shell_complete=names)
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help=_("Take the pictures of this folder."),
)
@click.option(
    "--most", type=WholeNumber(1, 10_000), default=50, show_default=True, help=_("So many of them.")
)
@click.option("--json", "as_json", is_flag=True, help=_("As a JSON object."))
def test(name: str, data: Path | None, most: int, as_json: bool) -> None:
    """Measure a captioner."""
    one = None if name == SHIPPED else required(name)
    pictures = [_SAMPLE] if data is None else pictures_in(data)[:most]
    if not pictures:
        raise DescriberError(_("There are no pictures in this folder. Please name another."))
    measured, unlearnt = measure(name, pictures, None if one is None else one.model)
    if one is not None:
        kept = {"format": 1, **asdict(measured)}
        text = json.dumps(kept, indent=2)
        files.replace(one.folder / installed.MEASURED, text.encode("utf-8"))
    if as_json:
        streams.json(json_line(asdict(measured)))
    else:
        # of learning the error speaks
        for sentence in told(replace(measured, judged=0) if unlearnt else measured):
            streams.line(sentence)
    if unlearnt is not None:
        raise unlearnt


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder and those below, in order."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)


def references(picture: Path) -> tuple[str, ...]:
    """What people say of a picture: the lines of the text beside it; () where there is none."""
    try:
        path = picture.with_suffix(".txt")
        with path.open(encoding="utf-8-sig", errors="replace") as file:  # as Windows writes it
            text = file.read(_LONGEST)
    except OSError:
        return ()
    lines = (line.strip() for line in text.splitlines())
    return tuple(line for line in lines if line)


def measure(
    name: str, pictures: list[Path], model: Path | None = None
) -> tuple[Measured, DescriberError | None]:
    """Describe each picture by it, and by the one that ships; what is learnt of it is written into
    its folder `model`, where nothing stops it: that comes back. A picture that cannot be described
    is told and left out. Raises DescriberError when none can."""
    captioner, begun = _made(name, judge=model is not None), time.perf_counter()
    times: list[float] = []
    captions: dict[Path, Caption] = {}
    rows: list[Row] = []
    failure: DescriberError | None = None
    try:
        captioner.warm_up()
        loading = time.perf_counter() - begun
        for path in pictures:
            begun = time.perf_counter()
            try:
                captions[path] = captioner.describe(_read(path))
            except DescriberError as error:
                streams.complain(f"{path.name}: {error.spoken}")
                failure = error
                continue
            times.append(time.perf_counter() - begun)
            if model is not None and (people := references(path)):
                row = captioner.answer(Judge(people), Judged).row
                rows += [row] if row is not None else []
        if failure is not None and not captions:
            raise failure
        memory = _peak(captioner.pid)
        rows = _drawn(rows)
        learnt, unlearnt = _learnt(captioner, rows, model) if model and rows else (False, None)
    finally:
        captioner.close()
    forms = [caption.form for caption in captions.values()]
    measured = Measured(
        name,
        len(captions),
        round(loading, 3),
        round(median(times), 3),
        round(max(times), 3),
        memory,
        forms.count("plain"),
        forms.count("hedged"),
        0 if name == SHIPPED else _answered_by_ours(captions),
        len(rows),
        learnt,
    )
    return measured, unlearnt


def _drawn(rows: list[Row]) -> list[Row]:
    """As many rows as one message takes, evenly from all."""
    count = min(len(rows), _MOST_ROWS)
    return [rows[at * len(rows) // count] for at in range(count)]


def _learnt(
    captioner: ChildCaptioner, rows: list[Row], model: Path
) -> tuple[bool, DescriberError | None]:
    """Write what can be learnt from rows. → whether there was anything, and what stopped it."""
    try:
        limits = captioner.answer(Fit(tuple(rows)), Fitted).limits
        if limits:
            files.replace(model / _LIMITS, limits.encode("utf-8"))
    except DescriberError as error:  # the times are known all the same
        return False, error
    return bool(limits), None


def _answered_by_ours(captions: dict[Path, Caption]) -> int:
    """On how many pictures the words are those of the one that ships."""
    ours = _made(SHIPPED)
    try:
        return sum(
            ours.describe(_read(path)).words == caption.words for path, caption in captions.items()
        )
    finally:
        ours.close()


def _made(name: str, *, judge: bool = False) -> ChildCaptioner:
    settings = settings_for_command()
    make = captioner_factory(settings, find=False, beam=None, engine="onnx", name=name, judge=judge)
    return make(processors())


def _read(path: Path) -> Encoded:
    try:
        return Encoded(path.read_bytes())
    except OSError as error:
        raise DescriberError(
            _("{name} cannot be read. Please take it out of the folder.").format(name=path.name),
            detail=repr(error),
        ) from error


def _peak(pid: int | None) -> int:
    """The most memory that a process has had, in bytes; 0 where that is not told."""
    with suppress(OSError, ValueError, IndexError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
        return int(status.partition("VmHWM:")[2].split()[0]) << 10
    return 0


def told(measured: Measured) -> list[str]:
    """What is printed, in sentences."""
    count = measured.pictures
    lines = [
        # Translators: {seconds} and {slowest} are numbers such as 1.25
        ngettext(
            "{name}: {count} picture, {seconds} seconds.",
            "{name}: {count} pictures, {seconds} seconds each, the slowest {slowest}.",
            count,
        ).format(
            name=measured.name, count=count, seconds=measured.seconds, slowest=measured.slowest
        ),
        # Translators: {seconds} is a number such as 1.25, {size} "400 MB"
        _("Loading it took {seconds} seconds; it has taken {size} of memory at most.").format(
            seconds=measured.loading, size=files.megabytes(measured.memory)
        ),
        # Translators: of descriptions: how many were said plainly, how many with a "could be"
        _("Said plainly: {plain}; hedged: {hedged}; listed or not known: {rest}.").format(
            plain=measured.plain,
            hedged=measured.hedged,
            rest=count - measured.plain - measured.hedged,
        ),
    ]
    if measured.name != SHIPPED:
        # Translators: {others} is a number, of pictures
        answered = _("Where the one that ships answered instead, being surer: {others}.")
        lines.append(answered.format(others=measured.others))
    if measured.learnt:
        # Translators: {count} is a number, of at least fifty
        learnt = _("Pictures from which it has learnt when to speak plainly: {count}.")
        lines.append(learnt.format(count=measured.judged))
    elif measured.judged:
        # Translators: {count} is a number, of pictures
        too_few = _("Pictures to learn from when to speak plainly: {count}, which do not suffice.")
        lines.append(too_few.format(count=measured.judged))
    return lines
