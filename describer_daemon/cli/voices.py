"""`describer voices`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import click

from describer_daemon.cli import streams
from describer_daemon.cli.shared import settings_for_command, speaker_for_command
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, Speaker
from describer_daemon.service.shutdown import as_interrupts
from describer_daemon.speech import blocking


def listed(speaker: Speaker) -> Sequence[str]:
    """The voices of a speaker. Raises DescriberError when it has none: it cannot be heard then."""
    names = speaker.voices()
    if not names:
        raise DescriberError(_("The voice program has no voices. Please install one."))
    return names


@click.command(help=_("List the voices that the settings may name, or hear one."))
@click.option(
    "--sample", metavar="VOICE", help=_('Speak a sample in this voice; "" is the usual one.')
)
# Translators: what is said to hear a voice
@click.option("--text", default=_("A brown dog runs across the grass."), show_default=True)
def voices(sample: str | None, text: str) -> None:
    """List the voices that the settings may name, or let one be heard."""
    settings = settings_for_command()
    speaker = speaker_for_command(settings)
    if speaker.voice_from and sample != "":
        # Translators: {name} is a program, "these" are voices
        told = _("{name} speaks here, in its own voice. These are for when it does not run.")
        streams.complain(told.format(name=speaker.voice_from))
        speaker.close()
        speaker = speaker_for_command(settings, without=speaker.name)
    try:
        if sample is None:
            for voice in listed(speaker):
                streams.line(voice)
            return
        speaker.configure(dataclasses.replace(settings.voice, name=sample))
        with as_interrupts():
            blocking.speak_blocking(speaker, text)
    finally:
        speaker.close()
