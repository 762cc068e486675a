"""The commands at their edges: what is refused is refused in a sentence, before harm is done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from describer_daemon import processes
from describer_daemon.cli import demo
from describer_daemon.processes import Finished

SAMPLE = str(demo.SAMPLE)


def describer(*arguments: str) -> Finished:
    command = [*processes.python("describer_daemon.cli.main"), *arguments]
    return processes.run(command, timeout=60, what="describer")


def test_speech_never_overwrites_a_picture(sandbox: Path) -> None:
    picture = sandbox / "photo.jpg"
    picture.write_bytes(demo.SAMPLE.read_bytes())
    done = describer("describe", "--save", str(picture), SAMPLE)
    assert done.code == 2
    assert b"does not end in .wav" in done.errors
    assert picture.read_bytes() == demo.SAMPLE.read_bytes()


def test_a_missing_folder_is_told_before_the_work(sandbox: Path) -> None:
    for command in (("describe", SAMPLE), ("demo",)):
        done = describer(*command, "--save", str(sandbox / "none" / "speech.wav"))
        assert done.code == 2
        assert b"there is no folder" in done.errors
        assert done.output == b""


def test_nothing_is_saved_when_nothing_was_described(sandbox: Path) -> None:
    speech = sandbox / "speech.wav"
    done = describer("describe", "--save", str(speech), str(sandbox / "missing.png"))
    assert done.code == 1
    assert not speech.exists()


def test_a_full_disk_is_told_without_a_traceback(sandbox: Path) -> None:
    shell = processes.python("describer_daemon.cli.main")
    with Path("/dev/full").open("wb") as full:
        process = processes.start([*shell, "describe", SAMPLE], stdout=full, stderr=-1)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"cannot be written" in errors
    assert b"Traceback" not in errors


def test_status_stays_json_when_nothing_runs(sandbox: Path) -> None:
    done = describer("status", "--json")
    assert done.code == 1
    assert "not running" in json.loads(done.output)["error"]


def test_settings_that_cannot_be_used_are_told_and_harm_nothing(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = sandbox / "settings.toml"
    settings.write_text("[speech]\nrate = 9000\n", encoding="utf-8")
    monkeypatch.setenv("DESCRIBER_CONFIG", str(settings))
    done = describer("describe", SAMPLE)
    assert done.code == 0
    assert b"line 2" in done.errors
    assert done.output.strip()
