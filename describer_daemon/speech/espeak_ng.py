"""Speech by espeak-ng, its sound piped into the sound server's player.

espeak-ng alone ends well even where there is no sound device; a player tells.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from describer_daemon import processes
from describer_daemon.core import stages
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, VoiceSettings
from describer_daemon.speech import espeak, players, wav
from describer_daemon.speech.utterance import OneAtATime, Utterance, max_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from describer_daemon.speech.players import Player

# how it may end when its player has ended before it
_HARMLESS = {0}
if sys.platform != "win32":
    _HARMLESS.add(-signal.SIGPIPE)


class EspeakSpeaker(OneAtATime):
    """See `ports.Speaker`. Voices are language codes such as "en-us", or "en-us+f3"."""

    name = "espeak-ng"

    @classmethod
    def unavailable_reason(cls) -> str:
        """See `backends.Backend`."""
        if not shutil.which("espeak-ng"):
            return _("espeak-ng is missing: install espeak-ng")
        return players.unavailable_reason()

    def configure(self, voice: VoiceSettings) -> None:
        """See `ports.Speaker`."""
        self._voice = replace(voice, name=espeak.find(voice.name) if voice.name else "")

    def voices(self) -> Sequence[str]:
        """See `ports.Speaker`. A name may be followed by a variant, as in "en-us+f3"."""
        return sorted(set(espeak.listed().values()))

    def speaks(self, language: str) -> bool:
        """See `OneAtATime`."""
        return espeak.speaks(language)

    def save(self, text: str, path: Path) -> None:
        """See `ports.Speaker`."""
        wav.write(path, *espeak.synthesise(text, self._voice))

    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None:
        """See `OneAtATime`."""
        failures: list[str] = []
        for player in players.installed():
            problem = _speak_with(player, text, voice, utterance)
            if not problem or utterance.stopped:
                return
            failures.append(problem)
        raise players.unheard("; ".join(failures))


def _speak_with(player: Player, text: str, voice: VoiceSettings, utterance: Utterance) -> str:
    """Speak to the end; "" or the player's error."""
    pipe = subprocess.PIPE
    try:
        synthesiser = processes.start(espeak.command(voice), stdin=pipe, stdout=pipe, stderr=pipe)
    except FileNotFoundError as error:
        raise DescriberError(_("espeak-ng is missing. Please install it.")) from error
    utterance.adopt_process(synthesiser)
    text_pipe, sound, error_pipe = map(
        processes.pipe, (synthesiser.stdin, synthesiser.stdout, synthesiser.stderr)
    )
    with error_pipe:
        try:
            with sound:  # ours must close, else espeak-ng would outlive its player
                playing = players.start(player, sound, utterance)
            with contextlib.suppress(BrokenPipeError), text_pipe:
                text_pipe.write(espeak.encode(text))
            stages.reached("voiced")
            problem = players.listen(playing, player, max_seconds(text, voice.rate))
            if not problem:  # all it gave was played: now its own end tells whether that was all
                with contextlib.suppress(subprocess.TimeoutExpired):
                    synthesiser.wait(1.0)
            code = synthesiser.poll()
        finally:
            processes.end(synthesiser)
        if code is not None and code not in _HARMLESS and not utterance.stopped:
            raise espeak.failed(code, error_pipe.read())
    return problem
