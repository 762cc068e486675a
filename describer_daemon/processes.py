"""Child processes that can always be ended, whole group and all."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from describer_daemon.core.ports import DescriberError

_ROOT = str(Path(__file__).parent.parent)
_guard = threading.Lock()
_started: weakref.WeakSet[subprocess.Popen[bytes]] = weakref.WeakSet()


@dataclass(frozen=True, slots=True)
class Finished:
    """What a short-lived tool left behind."""

    code: int
    output: bytes
    errors: bytes


def python(module: str) -> list[str]:
    """A command that calls `main()` of one of our modules; further arguments may follow.

    Unlike `python -m` it never imports from the folder that the person happens to be in,
    where a `models` or a `PIL` of somebody else's may lie.
    """
    code = (
        f"import sys; {_ROOT!r} in sys.path or sys.path.insert(0, {_ROOT!r}); "
        f"from {module} import main; main()"
    )
    return [sys.executable, "-P", "-c", code]


def start(
    command: Sequence[str],
    *,
    stdin: int | IO[Any] | None = subprocess.DEVNULL,
    stdout: int | IO[Any] | None = subprocess.DEVNULL,
    stderr: int | IO[Any] | None = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
    stays: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a program as the leader of its own process group (see `end`).

    One that `stays` is not ended by `end_all`.
    """
    process = subprocess.Popen(
        list(command), stdin=stdin, stdout=stdout, stderr=stderr, env=env, start_new_session=True
    )
    if not stays:
        with _guard:
            _started.add(process)
    return process


def processors() -> int:
    """How many processors this process may use, and thus what it starts."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """Return our end of a pipe that `start` was asked for. Raises ValueError if it was not."""
    if stream is None:
        raise ValueError("the process was started without this pipe")
    return stream


def end(process: subprocess.Popen[bytes], *, timeout: float = 1.0) -> None:
    """Kill a process started by `start` with all its descendants, and reap it."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout)


def end_all() -> None:
    """End whatever still runs of what `start` began: for the end of this program.

    A tool that waits for another program, such as one that hangs, would outlive us otherwise.
    """
    with _guard:
        running = [process for process in _started if process.poll() is None]
    for process in running:
        end(process)


def run(
    command: Sequence[str],
    *,
    timeout: float,
    what: str,
    data: bytes | None = None,
    env: Mapping[str, str] | None = None,
) -> Finished:
    """Run a tool to its end within `timeout` seconds.

    `what` completes "… did not answer" for the ear, e.g. "The clipboard". Raises
    DescriberError when the tool is missing or too slow; never leaves it running.
    """
    pipe = subprocess.PIPE
    try:
        process = start(
            command,
            stdin=subprocess.DEVNULL if data is None else pipe,
            stdout=pipe,
            stderr=pipe,
            env=env,
        )
    except FileNotFoundError as error:
        raise DescriberError(
            f"The program {command[0]} is missing. Please install it.", detail=str(error)
        ) from error
    except OSError as error:
        raise DescriberError(
            f"The program {command[0]} cannot be started.", detail=str(error)
        ) from error
    try:
        output, errors = process.communicate(data, timeout)
    except subprocess.TimeoutExpired as error:
        raise DescriberError(
            f"{what} did not answer. Please try again.",
            detail=f"{command[0]} was still running after {timeout} s",
        ) from error
    finally:
        if process.returncode is None:
            end(process)
        for pipe_end in (process.stdin, process.stdout, process.stderr):
            if pipe_end is not None:
                pipe_end.close()
    return Finished(process.returncode, output, errors)
