"""A person's whole session on a real desktop: home, buses, programs, voice, and its end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import pytest

from describer_daemon import processes
from describer_daemon.virtual.sound import VirtualSound
from tests.desktop.fixtures_display import alone_at_home
from tests.desktop.fixtures_sound import speech_dispatcher

T = TypeVar("T")
PATIENCE = 180.0  # seconds; a whole desktop on a machine that does other things

# Neither of the machine's own: a desktop asks there for logind, colord and a dozen others.
_SYSTEM_BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
<allow own="*"/></policy></busconfig>
"""


def until(condition: Callable[[], T], what: str | Callable[[], str]) -> T:
    """What `condition()` gives as soon as it is true; fail when it never is."""
    latest = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < latest, what if isinstance(what, str) else what()
        time.sleep(0.02)
    return found


class Session:
    """Programs of one person, who has nothing else; what they print is in `logs`."""

    def __init__(self, home: Path, patch: pytest.MonkeyPatch, sound: VirtualSound) -> None:
        self.home, self.run, self.logs = home, home / "run", home / "logs"
        self.patch, self.sound = patch, sound
        self.logs.mkdir()
        self._started: list[subprocess.Popen[bytes]] = []
        self._count = 0

    def set(self, **variables: str) -> None:
        """Set these for all that is started from now on, and for this process."""
        for name, value in variables.items():
            self.patch.setenv(name, value)

    @property
    def log(self) -> Path:
        """What the program prints that was started last."""
        return max(self.logs.iterdir())

    def start(self, *command: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a program of the session; it ends with the session at the latest."""
        self._count += 1
        log = self.logs / f"{self._count:02}-{Path(command[0]).name}.log"
        with log.open("wb") as out:
            every = {**os.environ, **(env or {})}
            process = processes.start(command, stdout=out, stderr=out, env=every)
        self._started.append(process)
        return process

    def started(self) -> set[int]:
        """The process numbers of what `start` began."""
        return {process.pid for process in self._started}

    def tell_the_bus(self, *names: str) -> None:
        """Have what the bus starts know these variables."""
        names = ("DBUS_SYSTEM_BUS_ADDRESS", "XDG_RUNTIME_DIR", "XDG_CURRENT_DESKTOP", *names)
        ran("dbus-update-activation-environment", *(one for one in names if one in os.environ))

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """End a program that `start` began, now."""
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        processes.end(process)

    def close(self) -> None:
        """End all of it, also what the bus and the programs have started."""
        while self._started:
            self.end(self._started.pop())
        for pid in _with_runtime(str(self.run)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def session(sound: VirtualSound) -> Iterator[Session]:
    """A home, both buses, the bus of accessibility and a voice; no desktop yet."""
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        # not pytest's own: a socket's path has at most 107 bytes
        home = Path(stack.enter_context(
            tempfile.TemporaryDirectory(prefix="dsw-", ignore_cleanup_errors=True)
        ))  # fmt: skip
        alone_at_home(patch, home)
        one = Session(home, patch, sound)
        stack.callback(one.close)
        # a session manager tells the bus what it starts; locales are for its translations
        one.set(LANG="C.UTF-8", LC_ALL="C.UTF-8", LIBGL_ALWAYS_SOFTWARE="1")
        one.set(PULSE_SERVER=sound.server)
        patch.delenv("NO_AT_BRIDGE", raising=False)
        _buses(one)
        one.set(SPEECHD_ADDRESS=stack.enter_context(speech_dispatcher(sound)))
        yield one


def _buses(one: Session) -> None:
    config = one.home / "system.conf"
    config.write_text(_SYSTEM_BUS.format(path=one.run / "system"))
    one.start("dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile")
    until((one.run / "system").exists, "there is no system bus")
    one.set(DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={one.run}/system")
    address = f"unix:path={one.run}/bus"
    one.start("dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}")
    until((one.run / "bus").exists, "there is no session bus")
    one.set(DBUS_SESSION_BUS_ADDRESS=address)


def ran(*command: str, env: Mapping[str, str] | None = None) -> str:
    """What a program prints, which must succeed."""
    done = processes.run(
        command, timeout=PATIENCE, what=command[0], env={**os.environ, **(env or {})}
    )
    assert done.code == 0, f"{command}: {done.errors.decode()}"
    return done.output.decode()


def _with_runtime(folder: str) -> list[int]:
    """The processes whose runtime folder this is."""
    wanted, found = f"XDG_RUNTIME_DIR={folder}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if wanted in path.read_bytes().split(b"\0") and int(path.parts[2]) != os.getpid():
                found.append(int(path.parts[2]))
    return found
