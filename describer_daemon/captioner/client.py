"""The daemon's end of the captioner: a child process, started when needed, killed when stuck."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from describer_daemon import processes
from describer_daemon.captioner import messages, promises, protocol
from describer_daemon.captioner.recalling import Fetch, Recall, Recalled
from describer_daemon.captioner.stderr import StderrLog
from describer_daemon.core import i18n, stages
from describer_daemon.core.details import FORGOTTEN, Details
from describer_daemon.core.i18n import N_, _
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
_ENDED = N_("The captioner was ended.")
_BROKE_OFF = N_("The captioner broke off on this picture. Please try again.")
_TOO_MUCH_TO_DO = N_("This computer has too much to do just now. Please try again.")
_TOO_LONG = N_("The captioner answered with far too much, so I ended it. Please try again.")


class ChildGoneError(DescriberError):
    """The child was gone before it had the whole request: the picture is not to blame."""


class OutOfMemoryError(DescriberError):
    """The child had too little memory for the picture."""


class TimedOutError(DescriberError):
    """The child did not answer in time, and was killed."""


class CrashedError(DescriberError):
    """The child ended, or answered with nonsense, while it had the picture."""


class CancelledError(DescriberError):
    """Somebody called `ChildCaptioner.cancel`."""


class ClosedError(DescriberError):
    """Somebody called `ChildCaptioner.close`: nothing starts any more."""


Decoded = TypeVar("Decoded", covariant=True)


class _Decoder(Protocol[Decoded]):
    """A kind of reply: see `messages`."""

    def decode(self, head: protocol.Head, body: bytes, /) -> Decoded: ...


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
        keep: bool = False,
        words: bool = False,
        detail: str = "brief",
        allowance: int | None = None,
        judge: bool = False,
    ) -> None:
        """`bundle` None is the one that ships; times are in seconds.

        Without `find` every picture is taken whole, a screen too. `threads` None is one a
        processor. A picture that takes longer than `timeout`, or one whose text takes longer than
        `reading_timeout`, costs the child its life. After `unload_after` idle seconds it is ended
        to free its memory (0: never).
        With `on_stand_in` the bundle that ships serves when `bundle` cannot be used, and it is
        told why; without, that is an error. `keep` is for whoever will `recall`; with `words`
        captions have the first words of the text in a picture, where OCR is installed. `detail` is
        "brief" or "detailed", for bundles that know both; `allowance` is in bytes of memory beside
        the bundle's own, None for what does for the one that ships. `judge` is for whoever will
        ask how good captions are (see `judging`).
        """
        self._command = [*processes.python("describer_daemon.captioner.child"), "--engine", engine]
        if bundle is not None:
            self._command += ["--bundle", str(bundle)]
        if beam is not None:
            self._command += ["--beam", str(beam)]
        if threads is not None:
            self._command += ["--threads", str(threads)]
        if detail != "brief":
            self._command += ["--detail", detail]
        if allowance is not None:
            self._command += ["--allowance", str(allowance)]
        flags = {"--whole": not find, "--or-shipped": on_stand_in is not None}
        flags |= {"--keep": keep, "--words": words, "--judge": judge}
        self._command += [flag for flag, wanted in flags.items() if wanted]
        self._on_stand_in = on_stand_in
        self._timeout, self._reading_timeout = timeout, reading_timeout
        self._unload_after = unload_after
        self._closed = False
        self._lock = threading.RLock()
        self._child: subprocess.Popen[bytes] | None = None
        self._stderr: StderrLog | None = None  # the child's
        self._unload_timer: threading.Timer | None = None
        self._guard = threading.Lock()  # of these two: a child may be killed only as it reads
        self._reading: subprocess.Popen[bytes] | None = None
        self._cancelled = False

    def describe(self, picture: Picture, already_described: Sequence[Rectangle] = ()) -> Caption:
        request = messages.Describe(picture, tuple(already_described), i18n.language())
        described = self.answer(request, messages.Described)
        stages.took(described.milliseconds)
        return described.caption

    def illustrate(self, picture: Picture) -> tuple[Caption, bytes]:
        """Describe, and draw where each word looked: a PNG, empty if there are no words.

        Raises DescriberError like `describe`.
        """
        described = self.answer(messages.Illustrate(picture, i18n.language()), messages.Described)
        return described.caption, described.heatmap

    def read(self, picture: Picture) -> OcrResult:
        return self.answer(messages.Read(picture), messages.TextRead).result

    def recall(self, *, read: bool = False) -> Details:
        """See `details.RecallingCaptioner`."""
        if not self.is_loaded():  # nothing is started that can only say that it knows nothing
            raise DescriberError(_(FORGOTTEN))
        return self.answer(Recall(read), Recalled).details

    def picture(self) -> bytes:
        """See `details.RecallingCaptioner`."""
        if not self.is_loaded():
            raise DescriberError(_(FORGOTTEN))
        return self.answer(Fetch(), messages.Outlined).png

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
        return self.answer(request, messages.Outlined).png

    def warm_up(self) -> None:
        self._ask(messages.Load(i18n.language()))

    def confined(self) -> str:
        """What its process cannot do, and what it could, for the ear; loads it.

        Raises DescriberError.
        """
        return promises.told(self._loaded().confined)

    def told(self) -> messages.Told:
        """How much of what it says can be had in the language in use; loads it.

        Raises DescriberError.
        """
        return self._loaded().told

    def _loaded(self) -> messages.Loaded:
        return self.answer(messages.Load(i18n.language()), messages.Loaded)

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

    def unload(self) -> None:
        """Give its memory back, unless it is at work; the next picture loads it again."""
        if self._lock.acquire(blocking=False):
            try:
                log.info("the captioner is idle and is unloaded")
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
            if self._stderr is not None:
                self._stderr.close()
                self._stderr = None

    def is_loaded(self) -> bool:
        """Whether the child runs now."""
        child = self._child
        return child is not None and child.poll() is None

    @property
    def pid(self) -> int | None:
        """Of the child that runs now."""
        return self._child.pid if self._child is not None else None

    def answer(self, request: messages.Request, kind: _Decoder[Decoded]) -> Decoded:
        """Ask for a reply of this kind. Raises DescriberError, also for what is no such reply."""
        head, body = self._ask(request)
        try:
            return kind.decode(head, body)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            # who answers so may have been taken over by a picture
            self._drop()
            raise CrashedError(_(_BROKE_OFF), detail=f"no {kind}: {error!r}") from error

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
        failed = _failure(head)
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
        slow = reads or (isinstance(request, Recall) and request.read)
        timed_out, timeout = threading.Event(), self._reading_timeout if slow else self._timeout
        watchdog = self._watched(child, timeout, timed_out)
        sent, too_long, reply = False, "", None
        with self._guard:
            self._reading = child if reads else None
        try:
            protocol.write(processes.pipe(child.stdin), *request.encode())
            sent = True
            reply = protocol.read(processes.pipe(child.stdout), *request.reply_limit)
        except protocol.TooLongError as error:
            log.warning("the captioner's process was ended: %s", error)
            too_long = _TOO_LONG
        except (OSError, ValueError) as error:
            log.warning("the captioner's process broke off: %r", error)
        finally:
            with self._guard:
                self._reading = None
            watchdog.cancel()
            watchdog.join()  # so that it cannot kill the child between two pictures
        if reply is not None and not timed_out.is_set() and not self._cancelled:
            failed = _failure(reply[0])
            if failed is None or not failed.out_of_memory:
                return reply
            self._drop()  # what is left of it may be in pieces
            raise OutOfMemoryError(failed.spoken, detail=failed.detail)
        self._drop()
        if self._closed:
            raise ClosedError(_(_ENDED))
        if timed_out.is_set():
            raise TimedOutError(
                # Translators: {seconds} is a number, such as 30 or 0.5
                _(
                    "The captioner did not answer in {seconds} seconds, so I ended it. "
                    "Please try again."
                ).format(seconds=f"{timeout:g}")
            )
        if self._cancelled:
            raise CancelledError(_("The reading was called off."))
        if too_long:
            raise DescriberError(_(too_long))
        if not sent:
            raise ChildGoneError(_(_BROKE_OFF))
        raise CrashedError(_(_BROKE_OFF), detail=f"exit code {child.returncode}")

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is not None:
            log.warning("the captioner's process had ended with %s", self._child.returncode)
            self._drop()
        if self._closed:
            raise ClosedError(_(_ENDED))
        if self._child is None:
            if sys.platform == "linux" and not Path("/proc/self/fd").exists():
                raise DescriberError(_("The captioner needs /proc. Please mount it."))
            pipe = subprocess.PIPE
            try:
                self._child = processes.start(
                    self._command,
                    stdin=pipe,
                    stdout=pipe,
                    stderr=pipe,
                    env={**os.environ, **LEAN, **_SILENT},
                )
            except OSError as error:
                raise DescriberError(
                    _("The captioner cannot be started. Please try again."), detail=repr(error)
                ) from error
            try:
                self._stderr = StderrLog(processes.pipe(self._child.stderr))
            except RuntimeError as error:
                self._drop()  # no thread is left, so it would stand still when it prints
                raise DescriberError(_(_TOO_MUCH_TO_DO), detail=repr(error)) from error
        return self._child

    def _unload_when_idle(self) -> None:
        if self._unload_after > 0:
            self._unload_timer = threading.Timer(self._unload_after, self.unload)
            self._unload_timer.daemon = True
            try:
                self._unload_timer.start()
            except RuntimeError as error:  # no thread is left, but the answer is here
                log.warning("the captioner stays loaded: %s", error)

    def _watched(
        self, child: subprocess.Popen[bytes], timeout: float, timed_out: threading.Event
    ) -> threading.Timer:
        """→ what kills the child after `timeout` seconds unless it is cancelled."""
        watchdog = threading.Timer(timeout, self._kill, (child, timed_out))
        watchdog.daemon = True
        try:
            watchdog.start()
        except RuntimeError as error:  # no thread is left, so nobody could end a child that hangs
            raise DescriberError(_(_TOO_MUCH_TO_DO), detail=repr(error)) from error
        return watchdog

    @staticmethod
    def _kill(child: subprocess.Popen[bytes], timed_out: threading.Event) -> None:
        timed_out.set()
        child.kill()

    @staticmethod
    def _end(child: subprocess.Popen[bytes]) -> None:
        processes.end(child)
        for stream in (child.stdin, child.stdout):  # the third is closed by whoever reads it
            if stream is not None:
                try:
                    stream.close()
                except OSError:  # what was still buffered has nowhere to go
                    log.debug("unsent bytes to the captioner were dropped")


def _failure(head: protocol.Head) -> messages.Failed | None:
    """What a reply says went wrong, if it says so; one that cannot even say that has broken off."""
    try:
        return messages.Failed.decode(head)
    except TypeError as error:
        return messages.Failed(_(_BROKE_OFF), repr(error))
