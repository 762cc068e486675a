"""What is said lies on no disk: every voice, watched by the kernel while it speaks."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.memory import children
from describer_daemon import processes
from describer_daemon.speech.espeak_ng import EspeakSpeaker
from describer_daemon.speech.pyttsx3 import Pyttsx3Speaker
from describer_daemon.virtual.sound import VirtualSound
from tests.desktop.fixtures_display import wait_until

_SPEAK = """
import importlib, sys
from pathlib import Path
from describer_daemon.speech.blocking import speak_blocking

module, name, path = sys.argv[1:]
speaker = getattr(importlib.import_module(module), name)()
speak_blocking(speaker, "A black dog runs.")
speaker.save("A black dog runs.", Path(path))
speaker.close()
"""
BACKENDS = pytest.mark.parametrize(
    "backend", [EspeakSpeaker, Pyttsx3Speaker], ids=lambda backend: backend.name
)


def opened(trace: Path) -> set[str]:
    """Files that somebody opened to write, however it was asked for."""
    found = set()
    for line in trace.read_text(encoding="utf-8", errors="replace").splitlines():
        call = re.search(r'(creat|open\w*)\((?:[^,"]*, )?"([^"]*)"(.*)', line)
        if call is None or "= -1 " in line:
            continue
        if call[1] == "creat" or re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE", call[3]):
            found.add(call[2])
    return found


@BACKENDS
def test_what_is_said_is_written_only_where_it_was_wanted(
    backend: type, audio: VirtualSound, sandbox: Path
) -> None:
    trace, wanted = sandbox / "trace", sandbox / "speech.wav"
    watch = ["strace", "-f", "-qq", "-e", "trace=open,openat,openat2,creat", "-o", str(trace)]
    speak = [sys.executable, "-B", "-c", _SPEAK, backend.__module__, backend.__name__, str(wanted)]
    subprocess.run(
        [*watch, *speak],
        env={**audio.environment, "PYTHONPATH": str(Path(__file__).parents[2])},
        check=True,
        timeout=300,
    )
    assert wanted.stat().st_size > 10_000
    known = r"/dev/(null|tty)|/proc/self/fd/\d+|.*/pulse/cookie"
    assert {path for path in opened(trace) if not re.fullmatch(known, path)} == {str(wanted)}


@pytest.mark.parametrize("part", ["pyttsx3_child", "paplay", ""])
def test_nothing_is_left_by_whoever_is_killed_while_it_speaks(
    audio: VirtualSound, sandbox: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    temporary = sandbox / "tmp"
    temporary.mkdir(exist_ok=True)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setenv("PULSE_SERVER", audio.server)
    speak = [*_alone(_SPEAK.replace("runs.", "runs over hills and along the river " * 8))]
    speaker = processes.start([*speak, *_named(Pyttsx3Speaker), str(sandbox / "speech.wav")])
    try:
        wait_until(lambda: bool(below(speaker.pid, part or "paplay")), "nobody speaks")
        (victim, *_) = below(speaker.pid, part) if part else [speaker.pid]
        os.kill(victim, signal.SIGKILL)
        speaker.wait(60)
    finally:
        for child in below(speaker.pid, ""):
            os.kill(child, signal.SIGKILL)
        processes.end(speaker)
    assert list(temporary.iterdir()) == []


def _alone(code: str) -> list[str]:
    return ["env", f"PYTHONPATH={Path(__file__).parents[2]}", sys.executable, "-B", "-c", code]


def _named(backend: type) -> list[str]:
    return [backend.__module__, backend.__name__]


def below(process: int, name: str) -> list[int]:
    """The children of a process that have this in their command line."""
    found = []
    for child in children(process):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended just now
            if name.encode() in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(child)
    return found
