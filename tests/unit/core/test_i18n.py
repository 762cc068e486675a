from __future__ import annotations

import ast
from pathlib import Path

import pytest

from describer_daemon.core import i18n
from describer_daemon.core.i18n import N_, _, ngettext, pgettext


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


def test_a_sentence_may_be_of_another_language_meanwhile(catalogues: Path) -> None:
    i18n.use("de")
    with i18n.spoken_in("en"):
        assert (_("Copied."), i18n.language()) == ("Copied.", "en")
        with i18n.spoken_in("cs"):
            assert _("Copied.") == "Zkopírováno."
    assert (_("Copied."), i18n.language()) == ("Kopiert.", "de")


def own_nodes(scope: ast.AST) -> list[ast.AST]:
    """All that is in a function, save in others inside it."""
    found: list[ast.AST] = []
    for each in ast.iter_child_nodes(scope):
        found.append(each)
        if not isinstance(each, ast.FunctionDef | ast.Lambda):
            found += own_nodes(each)
    return found


def test_where_a_sentence_is_translated_nothing_else_has_the_name_of_that() -> None:
    for path in Path(i18n.__file__).parents[1].rglob("*.py"):
        for scope in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(scope, ast.FunctionDef | ast.Lambda):
                continue
            inside = own_nodes(scope)
            called = {ast.unparse(each.func) for each in inside if isinstance(each, ast.Call)}
            bound = {each.arg for each in inside if isinstance(each, ast.arg)} | {
                each.id
                for each in inside
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            }
            assert "_" not in called & bound, f"{path}:{scope.lineno}"
