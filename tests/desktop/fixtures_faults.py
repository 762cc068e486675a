"""Fixtures: a describer that faults are done to, and the proof that it left nothing behind."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from describer_daemon import processes
from describer_daemon.core.ports import DescriberError
from describer_daemon.service import control
from describer_daemon.settings.settings import write_default
from describer_daemon.virtual.display import VirtualDisplay
from describer_daemon.virtual.sound import VirtualSound, similarity
from models.runtime.bundle import SHIPPED
from tests.bundles import photograph
from tests.desktop.fixtures_daemon import LONG, spoken
from tests.desktop.fixtures_display import keys_down, wait_until

SAME = 0.98
QUICK = 450  # words a minute: the tests' own speed
PLAYERS = ("paplay", "pw-play", "aplay")
_MARK = "DESCRIBER_TEST_FAMILY"
# what may remain when all has ended, and what foreign programs make for themselves
_OF_A_DISPLAY = re.compile(r"(?<=^run/describer/)[0-9a-f]{7}\.(lock|sock)$")
_KEPT = {"settings.toml", "run/describer/lock", ".local/state/describer/log/describer.log"}
_FOREIGN = {"pulse", "bundle", "tools", "dconf", "screen.png", "copied.png", "notified"}
# without what lets root read any file
_AS_ANYBODY = () if os.geteuid() else ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


class World:
    """A home, a display, a sound server and a PATH that a test may harm while `describer` runs.

    `tools` is all of PATH: a program that is unlinked there is not installed. What notify-send
    is told goes to the file `notified`. `caption` is the right answer to the key for the screen.
    """

    def __init__(self, home: Path, display: VirtualDisplay, sound: VirtualSound) -> None:
        self.home, self.display, self.sound = home, display, sound
        self.settings, self.notified = home / "settings.toml", home / "notified"
        self.log = home / ".local/state/describer/log/describer.log"
        self.tools, self.bundle = home / "tools", home / "bundle"
        self.mark = uuid.uuid4().hex
        self.daemon: subprocess.Popen[bytes] | None = None
        self.caption, self.rate, self._grabbed = "", QUICK, 0
        _link_tools(self.tools)
        self.script("notify-send", f'echo "$*" >> {self.notified}')
        write_default(self.settings)
        self.save(
            rate=QUICK, timeout_seconds=int(LONG), earcon="false", failure="false", level='"debug"'
        )

    @property
    def environment(self) -> dict[str, str]:
        """What the describer gets, and what tells its processes from all others."""
        return {
            **os.environ,
            "DESCRIBER_CONFIG": str(self.settings),
            _MARK: self.mark,
            "PATH": str(self.tools),
            "PULSE_SERVER": self.sound.server,
            "ALSA_CONFIG_PATH": os.devnull,
        }

    def save(self, **values: object) -> None:
        """Write settings to the file; each key is unique in there."""
        lines = self.settings.read_text(encoding="utf-8").splitlines()
        for key, value in values.items():
            (place,) = (n for n, line in enumerate(lines) if line.startswith(f"{key} = "))
            lines[place] = f"{key} = {value}"
        self.settings.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def change(self, **values: object) -> None:
        """Save settings while the describer runs, and wait until they are in use."""
        before = self.logged("settings reloaded")
        self.save(**values)
        wait_until(lambda: self.logged("settings reloaded") > before, "it was not reloaded")

    def script(self, name: str, text: str) -> None:
        """Put a program of our own on PATH."""
        path = self.tools / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    @contextlib.contextmanager
    def without(self, *tools: str) -> Iterator[None]:
        """As long as it lasts these programs are not installed."""
        aside = self.tools / "aside"  # a folder is no program
        aside.mkdir()
        present = [tool for tool in tools if self.tools.joinpath(tool).exists()]
        for tool in present:
            self.tools.joinpath(tool).rename(aside / tool)
        try:
            yield
        finally:
            for tool in present:
                aside.joinpath(tool).rename(self.tools / tool)
            aside.rmdir()

    def command(self) -> list[str]:
        return [sys.executable, "-m", "describer_daemon", "run"]

    def begin(self, *prefix: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start `describer run`, and do not wait for it."""
        self.daemon = processes.start(
            [*_AS_ANYBODY, *prefix, *self.command()],
            **{"stdout": None, "env": self.environment, **options},
        )
        return self.daemon

    def start(self, *prefix: str, **options: Any) -> None:
        """Start `describer run`, and wait until it listens."""
        self.begin(*prefix, **options)
        wait_until(self.listening, "the daemon did not listen")

    def serving(self) -> int:
        """The process of the describer that listens for the keys; 0 when none does."""
        with contextlib.suppress(DescriberError):
            status = control.send("status")
            if status.get("listening"):
                return int(status["pid"])
        return 0

    def listening(self) -> bool:
        assert self.daemon is not None
        assert self.daemon.poll() is None, "the daemon ended"
        return self.serving() == self.daemon.pid

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the describer; → its exit status."""
        assert self.daemon is not None
        self.daemon.send_signal(number)
        try:
            return self.daemon.wait(20)
        finally:
            processes.end(self.daemon)
            self.daemon = None

    def press(self, key: str) -> None:
        self._grabbed = self.logged("reached grabbed") + 1
        self.display.press(f"super+alt+{key}")

    def answered(self) -> int:
        return int(control.send("status")["answered"])

    def hears(self, act: Callable[[], object], *sentences: str) -> None:
        """Do `act`, which must be answered by one of these sentences, in sound."""
        before = self.answered()
        with self.sound.record() as recording:
            act()
            wait_until(lambda: self.answered() > before, "nothing was answered")
            wait_until(lambda: not control.send("status")["speaking"], "speech did not end")
            assert recording.wait_for_silence(0.15)
            sureness = [
                similarity(recording.samples, spoken(sentence, rate=self.rate))
                for sentence in sentences
            ]
        if max(sureness) <= SAME:
            said = control.send("repeat", wait=True)["sentence"]
            pytest.fail(f"{sureness} for {sentences}; it was {said!r}")

    def logged(self, text: str) -> int:
        """How often the log has this."""
        return self.log.read_text(encoding="utf-8").count(text) if self.log.exists() else 0

    def has_grabbed(self) -> bool:
        """Whether the picture of the last key was taken."""
        return self.logged("reached grabbed") >= self._grabbed

    def traces(self, text: str) -> int:
        """How often this was left both on the desktop and in the log, as it could not be heard."""
        shown = self.notified.read_text(encoding="utf-8") if self.notified.exists() else ""
        return min(shown.count(text), self.logged(f"not heard: {text}"))

    def family(self, name: str = "") -> dict[int, str]:
        """The describer and all that it started, orphans too: numbers and command lines.

        With `name` only those that have it in their command line.
        """
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if f"{_MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if name in command:
                        found[int(folder.name)] = command
        return found

    def member(self, name: str) -> int:
        """Wait for a process of the family; → its number."""
        wait_until(lambda: self.family(name), f"there is no {name}")
        return min(self.family(name))

    def captioner(self) -> int:
        return self.member("captioner.child")

    def files(self) -> set[str]:
        """All files and sockets in the home, foreign programs' own left out.

        Lock and socket are named after the display: here they are "lock" and "control.sock".
        """
        return {
            _OF_A_DISPLAY.sub(
                lambda found: {"lock": "lock", "sock": "control.sock"}[found[1]],
                str(path.relative_to(self.home)),
            )
            for path in self.home.rglob("*")
            if not path.is_dir() and not _FOREIGN & set(path.relative_to(self.home).parts)
        }

    def is_tidy(self) -> None:
        """While the describer runs and rests: itself, its captioner, its files, no more."""
        assert self.daemon is not None
        wait_until(
            lambda: len(self.family()) == 1 + len(self.family("captioner.child")) <= 2,
            f"{self.family()}",
        )
        assert self.files() <= _KEPT | {"run/describer/control.sock"}
        assert not keys_down(self.display)

    def is_gone(self) -> None:
        """After the end there is nothing but the settings, the log and the file of the lock."""
        wait_until(lambda: not self.family(), f"{self.family()}")
        assert self.files() <= _KEPT
        assert not keys_down(self.display)


def limit(process: int, what: int, soft: int) -> int:
    """Set a limit of another process; → the one before."""
    before, hard = resource.prlimit(process, what)
    resource.prlimit(process, what, (soft, hard))
    return before


def _link_tools(folder: Path) -> None:
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).glob("*") if Path(place).is_dir() else ():
            with contextlib.suppress(FileExistsError):
                folder.joinpath(program.name).symlink_to(program)


@contextlib.contextmanager
def world_on(display: VirtualDisplay) -> Iterator[World]:
    """A world of its own, but for the display; nothing of the describer may outlive it."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dsc-"))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        home = Path(folder)
        for name, mode in (("run", 0o700), ("tmp", 0o700)):
            home.joinpath(name).mkdir(mode=mode)
        for name in (
            "WAYLAND_DISPLAY",
            "XAUTHORITY",
            "DBUS_SESSION_BUS_ADDRESS",
            "XDG_CONFIG_HOME",
            "XDG_CACHE_HOME",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
            "SPEECHD_ADDRESS",
        ):
            patch.delenv(name, raising=False)
        for name, value in {
            "HOME": folder,
            "XDG_RUNTIME_DIR": str(home / "run"),
            "TMPDIR": str(home / "tmp"),
            "DISPLAY": display.name,
        }.items():
            patch.setenv(name, value)
        world = World(home, display, stack.enter_context(VirtualSound()))
        try:
            yield world
        finally:
            if world.daemon is not None:
                processes.end(world.daemon)
            for straggler in world.family():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(straggler, signal.SIGKILL)


@pytest.fixture
def world(shared_display: VirtualDisplay) -> Iterator[World]:
    """A world in which nothing runs yet."""
    with world_on(shared_display) as made:
        yield made


@pytest.fixture(scope="module")
def living(shared_display: VirtualDisplay) -> Iterator[World]:
    """One describer that has to live through all faults of a module, before a photograph."""
    with world_on(shared_display) as made, before_photograph(made):
        shutil.copytree(SHIPPED, made.bundle)
        made.save(bundle=f'"{made.bundle}"')
        made.start()
        made.press("i")
        wait_until(lambda: made.answered() == 1, "nothing was answered")
        made.caption = str(control.send("status")["last"])
        assert made.caption
        wait_until(lambda: not control.send("status")["speaking"], "speech did not end")
        yield made
        assert made.end() == 0
        made.is_gone()


@contextlib.contextmanager
def before_photograph(world: World) -> Iterator[None]:
    """A photograph is on the screen of the world."""
    picture = world.home / "screen.png"
    photograph("chelsea").convert("RGB").save(picture)
    viewer, _ = world.display.show_picture(picture)
    try:
        yield
    finally:
        world.display.end(viewer)
