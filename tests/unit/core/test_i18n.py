from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from describer_daemon.core import i18n
from describer_daemon.core.i18n import N_, _, ngettext, pgettext

CZECH = ("%(n)s pes", "%(n)s psi", "%(n)s psů")


@pytest.fixture
def catalogues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a catalogue for German and one for Czech, and an English session."""
    for code in ("de", "cs"):
        catalogue = Catalog(locale=code)
        catalogue.add("Copied.", "Kopiert." if code == "de" else "Zkopírováno.")
        catalogue.add("left", "links", context="side") if code == "de" else None
        forms = ("%(n)s Hund", "%(n)s Hunde") if code == "de" else CZECH
        catalogue.add(("%(n)s dog", "%(n)s dogs"), forms)
        path = tmp_path / code / "LC_MESSAGES" / "describer.mo"
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            write_mo(file, catalogue)
    monkeypatch.setattr(i18n, "LOCALE", tmp_path)
    monkeypatch.setenv("DESCRIBER_LANGUAGE", "")  # and so it is as before afterwards
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    for cached in (i18n._translated, i18n._catalogue):
        cached.cache_clear()
    yield tmp_path
    for cached in (i18n._translated, i18n._catalogue):
        cached.cache_clear()


def test_a_sentence_is_in_the_language_in_use(catalogues: Path) -> None:
    assert _("Copied.") == "Copied."
    i18n.use("de")
    assert _("Copied.") == "Kopiert."
    assert pgettext("side", "left") == "links"
    i18n.use("cs")
    assert _("Copied.") == "Zkopírováno."
    assert _("what the catalogue lacks") == "what the catalogue lacks"
    assert _("") == ""  # else gettext gives the catalogue's heading


def test_what_is_only_marked_is_translated_when_it_is_said(catalogues: Path) -> None:
    sentence = N_("Copied.")
    i18n.use("de")
    assert (sentence, _(sentence)) == ("Copied.", "Kopiert.")


@pytest.mark.parametrize(
    ("code", "number", "words"),
    [
        ("en", 1, "1 dog"),
        ("en", 5, "5 dogs"),
        ("de", 1, "1 Hund"),
        ("de", 5, "5 Hunde"),
        ("cs", 1, "1 pes"),
        ("cs", 3, "3 psi"),
        ("cs", 5, "5 psů"),
    ],
)
def test_numbers_follow_each_languages_rules(
    catalogues: Path, code: str, number: int, words: str
) -> None:
    i18n.use(code)
    assert ngettext("%(n)s dog", "%(n)s dogs", number) % {"n": number} == words


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({}, "en"),
        ({"LANG": "de_AT.UTF-8"}, "de"),
        ({"LANG": "de"}, "de"),
        ({"LANG": "de_DE@euro"}, "de"),
        ({"LANG": "ja_JP.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "cs_CZ.UTF-8"}, "cs"),
        ({"LANG": "cs_CZ.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "ja:de:cs"}, "de"),
        ({"LANG": "cs_CZ.UTF-8", "LANGUAGE": "en:de"}, "en"),
        ({"LANG": "C", "LANGUAGE": "de"}, "en"),
        ({"LANG": "", "LANGUAGE": "de"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": ""}, "de"),
        ({"LANG": "../../etc"}, "en"),
    ],
)
def test_the_session_says_which_language(
    catalogues: Path, environment: dict[str, str], code: str
) -> None:
    assert i18n.session_language(environment) == code


def test_a_language_that_is_named_wins_and_child_processes_know_it(
    catalogues: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "cs_CZ.UTF-8")
    assert i18n.use() == "cs"
    assert i18n.use("de-CH") == "de"
    assert i18n.language() == "de"
    assert i18n.use("tlh") == "en"
    assert i18n.use("") == "cs"
    assert i18n.languages() == ("en", "cs", "de")
