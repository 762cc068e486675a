"""What the captioner's process tells in another language than English: tables, and a translator.

Both are loaded with the first picture of which something is to be told in that language, so that
who speaks English pays for neither.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from models.captioning import languages
from models.captioning.languages import ENGLISH, Table, Telling

if TYPE_CHECKING:
    from models.captioner import Caption as ModelCaption


class Languages:
    """Puts what is said of a picture into a language, as far as that can be done whole."""

    def __init__(self) -> None:
        self._broken: set[str] = set()  # languages whose table is not in order

    def tell(self, caption: ModelCaption, language: str) -> Telling:
        """What is said of it: in that language, or all of it in English."""
        table = None if language == ENGLISH else self._table(language)
        if table is None:
            return languages.in_english(caption.answer)
        return languages.told(caption.answer, table, "")

    def _table(self, language: str) -> Table | None:
        if language in self._broken:
            return None
        try:
            return languages.table(language, languages.FOLDER)
        except (OSError, ValueError):  # an ornament must not cost the caption
            traceback.print_exc()
            self._broken.add(language)
            return None
