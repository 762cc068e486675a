""" "Open with: Describe picture", chosen as file managers do it (GIO): each picture is heard."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from describer_daemon import processes
from describer_daemon.cli import describe
from describer_daemon.core.ports import VoiceSettings
from describer_daemon.desktop import command, entries
from describer_daemon.service import elsewhere
from describer_daemon.virtual.sound import Recording, similarity
from tests.desktop.fixtures_daemon import RATE, RunningDaemon
from tests.desktop.fixtures_sound import reference

SAME = 0.98
# Debian's Python, which has GIO: lists what opens a kind of file, starts one of them with files.
_FILE_MANAGER = """
import os, sys
from gi.repository import Gio, GLib
kind, wanted, *paths = sys.argv[1:]
apps = Gio.AppInfo.get_recommended_for_type(kind)
print(*(app.get_display_name() for app in apps), sep="\\n")
started = []
uris = [Gio.File.new_for_path(path).get_uri() for path in paths]
for app in apps:
    if app.get_id() == wanted:
        app.launch_uris_as_manager(uris, None, GLib.SpawnFlags.DO_NOT_REAP_CHILD, None, None,
                                   lambda _, pid, __: started.append(pid), None)
[os.waitpid(pid, 0) for pid in started]
"""


def open_with_describer(kind: str, *paths: Path) -> list[str]:
    """Choose "Describe picture" for files; returns at its end. → the names of all programs."""
    wanted = entries.open_with().path.name
    done = subprocess.run(
        ["/usr/bin/python3", "-c", _FILE_MANAGER, kind, wanted, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def sentences(*paths: Path) -> list[str]:
    """What `describer describe` says of files."""
    command = [*processes.python("describer_daemon.cli.main"), "describe"]
    done = processes.run([*command, *map(str, paths)], timeout=240, what="describer")
    lines = [*done.output.decode().splitlines(), *done.errors.decode().splitlines()]
    told = {line.partition(": ")[0]: line.partition(": ")[2] for line in lines}
    return [told[str(path)] for path in paths]


def heard(recording: Recording, sentence: str) -> float:
    return similarity(recording.samples, reference(sentence, VoiceSettings(rate=RATE)))


@pytest.fixture
def pictures(sandbox: Path) -> list[Path]:
    """Two photographs, one of a name that shells would take apart, and what is no picture."""
    paths = [sandbox / "it's $HOME; 100%.png", sandbox / "broken.png", sandbox / "coffee.png"]
    Image.fromarray(data.camera()).save(paths[0])
    paths[1].write_bytes(b"no picture at all")
    Image.fromarray(data.coffee()).save(paths[2])
    return paths


def test_every_picture_and_every_failure_is_heard(
    recording: Recording, settings: Path, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESCRIBER_CONFIG", str(settings))
    entries.open_with().do()
    wanted = sentences(*pictures)
    assert "Describe picture" in open_with_describer("image/png", *pictures)
    recording.wait_for_silence()
    sure = [heard(recording, sentence) for sentence in wanted]
    assert min(sure) > SAME, dict(zip(wanted, sure, strict=True))


def test_without_a_picture_it_is_said_how_to_choose_one(
    recording: Recording, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESCRIBER_CONFIG", str(settings))
    entries.open_with().do()
    open_with_describer("image/png")
    recording.wait_for_silence()
    assert heard(recording, describe._NOTHING_CHOSEN) > SAME


def test_one_that_is_no_longer_installed_is_not_offered(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = sandbox / "bin dir" / "describer"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n", encoding="utf-8")
    script.chmod(0o755)
    monkeypatch.setattr(command, "command", lambda: [str(script)])
    entries.open_with().do()
    assert "Describe picture" in open_with_describer("image/png")
    script.unlink()
    assert "Describe picture" not in open_with_describer("image/png")


@pytest.fixture
def slow(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Speech that lasts, so that it can be cut short."""
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace(f"rate = {RATE}", "rate = 80"), encoding="utf-8")
    monkeypatch.setenv("DESCRIBER_CONFIG", str(settings))


def whole(recording: Recording) -> float:
    """How surely all of the sentence was heard that it says without a picture."""
    wanted = reference(describe._NOTHING_CHOSEN, VoiceSettings(rate=80))
    return similarity(recording.samples, wanted)


def opener() -> subprocess.Popen[bytes]:
    """Without a picture: it speaks at once."""
    return processes.start([*processes.python("describer_daemon.cli.main"), "describe", "--speak"])


@pytest.mark.parametrize("by", ["stop", "SIGTERM", "SIGHUP", "SIGINT"])
def test_without_a_describer_it_is_silenced_by_a_stop_and_by_its_end(
    recording: Recording, slow: None, by: str
) -> None:
    running = opener()
    try:
        assert recording.wait_for_sound()
        if by == "stop":
            assert elsewhere.silence()
        else:
            running.send_signal(signal.Signals[by])
        assert running.wait(60) != 0
        recording.wait_for_silence()
        assert whole(recording) < SAME
    finally:
        processes.end(running)


def test_the_stop_key_silences_it(
    daemon: RunningDaemon, press: Callable[[str], None], slow: None
) -> None:
    with daemon.sound.record() as recording:
        running = opener()
        try:
            assert recording.wait_for_sound()
            press("super+alt+q")
            assert running.wait(60) == 2  # no picture was chosen
            recording.wait_for_silence()
            assert whole(recording) < SAME
        finally:
            processes.end(running)
