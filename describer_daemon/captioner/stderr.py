"""What the captioner's process prints: logged as text, a little of it, never passed on as it is.

A library that it loads may complain there; a picture that took it over could command the terminal.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import IO

from describer_daemon.captioner import fields

log = logging.getLogger(__name__)

MOST_CHARACTERS, MOST_LINES = 4000, 40  # of one process
_CHUNK = 4096  # bytes
_JOIN_TIMEOUT = 1.0  # seconds


class StderrLog:
    """Reads a pipe to its end, whatever comes: a process whose pipe is full stands still."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Raises RuntimeError, with the pipe closed, when there is no thread left."""
        self._stream = stream
        self._characters, self._lines = MOST_CHARACTERS, MOST_LINES
        self._thread = threading.Thread(target=self._drain, name="captioner-stderr", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            stream.close()
            raise

    def close(self) -> None:
        """For when the process has ended: log the rest of what it printed, and close the pipe."""
        self._thread.join(_JOIN_TIMEOUT)
        if not self._thread.is_alive():  # else a program that it began still has the pipe
            self._stream.close()

    def _drain(self) -> None:
        unfinished = b""
        while chunk := os.read(self._stream.fileno(), _CHUNK):
            *lines, unfinished = (unfinished + chunk).split(b"\n")
            for line in lines:
                self._tell(line)
            # a line without an end is not kept for ever
            unfinished = unfinished[: 4 * MOST_CHARACTERS]
        self._tell(unfinished)

    def _tell(self, line: bytes) -> None:
        text = fields.printable(line.decode("utf-8", "replace")).strip()
        if not text or self._lines <= 0:
            return
        if self._lines == 1 or len(text) > self._characters:
            text = f"{text[: self._characters]} … and more, which is left out"
            self._lines = 0
        self._lines -= 1
        self._characters -= len(text)
        log.warning("the captioner's process says: %s", text)
