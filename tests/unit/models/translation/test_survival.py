"""Whether a translation names what the English names."""

from __future__ import annotations

import pytest

from models.captioning.kinds import numbers
from models.translation import survival

_DOG, _BENCH, _CUP = (numbers()[name] for name in ("dog", "bench", "cup"))
_WORDS = {
    _DOG: ("hund", "hunde", "hunden", "hundes"),
    _BENCH: ("bank", "bänke", "parkbank"),
    _CUP: ("tee tasse", "pot"),
}


@pytest.mark.parametrize(
    ("english", "translated", "missing"),
    [
        ("a dog on a bench", "Ein Hund auf einer Bank", set()),
        ("two dogs", "Zwei HUNDE.", set()),
        ("a dog on a bench", "Ein Tier auf einer Bank", {_DOG}),
        ("a dog on a bench", "", {_DOG, _BENCH}),
        ("a hot dog", "Ein Brötchen", set()),  # names no dog, and the table knows no hot dog
        ("a dog", "Ein Schäferhund, der liegt", set()),  # the last part says what it is
        ("a dog", "Eine Hundehütte", {_DOG}),
        ("a cup", "Eine Tee-Tasse", set()),  # words of several parts
        ("a cup", "Ein Depot", {_CUP}),  # short words do not end others
        ("a camera", "Ein Haus", set()),  # no kind
    ],
)
def test_things_that_a_translation_lacks(english, translated, missing):
    german = survival.prepared("de", _WORDS.items())
    assert survival.missing(english, translated, german) == missing


def test_only_german_joins_words():
    french = survival.prepared("fr", _WORDS.items())
    assert survival.missing("a dog", "Schäferhund", french) == {_DOG}


def test_a_language_without_a_table_asks_for_nothing():
    assert survival.missing("a dog", "un chien", survival.words("xx")) == frozenset()


def test_a_table_that_is_not_in_order_asks_for_nothing(tmp_path, monkeypatch):
    (tmp_path / "xx.tsv").write_text("kind\n", encoding="utf-8")
    monkeypatch.setattr(survival, "FOLDER", tmp_path)
    assert survival.words("xx") == {}


def test_the_words_are_those_of_the_languages_table():
    spanish = survival.words("es")
    assert survival.missing("a dog on a bench", "un perro en un banco", spanish) == frozenset()
    assert survival.missing("a dog on a bench", "un animal en un banco", spanish) == {_DOG}
