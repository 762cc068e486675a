"""Word vectors of somebody else's: read, fitted, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from models.captioning.vocabulary import SPECIALS, Vocabulary
from models.networks.registry import DECODERS
from training.trainer.embeddings import fill, read_glove

if TYPE_CHECKING:
    from pathlib import Path

VOCABULARY = Vocabulary.from_words(["a", "dog", "runs", "Rex", "qwxz"])
LINES = ["the 0.1 0.2 0.3", "dog 1 -2 3", "a 4 5 -6.5", "rex 1 1 2", ". . 9 9 9", "runs 0 1 1e-1"]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("header", [[], ["6 3"]])
def test_the_wanted_words_are_read(tmp_path: Path, header: list[str]) -> None:
    path = write(tmp_path / "glove.txt", [*header, *LINES])
    vectors = read_glove(path, ["a", "dog", "Rex", ". .", "zebra"])
    assert {word: vector.tolist() for word, vector in vectors.items()} == {
        "a": [4, 5, -6.5],
        "dog": [1, -2, 3],
        "Rex": [1, 1, 2],
        ". .": [9, 9, 9],
    }


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([*LINES[:2], "a 4 5"], "line 3: 2 numbers, not 3"),
        ([*LINES[:2], ""], "line 3: 0 numbers, not 3"),
        (["dog"], "line 1: 0 numbers, not any"),
        ([*LINES[:2], "a 4 five 6"], "line 3: could not convert string to float: 'five'"),
        ([*LINES[:2], "a 4 nan 6"], "line 3: a number is not finite"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, lines: list[str], complaint: str) -> None:
    path = write(tmp_path / "glove.txt", lines)
    with pytest.raises(ValueError, match=rf"glove\.txt, {complaint}"):
        read_glove(path, ["a", "dog"])


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    with pytest.raises(ValueError, match=r"glove\.txt cannot be read: No such file"):
        read_glove(path, ["a"])
    path.write_bytes(b"")
    with pytest.raises(ValueError, match="no word vectors in it"):
        read_glove(path, ["a"])
    path.write_bytes(b"dog 1 2\n\xff\xfe\x00 1 2\n")
    with pytest.raises(ValueError, match=r"glove\.txt, after line \d+: this is no text"):
        read_glove(path, ["a"])
    with pytest.raises(ValueError, match="it has none of the vocabulary's 5 words"):
        fill(
            DECODERS["merge"](channels=2, vocab_size=9),
            VOCABULARY,
            write(path, ["the 1 2", "of 3 4"]),
        )


@pytest.mark.parametrize("name", ["merge", "soft_attention_lstm", "committee"])
@pytest.mark.parametrize("size", [3, 5])
def test_every_speaker_gets_the_vectors_and_keeps_its_spread(
    tmp_path: Path, name: str, size: int
) -> None:
    torch.manual_seed(1)
    decoder = DECODERS[name](channels=2, vocab_size=len(VOCABULARY), embedding=size)
    before = [each.embedding.weight.detach().clone() for each in decoder.ensemble_members()]
    filled = fill(decoder, VOCABULARY, write(tmp_path / "glove.txt", LINES))
    assert (filled.found, filled.missing, filled.size, filled.width) == (4, ("qwxz",), 3, 3)
    assert str(filled) == "4 of 5 words have a vector of 3 numbers; 1 are missing: qwxz"
    wanted = torch.tensor([[4, 5, -6.5], [1, -2, 3], [0, 1, 0.1], [1, 1, 2]])
    first = len(SPECIALS)
    for speaker, old in zip(decoder.ensemble_members(), before, strict=True):
        new = speaker.embedding.weight.detach()
        assert torch.equal(new[:first], old[:first])
        assert torch.equal(new[-1], old[-1])
        assert torch.equal(new[:, 3:], old[:, 3:])
        ratio = new[first : first + 4, :3] / wanted
        assert torch.allclose(ratio[wanted != 0], ratio[0, 0].expand(11), rtol=1e-4)
        assert float(new[first : first + 4, :3].std(correction=0)) == pytest.approx(
            float(old.std()), rel=1e-3
        )


def test_long_vectors_are_projected_so_that_they_keep_their_angles(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    plane = random.normal(size=(4, 2)) @ random.normal(size=(2, 30))  # in truth of two numbers
    lines = [
        f"{word} {' '.join(map(str, row))}"
        for word, row in zip(["a", "dog", "runs", "rex"], plane, strict=True)
    ]
    decoder = DECODERS["show_and_tell"](
        channels=2, vocab_size=len(VOCABULARY), hidden=4, embedding=2
    )
    filled = fill(decoder, VOCABULARY, write(tmp_path / "glove.txt", lines))
    assert "of 30 numbers, projected to 2; 1 are missing: qwxz" in str(filled)
    found = decoder.embedding.weight.detach().numpy()[len(SPECIALS) : len(SPECIALS) + 4]

    def cosines(rows: np.ndarray) -> np.ndarray:
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return rows @ rows.T

    assert np.allclose(cosines(found), cosines(plane), atol=1e-4)
