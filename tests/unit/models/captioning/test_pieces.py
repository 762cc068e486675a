"""Pieces of words join as their tokenizers join them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.captioning.pieces import JOINS
from models.captioning.vocabulary import SPECIALS, Vocabulary

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("join", "pieces", "words", "sizes"),
    [
        ("words", "a dog", "a dog", (1, 1)),
        ("wordpiece", "a dog ##gy , runs .", "a doggy, runs.", (1, 3, 2)),
        ("wordpiece", "##s , ##y", "##s,y", (3,)),
        ("bytes", "a Ġdog gy ,", "a doggy,", (1, 3)),
        ("bytes", "Ġa Ġ Ġcaf Ã ©", "a café", (2, 3)),
        ("bytes", "Ġ Ġ dog", "dog", (3,)),
        ("bytes", "dog Ċ runs", "dog runs", (2, 1)),
        ("bytes", "Ã Ġ日", "\ufffd 日", (1, 1)),
    ],
)
def test_pieces_make_words(join: str, pieces: str, words: str, sizes: tuple[int, ...]) -> None:
    assert JOINS[join](pieces.split()) == (tuple(words.split()), sizes)


@given(st.sampled_from(sorted(JOINS)), st.lists(st.text("ab#.,'ĠÃ©Ċ", min_size=1, max_size=4)))
def test_every_piece_counts_once(join: str, pieces: list[str]) -> None:
    words, sizes = JOINS[join](pieces)
    assert len(words) == len(sizes)
    assert sum(sizes) == len(pieces)
    assert all(size > 0 for size in sizes)


def test_pieces_survive_the_file_and_may_come_twice(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.json"
    Vocabulary([*SPECIALS, "a", "##b"], "wordpiece").save(path)
    loaded = Vocabulary.load(path)
    assert loaded.words == (*SPECIALS, "a", "##b")
    assert loaded.spell([1, 4, 5, 5, 4, 2]) == (("abb", "a"), (3, 1))
    assert loaded.function_words() is None
