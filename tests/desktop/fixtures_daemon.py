"""Fixtures: the real `describer run` on the tests' display and sound server."""

from __future__ import annotations

import array
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from describer_daemon import processes
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.core.ports import DescriberError, VoiceSettings
from describer_daemon.service import control
from describer_daemon.settings.settings import write_default
from describer_daemon.virtual.display import VirtualDisplay
from describer_daemon.virtual.sound import VirtualSound, similarity
from tests.desktop.fixtures_display import wait_until
from tests.desktop.fixtures_sound import reference

RATE = 300  # words a minute
LONG = 120.0  # seconds for one caption, on a machine that is busy with other things


class RunningDaemon:
    """The real `describer run` on the test's display and sound server."""

    def __init__(self, sound: VirtualSound, settings: Path) -> None:
        self.sound, self.settings = sound, settings
        environment = {**sound.environment, "DESCRIBER_CONFIG": str(settings)}
        self.process = processes.start(
            [*processes.python("describer_daemon.cli.main"), "run"],
            stdout=subprocess.DEVNULL,
            env=environment,
        )
        try:
            wait_until(lambda: self.listening(), "the daemon did not listen")
        except BaseException:
            processes.end(self.process)  # else it would take the keys of the next display
            raise

    def listening(self) -> bool:
        assert self.process.poll() is None, "the daemon ended"
        try:
            return bool(control.send("status")["listening"])
        except DescriberError:
            return False

    def answered(self) -> int:
        return int(control.send("status")["answered"])

    def last(self) -> str:
        return str(control.send("status")["last"])

    def hears(self, act: Callable[[], object]) -> tuple[str, float]:
        """Do `act`, listen until silence; → the daemon's sentence and how surely it was heard."""
        before = self.answered()
        with self.sound.record() as recording:
            act()
            self.spoken_after(before)
            assert recording.wait_for_sound()
            assert recording.wait_for_silence()
            sentence = self.last()
            return sentence, similarity(recording.samples, spoken(sentence))

    def spoken_after(self, answered: int) -> None:
        """Wait until more than `answered` requests were answered, and all speech has ended."""
        wait_until(lambda: self.answered() > answered, "nothing was answered")
        wait_until(lambda: not control.send("status")["speaking"], "speech did not end")

    def answers(self, act: Callable[[], object]) -> str:
        """Do `act`; → the daemon's sentence, while it is still being spoken."""
        before = self.answered()
        act()
        wait_until(lambda: self.answered() > before, "nothing was answered")
        return self.last()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        finally:
            processes.end(self.process)


def spoken(sentence: str, rate: int = RATE) -> array.array[int]:
    """The samples that espeak-ng makes of a sentence."""
    return reference(sentence, VoiceSettings(rate=rate))


@pytest.fixture
def settings(sandbox: Path) -> Path:
    """A settings file of the test's own; fast speech, for the tests' own speed, and patience.

    Its tones are on: `similarity` would notice one that sounds into the words.
    """
    path = sandbox / "settings.toml"
    write_default(path)
    text = path.read_text(encoding="utf-8")
    text = text.replace("rate = 180", f"rate = {RATE}")
    text = text.replace("timeout_seconds = 20", f"timeout_seconds = {LONG:.0f}")
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def daemon(xserver: VirtualDisplay, audio: VirtualSound, settings: Path) -> Iterator[RunningDaemon]:
    running = RunningDaemon(audio, settings)
    yield running
    running.end()


@pytest.fixture(scope="module")
def captioner() -> Iterator[ChildCaptioner]:
    child = ChildCaptioner(timeout=LONG)
    yield child
    child.close()
