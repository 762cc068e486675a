"""The end, told by a signal handler at any moment."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from types import FrameType
from typing import Any

import pytest

from describer_daemon.service.shutdown import ShutdownEvent


def test_it_is_over_when_it_was_told_and_stays_so() -> None:
    shutdown = ShutdownEvent()
    assert not shutdown.is_set()
    assert not shutdown.wait(0.0)
    threading.Timer(0.05, shutdown.set).start()
    assert shutdown.wait(20)
    shutdown.set()
    assert shutdown.wait(0.0)
    assert shutdown.wait(0.0)
    assert shutdown.is_set()


@pytest.mark.parametrize("moment", range(12))
def test_it_may_be_told_between_any_two_lines_of_the_wait(moment: int) -> None:
    """As a signal handler does, which runs on the thread that waits."""
    shutdown, lines, over = ShutdownEvent(), itertools.count(), threading.Event()

    def interrupt(frame: FrameType, event: str, argument: Any) -> Any:
        if next(lines) == moment:
            shutdown.set()
        return interrupt

    def wait() -> None:
        sys.settrace(interrupt)
        while not shutdown.wait(0.02):
            pass
        sys.settrace(None)
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    assert over.wait(20)


_DISTURBED = """
import signal, sys, threading, time
from describer_daemon.service.shutdown import ShutdownEvent

shutdown = ShutdownEvent()
shutdown.on_signals()
sleeper = threading.Thread(target=time.sleep, args=(60,), daemon=True)
sleeper.start()
told = []
def tell():
    time.sleep(0.2)  # the main thread waits by then
    told.append(time.monotonic())
    signal.pthread_kill(sleeper.ident, getattr(signal, sys.argv[1]))
threading.Thread(target=tell, daemon=True).start()
while not shutdown.wait(15):
    pass
print(time.monotonic() - told[0])
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_that_another_thread_gets_is_noticed_at_once(name: str) -> None:
    """The system gives a program's signal to any of its threads."""
    done = subprocess.run(
        [sys.executable, "-c", _DISTURBED, name],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert float(done.stdout) < 10  # not when the wait is over


_ENDURING = """
import os, signal, sys
from describer_daemon.service.shutdown import ShutdownEvent

shutdown = ShutdownEvent()
shutdown.on_signals()
for name in ("SIGHUP", "SIGINT", "SIGTERM"):
    os.kill(os.getpid(), getattr(signal, name))
    while name == "SIGTERM" and not shutdown.wait(15):
        pass
    print(name, shutdown.wait(0.2))
    if shutdown.is_set():
        break
"""


@pytest.mark.parametrize(
    ("starts_it", "ended_by"),
    [
        ((), "SIGHUP"),
        (("nohup",), "SIGINT"),
        (("sh", "-c", 'trap "" INT; "$@"; true', "sh", "nohup"), "SIGTERM"),
    ],
)
def test_a_signal_that_it_was_started_to_ignore_does_not_end_it(
    starts_it: tuple[str, ...], ended_by: str
) -> None:
    """As with `nohup`, and with a script's `&`."""
    done = subprocess.run(
        [*starts_it, sys.executable, "-c", _ENDURING],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.split()[-2:] == [ended_by, "True"]
