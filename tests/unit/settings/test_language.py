"""`speech.language`: one of the languages that there are, or that of the session."""

from __future__ import annotations

from pathlib import Path

import pytest

from describer_daemon.cli.shared import settings_or_defaults
from describer_daemon.core import i18n
from describer_daemon.settings.file import SettingsError
from describer_daemon.settings.settings import load


@pytest.fixture
def path(catalogues: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "settings.toml"
    monkeypatch.setenv("DESCRIBER_CONFIG", str(path))
    return path


@pytest.mark.parametrize(
    ("session", "wanted", "in_use"),
    [
        ("en_GB.UTF-8", "", "en"),
        ("en_GB.UTF-8", "de", "de"),
        ("cs_CZ.UTF-8", "", "cs"),
        ("cs_CZ.UTF-8", "en", "en"),
        ("ja_JP.UTF-8", "", "en"),
    ],
)
def test_every_command_takes_the_language_of_the_settings(
    path: Path, monkeypatch: pytest.MonkeyPatch, session: str, wanted: str, in_use: str
) -> None:
    monkeypatch.setenv("LANG", session)
    path.write_text(f'[speech]\nlanguage = "{wanted}"\n', encoding="utf-8")
    _, _, error, _ = settings_or_defaults()
    assert error is None
    assert i18n.language() == in_use


@pytest.mark.parametrize("wrong", ['"tlh"', '"German"', "7", '["de"]', '"de_DE"'])
def test_a_wrong_one_is_told_with_what_is_allowed(path: Path, wrong: str) -> None:
    path.write_text(f"[speech]\nlanguage = {wrong}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"line 2: speech\.language = .*; use \"en\"") as told:
        load(path)
    assert 'or "" for that of the session' in told.value.spoken
