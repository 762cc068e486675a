"""What the commands share: the settings, and who speaks."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from describer_daemon.cli import streams
from describer_daemon.core import i18n
from describer_daemon.core.ports import DescriberError

if TYPE_CHECKING:
    from describer_daemon.settings.settings import Settings


def settings_or_defaults(
    *, write: bool = False
) -> tuple[Settings, Path | None, DescriberError | None, tuple[int, ...]]:
    """→ the settings, the file they come from, what is wrong, its stamp from before it was read.

    A file with a mistake, one that cannot be written, or no place for one must not leave anyone
    without help.
    """
    from describer_daemon.settings import answering, settings

    path: Path | None = None
    stamp: tuple[int, ...] = ()
    try:
        path = settings.settings_path()
        answering.require(path)
        if write:
            settings.write_default(path)
        stamp = answering.stamp(path)
        loaded = settings.load(path)
        i18n.use(loaded.speech.language)
    except DescriberError as error:
        return settings.Settings(), path, error, stamp
    return loaded, path, None, stamp


def speaker_for_command(settings: Settings, without: str = "") -> Any:
    """The speaker that the settings name; what cannot be had is reported, and another serves.

    The one named `without` is passed over, without a word. Raises DescriberError when nothing
    here can speak.
    """
    from describer_daemon.making import make_speaker, missing_speaker

    speaker: Any = make_speaker(settings, without=without)
    missing = missing_speaker(settings, speaker.name)
    if missing is not None and settings.speech.backend != without:
        streams.complain(missing.spoken)
    try:
        speaker.configure(settings.voice)
    except DescriberError as error:
        streams.complain(error.spoken)
        speaker.configure(dataclasses.replace(settings.voice, name=""))
    return speaker


def settings_for_command() -> Settings:
    """The settings for one command; a mistake in them is reported, and the defaults are used."""
    loaded, _, error, _ = settings_or_defaults()
    if error is not None:
        streams.complain(error.spoken)
    return loaded
