"""What of a sentence the network reads, and what is put back behind its translation.

A caption of ours is lower-case and has no full stop, those of people have both. Neither tells the
network anything, so it never sees them: both kinds of caption look the same to it.
"""

from __future__ import annotations

import re
import unicodedata

_STOP = "."
_WORD = re.compile(r"\w+(?:[-'\u2019]\w+)*")
_PART = re.compile(r"[^\W_]+")


def source(text: str) -> tuple[str, bool]:
    """→ English as the network reads it, and whether it ended with a full stop."""
    english = plain(text)
    return english.rstrip(_STOP + " ").lower(), english.endswith(_STOP)


def target(text: str) -> str:
    """A translation as the network is taught it: with its capitals, without its full stop."""
    return plain(text).rstrip(_STOP + " ")


def plain(text: str) -> str:
    """One line, with a single space between words, and every letter in one way (NFC)."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def words(text: str) -> list[str]:
    """The lower-case words of an English caption."""
    return _WORD.findall(text.lower())


def spaced(text: str) -> str:
    """Lower-case words, each with a space before and behind."""
    return f" {' '.join(_PART.findall(text.lower()))} "
