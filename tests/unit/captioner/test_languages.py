"""What is told of a picture is all in the person's language, or all of it in English."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from describer_daemon.captioner import results
from describer_daemon.captioner.languages import Languages
from describer_daemon.core import i18n, phrasing
from describer_daemon.core.ports import Caption, Rectangle
from models import captioner as models
from models.captioning import languages
from models.captioning.answer import Answer, Form
from models.captioning.kinds import numbers
from models.captioning.things import Thing
from tests import things_tables
from tests.unit.captioner.test_results import drawn

BOX = Rectangle(0, 0, 80, 60)
DOG = Thing(numbers()["dog"], "dog", "two dogs", 0.9, 2, (0.0, 0.0, 1.0, 1.0))


@pytest.fixture
def tables(catalogues: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table for German alone; Czech has a catalogue."""
    folder = tmp_path / "tables"
    things_tables.write(folder, "de")
    monkeypatch.setattr(languages, "FOLDER", folder)
    i18n.use("de")
    return folder


def seen(form: Form, *things: Thing, others: tuple[str, ...] = ()) -> models.Caption:
    return models.Caption(
        ("a", "dog", "runs"),
        (-0.5, -1.0, -0.1, -0.1),
        np.full((3, 2, 2), 0.25, np.float32),
        0.7,
        (),
        {},
        things,
        answer=Answer(
            form, (*(each.spoken for each in things), *others), frozenset(), things, (), others
        ),
    )


def told(caption: models.Caption, language: str) -> Caption:
    telling = Languages().tell(caption, language)
    return results.answered(caption, telling, drawn("blue"), BOX)


def test_in_english_nothing_is_looked_up(tables: Path) -> None:
    caption = told(seen("plain", DOG), "en")
    assert (caption.language, caption.text, caption.told) == ("en", "a dog runs", "a dog runs")
    assert phrasing.sentence(caption) == "A dog runs."
    assert [thing.name for thing in caption.things] == ["two dogs"]


def test_where_no_caption_is_translated_the_things_are_listed(tables: Path) -> None:
    caption = told(seen("plain", DOG), "de")
    assert (caption.language, caption.form, caption.told) == ("de", "things", "")
    assert caption.text == "a dog runs"
    assert "du dogn" in phrasing.sentence(caption)
    assert phrasing.alt_text(caption) == "Du dog."
    assert [thing.name for thing in caption.things] == ["du dog"]


def test_of_what_is_listed_nowhere_the_colours_are_told(tables: Path) -> None:
    caption = told(seen("hedged", DOG, others=("a shark",)), "de")
    assert caption.form == "things"
    caption = told(seen("things", others=("a shark",)), "de")
    assert (caption.form, caption.colours) == ("unknown", ("blue",))


@pytest.mark.parametrize("language", ["cs", "de"])
def test_without_a_table_in_order_all_is_said_in_english(tables: Path, language: str) -> None:
    (tables / "de.tsv").write_text("kind\tone\n", encoding="utf-8")
    languages.table.cache_clear()
    made = Languages()
    for _ in range(2):
        telling = made.tell(seen("plain", DOG), language)
        caption = results.answered(seen("plain", DOG), telling, drawn("blue"), BOX)
        assert phrasing.language(caption) == "en"
        assert phrasing.sentence(caption) == "A dog runs."
        details = results.detailed(seen("plain", DOG), telling, BOX)
        assert (details.language, details.sure[0].name) == ("en", "two dogs")
