"""The programs that bring sound to the ear: whichever the sound server ships, killable."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from describer_daemon import processes
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

if TYPE_CHECKING:
    from describer_daemon.speech.utterance import Utterance

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Player:
    """A program that plays a WAV from its standard input and fails aloud when it cannot."""

    program: str
    options: tuple[str, ...]

    def command(self) -> list[str]:
        """The whole command line."""
        return [self.program, *self.options]


# Order is preference. A second of sound waits in the sound server, so that a busy machine does
# not break the speech; it starts no later, for the synthesiser fills it at once. The difference
# to twice the process time (100 ms) goes to the device, and is what a stop cannot take back.
PLAYERS = (
    Player(
        "paplay",
        (
            "--client-name=describer",
            "--property=media.role=a11y",
            "--latency-msec=1000",
            "--process-time-msec=450",
        ),
    ),
    # it takes no pipe as "-" before 1.0, but its WAV reader does
    Player("pw-play", ("--media-role=Accessibility", "--latency=100ms", "/dev/stdin")),
    Player("aplay", ("-q", "-")),
)


def installed() -> list[Player]:
    """The players on PATH, in order of preference."""
    return [player for player in PLAYERS if shutil.which(player.program)]


def unavailable_reason() -> str:
    """Why nothing can be played; "" when something can be tried."""
    if sys.platform in ("win32", "darwin"):
        return _("it plays with Linux' programs alone")
    if installed():
        return ""
    return _("no program plays sound: install pulseaudio-utils, pipewire-bin or alsa-utils")


def unheard(detail: str) -> DescriberError:
    """The sentence for speech that no player could bring out."""
    if not installed():
        return DescriberError(
            _("I cannot be heard: no program plays sound. Please install pulseaudio-utils."),
            detail=detail,
        )
    return DescriberError(
        _(
            "I cannot be heard: the sound server or device does not answer. "
            "Please check that sound works."
        ),
        detail=detail,
    )


def play(sound: bytes, utterance: Utterance, *, timeout: float) -> None:
    """Play a WAV with the first player that can, within `timeout` seconds.

    Returns when all was heard or `utterance` was stopped; raises DescriberError when no
    player could play it. Needs Linux: the player reads from memory, for the words are nobody
    else's, and a file may outlive us.
    """
    if not hasattr(os, "memfd_create"):
        raise unheard("this system has no files in memory")
    failures: list[str] = []
    for player in installed():
        with os.fdopen(os.memfd_create("speech"), "w+b") as file:
            file.write(sound)
            file.seek(0)
            problem = listen(start(player, file, utterance), player, timeout)
        if not problem or utterance.stopped:
            return
        failures.append(problem)
    raise unheard("; ".join(failures))


def start(player: Player, sound: IO[Any], utterance: Utterance) -> subprocess.Popen[bytes]:
    """Start a player on an open file or pipe; stopping `utterance` kills it."""
    process = processes.start(player.command(), stdin=sound, stderr=subprocess.PIPE)
    utterance.adopt_process(process)
    return process


def listen(process: subprocess.Popen[bytes], player: Player, timeout: float) -> str:
    """Wait for a player's end; "" or why another player may do better.

    Raises DescriberError when it is not finished after `timeout` seconds, and kills it: the
    sound server hangs, and would hang with any player.
    """
    try:
        __, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as error:
        processes.end(process)
        process.communicate()
        raise unheard(f"{player.program} was not finished after {timeout:.1f} s") from error
    if process.returncode == 0:
        return ""
    message = errors.decode(errors="replace").strip()[-200:]
    problem = f"{player.program} ended with {process.returncode}: {message}"
    log.info("not heard: %s", problem)
    return problem
