"""Words and ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.captioning.vocabulary import END, PAD, SPECIALS, START, UNKNOWN, Vocabulary

if TYPE_CHECKING:
    from pathlib import Path

words = st.text("abcdefgh'-é", min_size=1, max_size=6)


@given(st.lists(words, unique=True, min_size=1))
def test_words_survive_the_round_trip(known: list[str]) -> None:
    vocabulary = Vocabulary.from_words(known)
    ids = vocabulary.encode(known)
    assert ids[0] == START
    assert ids[-1] == END
    assert vocabulary.decode(ids) == tuple(known)
    assert len(vocabulary) == len(known) + len(SPECIALS)


def test_unknown_words_have_one_id_and_are_never_said() -> None:
    vocabulary = Vocabulary.from_words(["dog"])
    assert vocabulary.encode(["zebra", "dog"]) == [START, UNKNOWN, 4, END]
    assert vocabulary.decode([START, UNKNOWN, 4, END, PAD]) == ("dog",)


def test_a_special_token_is_not_an_ordinary_word() -> None:
    with pytest.raises(ValueError, match="twice"):
        Vocabulary.from_words(["dog", "<end>"])


def test_a_file_survives_the_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.json"
    Vocabulary.from_words(["dog", "café", "'s"]).save(path)
    assert Vocabulary.load(path).words == (*SPECIALS, "dog", "café", "'s")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"dog": 4}', "list of words"),
        ('["<pad>", "<start>", "<end>", "<unk>", 7]', "list of words"),
        ('["<pad>", "<start>", "<end>", "<unk>", "dog", "dog"]', "twice"),
        ('["dog", "cat"]', "must begin with"),
        ('["<start>", "<pad>", "<end>", "<unk>", "dog"]', "must begin with"),
        ("[]", "must begin with"),
        ('["<pad>", "<st', "Unterminated"),
        (
            '{"join": "glue", "pieces": ["<pad>", "<start>", "<end>", "<unk>"]}',
            "cannot join by 'glue'",
        ),
        ('{"join": ["bytes"], "pieces": ["<pad>"]}', "list of words|cannot join"),
        ('{"join": "bytes", "pieces": "a"}', "list of words"),
        ('{"join": "bytes"}', "list of words"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "vocabulary.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        Vocabulary.load(path)
