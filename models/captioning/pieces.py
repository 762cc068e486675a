"""How the pieces of a sub-word vocabulary join to words, as their tokenizers join them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

Join = Literal["words", "wordpiece", "bytes"]
Groups = tuple[tuple[str, ...], tuple[int, ...]]

_CONTINUES = "##"
_LEANS_LEFT = frozenset(".,!?")  # BERT makes a piece of its own of each


def whole(pieces: Sequence[str]) -> Groups:
    """Every piece is a word."""
    return tuple(pieces), (1,) * len(pieces)


def wordpiece(pieces: Sequence[str]) -> Groups:
    """BERT's WordPiece (Wu et al. 2016, section 4.1): "##" continues a word."""
    words: list[str] = []
    sizes: list[int] = []
    for piece in pieces:
        inside = piece.removeprefix(_CONTINUES)
        if words and (inside != piece or piece in _LEANS_LEFT):
            words[-1] += inside
            sizes[-1] += 1
        else:
            words.append(piece)  # at the start, "##" is as good as any letters
            sizes.append(1)
    return tuple(words), tuple(sizes)


def byte_level(pieces: Sequence[str]) -> Groups:
    """GPT-2's byte-level pair encoding (Radford et al. 2019, section 2.2).

    Each character of a piece stands for one byte, and a word begins with a space. A piece of
    nothing but spaces counts with the word before it, or else with the first.
    """
    table = _bytes()
    chunks: list[bytes] = []
    sizes: list[int] = []
    for piece in pieces:
        chunk = b"".join(bytes([table[each]]) if each in table else each.encode() for each in piece)
        apart = chunks and (chunk[:1].isspace() or chunks[-1][-1:].isspace())
        if chunks and not (apart and chunk.strip() and chunks[-1].strip()):
            chunks[-1] += chunk
            sizes[-1] += 1
        else:
            chunks.append(chunk)
            sizes.append(1)
    words = (chunk.decode("utf-8", "replace").strip() for chunk in chunks)
    return tuple(words), tuple(sizes)


@functools.cache
def _bytes() -> Mapping[str, int]:
    """The byte that each character of GPT-2's pieces stands for: 0 to 255."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {
        chr(256 + place): byte for place, byte in enumerate(hidden)
    }


JOINS: Mapping[str, Callable[[Sequence[str]], Groups]] = {
    "words": whole,
    "wordpiece": wordpiece,
    "bytes": byte_level,
}
