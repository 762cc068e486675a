"""Every sentence of the table of `phrasing` in every language that there is a catalogue for.

English stands in while there is none: then each sentence is as it stands in the code.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import get_args

import pytest

from describer_daemon.core import i18n, phrasing
from describer_daemon.core.ports import (
    Caption,
    Detection,
    Form,
    NoCaptionReason,
    OcrResult,
    Rectangle,
    TextLine,
    Verb,
)
from models.captioning import languages

LANGUAGES = [code for code in i18n.languages() if code != "en"] or ["en"]
# of the English sentences, and no words of another language here
ENGLISH = {
    "picture",
    "that",
    "cannot",
    "make",
    "could",
    "mostly",
    "dark",
    "light",
    "says",
    "text",
    "begins",
    "screen",
    "black",
    "curtain",
    "chart",
    "drawing",
    "photographs",
    "only",
    "colour",
    "the",
    "it",
    "and",
}
ALSO_THEIRS = {"cs": {"text"}, "de": {"text"}}  # of those, words of the language itself
DETECTED = (Detection(Rectangle(0, 0, 9, 9), 0.9, "photograph"),) * 3
WRITTEN = OcrResult(((TextLine("Zatvoreno", 0.9, 0, 0, 9, 9),),))


def names(code: str) -> tuple[str, ...]:
    """Two things as they are listed after "I see"."""
    table = languages.table(code, languages.FOLDER)
    return tuple(forms.seen[1] for forms in table.kinds[:2]) if table else ("qu", "zu")


def captions(code: str) -> Iterator[tuple[Caption, Verb | None]]:
    """One for each row of the table, and each thing that may be added to it."""
    forms: tuple[Form, ...] = get_args(Form)
    for form, seen, colours, brightness, number, written in itertools.product(
        forms,
        (names(code)[:1], names(code)),
        ((), ("blue",), ("grey", "pink")),
        ("", "dark", "light"),
        (0, 2),
        (None, WRITTEN),
    ):
        yield (
            Caption(
                ("qu", "zu"), (-1.0,) * 3, 0.5, form, pictures=DETECTED, number=number,
                seen=seen, colours=colours, brightness=brightness, written=written,
                language=code, translated="qu zu",
            ),
            None,
        )  # fmt: skip
    for finding in get_args(NoCaptionReason):
        for verb in (None, Verb.SCREEN):
            yield Caption((), (), 1.0, finding=finding, language=code), verb


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_sentence_is_in_the_language(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESCRIBER_LANGUAGE", code)
    found = {
        phrasing.sentence(caption, verb)
        for caption, verb in captions(code)
        if caption.words or caption.finding
    }
    found |= {phrasing.text_aloud(OcrResult((), finding)) for finding in ("", "black", "plain")}
    assert len(found) > 50
    for sentence in found:
        assert re.match(r"[^\W\d_]|[¿¡]", sentence), sentence
        assert sentence[0] == sentence[0].upper()
        assert sentence.rstrip("\"»“”'")[-1] in ".!?…", sentence
        assert not re.search(r"[{}%]|\s\s|\s[.,:]$", sentence), sentence
        words = set(re.findall(r"\w+", sentence.lower()))
        english = ENGLISH - ALSO_THEIRS.get(code, set())
        assert (code == "en") or not words & english, sentence
