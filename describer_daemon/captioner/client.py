"""The daemon's end of the captioner: a child process, started when needed, killed when stuck."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from describer_daemon import processes
from describer_daemon.captioner import messages, protocol
from describer_daemon.core import stages
from describer_daemon.core.ports import Caption, DescriberError, OcrResult, Picture, Rectangle

log = logging.getLogger(__name__)

# numpy's and OpenMP's pools would each take a thread a core and memory for it; ours are set
# where they are used
LEAN = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    # what is large goes back at once, and does not narrow the next picture's limit: a caption
    # takes a twentieth longer, and a seventh less memory
    "MALLOC_MMAP_THRESHOLD_": str(1 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(8 << 20),
}
# nothing leaves this machine: see also the engine, for whoever runs it without us
_SILENT = {"ORT_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
_CONFINED = {
    "memory": "takes only so much memory",
    "files": "can change no file",
    "system": "can reach no network and no other program",
}
_ENDED = "The captioner was ended."
_BROKE_OFF = "The captioner broke off on this picture. Please try again."


class ChildGoneError(DescriberError):
    """The child was gone before it had the whole request: the picture is not to blame."""


class OutOfMemoryError(DescriberError):
    """The child had too little memory for the picture."""


class TimedOutError(DescriberError):
    """The child did not answer in time, and was killed."""


class CancelledError(DescriberError):
    """Somebody called `ChildCaptioner.cancel`."""


class ClosedError(DescriberError):
    """Somebody called `ChildCaptioner.close`: nothing starts any more."""


class ChildCaptioner:
    """See `ports.Captioner`. May be called from any thread; one picture at a time."""

    def __init__(
        self,
        bundle: Path | None = None,
        *,
        beam: int | None = None,
        engine: str = "onnx",
        find: bool = True,
        timeout: float = 20.0,
        reading_timeout: float = 90.0,
        unload_after: float = 0.0,
        threads: int | None = None,
        on_stand_in: Callable[[DescriberError], None] | None = None,
    ) -> None:
        """`bundle` None is the one that ships; times are in seconds.

        Without `find` every picture is taken whole, a screen too. `threads` None is one a
        processor.
        A picture that takes longer than `timeout`, or one whose text takes longer than
        `reading_timeout`, costs the child its life. After
        `unload_after` idle seconds it is ended to free its memory (0: never).
        With `on_stand_in` the bundle that ships serves when `bundle` cannot be used, and it is
        told why; without, that is an error.
        """
        self._command = [*processes.python("describer_daemon.captioner.child"), "--engine", engine]
        if bundle is not None:
            self._command += ["--bundle", str(bundle)]
        if beam is not None:
            self._command += ["--beam", str(beam)]
        if not find:
            self._command.append("--whole")
        if threads is not None:
            self._command += ["--threads", str(threads)]
        if on_stand_in is not None:
            self._command.append("--or-shipped")
        self._on_stand_in = on_stand_in
        self._timeout, self._reading_timeout = timeout, reading_timeout
        self._unload_after = unload_after
        self._closed = False
        self._lock = threading.RLock()
        self._child: subprocess.Popen[bytes] | None = None
        self._unload_timer: threading.Timer | None = None
        self._guard = threading.Lock()  # of these two: a child may be killed only as it reads
        self._reading: subprocess.Popen[bytes] | None = None
        self._cancelled = False

    def describe(self, picture: Picture, already_described: Sequence[Rectangle] = ()) -> Caption:
        request = messages.Describe(picture, tuple(already_described))
        described = messages.Described.decode(*self._ask(request))
        stages.took(described.milliseconds)
        return described.caption

    def illustrate(self, picture: Picture) -> tuple[Caption, bytes]:
        """Describe, and draw where each word looked: a PNG, empty if there are no words.

        Raises DescriberError like `describe`.
        """
        described = messages.Described.decode(*self._ask(messages.Illustrate(picture)))
        return described.caption, described.heatmap

    def read(self, picture: Picture) -> OcrResult:
        return messages.TextRead.decode(*self._ask(messages.Read(picture))).result

    def cancel(self) -> None:
        # to read a screen takes seconds, for which nobody should wait in vain
        with self._guard:
            if self._reading is not None:
                self._cancelled = True
                self._reading.kill()

    def outline(
        self, picture: Picture, boxes: Sequence[Rectangle], labels: Sequence[str] = ()
    ) -> bytes:
        """A PNG of the picture with boxes drawn into it, with their labels, or numbered from 1.

        Raises DescriberError like `describe`.
        """
        request = messages.Outline(picture, tuple(boxes), tuple(labels))
        return messages.Outlined.decode(*self._ask(request)).png

    def warm_up(self) -> None:
        self._ask(messages.Load())

    def confined(self) -> str:
        """What its process cannot do, for the ear; loads it. Raises DescriberError."""
        loaded = messages.Loaded.decode(*self._ask(messages.Load()))
        limits = [_CONFINED[name] for name in loaded.confined if name in _CONFINED]
        return "its process " + (", ".join(limits) if limits else "is not confined on this system")

    def close(self) -> None:
        # first of all: who comes late, or begins again what was broken off, must start nothing
        self._closed = True
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
            if self._unload_timer is not None:
                self._unload_timer.cancel()
            if self._child is not None:
                self._end(self._child)
                self._child = None

    def is_loaded(self) -> bool:
        """Whether the child runs now."""
        child = self._child
        return child is not None and child.poll() is None

    def _ask(self, request: messages.Request) -> tuple[protocol.Head, bytes]:
        """→ head and body of the reply. Raises DescriberError, also for a `messages.Failed`."""
        with self._lock:
            if self._unload_timer is not None:
                self._unload_timer.cancel()
            reused, self._cancelled = self._child is not None, False
            try:
                head, body = self._exchange(request)
            except (ChildGoneError, OutOfMemoryError):
                if not reused:
                    raise
                # it had died while it was idle, or what it did before had taken the memory
                head, body = self._exchange(request)
            self._unload_when_idle()
        failed = messages.Failed.decode(head)
        if failed is not None:
            raise DescriberError(failed.spoken, detail=failed.detail)
        notice = messages.notice(head)
        if notice and self._on_stand_in is not None:
            self._on_stand_in(DescriberError(notice))
        return head, body

    def _exchange(self, request: messages.Request) -> tuple[protocol.Head, bytes]:
        """Send one request and receive its reply; if that breaks off, the child is ended."""
        child = self._running()
        reads = isinstance(request, messages.Read)
        timed_out, timeout = threading.Event(), self._reading_timeout if reads else self._timeout
        watchdog = threading.Timer(timeout, self._kill, (child, timed_out))
        watchdog.daemon = True
        try:
            watchdog.start()
        except RuntimeError as error:  # no thread is left, so nobody could end a child that hangs
            raise DescriberError(
                "This computer has too much to do just now. Please try again.", detail=repr(error)
            ) from error
        sent, reply = False, None
        with self._guard:
            self._reading = child if reads else None
        try:
            protocol.write(processes.pipe(child.stdin), *request.encode())
            sent = True
            reply = protocol.read(processes.pipe(child.stdout))
        except (OSError, ValueError) as error:
            log.warning("the captioner's process broke off: %r", error)
        finally:
            with self._guard:
                self._reading = None
            watchdog.cancel()
            watchdog.join()  # so that it cannot kill the child between two pictures
        if reply is not None and not timed_out.is_set() and not self._cancelled:
            failed = messages.Failed.decode(reply[0])
            if failed is None or not failed.out_of_memory:
                return reply
            self._drop()  # what is left of it may be in pieces
            raise OutOfMemoryError(failed.spoken, detail=failed.detail)
        self._drop()
        if self._closed:
            raise ClosedError(_ENDED)
        if timed_out.is_set():
            raise TimedOutError(
                f"The captioner did not answer in {timeout:g} seconds, so I ended it. "
                "Please try again."
            )
        if self._cancelled:
            raise CancelledError("The reading was called off.")
        if not sent:
            raise ChildGoneError(_BROKE_OFF)
        raise DescriberError(_BROKE_OFF, detail=f"exit code {child.returncode}")

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is not None:
            log.warning("the captioner's process had ended with %s", self._child.returncode)
            self._drop()
        if self._closed:
            raise ClosedError(_ENDED)
        if self._child is None:
            if sys.platform == "linux" and not Path("/proc/self/fd").exists():
                raise DescriberError("The captioner needs /proc. Please mount it.")
            pipe = subprocess.PIPE
            try:
                self._child = processes.start(
                    self._command,
                    stdin=pipe,
                    stdout=pipe,
                    stderr=None,
                    env={**os.environ, **LEAN, **_SILENT},
                )
            except OSError as error:
                raise DescriberError(
                    "The captioner cannot be started. Please try again.", detail=repr(error)
                ) from error
        return self._child

    def _unload_when_idle(self) -> None:
        if self._unload_after > 0:
            self._unload_timer = threading.Timer(self._unload_after, self._unload)
            self._unload_timer.daemon = True
            try:
                self._unload_timer.start()
            except RuntimeError as error:  # no thread is left, but the answer is here
                log.warning("the captioner stays loaded: %s", error)

    @staticmethod
    def _kill(child: subprocess.Popen[bytes], timed_out: threading.Event) -> None:
        timed_out.set()
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
