"""Names and other text from outside, as they may be shown: never obeyed by a terminal.

A file, a window or a voice may be called anything, with line breaks and escape sequences that
would move the cursor, colour what follows or pass for a line of ours.
"""

from __future__ import annotations

import json
import unicodedata

# Controls (ESC, newline, C1), halves of surrogate pairs (bytes that are no text), separators of
# lines and paragraphs. What joins letters and emoji (Cf) stays, but for what turns the order of
# reading around: "gpj.exe" must not pass for "exe.jpg".
_OBEYED = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def escaped(text: str) -> str:
    r"""The text in one line, with `\n`, `\x1b` and the like in place of what is obeyed."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter.encode("unicode_escape").decode("ascii") if _is_obeyed(letter) else letter
        for letter in text
    )


def escaped_lines(text: str) -> str:
    """Like `escaped`, but line breaks stay: for what we laid out in lines ourselves."""
    return "\n".join(escaped(line) for line in text.split("\n"))


def json_line(fields: object) -> str:
    """One line of JSON that says the same, and holds nothing that a terminal obeys."""
    text = json.dumps(fields, ensure_ascii=False, default=str)
    # json.dumps of a single letter, which is in the basic plane: "\u009b" with its quotes
    return "".join(json.dumps(letter)[1:-1] if _is_obeyed(letter) else letter for letter in text)


def _is_obeyed(letter: str) -> bool:
    return unicodedata.category(letter) in _OBEYED or letter in _TURNING
