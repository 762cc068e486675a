"""Tokens and text, by the package tokenizers: byte-level, WordPiece, what tokenizer.json has."""

from __future__ import annotations

import contextlib
import importlib
import os
from typing import TYPE_CHECKING, Any

from models.runtime.bundle import BundleError, unusable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Tokens:
    """The tokenizer of a published captioner."""

    def __init__(self, path: Path) -> None:
        """Raises BundleError where the package is missing, or the file is damaged."""
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # one text needs no threads
        try:
            import tokenizers
        except ImportError as error:
            raise BundleError(
                "This captioner needs one more package. Please install describer[eyes].",
                repr(error),
            ) from error
        try:
            self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # its errors have no other base
            raise unusable(path.name) from error

    def ids(self, text: str) -> list[int]:
        """The tokens of a text that names all special ones itself."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def id(self, token: str) -> int | None:
        """The number of one token; None where there is none of that name."""
        found: int | None = self._tokenizer.token_to_id(token)
        return found

    def text(self, ids: Sequence[int]) -> str:
        """The text of tokens, without the special ones."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def words(self, ids: Sequence[int]) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """The words of tokens, and to which word each token belongs.

        What comes before the first word is part of it, what makes no word is part of the last.
        """
        words = tuple(self.text(ids).split())
        counts = [len(self.text(ids[: end + 1]).split()) for end in range(len(ids))]
        return words, tuple(min(max(count, 1), len(words)) - 1 for count in counts)


def preload() -> None:
    """Import the package, if it is there, while files may still be written beside it."""
    with contextlib.suppress(ImportError):
        importlib.import_module("tokenizers")
