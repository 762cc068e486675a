"""Things in other languages: tables that are whole, and what is said by them."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.captioning import languages
from models.captioning.answer import Answer, Form
from models.captioning.kinds import kinds, numbers
from models.captioning.languages import FOLDER, Table, TableError, in_english, table, told
from models.captioning.tags import names
from models.captioning.things import Thing
from tests import things_tables

DOG, PERSON = numbers()["dog"], numbers()["person"]
CAPTION = "un dog kur"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    things_tables.write(tmp_path, "de")
    return tmp_path


@pytest.fixture
def german(folder: Path) -> Table:
    found = table("de", folder)
    assert found is not None
    return found


def thing(kind: int, count: int = 1) -> Thing:
    name = kinds()[kind].name
    return Thing(kind, name, f"{count} {name}", 0.9, count, (0.0, 0.0, 1.0, 1.0))


def answer(form: Form, *sure: Thing, others: tuple[str, ...] = ()) -> Answer:
    seen = (*(each.spoken for each in sure), *others)
    return Answer(form, seen, frozenset(), sure, (), others)


def test_english_is_told_as_it_was_answered() -> None:
    told = in_english(answer("things", thing(DOG, 2), others=("a tripod",)))
    assert (told.language, told.form, told.caption) == ("en", "things", "")
    assert told.seen == told.listed == ("2 dog", "a tripod")
    assert told.others == ("a tripod",)
    assert told.name(thing(DOG, 2)) == "2 dog"


@pytest.mark.parametrize(
    ("count", "said", "seen"),
    [(1, "un dog", "un dogn"), (2, "du dog", "du dogn"), (3, "mult dog", "mult dogn")],
)
def test_a_thing_is_told_by_its_number_and_its_part_in_the_sentence(
    german: Table, count: int, said: str, seen: str
) -> None:
    telling = told(answer("things", thing(DOG, count)), german, "")
    assert (telling.language, telling.form) == ("de", "things")
    assert telling.name(thing(DOG, count)) == said
    assert (telling.listed, telling.seen) == ((said,), (seen,))


@pytest.mark.parametrize("form", ["plain", "hedged"])
def test_a_caption_is_said_whole_or_its_things_are(german: Table, form: Form) -> None:
    seen = answer(form, thing(DOG), thing(PERSON, 2))
    whole = told(seen, german, CAPTION)
    assert (whole.form, whole.caption) == (form, CAPTION)
    listed = told(seen, german, "")
    assert (listed.form, listed.caption) == ("things", "")
    assert listed.seen == ("un dogn", "du personn")
    assert told(answer(form), german, "").form == "unknown"


@pytest.mark.parametrize("form", ["things", "unknown"])
def test_what_is_not_believed_is_not_said_in_any_language(german: Table, form: Form) -> None:
    sure = [thing(DOG)] if form == "things" else []
    telling = told(answer(form, *sure), german, CAPTION)
    assert (telling.form, telling.caption) == (form, "")


def test_what_was_recognised_besides_needs_a_name_in_the_language(german: Table) -> None:
    telling = told(answer("things", thing(DOG), others=("a tripod", "a shark")), german, "")
    assert telling.seen == ("un dogn", "un tripodn")
    assert telling.listed == ("un dog", "un tripod")
    assert telling.others == ("un tripod",)
    assert told(answer("things", others=("a shark",)), german, "").form == "unknown"


def test_a_language_without_a_table_has_none(folder: Path) -> None:
    assert table("fr", folder) is None
    assert languages.languages(folder) == ("de",)


@pytest.mark.parametrize(
    ("line", "changed", "told"),
    [
        (0, "kind\tone", "does not begin with the columns"),
        (5, None, "line 6 has bus, where airplane belongs"),
        (80, None, "has 79 kinds of thing instead of 80"),
        (3, "car\tun car\tdu car\t\tun car\tdu car\tmult car\tcar", "line 4 does not have 8"),
        (3, "car\tun car", "line 4 does not have 8"),
    ],
)
def test_a_table_that_is_not_in_order_is_refused(
    tmp_path: Path, line: int, changed: str | None, told: str
) -> None:
    lines = things_tables.lines()
    lines[line : line + 1] = [] if changed is None else [changed]
    (tmp_path / "de.tsv").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(TableError, match=told):
        table("de", tmp_path)


def test_a_table_of_further_things_names_each_that_captions_may_say_once() -> None:
    spoken = sorted({name.spoken for name in names()})
    tables = sorted(FOLDER.glob("*.tags.tsv"))
    assert {"cs", "de", "es", "fr"} <= {path.name.split(".")[0] for path in tables}
    for path in tables:
        rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()[1:]]
        assert sorted(row[0] for row in rows) == spoken, path.name
        for row in rows:
            assert len(row) == 3, (path.name, row)
            for cell in row[1:]:
                assert cell, (path.name, row)
                assert cell.strip("-?.…{}<>%|_ ") == cell, (path.name, row)
                assert "  " not in cell, (path.name, row)


def test_the_tables_that_ship_are_complete_and_nothing_in_them_stands_for_two_things() -> None:
    shipped = {code: table(code, FOLDER) for code in languages.languages()}
    for code, found in shipped.items():
        assert found is not None
        assert len(found.kinds) == 80
        english = {name.spoken for name in names()}
        assert found.tags.keys() <= english, code
        cells = [(*forms.said, *forms.seen, *forms.words) for forms in found.kinds]
        for forms, row in zip(found.kinds, cells, strict=True):
            for cell in row:
                assert cell.strip("-?.…{}<>%_ ") == cell, (code, cell)
                assert "todo" not in cell.lower(), (code, cell)
            assert len(set(forms.words)) == len(forms.words), (code, forms)
            assert forms.words, (code, forms)
        for number in range(3):
            for part in ("said", "seen"):
                column = [getattr(forms, part)[number] for forms in found.kinds]
                assert len(set(column)) == len(column), (code, sorted(column))
    assert set(shipped) == {path.name[:-4] for path in FOLDER.glob("??.tsv")}
