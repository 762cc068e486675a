"""The parts that the settings describe: captioner, short sounds, speaker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from describer_daemon.captioner import pool
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.captioner.standing_in import StandingIn
from describer_daemon.catalogue import entries, installed
from describer_daemon.core import backends
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError
from describer_daemon.settings.settings import CaptionerSettings, Settings
from describer_daemon.speech.candidates import SPEAKERS
from describer_daemon.speech.earcons import Earcons


@dataclass(frozen=True, slots=True)
class Chosen:
    """A captioner with its own limits: seconds for a caption, bytes beside its weights.

    `bundle` and `allowance` None are the one that ships, and what does for it.
    """

    bundle: Path | None
    timeout: float
    allowance: int | None = None


def chosen(options: CaptionerSettings, name: str | None = None) -> Chosen:
    """The captioner that the settings mean, or the one of that `name`, or in that folder.

    Raises DescriberError where there is no home to look for one in.
    """
    bundle = options.bundle
    if name is not None:
        bundle = Path(name) if entries.is_name(name) else Path(name).expanduser().absolute()
    timeout = float(options.timeout_seconds)
    if bundle is None or str(bundle) == installed.SHIPPED:
        return Chosen(None, timeout)
    one = installed.of(bundle)
    if one is None:
        return Chosen(installed.folder_of(bundle), timeout)
    return Chosen(one.model, max(timeout, one.seconds), one.allowance)


def worker_count(options: CaptionerSettings, files: int, name: str | None = None) -> int:
    """How many captioners should share so many files: one that was added is large, and alone."""
    return 1 if chosen(options, name).allowance is not None else pool.worker_count(files)


def make_captioner(
    settings: Settings, on_stand_in: Callable[[DescriberError], None] | None = None
) -> ChildCaptioner | StandingIn:
    """Build the captioner that the settings describe.

    With `on_stand_in` the one that ships serves where another cannot, and it is told why.
    """
    options = settings.captioner
    one = chosen(options)

    def made(one: Chosen) -> ChildCaptioner:
        return ChildCaptioner(
            one.bundle,
            beam=options.beam or None,
            find=settings.capture.find,
            timeout=one.timeout,
            reading_timeout=float(options.text_timeout_seconds),
            unload_after=60.0 * options.unload_after_minutes,
            on_stand_in=on_stand_in,
            keep=True,
            words=options.words,
            allowance=one.allowance,
        )

    if on_stand_in is None or one.bundle is None:
        return made(one)
    return StandingIn(made(one), made(Chosen(None, float(options.timeout_seconds))), on_stand_in)


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
