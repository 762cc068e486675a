"""Fixtures: a real sound server whose sink is recorded, and `heard`."""

from __future__ import annotations

import array
import contextlib
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from describer_daemon import processes
from describer_daemon.core.ports import VoiceSettings
from describer_daemon.virtual.sound import Recording, VirtualSound, similarity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Heard = Callable[..., float]


def reference(text: str, voice: VoiceSettings | None = None) -> array.array[int]:
    """What espeak-ng makes of a text, asked in another way than the product asks."""
    voice = voice or VoiceSettings()
    command = ["espeak-ng", "--stdout", "-s", str(voice.rate), "-a", str(voice.volume)]
    command += ["-v", voice.name] if voice.name else []
    done = subprocess.run([*command, "--", text], capture_output=True, check=True, timeout=30)
    return array.array("h", done.stdout[44:])


@contextlib.contextmanager
def speech_dispatcher(server: VirtualSound, options: str = "") -> Iterator[str]:
    """A private speech-dispatcher on a private sound server; gives its SPEECHD_ADDRESS.

    `options` are added to its settings file.
    """
    folder = Path(tempfile.mkdtemp(prefix="spd"))  # short: a socket's path has a limit
    socket = folder / "socket"
    # its usual 10 ms run dry on a busy machine; a text shorter than this would not be heard
    shutil.copytree("/etc/speech-dispatcher", folder / "settings")
    with (folder / "settings" / "speechd.conf").open("a") as settings:
        settings.write(f"\nAudioPulseMinLength 300\n{options}\n")
    environment = {**server.environment, "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    command = [
        "speech-dispatcher",
        "-s",
        "-t",
        "0",
        "-c",
        "unix_socket",
        "-S",
        str(socket),
        "-C",
        str(folder / "settings"),
        "-L",
        str(folder),
        "-P",
        str(folder / "pid"),
    ]
    with (folder / "log").open("wb") as log:
        process = processes.start(command, stdout=log, stderr=log, env=environment)
    try:
        deadline = time.monotonic() + 30
        while not socket.exists():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "speech-dispatcher does not start"
            time.sleep(0.02)
        yield f"unix_socket:{socket}"
    finally:
        processes.end(process, timeout=5.0)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sound_server() -> Iterator[VirtualSound]:
    """One sound server for all tests that do not harm it."""
    with VirtualSound() as server:
        yield server


@pytest.fixture
def audio(sound_server: VirtualSound, monkeypatch: pytest.MonkeyPatch) -> VirtualSound:
    """The sound server, and everything that this test starts plays to it."""
    monkeypatch.setenv("PULSE_SERVER", sound_server.server)
    return sound_server


@pytest.fixture
def recording(audio: VirtualSound) -> Iterator[Recording]:
    """All that is heard during the test."""
    with audio.record() as record:
        yield record


@pytest.fixture
def heard(recording: Recording) -> Heard:
    """`heard(text, voice)`: above 0.98 when that was heard so far, low when it was not."""

    def compare(text: str, voice: VoiceSettings | None = None) -> float:
        recording.wait_for_silence()
        return similarity(recording.samples, reference(text, voice))

    return compare


@pytest.fixture
def speech_service(audio: VirtualSound, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A speech-dispatcher of our own that plays to `audio`; its SPEECHD_ADDRESS is set.

    Only its first utterance is `heard` exactly: espeak's flutter goes on from one to the next.
    """
    with speech_dispatcher(audio) as address:
        monkeypatch.setenv("SPEECHD_ADDRESS", address)
        yield address
