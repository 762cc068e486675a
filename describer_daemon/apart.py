"""Work that may hang for good, done by a process that can be left behind: see ADR 0040.

A thread that waits for a dead file system keeps its process from ending, whatever kills it. So
who may have to wait for one is a child process, which answers through its standard output: a byte
when it begins, and then the bytes that were asked for.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import IO, Any

from describer_daemon import conversation, processes
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

_FIRST_SECONDS = 20.0  # for Python to start on a busy computer; that is no silence yet
_END_SECONDS = 0.2  # that a killed process takes to end, if it does not hang
_BEGUN = b"\n"
_REFUSED = 3  # its exit status when it has a sentence

_left_behind: defaultdict[Hashable, list[subprocess.Popen[bytes]]] = defaultdict(list)
_guard = threading.Lock()  # of the list


def call(
    module: str,
    arguments: Sequence[str] = (),
    data: bytes | None = None,
    *,
    stdin: int | IO[Any] | None = subprocess.DEVNULL,
    late: DescriberError,
    silence: float,
    kind: Hashable = "",
    most: int = 20,
    errors: Iterable[type[DescriberError]] = (),
) -> bytes:
    """Have `main()` of a module of ours, which calls `answer`, do it in a process of its own.

    It gets `data`, or `stdin` as it is, as its standard input. What it raises is raised here, if
    it is a DescriberError or one of its kinds that are named in `errors`. Raises `late` when it
    has not got on for `silence` seconds, and at once while `most` earlier ones of this `kind`
    still hang.
    """
    if hanging(kind) >= most:
        raise late
    process = processes.start_tool(
        [*processes.python(module), *arguments],
        stdin=stdin if data is None else subprocess.PIPE,
    )
    try:
        finished = conversation.converse(
            process, data or b"", silence=silence, first=_FIRST_SECONDS
        )
    except conversation.SilentError:
        raise late from None
    finally:
        _leave(process, kind)
    if finished.code == _REFUSED:
        raise _refusal(finished.errors, errors)
    if finished.code or not finished.output.startswith(_BEGUN):
        last = finished.errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise DescriberError(
            _("A part of the describer broke off. Please try again."),
            detail=f"{module} exits {finished.code}: {last.partition(':')[0]}",
        )
    return finished.output[len(_BEGUN) :]


def answer(work: Callable[[], Iterable[bytes]]) -> None:
    """Be such a process: write what the work yields, as it comes, or why there is nothing."""
    out = sys.stdout.buffer
    out.write(_BEGUN)
    out.flush()
    try:
        for chunk in work():
            out.write(chunk)
            out.flush()
    except DescriberError as error:
        told = json.dumps([type(error).__name__, error.spoken, error.detail])
        sys.stderr.buffer.write(told.encode("ascii") + b"\n")
        sys.exit(_REFUSED)


def hanging(kind: Hashable = None) -> int:
    """How many of this kind, or of all, were left behind and still hang."""
    with _guard:
        for name in list(_left_behind):
            running = [process for process in _left_behind[name] if process.poll() is None]
            if running:
                _left_behind[name] = running
            else:
                del _left_behind[name]
        return sum(len(running) for name, running in _left_behind.items() if kind in (None, name))


def _leave(process: subprocess.Popen[bytes], kind: Hashable) -> None:
    """End it, but hardly wait: what hangs in the kernel hears of its end when it wakes up."""
    processes.leave(process)
    processes.close_pipes(process)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        with _guard:
            _left_behind[kind].append(process)


def _refusal(printed: bytes, kinds: Iterable[type[DescriberError]]) -> DescriberError:
    name, spoken, detail = json.loads(printed.splitlines()[-1])
    named = {kind.__name__: kind for kind in kinds}
    return named.get(name, DescriberError)(spoken, detail=detail)
