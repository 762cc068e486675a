"""`describer doctor`: each part tried for real, and the cure for each that fails."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click

from describer_daemon.capture.candidates import CLIPBOARDS, SCREENS
from describer_daemon.capture.copied_files import NoPictureError
from describer_daemon.cli import streams
from describer_daemon.cli.shared import settings_or_defaults
from describer_daemon.cli.voices import listed
from describer_daemon.core import backends
from describer_daemon.core.ports import DescriberError, Pixels
from describer_daemon.hotkeys.candidates import HOTKEYS
from describer_daemon.hotkeys.usual import Taking
from describer_daemon.listening import why_none
from describer_daemon.making import make_captioner, make_speaker, missing_speaker
from describer_daemon.missing import have_desktops_keys
from describer_daemon.service.shutdown import as_interrupts
from describer_daemon.settings.settings import Settings
from describer_daemon.speech import blocking
from describer_daemon.speech.candidates import SPEAKERS

_HEAR_TIMEOUT = 10.0  # seconds


@dataclass(frozen=True, slots=True)
class Check:
    """`problem` is "" when the part works; then `result` says how."""

    name: str
    result: str = ""
    problem: str = ""


def examine() -> Iterator[Check]:
    """Check every part, yielding each result as it is known."""
    settings, path, error, _ = settings_or_defaults()
    problem = error.spoken if error is not None else ""
    yield Check("settings", f"{path} is in order", problem)
    yield _try("display", lambda: _screen(settings))
    yield _try("keyboard", lambda: _keyboard(settings))
    yield _try("clipboard", _clipboard)
    yield _try("voice", lambda: _voice(settings))
    yield _try("sound", lambda: _sound(settings))
    yield _try("captioner", lambda: _captioner(settings))
    yield _try("text", lambda: _text(settings))


def _try(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, check())
    except DescriberError as error:
        return Check(name, problem=error.spoken)


def _screen(settings: Settings) -> str:
    backend = backends.require(SCREENS, "see the screen")
    backend(settings.region, settings.capture.pointer_box).grab()
    return f"{backend.name} sees the screen"


def _keyboard(settings: Settings) -> str:
    from describer_daemon.service import control

    if not settings.keys:
        return "the settings want no keys"
    try:
        backend = backends.require(HOTKEYS, "listen for keys")
    except DescriberError as error:
        if have_desktops_keys():
            return "the desktop's own shortcuts start the describer"
        raise DescriberError(
            f"{why_none()} You can bind `describer trigger screen` to a key in "
            "your desktop's own settings.",
            detail=error.detail,
        ) from error
    try:
        running = control.send("status", timeout=2.0)
    except DescriberError:
        listener = backend()
        taking = Taking(settings.keys)
        lost: list[DescriberError] = []
        taking.start(lambda keys: listener.start(keys, lambda _: None, lost.append))
        held = ", ".join(listener.held().values())
        listener.stop()
        if taking.refused is not None:
            raise taking.refused from None
        if lost:
            raise lost[0] from None
        return f"{backend.name} can have the keys {held}"
    if not (keys := running.get("keys")):
        raise DescriberError("The describer that runs holds no keys. See: describer status.")
    return f"the describer that runs holds the keys {', '.join(keys.values())}"


def _clipboard() -> str:
    backend = backends.require(CLIPBOARDS, "read the clipboard")
    try:
        backend().grab()
    except NoPictureError as error:
        return f"{backend.name} answers: {error.spoken}"
    return f"{backend.name} answers: there is a picture on it"


def _voice(settings: Settings) -> str:
    speaker = make_speaker(settings)
    try:
        if (missing := missing_speaker(settings, speaker.name)) is not None:
            raise missing
        speaker.configure(settings.voice)
        if speaker.voice_from:
            voices = f"in the voice that is set in {speaker.voice_from}"
        else:
            voices = f"with {len(listed(speaker))} voices"
        result = f"{speaker.name} speaks, {voices}"
    finally:
        speaker.close()
    skipped = backends.choose(SPEAKERS).skipped
    return "; ".join([result, *(f"{name} does not: {reason}" for name, reason in skipped)])


def _sound(settings: Settings) -> str:
    speaker = make_speaker(settings)
    try:
        speaker.configure(settings.voice)
        with as_interrupts():
            blocking.speak_blocking(speaker, "The describer can be heard.", _HEAR_TIMEOUT)
        heard: str = speaker.check_heard()
    finally:
        speaker.close()
    return heard


def _captioner(settings: Settings) -> str:
    captioner = make_captioner(settings)
    try:
        confined = captioner.confined()
    finally:
        captioner.close()
    bundle = settings.captioner.bundle
    return f"the bundle {bundle or 'that ships'} is whole and loads; {confined}"


def _text(settings: Settings) -> str:
    if importlib.util.find_spec("rapidocr") is None:
        return "reading text is not installed; it comes with describer[text]"
    captioner = make_captioner(settings)
    try:
        captioner.read(Pixels(64, 64, bytes(64 * 32 * 3) + b"\xff" * (64 * 32 * 3)))
    finally:
        captioner.close()
    return "text in pictures can be read"


@click.command()
def doctor() -> None:
    """Check display, keys, clipboard, voice, sound and model; name the cure for what fails."""
    failed = False
    for check in examine():
        failed |= check.problem != ""
        streams.line(
            f"{'FAIL' if check.problem else 'ok':5s}{check.name:12s}{check.problem or check.result}"
        )
    if failed:
        raise SystemExit(1)
