"""Fixtures: catalogues of a few sentences in a few languages, instead of those that ship."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from describer_daemon.core import i18n
from tests.catalogues import pseudo

CZECH = ("%(n)s pes", "%(n)s psi", "%(n)s psů")
GERMAN_SENTENCES = {"Copied.": "Kopiert.", "Still looking.": "Ich suche noch."}


@pytest.fixture
def catalogues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a catalogue for German and one for Czech, and an English session."""
    folder = tmp_path / "locale"
    for code in ("de", "cs"):
        catalogue = Catalog(locale=code)
        if code == "de":
            for english, german in GERMAN_SENTENCES.items():
                catalogue.add(english, german)
            catalogue.add("left", "links", context="side")
        else:
            catalogue.add("Copied.", "Zkopírováno.")
        forms = ("%(n)s Hund", "%(n)s Hunde") if code == "de" else CZECH
        catalogue.add(("%(n)s dog", "%(n)s dogs"), forms)
        path = folder / code / "LC_MESSAGES" / "describer.mo"
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            write_mo(file, catalogue)
    monkeypatch.setattr(i18n, "LOCALE", folder)
    monkeypatch.setenv("DESCRIBER_LANGUAGE", "")  # and so it is as before afterwards
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    for cached in (i18n._translated, i18n._catalogue):
        cached.cache_clear()
    yield folder
    for cached in (i18n._translated, i18n._catalogue):
        cached.cache_clear()


@pytest.fixture
def pseudo_locale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A language in use in which all that the code says is marked: see `catalogues.marked`."""
    pseudo(tmp_path, "de")
    monkeypatch.setattr(i18n, "LOCALE", tmp_path)
    monkeypatch.setenv("DESCRIBER_LANGUAGE", "de")
    for cached in (i18n._translated, i18n._catalogue):
        cached.cache_clear()
    yield
    for cached in (i18n._translated, i18n._catalogue):
        cached.cache_clear()
