"""The commands of `describer`."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from describer_daemon import __version__
from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.speech import blocking

if TYPE_CHECKING:
    from describer_daemon.captioner.client import ChildCaptioner
    from describer_daemon.core.ports import Speaker
    from describer_daemon.settings.settings import Settings

_STATUS_TIMEOUT = 5.0


def _speaks_plainly(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn a DescriberError into its sentence on standard error and exit status 1."""

    @wraps(command)
    def guarded(*args: Any, **options: Any) -> Any:
        try:
            return command(*args, **options)
        except DescriberError as error:
            click.echo(error.spoken, err=True)
            raise SystemExit(1) from error
        except BrokenPipeError:
            raise  # who reads our lines has had enough: click ends quietly
        except OSError as error:
            # what is left in the buffer has nowhere to go either
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            click.echo(f"The output cannot be written: {error.strerror}.", err=True)
            raise SystemExit(1) from error

    return guarded


def _named(suffix: str, what: str) -> Callable[..., Path | None]:
    """Refuse names of another kind, before a picture is overwritten by its own description."""

    def checked(_context: click.Context, _option: click.Parameter, path: Path | None
                ) -> Path | None:
        if path is not None and path.suffix.lower() != suffix:
            raise click.BadParameter(
                f"{path} does not end in {suffix}, as the name of {what} must.")
        if path is not None and not path.absolute().parent.is_dir():
            raise click.BadParameter(f"there is no folder {path.parent}.")
        return path

    return checked


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="describer")
def main() -> None:
    """Press a key, hear the picture in front of you. Nothing leaves this machine.

    \b
    describer run                     listen for the keys (see: describer settings)
    describer describe photo.jpg      describe a file
    describer trigger screen          do what the key does
    describer doctor                  what works here, and the cure for what does not
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # file names may be no text at all
        sys.stdout.reconfigure(errors="backslashreplace")


@main.command()
@click.option("--verbose", "-v", is_flag=True, help="Show the log on the terminal too.")
@_speaks_plainly
def run(verbose: bool) -> None:
    """Run the daemon in the foreground until it is told to quit.

    Starting it a second time makes the one that runs describe the screen.
    """
    from describer_daemon.service.shutdown import Ending

    ending = Ending()
    ending.on_signals()

    from describer_daemon.app import Daemon
    from describer_daemon.service import instance, log
    from describer_daemon.settings import settings

    path = settings.settings_path()
    loaded, problem = _settings_or_defaults(path, write=True)
    log.set_up(loaded.log.level, console=verbose)
    daemon = Daemon(loaded, path, ending)
    if problem is not None:
        daemon.tell(problem)
    if not instance.serve_or_ask(daemon, lambda: instance.tell(_listening_for(loaded)), ending):
        instance.tell("The describer runs already; it was asked to describe the screen.")
    instance.forget_unwritten()


def _listening_for(settings: Settings) -> str:
    keys = ", ".join(f"{key} {verb.value}" for verb, key in settings.keys.items())
    return f"The describer runs. Keys: {keys or 'none'}. Ctrl+C ends it."


def _settings_or_defaults(
    path: Path, *, write: bool = False
) -> tuple[Settings, DescriberError | None]:
    """A file with a mistake, or that cannot be written, must not leave anyone without help."""
    from describer_daemon.settings import settings

    try:
        if write:
            settings.write_default(path)
        return settings.load(path), None
    except DescriberError as error:
        return settings.Settings(), error


def _settings() -> Settings:
    """The settings for one command; a mistake in them is told, and the usual ones are taken."""
    from describer_daemon.settings import settings

    loaded, problem = _settings_or_defaults(settings.settings_path())
    if problem is not None:
        click.echo(problem.spoken, err=True)
    return loaded


@main.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--speak", is_flag=True, help="Speak each caption too.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False),
              callback=_named(".wav", "speech"),
              help="Write the speech of all captions to this WAV file.")
@click.option("--heatmap", type=click.Path(path_type=Path, dir_okay=False),
              callback=_named(".png", "a heat map"), metavar="OUT.PNG",
              help="Draw where each word of one FILE's caption looked.")
@click.option("--find", is_flag=True,
              help="Describe every picture that is found in a FILE, such as a screenshot.")
@click.option("--boxes", type=click.Path(path_type=Path, dir_okay=False),
              callback=_named(".png", "a drawing"), metavar="OUT.PNG",
              help="Draw where the pictures of one FILE were found; implies --find.")
@click.option("--text", "read", is_flag=True,
              help="Read the text in them instead (extra: describer[text]).")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--beam", type=click.IntRange(1, 10), help="Captions weighed against each other.")
@click.option("--engine", type=click.Choice(["onnx", "torch"]), default="onnx", show_default=True,
              help="torch uses a GPU where there is one (extra: describer[torch]).")
@click.option("--jobs", type=click.IntRange(1, 64), metavar="N",
              help="Work on so many FILES at a time; with many, one a processor by default.")
@_speaks_plainly
def describe(files: tuple[str, ...], speak: bool, save: Path | None, heatmap: Path | None,
             find: bool, boxes: Path | None, read: bool, as_json: bool, beam: int | None,
             engine: str, jobs: int | None) -> None:
    """Describe picture FILES, - for standard input; one line each, in order, as each is done.

    \b
    describer describe holiday/*.jpg
    describer describe --json - < photo.png
    describer describe photo.jpg --save speech.wav
    describer describe photo.jpg --heatmap looks.png
    describer describe screenshot.png --find --boxes found.png
    describer describe --text letter.png

    Exit status 1 when any file could not be described; the others still are.
    """
    from contextlib import closing

    from describer_daemon.captioner import pool
    from describer_daemon.cli import describe as describing

    wanted = describing.Wanted(find or boxes is not None, read, as_json, heatmap, boxes)
    describing.check(files, wanted)
    settings = _settings()
    speaker = _speaker(settings) if speak or save else None
    jobs = min(len(files), jobs or (pool.size(len(files)) if engine == "onnx" else 1))
    team = pool.Crew(_captioners(settings, wanted.find, beam, engine), jobs)
    sentences = []
    failed = False
    try:
        with (describing.progress(len(files)) as progress,
              closing(team.each(wanted.work, files, progress.step)) as found):
            for described in found:
                failed |= described.failed
                sentences += [] if described.failed else [described.sentence()]
                progress.clear()
                describing.tell(described, wanted, named=len(files) > 1)
                if speak and speaker is not None:
                    blocking.say(speaker, described.sentence())
        if save is not None and speaker is not None and sentences:
            speaker.save(" ".join(sentences), save)
    finally:
        team.close()
        if speaker is not None:
            speaker.close()
    raise SystemExit(1 if failed else 0)


def _captioners(
    settings: Settings, find: bool, beam: int | None, engine: str
) -> Callable[[int], ChildCaptioner]:
    """What makes captioners of so many threads, as the settings and the options want them."""
    from describer_daemon.captioner.client import ChildCaptioner

    wanted = settings.captioner
    return lambda threads: ChildCaptioner(
        wanted.bundle, beam=beam or wanted.beam or None, engine=engine,
        find=find or settings.capture.find, timeout=float(wanted.timeout_seconds),
        reading_timeout=float(wanted.text_timeout_seconds), threads=threads)


def _speaker(settings: Settings) -> Speaker:
    from describer_daemon.app import make_speaker

    speaker: Speaker = make_speaker(settings)
    speaker.configure(settings.voice)
    return speaker


@main.command()
@click.argument("verb", type=click.Choice([*(verb.value for verb in Verb), "quit"]))
@click.option("--wait", is_flag=True, help="Wait for the sentence and print it.")
@_speaks_plainly
def trigger(verb: str, wait: bool) -> None:
    """Do what a key does, in the daemon that runs.

    For desktops that own their shortcuts (Wayland) and for scripts; in sway:

    \b
    bindsym Ctrl+Mod1+d exec describer trigger screen
    """
    from describer_daemon.service import control

    reply = _asked(control.send(verb, wait=wait))
    if not wait or verb == "quit":
        return
    if reply.get("stale"):
        raise DescriberError("A newer request overtook this one.")
    click.echo(reply.get("sentence", ""), err=bool(reply.get("failed")))
    if reply.get("failed"):
        raise SystemExit(1)


def _asked(reply: dict[str, Any]) -> dict[str, Any]:
    """Take the daemon's answer; a refusal is raised as its sentence."""
    if not reply.pop("ok", False):
        raise DescriberError(str(reply.get("sentence") or "The describer refused."))
    return reply


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
@_speaks_plainly
def status(as_json: bool) -> None:
    """Say whether the daemon runs, and with which parts."""
    import json

    from describer_daemon.service import control

    try:
        reply = _asked(control.send("status", timeout=_STATUS_TIMEOUT))
    except DescriberError as error:
        if as_json:
            click.echo(json.dumps({"error": error.spoken}))
            raise SystemExit(1) from error
        raise
    if as_json:
        click.echo(json.dumps(reply, ensure_ascii=False))
        return
    for name, value in reply.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key} {item}" for key, item in value.items())
        click.echo(f"{name:18s}{value}")


@main.command()
@click.option("--sample", metavar="VOICE",
              help='Speak a sample in this voice; "" is the usual one.')
@click.option("--text", default="A brown dog runs across the grass.", show_default=True)
@_speaks_plainly
def voices(sample: str | None, text: str) -> None:
    """List the voices that the settings may name, or hear one."""
    import dataclasses

    settings = _settings()
    from describer_daemon.app import make_speaker

    speaker: Speaker = make_speaker(settings)
    try:
        if sample is None:
            click.echo("\n".join(speaker.voices()))
            return
        speaker.configure(dataclasses.replace(settings.voice, name=sample))
        blocking.say(speaker, text)
    finally:
        speaker.close()


@main.command()
@click.option("--path", "only_path", is_flag=True, help="Print the file's path alone.")
@click.option("--edit", is_flag=True, help="Open the file in your editor.")
@_speaks_plainly
def settings(only_path: bool, edit: bool) -> None:
    """Show the settings and where they are kept; saving the file is enough to change them."""
    from describer_daemon.settings import settings as module

    path = module.settings_path()
    module.write_default(path)
    if only_path:
        click.echo(path)
    elif edit:
        try:
            click.edit(filename=str(path))
        except click.ClickException as error:
            raise DescriberError(f"The editor that EDITOR names cannot be started. "
                                 f"The settings file is {path}.") from error
    else:
        click.echo(module.describe_settings(module.load(path), path))


@main.command()
@_speaks_plainly
def doctor() -> None:
    """Check display, keys, clipboard, voice, sound and model; name the cure for what fails."""
    from describer_daemon.cli import doctor as module

    failed = False
    for check in module.examine():
        failed |= check.problem != ""
        click.echo(f"{'FAIL' if check.problem else 'ok':5s}{check.name:12s}"
                   f"{check.problem or check.finding}")
    if failed:
        raise SystemExit(1)


@main.command()
@click.option("--picture", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Show this picture instead of the sample.")
@click.option("--save", type=click.Path(dir_okay=False, path_type=Path),
              default=Path("describer-demo.wav"), show_default=True,
              callback=_named(".wav", "speech"),
              help="Where the recorded speech goes.")
@_speaks_plainly
def demo(picture: Path | None, save: Path) -> None:
    """Do the main job on a private virtual screen: show a picture, press the key, record.

    The last two lines are the caption and the path of the recorded speech.
    """
    from describer_daemon.cli import demo as module

    shown = module.run(picture, save, lambda line: click.echo(line))
    click.echo(shown.sentence)
    click.echo(shown.recording)


if __name__ == "__main__":
    main()
