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
from describer_daemon.core import backends, i18n
from describer_daemon.core.i18n import N_, _, ngettext, pgettext
from describer_daemon.core.ports import DescriberError, Pixels
from describer_daemon.hotkeys.candidates import HOTKEYS
from describer_daemon.hotkeys.usual import Taking
from describer_daemon.listening import why_none
from describer_daemon.making import make_captioner, make_speaker, missing_speaker
from describer_daemon.missing import have_desktops_keys, no_voice_of
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
    settings, path, error, __ = settings_or_defaults()
    problem = error.spoken if error is not None else ""
    # Translators: the parts that `describer doctor` tries, each at the beginning of a line that
    # says how it works
    name = pgettext("doctor", "settings")
    yield Check(name, _("{path} is in order").format(path=path), problem)
    # Translators: the screen, tried by `describer doctor`
    yield _try(pgettext("doctor", "display"), lambda: _screen(settings))
    yield _try(pgettext("doctor", "keyboard"), lambda: _keyboard(settings))
    yield _try(pgettext("doctor", "clipboard"), _clipboard)
    yield _try(pgettext("doctor", "voice"), lambda: _voice(settings))
    yield _try(pgettext("doctor", "sound"), lambda: _sound(settings))
    # Translators: the part that describes pictures, tried by `describer doctor`
    yield _try(pgettext("doctor", "captioner"), lambda: _captioner(settings))
    yield _try(pgettext("doctor", "language"), lambda: _language(settings))
    # Translators: the reading of text in pictures, tried by `describer doctor`
    yield _try(pgettext("doctor", "text"), lambda: _text(settings))


def _try(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, check())
    except DescriberError as error:
        return Check(name, problem=error.spoken)


def _screen(settings: Settings) -> str:
    backend = backends.require(SCREENS, N_("see the screen"))
    backend(settings.region, settings.capture.pointer_box).grab()
    # Translators: {name} is that of a program, and so it is below
    return _("{name} sees the screen").format(name=backend.name)


def _keyboard(settings: Settings) -> str:
    from describer_daemon.service import control

    if not settings.keys:
        return _("the settings want no keys")
    try:
        backend = backends.require(HOTKEYS, N_("listen for keys"))
    except DescriberError as error:
        if have_desktops_keys():
            return _("the desktop's own shortcuts start the describer")
        raise DescriberError(
            # Translators: {reason} is one sentence or two
            _(
                "{reason} You can bind `describer trigger screen` to a key in "
                "your desktop's own settings."
            ).format(reason=why_none()),
            detail=error.detail,
        ) from error
    try:
        running = control.send("status", timeout=2.0)
    except DescriberError:
        listener = backend()
        taking = Taking(settings.keys)
        lost: list[DescriberError] = []
        taking.start(lambda keys: listener.start(keys, lambda __: None, lost.append))
        held = ", ".join(listener.held().values())
        listener.stop()
        if taking.refused is not None:
            raise taking.refused from None
        if lost:
            raise lost[0] from None
        return _("{name} can have the keys {keys}").format(name=backend.name, keys=held)
    if not (keys := running.get("keys")):
        raise DescriberError(_("The describer that runs holds no keys. See: describer status."))
    told = _("the describer that runs holds the keys {keys}")
    return told.format(keys=", ".join(keys.values()))


def _clipboard() -> str:
    backend = backends.require(CLIPBOARDS, N_("read the clipboard"))
    try:
        backend().grab()
    except NoPictureError as error:
        # Translators: {answer} is a whole sentence
        told = _("{name} answers: {answer}")
        return told.format(name=backend.name, answer=error.spoken)
    # Translators: on the clipboard
    return _("{name} answers: there is a picture on it").format(name=backend.name)


def _voice(settings: Settings) -> str:
    speaker = make_speaker(settings)
    try:
        if (missing := missing_speaker(settings, speaker.name)) is not None:
            raise missing
        speaker.configure(settings.voice)
        if speaker.voice_from:
            told = _("{name} speaks, in the voice that is set in {program}")
            result = told.format(name=speaker.name, program=speaker.voice_from)
        else:
            number = len(listed(speaker))
            told = ngettext(
                "{name} speaks, with {number} voice", "{name} speaks, with {number} voices", number
            )
            result = told.format(name=speaker.name, number=number)
    finally:
        speaker.close()
    skipped = backends.choose(SPEAKERS).skipped
    # Translators: {name} is a program that does not speak, {reason} says why
    told = _("{name} does not: {reason}")
    others = [told.format(name=name, reason=reason) for name, reason in skipped]
    return "; ".join([result, *others])


def _sound(settings: Settings) -> str:
    speaker = make_speaker(settings)
    try:
        speaker.configure(settings.voice)
        with as_interrupts():
            blocking.speak_blocking(speaker, _("The describer can be heard."), _HEAR_TIMEOUT)
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
    if bundle is None:
        # Translators: a bundle is the folder of a model; {confined} says what it cannot do
        return _("the bundle that ships is whole and loads; {confined}").format(confined=confined)
    # Translators: a bundle is the folder of a model; {confined} says what it cannot do
    told = _("the bundle {bundle} is whole and loads; {confined}")
    return told.format(bundle=bundle, confined=confined)


def _language(settings: Settings) -> str:
    language = i18n.language()
    speaker = make_speaker(settings)
    try:
        if not settings.speech.voice and not speaker.speaks(language):
            raise DescriberError(no_voice_of(language, speaker.name))
    finally:
        speaker.close()
    if language == i18n.ENGLISH:
        return _("{language}: all is told in it").format(language=language)
    captioner = make_captioner(settings)
    try:
        told = captioner.told()
    finally:
        captioner.close()
    return {
        "captions": _("{language}: all is told in it"),
        "things": _("{language}: things are listed in it, for captions cannot be translated"),
        "sentences": _("{language}: sentences are in it, but what is seen is told in English"),
    }[told].format(language=language)


def _text(settings: Settings) -> str:
    if importlib.util.find_spec("rapidocr") is None:
        return _("reading text is not installed; it comes with describer[text]")
    captioner = make_captioner(settings)
    try:
        captioner.read(Pixels(64, 64, bytes(64 * 32 * 3) + b"\xff" * (64 * 32 * 3)))
    finally:
        captioner.close()
    return _("text in pictures can be read")


@click.command(
    help=_("Check display, keys, clipboard, voice, sound and model; name the cure for what fails.")
)
def doctor() -> None:
    """Check every part; name the cure for what fails."""
    failed = False
    for check in examine():
        failed |= check.problem != ""
        # Translators: before a part that does not work
        bad = _("FAIL")
        # Translators: before a part that works
        good = _("ok")
        mark = bad if check.problem else good
        width = max(len(bad), len(good))
        streams.line(f"{mark:{width}s} {check.name:11s} {check.problem or check.result}")
    if failed:
        raise SystemExit(1)
