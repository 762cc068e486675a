"""`describer doctor` on a desktop that works, and on none."""

from __future__ import annotations

from pathlib import Path

import pytest

from describer_daemon.cli import doctor
from describer_daemon.virtual.display import VirtualDisplay
from describer_daemon.virtual.sound import VirtualSound


def problems() -> dict[str, str]:
    return {check.name: check.problem for check in doctor.examine()}


def test_all_is_well_where_everything_works(xserver: VirtualDisplay, audio: VirtualSound) -> None:
    with audio.record() as recording:
        found = problems()
    assert list(found) == [
        "settings",
        "display",
        "keyboard",
        "clipboard",
        "voice",
        "sound",
        "captioner",
        "language",
        "text",
    ]
    assert not any(found.values()), found
    assert recording.first_sound is not None


def test_each_that_fails_names_its_cure(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_SERVER", f"unix:{sandbox}/nobody")
    settings = sandbox / "settings.toml"
    settings.write_text("[speech]\nrate = 9000\n", encoding="utf-8")
    monkeypatch.setenv("DESCRIBER_CONFIG", str(settings))
    found = problems()
    assert "line 2" in found["settings"]
    assert "450" in found["settings"]
    assert "inside a desktop session" in found["display"]
    assert "describer trigger" in found["keyboard"]
    assert "inside a desktop session" in found["clipboard"]
    assert "sound" in found["sound"]
    assert found["captioner"] == ""


def test_a_damaged_bundle_is_named(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = sandbox / "bundle"
    bundle.mkdir()
    settings = sandbox / "settings.toml"
    settings.write_text(f'[captioner]\nbundle = "{bundle}"\n', encoding="utf-8")
    monkeypatch.setenv("DESCRIBER_CONFIG", str(settings))
    assert "config.json" in problems()["captioner"]
