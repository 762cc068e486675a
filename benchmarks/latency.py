"""From the key event at the X server to the first sound at the sink, stage by stage."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from describer_daemon import processes
from describer_daemon.core import i18n
from describer_daemon.core.ports import DescriberError
from describer_daemon.service import control
from describer_daemon.settings.settings import Settings, write_default
from describer_daemon.virtual.display import VirtualDisplay
from describer_daemon.virtual.sound import VirtualSound

SCREEN = (1920, 1080)
_PATIENCE = 60.0  # seconds
_REACHED = re.compile(r"reached (\w+) at ([\d.]+)")
_TOOK = re.compile(r"(\w+) took ([\d.]+) ms")
# Each stage ends with a moment in the log; `find`, `caption` and, in another language than English,
# `translate` lie within "captioner".
_STAGES = (
    ("key", "taken"),
    ("grab", "grabbed"),
    ("captioner", "described"),
    ("phrase", "phrased"),
    ("voice", "voiced"),
)
_BUSY = "while True: pass"


@dataclass(frozen=True, slots=True)
class Press:
    """Milliseconds from a key press to the first sound (`total`), and what they went to."""

    total: float
    stages: Mapping[str, float]


class Bench:
    """A daemon on a private screen that shows a picture, with a sink that is listened to."""

    def __init__(
        self,
        display: VirtualDisplay,
        sound: VirtualSound,
        command: Sequence[str],
        language: str = i18n.ENGLISH,
    ) -> None:
        self.display, self.sound = display, sound
        settings = self.settings = Path(display.env["HOME"], "settings.toml")
        write_default(settings)
        text = settings.read_text(encoding="utf-8")
        for usual, wanted in (
            ('level = "info"', 'level = "debug"'),
            ("earcon = true", "earcon = false"),  # it would be the first sound
            ("show = true", "show = false"),
            ('language = ""', f'language = "{language}"'),
        ):
            if usual not in text:
                raise DescriberError(f"The settings file has no line {usual}.")
            text = text.replace(usual, wanted)
        settings.write_text(text, encoding="utf-8")
        display.env |= {"PULSE_SERVER": sound.server, "DESCRIBER_CONFIG": str(settings)}
        self.key = str(Settings().bindings.screen)
        began = time.monotonic()
        self.daemon = display.start([*command, "run"])
        self.wait("listening", lambda status: bool(status["listening"]))
        self.seconds_to_listen = time.monotonic() - began

    def wait(self, what: str, reached: Callable[[Mapping[str, object]], bool]) -> None:
        """Ask for the status until `reached` says yes of it."""
        latest = time.monotonic() + _PATIENCE
        while time.monotonic() < latest:
            if self.daemon.poll() is not None:
                raise DescriberError("The daemon ended early. Please try: describer doctor.")
            with contextlib.suppress(DescriberError), _environment(self.display.env):
                status = control.send("status")
                if reached(status):
                    return
            time.sleep(0.005)
        raise DescriberError(f"The daemon was not {what} in {_PATIENCE:g} seconds.")

    def press(self) -> Press:
        """Press the key, wait for the first sound, then for silence."""
        with self.sound.record() as recording:
            time.sleep(0.05)  # the recorder's own start
            began = self.display.press(self.key)
            if not recording.wait_for_sound(_PATIENCE):
                raise DescriberError("The key was pressed, but no sound came.")
            first = recording.first_sound or 0.0
            self.display.press(str(Settings().bindings.stop))
            self.wait("silent", lambda status: not status["speaking"])
            recording.wait_for_silence(0.2)
        return Press(1e3 * (first - began), self._stages(began, first))

    def ask(self, verb: str) -> None:
        """Ask over the control socket and wait for the sentence, though not for the voice."""
        with _environment(self.display.env):
            control.send(verb, wait=True)

    def unload(self) -> None:
        """Save another setting of the captioner, for which the loaded one is let go."""
        text = self.settings.read_text(encoding="utf-8")
        self.settings.write_text(
            text.replace("unload_after_minutes = 10", "unload_after_minutes = 11"), encoding="utf-8"
        )
        self.wait("unloaded", lambda status: not status["captioner loaded"])

    def _stages(self, began: float, first: float) -> dict[str, float]:
        """What the log says of the time between two moments."""
        logs = sorted(Path(self.display.env["HOME"]).rglob("describer.log"))
        text = logs[0].read_text(encoding="utf-8") if logs else ""
        moments: dict[str, float] = {}
        lengths: dict[str, float] = {}
        for line in text.splitlines()[-200:]:
            if (found := _REACHED.search(line)) and float(found[2]) >= began:
                moments.setdefault(found[1], float(found[2]))
                lengths = {} if found[1] == "grabbed" else lengths
            elif found := _TOOK.search(line):
                lengths[found[1]] = float(found[2])
        stages: dict[str, float] = {}
        before = began
        for name, moment in _STAGES:
            if moment in moments:
                stages[name] = 1e3 * (moments[moment] - before)
                before = moments[moment]
        return {**stages, "sound": 1e3 * (first - before), **lengths}


@contextlib.contextmanager
def bench(
    picture: Path, command: Sequence[str] | None = None, language: str = i18n.ENGLISH
) -> Iterator[Bench]:
    """Everything up and the picture shown; `command` is another way to start the daemon."""
    with VirtualDisplay(SCREEN) as display, VirtualSound() as sound:
        command = command or processes.python("describer_daemon.cli.main")
        running = Bench(display, sound, command, language)
        display.show_picture(picture)
        yield running


@contextlib.contextmanager
def busy(cores: int) -> Iterator[None]:
    """Another program keeps so many cores at work."""
    others = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(cores)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def warm(running: Bench, presses: int, name: str) -> list[Press]:
    """Press so often, the captioner being loaded."""
    running.press()
    return [running.press() for _ in tqdm(range(presses), desc=name, unit="press")]


def cold(picture: Path, presses: int, language: str = i18n.ENGLISH) -> list[Press]:
    """The first press of a daemon whose captioner is not loaded, so often."""
    found = []
    for _ in tqdm(range(presses), desc="cold", unit="press"):
        with bench(picture, language=language) as running:
            found.append(running.press())
    return found


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """The control socket lies where the daemon's environment says."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
