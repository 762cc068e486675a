"""What the commands share: how they fail, the names that they take, the settings."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from describer_daemon.core.ports import DescriberError

if TYPE_CHECKING:
    from describer_daemon.core.ports import Speaker
    from describer_daemon.settings.settings import Settings


def speaks_plainly(command: Callable[..., Any]) -> Callable[..., Any]:
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


def named(suffix: str, what: str) -> Callable[..., Path | None]:
    """Refuse names of another kind, before a picture is overwritten by its own description."""

    def checked(
        _context: click.Context, _option: click.Parameter, path: Path | None
    ) -> Path | None:
        if path is not None and path.suffix.lower() != suffix:
            raise click.BadParameter(
                f"{path} does not end in {suffix}, as the name of {what} must."
            )
        if path is not None and not path.absolute().parent.is_dir():
            raise click.BadParameter(f"there is no folder {path.parent}.")
        return path

    return checked


def settings_or_defaults(
    path: Path, *, write: bool = False
) -> tuple[Settings, DescriberError | None, tuple[int, ...]]:
    """→ the settings, what was wrong, and the file's stamp from before it was read.

    A file with a mistake, or that cannot be written, must not leave anyone without help.
    """
    from describer_daemon.settings import settings

    stamp: tuple[int, ...] = ()
    try:
        if write:
            settings.write_default(path)
        stamp = settings.stamp(path)
        return settings.load(path), None, stamp
    except DescriberError as error:
        return settings.Settings(), error, stamp


def speaker_for_command(settings: Settings) -> Speaker:
    """The speaker that the settings name; what cannot be had is reported, and another serves.

    Raises DescriberError when nothing here can speak.
    """
    from describer_daemon.app import make_speaker, missing_speaker

    speaker: Any = make_speaker(settings)
    if (missing := missing_speaker(settings, speaker.name)) is not None:
        click.echo(missing.spoken, err=True)
    try:
        speaker.configure(settings.voice)
    except DescriberError as error:
        click.echo(error.spoken, err=True)
        speaker.configure(dataclasses.replace(settings.voice, name=""))
    made: Speaker = speaker
    return made


def settings_for_command() -> Settings:
    """The settings for one command; a mistake in them is reported, and the defaults are used."""
    from describer_daemon.settings import settings

    loaded, error, _ = settings_or_defaults(settings.settings_path())
    if error is not None:
        click.echo(error.spoken, err=True)
    return loaded
