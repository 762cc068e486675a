"""Words are cut into pieces as SentencePiece cuts them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.captioning.vocabulary import SPECIALS, UNKNOWN
from models.translation.pieces import Pieces

_SENTENCES = [
    "Ein Mann in einem schwarzen Hemd hält eine Kamera",
    "Ein Hund läuft über die nasse Wiese und trägt einen Stock",
    "Zwei kleine Mädchen schaukeln auf dem Spielplatz",
    "Muž v černém tričku drží fotoaparát, žena stojí vedle něj",
]


@pytest.fixture(scope="module")
def both():
    """SentencePiece's own model, and ours of the same pieces."""
    import sentencepiece

    made = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_SENTENCES * 3),
        model_writer=made,
        model_type="bpe",
        vocab_size=120,
        character_coverage=1.0,
        normalization_rule_name="identity",
        pad_id=0,
        bos_id=1,
        eos_id=2,
        unk_id=UNKNOWN,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    theirs = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    pieces = [theirs.id_to_piece(number) for number in range(len(theirs))]
    return theirs, Pieces([*SPECIALS, *pieces[len(SPECIALS) :]])


@given(
    st.lists(
        st.one_of(
            st.sampled_from(" ".join(_SENTENCES).split()),
            st.text("aeinrstmhžäü,", min_size=1, max_size=12),
            st.sampled_from(["☃", "漢字ab", "x☃☃y", "▁", "a▁b"]),
        ),
        max_size=8,
    )
)
def test_pieces_are_those_of_sentencepiece(both, words):
    theirs, ours = both
    text = " ".join(words)
    assert ours.encode(text.replace("▁", " ")) == theirs.encode(text.replace("▁", " "))


def test_what_was_cut_is_joined_again(both):
    _, ours = both
    for sentence in _SENTENCES:
        assert ours.decode(ours.encode(sentence)) == sentence


def test_unknown_letters_make_no_text(both):
    _, ours = both
    assert ours.decode(ours.encode("Ein ☃ Hund")) == "Ein  Hund"
    assert ours.encode("☃☃").count(UNKNOWN) == 1


def test_a_word_without_end_is_cut_in_time(both):
    _, ours = both
    assert len(ours.encode("a" * 5000)) > 1000
