"""Child processes that can always be ended, whole group and all."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from describer_daemon.core import deadlines
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError

_ROOT = str(Path(__file__).parent.parent)
_guard = threading.Lock()
_started: weakref.WeakSet[subprocess.Popen[bytes]] = weakref.WeakSet()
# A handle on a process (Linux 5.3) never comes to mean another one, as its number may as soon as
# somebody has waited for it.
_handles: weakref.WeakKeyDictionary[subprocess.Popen[bytes], int] = weakref.WeakKeyDictionary()
_WHOLE_GROUP = 4  # PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9

_LATE = {
    "The clipboard": N_("The clipboard did not answer. Please try again."),
    "The desktop": N_("The desktop did not answer. Please try again."),
    "The screen": N_("The screen did not answer. Please try again."),
    "The voice": N_("The voice did not answer. Please try again."),
    "The private sound server": N_("The private sound server did not answer. Please try again."),
    "The daemon": N_("The daemon did not answer. Please try again."),
}
# Translators: {name} is that of a program
_LATE_ELSE = N_("{name} did not answer. Please try again.")


@dataclass(frozen=True, slots=True)
class Finished:
    """What a short-lived tool left behind."""

    code: int
    output: bytes
    errors: bytes


def python(module: str) -> list[str]:
    """A command that calls `main()` of one of our modules; further arguments may follow.

    Unlike `python -m` it is isolated: neither the folder that the person happens to be in, nor
    PYTHONPATH, nor a `usercustomize` has a say, and a `models` or a `PIL` of somebody else's that
    lies there is never taken for ours (see `isolated`).
    """
    launcher = str(Path(__file__).with_name("isolated.py"))
    flags = ["-I", "-B"] if sys.dont_write_bytecode else ["-I"]
    return [sys.executable, *flags, launcher, module, os.pathsep.join(_libraries())]


def _libraries() -> list[str]:
    """Where this program's own libraries are: a user's site, what a .pth file or a wrapper added.

    An isolated interpreter knows only some of these. What PYTHONPATH names, and the folder that
    we are in or were started from, are left out.
    """
    named = [*os.environ.get("PYTHONPATH", "").split(os.pathsep), "", str(Path(sys.argv[0]).parent)]
    foreign = {os.path.normpath(Path(path).absolute()) for path in named}
    known = [path for path in sys.path if Path(path).is_absolute() and path not in foreign]
    return [path for path in (*known, _ROOT) if os.pathsep not in path]


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
        list(command),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        env=env,
        start_new_session=True,
        creationflags=_no_window(),
    )
    with _guard:
        if not stays:
            _started.add(process)
        if hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):  # no descriptor is left, or it is not allowed
                _handles[process] = handle = os.pidfd_open(process.pid)
                weakref.finalize(process, os.close, handle)
    return process


def _no_window() -> int:
    """Windows opens a console, which takes the focus, for each program that wants one."""
    if sys.platform == "win32":
        return subprocess.CREATE_NO_WINDOW
    return 0


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
    """Kill a process started by `start` with all its descendants, and reap it.

    May be called at any time and from any thread. Before Linux 6.9 it does nothing once the
    process was reaped: what that had started is then left alone.
    """
    _kill(process)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout)


def leave(process: subprocess.Popen[bytes]) -> None:
    """Kill it as `end` does, but wait for it neither now nor at our end (`end_all`).

    One that hangs in a system call ends when that does, which may be never.
    """
    with _guard:
        _started.discard(process)
    _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":  # without groups; ours start none that would outlive them
        process.kill()
        return
    with _guard:
        handle = _handles.get(process)
    if handle is not None and hasattr(signal, "pidfd_send_signal"):
        try:
            signal.pidfd_send_signal(handle, signal.SIGKILL, None, _WHOLE_GROUP)
        except OSError as error:
            if error.errno != errno.EINVAL:  # else the kernel is too old
                raise
        else:
            return
    if _keeps_its_number(process):
        os.killpg(process.pid, signal.SIGKILL)


def _keeps_its_number(process: subprocess.Popen[bytes]) -> bool:
    """Whether nobody has waited for it: till then the system gives its number to no other."""
    if sys.platform != "win32" and process.returncode is None and hasattr(os, "waitid"):
        try:  # a thread that waits for it may have it, and not have told yet
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return False
    return process.returncode is None


def end_all(*, timeout: float = 1.0) -> None:
    """End whatever still runs of what `start` began: for the end of this program.

    A tool that waits for another program, such as one that hangs, would outlive us otherwise.
    """
    with _guard:
        running = [process for process in _started if process.poll() is None]
    for process in running:
        _kill(process)
    deadline = time.monotonic() + timeout
    for process in running:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))


def start_tool(
    command: Sequence[str],
    *,
    stdin: int | IO[Any] | None = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """`start` with pipes for what it prints. Raises DescriberError when it cannot be started."""
    pipe = subprocess.PIPE
    try:
        return start(command, stdin=stdin, stdout=pipe, stderr=pipe, env=env)
    except OSError as error:
        # a folder or a device may lack, too
        if isinstance(error, FileNotFoundError) and error.filename in (None, command[0]):
            raise DescriberError(
                _("The program {name} is missing. Please install it.").format(name=command[0]),
                detail=str(error),
            ) from error
        raise DescriberError(
            _("The program {name} cannot be started.").format(name=command[0]), detail=str(error)
        ) from error


def close_pipes(process: subprocess.Popen[bytes]) -> None:
    """Close our ends of the pipes that it was started with."""
    for end_of_pipe in (process.stdin, process.stdout, process.stderr):
        if end_of_pipe is not None:
            with contextlib.suppress(OSError):  # what was never taken cannot be flushed
                end_of_pipe.close()


def run(
    command: Sequence[str],
    *,
    timeout: float,
    what: str,
    data: bytes | None = None,
    env: Mapping[str, str] | None = None,
) -> Finished:
    """Run a tool to its end within `timeout` seconds.

    `what` completes "… did not answer" for the ear: one of `_LATE`, or the tool's name. Raises
    DescriberError when the tool is missing or too slow; never leaves it running.
    """
    stdin = subprocess.DEVNULL if data is None else subprocess.PIPE
    process = start_tool(command, stdin=stdin, env=env)
    try:
        output, errors = process.communicate(data, timeout)
    except subprocess.TimeoutExpired as error:
        raise DescriberError(
            _(_LATE.get(what, _LATE_ELSE)).format(name=what),
            detail=f"{command[0]} was still running after {timeout} s",
        ) from error
    finally:
        deadlines.moved()  # there may be another tool to ask
        if process.returncode is None:
            end(process)
        close_pipes(process)
    return Finished(process.returncode, output, errors)
