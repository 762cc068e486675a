"""The describer as a person has it after `describer setup`, on a whole desktop."""

from __future__ import annotations

import array
import time
from collections.abc import Callable
from typing import Any

from describer_daemon import processes
from describer_daemon.core.ports import VoiceSettings
from describer_daemon.service import control
from describer_daemon.settings.settings import write_default
from describer_daemon.virtual.sound import best_match
from tests.desktop.fixtures_sound import reference
from tests.desktops.session import Session, ran, until

SAMPLES, LOUD = 22050, 100  # a second; of 32767, as `Recording` has it
RATE = 170  # words a minute; one of those that speech-dispatcher has exactly
# speech-dispatcher's flutter goes on from sentence to sentence, and a busy machine tears its sound:
# the same sentence has 0.2 mostly, and 0.3 to 1 now and then; others reach 0.17
LIKE, SURELY = 0.2, 0.3
PRESSES = 5


def describer(*arguments: str) -> str:
    """What the command prints."""
    return ran(*processes.python("describer_daemon.cli.main"), *arguments)


def settle(session: Session) -> None:
    """Settings of a test's own: patience, and no tone, which would be the first sound."""
    path = session.home / "settings.toml"
    write_default(path)
    text = path.read_text(encoding="utf-8")
    for usual, wanted in (
        ("rate = 180", f"rate = {RATE}"),
        ("timeout_seconds = 20", "timeout_seconds = 120"),
        ("earcon = true", "earcon = false"),
        ("show = true", "show = false"),
        ('level = "info"', 'level = "debug"'),
    ):
        assert usual in text, usual
        text = text.replace(usual, wanted)
    path.write_text(text, encoding="utf-8")
    session.set(DESCRIBER_CONFIG=str(path))


class Describer:
    """The one that runs on this display."""

    def __init__(self, session: Session) -> None:
        self.session = session
        until(self._is_ready, self.log)

    def log(self) -> str:
        """Its log file; what else is printed, where there is none."""
        files = list(self.session.home.rglob("describer.log"))
        return "".join(path.read_text() for path in files or self.session.logs.iterdir())

    def _is_ready(self) -> bool:
        return any(line.endswith(" ready") for line in self.log().splitlines())

    def status(self) -> dict[str, Any]:
        """What `describer status` says."""
        return dict(control.send("status"))

    def hears(self, act: Callable[[], float]) -> tuple[str, float, float]:
        """Do `act`, which tells when. → the sentence, how surely it was heard, and after how long.

        The last in milliseconds until it begins: where it takes long, "Still looking." comes first.
        """
        with self.session.sound.record() as recording:
            recording.wait_for_silence(1.0)  # a screen reader may still tell of the window
        before = self.status()["answered"]
        with self.session.sound.record() as recording:
            time.sleep(0.05)  # the recorder's own start
            began = act()
            until(lambda: self.status()["answered"] > before, "nothing was answered")
            until(lambda: not self.status()["speaking"], "speech did not end")
            recording.wait_for_sound()
            recording.wait_for_silence()
        sentence = str(self.status()["last"])
        assert recording.first_sound is not None, f"silence instead of: {sentence}"
        sureness, second = heard(recording.samples, sentence)
        first = next(place for place, value in enumerate(recording.samples) if abs(value) > LOUD)
        begins = recording.first_sound + second - first / SAMPLES
        return sentence, sureness, 1e3 * (begins - began)


def heard(samples: array.array[int], sentence: str) -> tuple[float, float]:
    """How surely it was heard, from an English voice at this rate, and from which second on."""
    voices = [VoiceSettings(name, RATE, 200) for name in ("en", "en-us")]
    return max(best_match(samples, reference(sentence, one)) for one in voices)
