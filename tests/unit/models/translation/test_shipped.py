"""The translators that ship."""

from __future__ import annotations

import subprocess
import sys

import pytest

from models.captioning.kinds import numbers
from models.translation import Translator, available, bundle, survival

_CAPTIONS = {
    "a man in a black shirt is holding a camera": {},
    "two giraffes stand next to a tree": {"giraffe"},
    "a dog is running on a beach": {"dog"},
}
_MOST = 8_000_000  # bytes of a language


@pytest.mark.parametrize("language", available())
def test_a_shipped_translator_keeps_the_things_of_captions(language):
    translator = Translator.load(language)
    words = survival.words(language)
    assert translator.language == language
    for caption, things in _CAPTIONS.items():
        made = translator.translate(caption)
        assert len(made.text.split()) >= 4
        assert not made.missing
        assert not survival.missing(" ".join(things), made.text, words)
    assert numbers()["toilet"] not in translator.translate("a white toilet").missing


@pytest.mark.parametrize("language", available())
def test_a_shipped_translator_is_small_and_has_a_card(language):
    folder = bundle.SHIPPED / language
    assert sum(path.stat().st_size for path in folder.iterdir()) < _MOST
    card = (folder / bundle.CARD).read_text(encoding="utf-8")
    for said in ("non-commercial research and education", "BLEU", "without native speakers"):
        assert said in card


def test_no_torch_at_run_time():
    script = (
        "import sys; from models.translation import Translator, available\n"
        "Translator.load(available()[0]).translate('a dog')\n"
        "print(sorted({'torch', 'sentencepiece', 'sacrebleu', 'onnx'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_german_french_and_czech_ship():
    assert available() == ("cs", "de", "fr")
