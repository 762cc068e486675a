"""Earcons: a short quiet sound when a key is taken, when something failed, or where a thing is."""

from __future__ import annotations

import io
import logging
import math
import subprocess
import sys
import threading
import wave
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from describer_daemon import processes
from describer_daemon.speech import players

log = logging.getLogger(__name__)

_RATE = 22050  # samples a second
_LOUDNESS = 0.15  # of full scale: it must not cover the first word
_SECONDS = 0.07
_LOWEST, _OCTAVES = 330.0, 2.0  # hertz at the bottom of a picture; up to its top
_PLAYER_TIMEOUT = 2.0  # seconds until a player is taken for dead
_HEARD_OUT = 0.25  # seconds; a tone and the start of its player take a tenth


@dataclass(slots=True)
class _Playing:
    """A tone on its way to the ear; `over` once it has ended or nobody wants it any more."""

    is_heard_out: bool  # whether words wait for its end
    over: bool = False
    process: subprocess.Popen[bytes] | None = None
    then: Callable[[], None] | None = None  # what waits for its end
    limit: threading.Timer | None = None  # until then at most


class Earcons:
    """Plays, and ends, without waiting; no player or no sound device is only logged."""

    def __init__(
        self, acknowledgement: bool = True, failure: bool = True, place: bool = True
    ) -> None:
        """`acknowledgement`, `failure` and `place` say which of the sounds are wanted."""
        self._wants_acknowledgement = acknowledgement
        self._wants_failure = failure
        self._wants_place = place
        self._guard = threading.Lock()
        self._playing: _Playing | None = None
        self._closed = False

    def acknowledge(self) -> None:
        """A rising tone: the key was heard."""
        if self._wants_acknowledgement:
            # an answer says as much
            self._start(lambda: tone(660.0, 990.0), _Playing(is_heard_out=False))

    def failed(self) -> None:
        """A falling tone: what follows is bad news."""
        if self._wants_failure:
            self._start(lambda: tone(520.0, 330.0), _Playing(is_heard_out=True))

    def point(self, across: float, down: float) -> None:
        """A steady tone from where a thing is: left or right, high or low; see `pointer`."""
        if self._wants_place:
            self._start(lambda: pointer(across, down), _Playing(is_heard_out=True))

    def make_way(self, then: Callable[[], None]) -> bool:
        """Let nothing sound into the words that follow. → whether they may begin.

        That a key was heard need not be told any more. The other tones are heard out, for a
        quarter of a second at most: then False is returned, and `then` called when it is over,
        from another thread; of several only the latest.
        """
        with self._guard:
            playing = self._playing
            if playing is None or playing.over:
                return True
            is_limited = playing.limit is not None
            if playing.is_heard_out:
                playing.then = then
                playing.limit = playing.limit or self._limit(playing)
        if playing.limit is None:
            self._end(playing)
            return True
        if not is_limited:
            self._begin(playing.limit, playing)
        return False

    def close(self) -> None:
        """Silence, for good."""
        with self._guard:
            self._closed = True
            playing = self._playing
        if playing is not None:
            self._end(playing)

    def _start(self, sound: Callable[[], bytes], playing: _Playing) -> None:
        with self._guard:
            if self._closed:
                return
            previous, self._playing = self._playing, playing
        if previous is not None:
            self._end(previous)
        # To start a process takes some milliseconds that nobody should wait for.
        work = threading.Thread(
            target=self._play, args=(playing, sound), name="earcon", daemon=True
        )
        self._begin(work, playing)

    def _limit(self, playing: _Playing) -> threading.Timer:
        limit = threading.Timer(_HEARD_OUT, self._end, (playing,))
        limit.name, limit.daemon = "earcon", True
        return limit

    def _begin(self, thread: threading.Thread, playing: _Playing) -> None:
        try:
            thread.start()
        except RuntimeError as error:  # no thread is left
            log.info("the earcon was not heard: %s", error)
            self._end(playing)

    def _end(self, playing: _Playing) -> None:
        """It is over, if it was not yet; what waits for that goes on."""
        with self._guard:
            if playing.over:
                return
            playing.over = True
            process, then, limit = playing.process, playing.then, playing.limit
        if limit is not None:
            limit.cancel()
        if process is not None:
            processes.end(process, timeout=0.0)  # its own thread reaps it
        if then is not None:
            then()

    def _play(self, playing: _Playing, make: Callable[[], bytes]) -> None:
        try:
            sound = make()
            if sys.platform == "win32":
                import winsound

                winsound.PlaySound(sound, winsound.SND_MEMORY)
                return
            for player in players.installed():
                if self._play_with(player, sound, playing):
                    return
            log.info(
                "the earcon was not heard: %s", players.unavailable_reason() or "no player could"
            )
        except (OSError, RuntimeError) as error:  # the second is winsound's
            log.info("the earcon was not heard: %s", error)
        finally:
            self._end(playing)

    def _play_with(self, player: players.Player, sound: bytes, playing: _Playing) -> bool:
        """Whether it was heard, or is no longer wanted."""
        process = processes.start(player.command(), stdin=subprocess.PIPE)
        with self._guard:
            playing.process = process
            is_wanted = not playing.over
        if not is_wanted:  # any more: it had no sound yet
            processes.end(process)
            process.communicate()
            return True
        try:
            process.communicate(sound, timeout=_PLAYER_TIMEOUT)
        except subprocess.TimeoutExpired:
            log.info("the earcon was not heard: %s hangs", player.program)
            processes.end(process)
            process.communicate()
            return True
        return playing.over or process.returncode == 0


@lru_cache(maxsize=2)
def tone(first: float, last: float) -> bytes:
    """A WAV file of 70 ms that glides from one pitch to another, both in hertz."""
    return _wav(_glide(first, last), (1.0,))


def pointer(across: float, down: float) -> bytes:
    """A WAV file of 70 ms in stereo that tells where a thing is.

    `across` and `down` are shares (0..1) from the left and from the top. Left and right get
    constant power between them; the pitch falls by octaves from the top to the bottom.
    """
    pitch = _LOWEST * 2 ** (_OCTAVES * (1.0 - down))
    angle = across * math.pi / 2
    return _wav(_glide(pitch, pitch), (math.cos(angle), math.sin(angle)))


def _glide(first: float, last: float) -> list[float]:
    """Samples in -1..1."""
    count = int(_RATE * _SECONDS)
    samples = []
    phase = 0.0
    for index in range(count):
        progress = index / count
        phase += 2 * math.pi * (first + (last - first) * progress) / _RATE
        # Rising from and falling to nothing: an edge would be heard as a click.
        loudness = _LOUDNESS * math.sin(math.pi * progress) ** 0.5
        samples.append(loudness * math.sin(phase))
    return samples


def _wav(samples: list[float], gains: tuple[float, ...]) -> bytes:
    """16-bit PCM, a channel for each gain."""
    frames = array("h", (round(32767 * gain * each) for each in samples for gain in gains))
    if sys.byteorder == "big":
        frames.byteswap()
    file = io.BytesIO()
    with wave.open(file, "wb") as stream:
        stream.setnchannels(len(gains))
        stream.setsampwidth(2)
        stream.setframerate(_RATE)
        stream.writeframes(frames.tobytes())
    return file.getvalue()
