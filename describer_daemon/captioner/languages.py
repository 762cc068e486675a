"""What the captioner's process tells in another language than English: tables, and a translator.

Both are loaded with the first picture of which something is to be told in that language, so that
who speaks English pays for neither.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from describer_daemon.captioner import memory
from describer_daemon.captioner.messages import Told
from describer_daemon.core.i18n import ENGLISH, _

if TYPE_CHECKING:
    from models.captioner import Caption as ModelCaption
    from models.captioning.languages import Table, Telling

_NOUNS_HAVE_CAPITALS = frozenset({"de"})  # whose first word, too, may be to keep its own
_WHOLE = ("plain", "hedged")  # forms in which the caption itself is said


class Translation(Protocol):
    """`missing` are the kinds of thing that the English text names and `text` does not."""

    @property
    def text(self) -> str: ...
    @property
    def missing(self) -> frozenset[int]: ...


class Translator(Protocol):
    """From English into one language."""

    def translate(self, text: str) -> Translation:
        """Raises BundleError where it turns out not to work."""


def load_translator(language: str) -> Translator | None:
    """None where there is none for it. Raises BundleError when it cannot be used."""
    from models import translation

    if language not in translation.available():
        return None
    with memory.outside_limit():
        return translation.Translator.load(language)


class Languages:
    """Puts what is said of a picture into a language, as far as that can be done whole."""

    def __init__(
        self,
        trouble: Callable[[str], None],
        load: Callable[[str], Translator | None] = load_translator,
    ) -> None:
        """`trouble` is told once in a sentence why a language cannot be had."""
        self._trouble, self._load = trouble, load
        self._broken: set[str] = set()  # languages whose table is not in order
        self._translators: dict[str, Translator | None] = {}  # of the last language alone

    def prepare(self, language: str) -> Told:
        """Load what it needs now rather than with the first picture. → what can be told in it."""
        if language == ENGLISH:
            return "captions"
        if self._table(language) is None:
            return "sentences"
        return "things" if self._translator(language) is None else "captions"

    def tell(self, caption: ModelCaption, language: str) -> Telling:
        """What is said of it: in that language, or all of it in English.

        English it is where the language has no table, and of a captioner that knows no things:
        without a translator there would be nothing to say of any of its pictures.
        """
        from models.captioning import languages

        table = None if language == ENGLISH else self._table(language)
        if table is None:
            return languages.in_english(caption.answer)
        if caption.answer.form not in _WHOLE:
            return languages.told(caption.answer, table, "")
        translator = self._translator(language)
        if translator is None and not caption.things:
            return languages.in_english(caption.answer)
        text = "" if translator is None else self._translated(caption, translator, language)
        return languages.told(caption.answer, table, text)

    def _translated(self, caption: ModelCaption, translator: Translator, language: str) -> str:
        """ "" where a thing that the caption names was lost on the way."""
        from models.runtime.bundle import BundleError

        try:
            result = translator.translate(" ".join(caption.words).replace(" 's", "'s"))
        except BundleError as error:  # graphs that load, but do not work
            self._translators[language] = None
            self._trouble(error.told(_))
            return ""
        if result.missing:
            return ""
        text = result.text
        # as in English: whoever makes a sentence of it gives it the capital that it needs there
        return text if language in _NOUNS_HAVE_CAPITALS else text[:1].lower() + text[1:]

    def _translator(self, language: str) -> Translator | None:
        from models.runtime.bundle import BundleError

        if language not in self._translators:
            self._translators = {language: None}  # what fails once is not tried with each picture
            try:
                self._translators[language] = self._load(language)
            except BundleError as error:
                self._trouble(error.told(_))
        return self._translators[language]

    def _table(self, language: str) -> Table | None:
        from models.captioning import languages

        if language in self._broken:
            return None
        try:
            return languages.table(language, languages.FOLDER)
        except (OSError, ValueError):  # its English is better than nothing
            traceback.print_exc()
            self._broken.add(language)
            return None
