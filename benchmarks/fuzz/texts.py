"""Pieces of text that programs stumble over; other inputs are put together from them."""

from __future__ import annotations

from random import Random

WORDS = (
    "",
    " ",
    "\0",
    "\n",
    "\r\n",
    "\t",
    "\x1b[31m",
    "\x07",
    "\x7f",
    "\x85",
    "\u2028",
    "\u202e",
    "\u200b",
    "\ufeff",
    "\ufffd",
    "\U0001f469\u200d\U0001f4bb",
    "e\u0301" * 50,
    "\u0130",
    "\u00df",
    "%s%n",
    "%00",
    "%ff%fe",
    "$(id)",
    "`id`",
    "'; drop",
    '"',
    "'",
    "\\",
    "../" * 30,
    "//",
    "~root",
    "~nobody-at-all",
    "NaN",
    "-1",
    "1e999",
    "0x" + "f" * 40,
    "9" * 400,
    "true",
    "null",
    "<speak><break/></speak>",
    "[[inp:phon]]",
    "a" * 300,
    "\ud83d",
    "\udcff",
    "none",
    "CON",
)


def word(random: Random) -> str:
    """One piece, or a few of them."""
    return "".join(random.choices(WORDS, k=random.choice((1, 1, 2, 5))))


def letters(random: Random, most: int = 40) -> str:
    """Any characters at all."""
    tops = (0x20, 0x7F, 0x250, 0xD7FF, 0x10FFFF)
    return "".join(
        chr(random.randrange(random.choice(tops))) for _ in range(random.randrange(most))
    )


def nested(random: Random, opening: str, closing: str) -> str:
    """Brackets within brackets."""
    depth = random.choice((3, 200, 1000, 5000))
    return opening * depth + closing * random.choice((depth, depth - 1, 0))
