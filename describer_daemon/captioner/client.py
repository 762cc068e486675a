"""The daemon's end of the captioner: a child process, started when needed, killed when stuck."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from describer_daemon import processes
from describer_daemon.captioner import protocol
from describer_daemon.core import stages
from describer_daemon.core.ports import (
    Caption,
    DescriberError,
    Encoded,
    Found,
    Picture,
    Reading,
    Rectangle,
    Tag,
    TextLine,
)

log = logging.getLogger(__name__)

# numpy's and OpenMP's pools would each take a thread a core and memory for it; ours are set
# where they are used
LEAN = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2",
        # what is large goes back at once, and does not narrow the next picture's limit: a caption
        # takes a twentieth longer, and a seventh less memory
        "MALLOC_MMAP_THRESHOLD_": str(1 << 20), "MALLOC_TRIM_THRESHOLD_": str(8 << 20)}
# nothing leaves this machine: see also the engine, for whoever runs it without us
_SILENT = {"ORT_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
_CONFINED = {"memory": "takes only so much memory", "files": "can change no file",
             "system": "can reach no network and no other program"}
_BROKE_OFF = "The captioner broke off on this picture. Please try again."


class ChildCaptioner:
    """See `ports.Captioner`. May be called from any thread; one picture at a time."""

    def __init__(
        self, bundle: Path | None = None, *, beam: int | None = None, engine: str = "onnx",
        find: bool = True, timeout: float = 20.0, reading_timeout: float = 90.0,
        unload_after: float = 0.0, threads: int | None = None,
    ) -> None:
        """`bundle` None is the one that ships; times are in seconds.

        Without `find` every picture is taken whole, a screen too. It computes with as many
        `threads` as there are processors, unless it is told otherwise.
        A picture that takes longer than `timeout`, or one whose text takes longer than
        `reading_timeout`, costs the child its life. After
        `unload_after` idle seconds it is ended to free its memory (0: never).
        """
        self._command = [*processes.python("describer_daemon.captioner.child"),
                         "--engine", engine]
        if bundle is not None:
            self._command += ["--bundle", str(bundle)]
        if beam is not None:
            self._command += ["--beam", str(beam)]
        if not find:
            self._command.append("--whole")
        if threads is not None:
            self._command += ["--threads", str(threads)]
        self._timeout, self._reading_timeout = timeout, reading_timeout
        self._unload_after = unload_after
        self._lock = threading.RLock()
        self._child: subprocess.Popen[bytes] | None = None
        self._idle: threading.Timer | None = None
        self._guard = threading.Lock()  # of these two: a child may be killed only as it reads
        self._reading: subprocess.Popen[bytes] | None = None
        self._cancelled = False

    def describe(self, picture: Picture, passed: Sequence[Rectangle] = ()) -> Caption:
        head = {"op": "describe", **_form(picture), "passed": [_sides(box) for box in passed]}
        reply, _ = self._ask(head, picture.data)
        stages.took(reply["milliseconds"])
        return _caption(reply)

    def illustrate(self, picture: Picture) -> tuple[Caption, bytes]:
        """Describe, and draw where each word looked: a PNG, empty if there are no words.

        Raises DescriberError like `describe`.
        """
        reply, heatmap = self._ask({"op": "illustrate", **_form(picture)}, picture.data)
        return _caption(reply), heatmap

    def read(self, picture: Picture) -> Reading:
        reply, _ = self._ask({"op": "read", **_form(picture)}, picture.data)
        paragraphs = tuple(tuple(TextLine(**line) for line in lines)
                           for lines in reply["paragraphs"])
        return Reading(paragraphs, reply["finding"])

    def cancel(self) -> None:
        # to read a screen takes seconds, for which nobody should wait in vain
        with self._guard:
            if self._reading is not None:
                self._cancelled = True
                self._reading.kill()

    def outline(self, picture: Picture, boxes: Sequence[Rectangle]) -> bytes:
        """A PNG of the picture with numbered boxes drawn into it, from 1.

        Raises DescriberError like `describe`.
        """
        head = {"op": "outline", **_form(picture), "boxes": [_sides(box) for box in boxes]}
        return self._ask(head, picture.data)[1]

    def warm_up(self) -> None:
        self._ask({"op": "load"}, b"")

    def confined(self) -> str:
        """What its process cannot do, for the ear; loads it. Raises DescriberError."""
        reply, _ = self._ask({"op": "load"}, b"")
        held = [_CONFINED[name] for name in reply["confined"] if name in _CONFINED]
        return "its process " + (", ".join(held) if held else "is not confined on this system")

    def close(self) -> None:
        # whoever holds the lock may be waiting for a child, even for one that is just starting
        while not self._lock.acquire(timeout=0.05):
            child = self._child
            if child is not None:
                child.kill()
        try:
            self._drop()
        finally:
            self._lock.release()

    def _unload(self) -> None:
        if self._lock.acquire(blocking=False):  # else it is at work, so not idle
            try:
                log.info("the captioner was idle and is unloaded")
                self._drop()
            finally:
                self._lock.release()

    def _drop(self) -> None:
        with self._lock:
            if self._idle is not None:
                self._idle.cancel()
            if self._child is not None:
                self._end(self._child)
                self._child = None

    def is_loaded(self) -> bool:
        """Whether the child runs now."""
        child = self._child
        return child is not None and child.poll() is None

    def _ask(
        self, head: dict[str, Any], body: bytes | bytearray | memoryview
    ) -> tuple[dict[str, Any], bytes]:
        with self._lock:
            if self._idle is not None:
                self._idle.cancel()
            reused, self._cancelled = self._child is not None, False
            message = self._exchange(head, body)
            if reused and (message is None or "short" in message[0]):
                # it had died while it was idle, or what it did before had taken the memory
                self._drop()
                message = self._exchange(head, body)
            if message is None:
                raise DescriberError(_BROKE_OFF)
            if "short" in message[0]:
                self._drop()  # what is left of it may be in pieces
            else:
                self._rest()
        reply, _ = message
        if "error" in reply:
            raise DescriberError(str(reply["error"]), detail=str(reply.get("detail", "")))
        return message

    def _exchange(
        self, head: dict[str, Any], body: bytes | bytearray | memoryview
    ) -> tuple[dict[str, Any], bytes] | None:
        """Send and receive; None when the child was gone before it had the whole message."""
        child = self._running()
        reads = head["op"] == "read"
        stuck, limit = threading.Event(), self._reading_timeout if reads else self._timeout
        watchdog = threading.Timer(limit, self._kill, (child, stuck))
        watchdog.daemon = True
        watchdog.start()
        sent, message = False, None
        with self._guard:
            self._reading = child if reads else None
        try:
            protocol.write(processes.pipe(child.stdin), head, body)
            sent = True
            message = protocol.read(processes.pipe(child.stdout))
        except (OSError, ValueError) as error:
            log.warning("the captioner's process broke off: %r", error)
        finally:
            with self._guard:
                self._reading = None
            watchdog.cancel()
            watchdog.join()  # so that it cannot kill the child between two pictures
        if message is not None and not stuck.is_set() and not self._cancelled:
            return message
        self._drop()
        if stuck.is_set():
            raise DescriberError(
                f"The captioner did not answer in {limit:g} seconds, so I ended it. "
                "Please try again."
            )
        if self._cancelled:
            raise DescriberError("The reading was called off.")
        if sent:
            raise DescriberError(_BROKE_OFF, detail=f"exit code {child.returncode}")
        return None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is not None:
            log.warning("the captioner's process had ended with %s", self._child.returncode)
            self._drop()
        if self._child is None:
            pipe = subprocess.PIPE
            try:
                self._child = processes.start(self._command, stdin=pipe, stdout=pipe,
                                              stderr=None, env={**os.environ, **LEAN, **_SILENT})
            except OSError as error:
                raise DescriberError("The captioner cannot be started. Please try again.",
                                     detail=repr(error)) from error
        return self._child

    def _rest(self) -> None:
        if self._unload_after > 0:
            self._idle = threading.Timer(self._unload_after, self._unload)
            self._idle.daemon = True
            self._idle.start()

    @staticmethod
    def _kill(child: subprocess.Popen[bytes], stuck: threading.Event) -> None:
        stuck.set()
        child.kill()

    @staticmethod
    def _end(child: subprocess.Popen[bytes]) -> None:
        processes.end(child)
        for stream in (child.stdin, child.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:  # what was still buffered has nowhere to go
                    log.debug("unsent bytes to the captioner were dropped")


def _form(picture: Picture) -> dict[str, Any]:
    if isinstance(picture, Encoded):
        form: dict[str, Any] = {"kind": "encoded"}
    else:
        form = {"kind": "pixels", "width": picture.width, "height": picture.height,
                "layout": picture.layout}
    if picture.aim is not None:
        focus = picture.aim.focus
        form["aim"] = {"pointer": picture.aim.pointer, "focus": focus and _sides(focus)}
    return form


def _sides(box: Rectangle) -> tuple[int, int, int, int]:
    return box.left, box.top, box.width, box.height


def _caption(reply: dict[str, Any]) -> Caption:
    return Caption(
        tuple(reply["words"]),
        tuple(reply["log_probabilities"]),
        float(reply["confidence"]),
        reply["certainty"],
        reply["finding"],
        tuple(Tag(**tag) for tag in reply["tags"]),
        tuple(Found(Rectangle(**found["box"]), float(found["score"]), found["kind"])
              for found in reply["pictures"]),
        int(reply["number"]),
    )
