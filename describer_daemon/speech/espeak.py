"""espeak-ng's command line: how it is asked for speech, and what it calls its voices."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from describer_daemon import processes
from describer_daemon.core import i18n
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, VoiceSettings
from describer_daemon.speech import voices, wav
from describer_daemon.speech.utterance import speakable

if TYPE_CHECKING:
    from pathlib import Path

SLOWEST, FASTEST = 80, 450  # words a minute that it can speak


def command(voice: VoiceSettings) -> list[str]:
    """The program that reads text (see `encode`) and writes a WAV; `voice.name` as for -v."""
    # the text comes on standard input: there it is never an option, and `ps` does not show it
    options = ["espeak-ng", "--stdin", "--stdout", "-b", "1"]
    options += ["-s", str(min(max(voice.rate, SLOWEST), FASTEST))]
    options += ["-a", str(min(max(voice.volume, 0), 100))]
    # its default is a matter of how it was built
    return [*options, "-v", voice.name or _usual(voice.language or i18n.language())]


@functools.cache
def _usual(language: str) -> str:
    """What -v takes for the plain voice of a language, the English one where there is none."""
    return language if language == i18n.ENGLISH or speaks(language) else i18n.ENGLISH


def speaks(language: str) -> bool:
    """Whether there is a voice of it. Raises DescriberError when espeak-ng does not tell."""
    return language in listed()


def encode(text: str) -> bytes:
    """The text so that none of it is a command."""
    # espeak-ng reads [[...]] as phonemes
    return speakable(text).replace("[[", "[ [").encode(errors="replace")


def synthesise(text: str, voice: VoiceSettings) -> tuple[int, bytes]:
    """Frames a second and 16-bit mono samples. Raises DescriberError when espeak-ng fails."""
    done = processes.run(command(voice), timeout=30.0, what="The voice", data=encode(text))
    if done.code:
        raise failed(done.code, done.errors)
    # nothing to say gives no bytes at all; words always give some
    if not done.output and any(letter.isascii() and letter.isalnum() for letter in text):
        raise failed(done.code, done.errors)
    return wav.parse_stream(done.output) if done.output else (22050, b"")


def save_instead_of(who: str, text: str, voice: VoiceSettings, path: Path) -> None:
    """Write the speech as a WAV file for the back-end `who`, which cannot.

    Raises DescriberError when the file cannot be written, or espeak-ng does not have the voice.
    """
    try:
        name = find(voice.name) if voice.name else ""
        rate, samples = synthesise(text, replace(voice, name=name))
    except DescriberError as error:
        raise DescriberError(
            _(
                "{who} cannot save speech. Please install espeak-ng, or choose one of its voices."
            ).format(who=who),
            detail=f"{error.spoken} {error.detail}",
        ) from error
    wav.write(path, rate, samples)


def failed(code: int, errors: bytes) -> DescriberError:
    """The error for an exit status other than 0, or for words that it has not spoken."""
    message = errors.decode(errors="replace").strip()[-200:]
    return DescriberError(
        _("The voice espeak-ng failed. Please choose another voice."),
        detail=f"espeak-ng ended with {code}: {message}",
    )


def find(name: str) -> str:
    """What -v takes for "en-us", "English (America)", or either with a variant as "+Annie".

    Raises DescriberError with the nearest names when there is no such voice.
    """
    base, plus, variant = name.partition("+")
    code = voices.pick(base, listed())
    return code + plus + (voices.pick(variant, listed("=variant")) if plus else "")


def listed(kind: str = "") -> dict[str, str]:
    """What people may call each voice -> what -v takes."""
    done = processes.run(["espeak-ng", f"--voices{kind}"], timeout=5.0, what="The voice")
    if done.code:
        raise failed(done.code, done.errors)
    return parse(done.output)


def parse(listing: bytes) -> dict[str, str]:
    """Read the table of --voices: a voice goes by its language code, a variant by its file."""
    codes: dict[str, str] = {}
    titles: dict[str, str] = {}
    for line in listing.decode(errors="replace").splitlines()[1:]:
        _priority, language, _age, title, file = line.split()[:5]
        if file.startswith("mb/"):
            continue  # listed even where MBROLA is not installed, and then silent
        if language == "variant":
            code = file.removeprefix("!v/")
            codes.setdefault(code, code)
            titles.setdefault(title, code)
            continue
        codes.setdefault(language, language)
        titles.setdefault(title.replace("_", " "), language)
        for other in re.findall(r"\((\S+) \d+\)", line):  # (en 2): "en" will find a voice too
            titles.setdefault(other, other)
    return {**titles, **codes}
