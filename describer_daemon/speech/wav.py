"""Speech as WAV files: 16-bit PCM, with lengths that are true."""

from __future__ import annotations

import contextlib
import struct
import wave
from typing import TYPE_CHECKING

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

if TYPE_CHECKING:
    from pathlib import Path

_HEADER = 44


def parse_stream(data: bytes) -> tuple[int, bytes]:
    """Frames a second and the mono samples of a WAV that was written to a pipe.

    Its header cannot know the length, so all that follows it is sound. Raises ValueError
    when it is not 16-bit mono PCM with the plain header.
    """
    if len(data) < _HEADER or data[:4] != b"RIFF" or data[36:40] != b"data":
        raise ValueError("not a plain WAV stream")
    form, channels, rate, _bytes_a_second, _align, bits = struct.unpack_from("<HHIIHH", data, 20)
    if (form, channels, bits) != (1, 1, 16):
        raise ValueError(f"format {form}, {channels} channels, {bits} bits")
    samples = data[_HEADER:]
    return rate, samples[: len(samples) // 2 * 2]


def write(path: Path, rate: int, samples: bytes) -> None:
    """Write mono 16-bit `samples` at `rate` frames a second.

    Raises DescriberError when the file cannot be written.
    """
    try:
        with path.open("wb") as file, wave.open(file, "wb") as sound:
            sound.setnchannels(1)
            sound.setsampwidth(2)
            sound.setframerate(rate)
            sound.writeframes(samples)
    except OSError as error:
        with contextlib.suppress(OSError):
            if path.is_file():
                path.unlink()  # a half would pass for the whole
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> DescriberError:
    """The sentence for a speech file that cannot be written."""
    return DescriberError(
        _("I cannot write the speech to {name}. Please choose another folder.").format(
            name=path.name
        ),
        detail=str(error),
    )
