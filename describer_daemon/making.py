"""The parts that the settings describe: captioner, short sounds, speaker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.core import backends
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError
from describer_daemon.settings.settings import Settings
from describer_daemon.speech.candidates import SPEAKERS
from describer_daemon.speech.earcons import Earcons


def make_captioner(
    settings: Settings, on_stand_in: Callable[[DescriberError], None] | None = None
) -> ChildCaptioner:
    """Build the captioner that the settings describe; `on_stand_in` as for `ChildCaptioner`."""
    options = settings.captioner
    return ChildCaptioner(
        options.bundle,
        beam=options.beam or None,
        find=settings.capture.find,
        timeout=float(options.timeout_seconds),
        reading_timeout=float(options.text_timeout_seconds),
        unload_after=60.0 * options.unload_after_minutes,
        on_stand_in=on_stand_in,
        keep=True,
        words=options.words,
    )


def make_earcons(settings: Settings) -> Earcons:
    """Build the short sounds that the settings want."""
    sounds = settings.sounds
    return Earcons(sounds.earcon, sounds.failure, sounds.place)


def make_speaker(settings: Settings, than: str = "", without: str = "") -> Any:
    """Build the speaker that the settings name, else another one: see `fallback.Find`."""
    wanted = settings.speech.backend
    return backends.require(SPEAKERS, N_("speak"), wanted, than=than, without=without)()


def missing_speaker(settings: Settings, taken: str) -> DescriberError | None:
    """Why the speaker `taken` serves instead of the one that the settings name, if it does."""
    wanted = settings.speech.backend
    if wanted in (backends.AUTO, taken) or not (why := backends.why_not(SPEAKERS, wanted)):
        return None
    return DescriberError(
        # Translators: {wanted} and {taken} are names of programs, {why} is half a sentence
        _("I cannot speak with {wanted}, so {taken} serves. {why}.").format(
            wanted=wanted, taken=taken, why=why
        ),
        detail=why,
    )
