"""A private sound server whose sink is a recording: it lets a machine without ears be heard."""

from __future__ import annotations

import array
import math
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import wave
from pathlib import Path
from typing import TYPE_CHECKING

from describer_daemon import processes
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError
from describer_daemon.speech import wav

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

RATE = 22050  # frames a second: espeak-ng's, so that nothing is resampled
_SINK = "testsink"
_CHUNK = 256  # frames; 12 ms
_LOUD = 100  # of 32767: above it is sound


class VirtualSound:
    """A PulseAudio of our own, in a private folder, that no real device hears.

    Programs play to it with `environment` (or PULSE_SERVER set to `server`). Raises
    DescriberError when PulseAudio is missing or does not start.
    """

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="snd"))  # short: a socket's path has a limit
        self._process: subprocess.Popen[bytes] | None = None
        self.server = f"unix:{self._folder}/socket"

    def __enter__(self) -> Self:
        try:
            self.start_server()
        except DescriberError:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def environment(self) -> dict[str, str]:
        """The current environment with this server in it."""
        return {**os.environ, "PULSE_SERVER": self.server}

    @property
    def pid(self) -> int | None:
        """The server's process, None when it does not run."""
        return self._process.pid if self._process else None

    def start_server(self) -> None:
        """Start the server, or start it again at the same address."""
        socket = self.server.removeprefix("unix:")
        # a rewind does not reach a recording, which would miss the first milliseconds of a sound
        command = [
            "pulseaudio",
            "-n",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no",
            # the system kills real-time threads that seem to run without a pause, as they do on
            # a machine that stands still for a moment
            "--realtime=no",
            "--high-priority=no",
            "--no-cpu-limit=yes",
            "--disable-shm=yes",  # with many clients it loses track of shared blocks
            "-L",
            f"module-native-protocol-unix auth-anonymous=1 socket={socket}",
            "-L",
            f"module-null-sink sink_name={_SINK} rate={RATE} channels=1 norewinds=1",
        ]
        home = {"HOME": str(self._folder), "XDG_RUNTIME_DIR": str(self._folder)}
        try:
            self._process = processes.start(command, env={**os.environ, **home})
        except FileNotFoundError as error:
            raise DescriberError(_("PulseAudio is missing. Please install pulseaudio.")) from error
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._process.poll() is None:
            if Path(socket).exists() and self._has_sink():
                return
            time.sleep(0.02)
        self.stop_server()
        raise DescriberError(_("The private sound server did not start. Please try again."))

    def stop_server(self) -> None:
        """End the server; what plays on it fails."""
        if self._process is not None:
            processes.end(self._process, timeout=5.0)
            self._process = None
        Path(self.server.removeprefix("unix:")).unlink(missing_ok=True)

    def record(self) -> Recording:
        """Record what is heard from now on; a context manager, ready once entered."""
        return Recording(self.environment)

    def close(self) -> None:
        """End the server and remove its folder."""
        self.stop_server()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _has_sink(self) -> bool:
        done = processes.run(
            ["pactl", "list", "short", "sinks"],
            timeout=20.0,
            what="The private sound server",
            env=self.environment,
        )
        return _SINK.encode() in done.output


class Recording:
    """What a sink plays, while the block runs; all of it stays in memory."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._data = bytearray()
        self._first_sound: float | None = None
        self._last_sound: float | None = None
        self._ready = threading.Event()

    def __enter__(self) -> Self:
        command = [
            "parec",
            "-d",
            f"{_SINK}.monitor",
            "--format=s16le",
            f"--rate={RATE}",
            "--channels=1",
            "--latency-msec=10",
            "--raw",
        ]
        self._process = processes.start(command, stdout=subprocess.PIPE, env=self._environment)
        self._thread = threading.Thread(target=self._listen, name="recording", daemon=True)
        self._thread.start()
        if not self._ready.wait(30.0):
            self.close()
            raise DescriberError(
                _("The private sound server cannot be recorded. Please try again.")
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the recording; what was recorded remains."""
        processes.end(self._process)
        self._thread.join(5.0)

    @property
    def samples(self) -> array.array[int]:
        """The 16-bit mono samples so far, `RATE` a second."""
        with self._lock:
            samples = array.array("h", bytes(self._data[: len(self._data) // 2 * 2]))
        if sys.byteorder == "big":
            samples.byteswap()
        return samples

    @property
    def first_sound(self) -> float | None:
        """When the first sound came, on the clock of `time.monotonic`; None in silence."""
        return self._first_sound

    @property
    def last_sound(self) -> float | None:
        """When the latest sound came, on the clock of `time.monotonic`; None in silence."""
        return self._last_sound

    def wait_for_sound(self, timeout: float = 30.0) -> bool:
        """Whether a sound came within `timeout` seconds."""
        return self._wait(lambda: self._first_sound is not None, timeout)

    def wait_for_silence(self, seconds: float = 0.3, timeout: float = 30.0) -> bool:
        """Whether no sound came for `seconds`, within `timeout` seconds."""
        started = time.monotonic()

        def silent() -> bool:
            return time.monotonic() - max(self._last_sound or 0.0, started) >= seconds

        return self._wait(silent, timeout)

    def save_wav(self, path: Path) -> None:
        """Write all that was recorded. Raises DescriberError when the file cannot be written."""
        with self._lock:
            data = bytes(self._data)
        wav.write(path, RATE, data[: len(data) // 2 * 2])

    def _wait(self, reached: Callable[[], bool], timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while not reached():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True

    def _listen(self) -> None:
        with processes.pipe(self._process.stdout) as stream:
            while chunk := os.read(stream.fileno(), 2 * _CHUNK):
                now = time.monotonic()
                with self._lock:
                    self._data += chunk
                whole = array.array("h", chunk[: len(chunk) // 2 * 2])
                if whole and max(max(whole), -min(whole)) > _LOUD:
                    self._first_sound = self._first_sound or now
                    self._last_sound = now
                self._ready.set()


def read_wav(path: Path) -> array.array[int]:
    """The samples of a 16-bit mono WAV file."""
    with wave.open(str(path), "rb") as file:
        return array.array("h", file.readframes(file.getnframes()))


def sounding_seconds(samples: array.array[int]) -> float:
    """From the first sound to the last, in seconds; 0 in silence."""
    loud = [index for index, value in enumerate(samples) if abs(value) > _LOUD]
    return (loud[-1] - loud[0] + 1) / RATE if loud else 0.0


def similarity(recording: array.array[int], reference: array.array[int]) -> float:
    """How surely `reference` was heard somewhere in `recording`: about 1 if so, else near 0."""
    return best_match(recording, reference)[0]


def best_match(recording: array.array[int], reference: array.array[int]) -> tuple[float, float]:
    """(how surely `reference` was heard in `recording`, at which second it begins there).

    The largest normalised cross-correlation, each offset in the recording normalised by the
    energy of the window that the reference covers there. The beginning is that of its sound; it is
    negative where only an end of it was recorded.
    """
    import numpy as np

    signal = np.array(recording, dtype=np.float64)
    pattern = np.trim_zeros(np.array(reference, dtype=np.float64))
    if not pattern.size or not signal.any():
        return 0.0, 0.0
    signal = np.pad(signal, pattern.size)  # so that an end that was cut off still has an offset
    size = 1 << math.ceil(math.log2(signal.size + pattern.size))
    product = np.fft.irfft(np.fft.rfft(signal, size) * np.fft.rfft(pattern, size).conj(), size)
    offsets = signal.size - pattern.size + 1
    sums = np.concatenate(([0.0], np.cumsum(signal**2)))
    energy = sums[pattern.size :] - sums[:offsets]
    energy = np.maximum(energy, 1e-3 * energy.max())  # near silence anything correlates
    likeness = product[:offsets] / np.sqrt(energy * (pattern**2).sum())
    best = int(likeness.argmax())
    return float(likeness[best]), (best - pattern.size) / RATE
