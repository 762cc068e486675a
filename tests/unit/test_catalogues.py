"""Each catalogue has all sentences, and no others, as its language wants them (ADR 0054)."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from describer_daemon.core import i18n
from tests.catalogues import compiled, extracted, problems

CATALOGUES = sorted(i18n.LOCALE.glob("*/LC_MESSAGES/describer.po"))
DOGS = ("{number} dog", "{number} dogs")


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parts[-3])


def test_what_the_code_says_is_found() -> None:
    said = {message.id for message in extracted() if message.id}
    assert {"Still looking.", "There is no captioner bundle at {folder}."} <= said
    assert len(said) > 450


def test_every_catalogue_is_whole() -> None:
    found = {path.parts[-3]: problems(read(path), extracted()) for path in CATALOGUES}
    assert {code: wrong for code, wrong in found.items() if wrong} == {}


def test_what_programs_read_is_what_people_wrote() -> None:
    stale = [
        path.parts[-3]
        for path in CATALOGUES
        if path.with_suffix(".mo").read_bytes() != compiled(read(path))
    ]
    assert stale == [], "run: scripts/catalogues.sh compile"


def planted() -> tuple[Catalog, Catalog]:
    """→ what the code says, and a Czech catalogue that has all of it."""
    template, catalogue = Catalog(), Catalog(locale="cs")
    for message, text in (
        ("Copied.", "Zkopírováno."),
        ("{name} is gone.", "{name} zmizel."),
        ("blind;speech;", "slepý;hlas;"),
        (DOGS, ("{number} pes", "{number} psi", "{number} psů")),
    ):
        template.add(message)
        catalogue.add(message, text)
    template.add("left", context="side")
    catalogue.add("left", "vlevo", context="side")
    return template, catalogue


def test_one_that_is_whole_has_no_problems() -> None:
    template, catalogue = planted()
    assert problems(catalogue, template) == []


@pytest.mark.parametrize(
    ("message", "text", "problem"),
    [
        ("Copied.", "", "not translated"),
        ("Copied.", "Zkopírováno. ", "other blanks at the ends"),
        ("Copied.", "\nZkopírováno.", "other blanks at the ends"),
        ("Copied.", "Zkopírováno {kam}.", "other values"),
        ("{name} is gone.", "Zmizel.", "other values"),
        ("{name} is gone.", "{jméno} zmizel.", "other values"),
        ("{name} is gone.", "{name zmizel.", "a brace too many"),
        ("blind;speech;", "slepý;hlas", "other end of a list"),
        (DOGS, ("{number} pes", "{number} psi", ""), "not translated"),
        (DOGS, ("{number} pes", "{number} psi"), "not all forms"),
        (DOGS, ("pes", "{number} psi", "{number} psů"), "other values"),
    ],
)
def test_a_wrong_translation_is_found(
    message: str | tuple[str, ...], text: str | tuple[str, ...], problem: str
) -> None:
    template, catalogue = planted()
    catalogue.get(message).string = text
    [found] = problems(catalogue, template)
    assert found.startswith(f"{problem}: ")


def test_what_is_missing_too_much_or_guessed_is_found() -> None:
    template, catalogue = planted()
    catalogue.delete("Copied.")
    catalogue.add("Gone.", "Pryč.")
    catalogue.get("left", context="side").flags.add("fuzzy")
    kinds = sorted(one.partition(":")[0] for one in problems(catalogue, template))
    assert kinds == ["fuzzy", "missing", "said no more"]
