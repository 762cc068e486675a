"""Settings files made to do harm end in settings or in one sentence, soon."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.fuzz import run as fuzz
from benchmarks.fuzz.settings_files import SettingsFiles
from describer_daemon.settings import settings
from describer_daemon.settings.file import SettingsError


def test_thousands_of_problems_are_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("rate = 1\n" + "".join(f"a{number} = 1\n" for number in range(4000)))
    with pytest.raises(SettingsError) as refused:
        settings.load(path)
    assert refused.value.spoken == (
        "settings.toml line 1: rate belongs below the heading [speech]. There are 4000 more."
    )
    assert len(refused.value.detail) < 4000


def test_a_key_of_a_thousand_parts_is_not_read_out(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("a = {" + "a." * 900 + "a = 1}\n" + "a." * 901 + "b = 1\n")
    with pytest.raises(SettingsError, match="line 2 cannot be read: Cannot") as refused:
        settings.load(path)
    assert len(refused.value.spoken) < 200


def test_hundreds_of_hostile_files(tmp_path: Path) -> None:
    tally = fuzz.run(SettingsFiles, "settings", 3, range(150), tmp_path)
    assert tally.tried == 150
    assert tally.accepted
    assert tally.mishandled == []
