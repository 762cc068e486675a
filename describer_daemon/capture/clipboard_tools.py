"""Running the tools that read a clipboard: without hanging, and knowing failure from nothing."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Sequence

from describer_daemon import processes
from describer_daemon.capture import copied_files
from describer_daemon.capture.copied_files import NoPictureError
from describer_daemon.core import deadlines
from describer_daemon.core.ports import DescriberError

_MAX_SECONDS = 20.0
_CHUNK = 1 << 16


def types(command: Sequence[str], *, timeout: float, none: Sequence[str]) -> list[str]:
    """What a tool lists as the types on offer; [] only when it says one of `none`.

    An empty clipboard is an error for these tools, as a desktop that they cannot reach is.
    Raises DescriberError for that, and as `fetch` does.
    """
    finished = fetch(command, timeout=timeout)
    if finished.code == 0:
        return [kind for kind in finished.output.decode("utf-8", "replace").split("\n") if kind]
    if _says(finished.errors, none):
        return []
    raise _unreachable(command[0], finished)


def content(command: Sequence[str], *, timeout: float, none: Sequence[str]) -> bytes:
    """What a tool gives for one of the types. Raises as `types`; NoPictureError for `none`."""
    finished = fetch(command, timeout=timeout)
    if finished.code == 0:
        return finished.output
    if _says(finished.errors, none):
        raise NoPictureError(
            "The clipboard changed just now. Please try again.",
            detail=f"{command[0]} exits {finished.code}",
        )
    raise _unreachable(command[0], finished)


def fetch(command: Sequence[str], *, timeout: float) -> processes.Finished:
    """Run a clipboard tool to its end.

    Raises DescriberError when it stays silent for `timeout` seconds (the program that owns
    the clipboard hangs), writes more than a picture may have, or cannot be started.
    """
    try:
        process = processes.start(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except FileNotFoundError as error:
        raise DescriberError(
            f"The program {command[0]} is missing. Please install it.", detail=str(error)
        ) from error
    except OSError as error:
        raise DescriberError(
            f"The program {command[0]} cannot be started.", detail=str(error)
        ) from error
    try:
        return _finished(process, command[0], timeout)
    finally:
        processes.end(process)
        for pipe in (process.stdout, process.stderr):
            processes.pipe(pipe).close()


def _finished(process: subprocess.Popen[bytes], tool: str, timeout: float) -> processes.Finished:
    output, errors = (processes.pipe(pipe).fileno() for pipe in (process.stdout, process.stderr))
    written = {output: bytearray(), errors: bytearray()}
    open_ends = [output, errors]
    deadline = time.monotonic() + _MAX_SECONDS
    while output in open_ends:  # what it has started may keep its errors open
        wait = max(0.0, min(timeout, deadline - time.monotonic()))
        if not (ready := select.select(open_ends, [], [], wait)[0]):
            raise _hangs(tool)
        for end in ready:
            _take(end, written[end], open_ends)
        if len(written[output]) > copied_files.LIMIT or len(written[errors]) > copied_files.LIMIT:
            raise copied_files.too_large()
    try:
        code = process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise _hangs(tool) from None
    while errors in open_ends and select.select([errors], [], [], 0)[0]:
        _take(errors, written[errors], open_ends)
    return processes.Finished(code, bytes(written[output]), bytes(written[errors]))


def _take(end: int, written: bytearray, open_ends: list[int]) -> None:
    chunk = os.read(end, _CHUNK)
    deadlines.moved()
    written += chunk
    if not chunk:
        open_ends.remove(end)


def _says(errors: bytes, phrases: Sequence[str]) -> bool:
    message = errors.decode("utf-8", "replace").lower()
    return any(phrase in message for phrase in phrases)


def _unreachable(tool: str, finished: processes.Finished) -> DescriberError:
    message = finished.errors.decode("utf-8", "replace").strip()[-200:]
    return DescriberError(
        "I cannot reach the clipboard. Is the describer running on your desktop?",
        detail=f"{tool} exits {finished.code}: {message}",
    )


def _hangs(tool: str) -> DescriberError:
    return DescriberError(
        "The clipboard did not answer. Copy the picture again.", detail=f"{tool} hung"
    )
