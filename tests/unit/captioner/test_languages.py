"""What is told of a picture is all in the person's language, or all of it in English."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from describer_daemon.captioner import results
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.captioner.languages import Languages
from describer_daemon.core import i18n, phrasing
from describer_daemon.core.ports import Caption, Encoded, Rectangle
from models import captioner as models
from models.captioning import languages
from models.captioning.answer import Answer, Form
from models.captioning.kinds import numbers
from models.captioning.things import Thing
from models.runtime.bundle import BundleError
from tests import things_tables
from tests.unit.captioner.inside import SAMPLE
from tests.unit.captioner.test_results import drawn
from tests.unit.proc import LONG

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
    telling = Languages(print, lambda _: None).tell(caption, language)
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
    made = Languages(print)
    for _ in range(2):
        telling = made.tell(seen("plain", DOG), language)
        caption = results.answered(seen("plain", DOG), telling, drawn("blue"), BOX)
        assert phrasing.language(caption) == "en"
        assert phrasing.sentence(caption) == "A dog runs."
        details = results.detailed(seen("plain", DOG), telling, BOX)
        assert (details.language, details.sure[0].name) == ("en", "two dogs")


@dataclass(frozen=True)
class Translation:
    text: str
    missing: frozenset[int] = frozenset()


class Translator:
    """Into a German that nobody speaks; loses every kind of thing in `lost`."""

    def __init__(self, *lost: int) -> None:
        self.lost = frozenset(lost)
        self.asked: list[str] = []

    def translate(self, text: str) -> Translation:
        self.asked.append(text)
        return Translation(f"auf deutsch: {text}", self.lost)


def translated(translator: Translator | None, caption: models.Caption) -> Caption:
    telling = Languages(print, lambda _: translator).tell(caption, "de")
    return results.answered(caption, telling, drawn("blue"), BOX)


@pytest.mark.parametrize(
    ("form", "sentence"),
    [("plain", "Auf deutsch: a dog runs."), ("hedged", "Could be: auf deutsch: a dog runs.")],
)
def test_a_caption_that_is_said_is_translated(tables: Path, form: Form, sentence: str) -> None:
    caption = translated(Translator(), seen(form, DOG))
    assert (caption.form, caption.language) == (form, "de")
    assert (caption.text, caption.told) == ("a dog runs", "auf deutsch: a dog runs")
    assert phrasing.sentence(caption) == sentence
    assert phrasing.language(caption) == "de"


def test_what_is_lost_in_translation_is_not_said(tables: Path) -> None:
    lossy = Translator(DOG.kind)
    listed = translated(lossy, seen("plain", DOG))
    assert (listed.form, listed.told, listed.seen) == ("things", "", ("du dogn",))
    assert translated(lossy, seen("hedged")).form == "unknown"


@pytest.mark.parametrize("form", ["things", "unknown"])
def test_what_is_not_said_is_not_translated(tables: Path, form: Form) -> None:
    translator = Translator()
    translated(translator, seen(form, DOG))
    assert translator.asked == []


def test_a_captioner_that_knows_no_things_is_heard_in_english_at_least(tables: Path) -> None:
    caption = translated(None, seen("hedged"))
    assert (caption.language, phrasing.sentence(caption)) == ("en", "Could be: a dog runs.")
    assert translated(Translator(), seen("hedged")).language == "de"


def test_a_translator_is_loaded_when_it_is_first_wanted_and_told_of_once_when_broken(
    tables: Path,
) -> None:
    loaded: list[str] = []
    told: list[str] = []

    def load(language: str) -> Translator | None:
        loaded.append(language)
        if language == "cs":
            raise BundleError("The translator is damaged.")
        return Translator()

    things_tables.write(tables, "cs")
    made = Languages(told.append, load)
    made.tell(seen("plain", DOG), "en")
    made.tell(seen("things", DOG), "de")
    assert loaded == []
    made.tell(seen("plain", DOG), "de")
    made.tell(seen("plain", DOG), "de")
    assert loaded == ["de"]
    for _ in range(2):
        assert made.tell(seen("plain", DOG), "cs").form == "things"
    assert (loaded, told) == (["de", "cs"], ["The translator is damaged."])
    assert made.prepare("cs") == "things"
    assert made.prepare("de") == "captions"
    assert loaded == ["de", "cs", "de"]  # one is kept at a time
    assert made.prepare("en") == "captions"
    assert made.prepare("fr") == "sentences"
    assert len(loaded) == 3


def test_a_translator_that_does_not_work_is_told_of_once_and_things_are_listed(
    tables: Path,
) -> None:
    class Broken(Translator):
        def translate(self, text: str) -> Translation:
            raise BundleError("The translator is damaged.")

    told: list[str] = []
    made = Languages(told.append, lambda _: Broken())
    for _ in range(2):
        assert made.tell(seen("plain", DOG), "de").form == "things"
    assert told == ["The translator is damaged."]


def test_the_real_process_tells_in_the_language_that_is_asked_for(
    grounded_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESCRIBER_LANGUAGE", "")  # and so it is as before afterwards
    both = [code for code in i18n.languages() if code in languages.languages()] or ["en"]
    captioner = ChildCaptioner(grounded_bundle, timeout=LONG, find=False, keep=True)
    try:
        for code in (both[-1], "en"):
            i18n.use(code)
            caption = captioner.describe(Encoded(SAMPLE))
            assert (caption.language, phrasing.language(caption)) == (code, code)
            table = languages.table(code, languages.FOLDER)
            if table is not None:
                names = {form for forms in table.kinds for form in forms.said}
                assert caption.things
                assert {thing.name for thing in caption.things} <= names
            assert captioner.recall().language == code
            assert captioner.told() in ("captions", "things")
    finally:
        captioner.close()


@pytest.mark.parametrize(
    ("language", "sentence"), [("de", "Could be: Un dog."), ("cs", "Could be: un dog.")]
)
def test_within_a_sentence_a_caption_has_no_capital_but_for_its_nouns(
    tables: Path, language: str, sentence: str
) -> None:
    class Capital(Translator):
        def translate(self, text: str) -> Translation:
            return Translation("Un dog")

    things_tables.write(tables, language)
    telling = Languages(print, lambda _: Capital()).tell(seen("hedged", DOG), language)
    caption = results.answered(seen("hedged", DOG), telling, drawn("blue"), BOX)
    assert phrasing.sentence(caption) == sentence
