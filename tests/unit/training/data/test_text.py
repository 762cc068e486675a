"""Captions without pictures: what is read, what a decoder can learn, and what stands for a look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from models.captioning.kinds import SEVERAL, numbers
from models.captioning.vocabulary import PAD, Vocabulary
from models.networks.objects import FACTS
from tests.everyday import write_text
from training.data.text import Text, read, tokenised

if TYPE_CHECKING:
    from pathlib import Path

CAPTIONS = [
    "a dog and a cat",
    "two dogs on the boat",
    "dogs and a dog",
    "a dog and two dogs",
    "a dog and three dogs and a cat",
    "and the",
    "a book a ball a bottle a cup a fork a cat a dog on a boat",
]
WORDS = Vocabulary.from_words(dict.fromkeys(" ".join(CAPTIONS).split()))


def made(*captions: str, longest: int = 20) -> Text:
    return tokenised([each.split() for each in captions], WORDS, longest)


def told(text: Text, row: int) -> dict[str, int]:
    names = list(numbers())
    return {
        names[kind]: int(count)
        for kind, count in zip(text.kinds[row].tolist(), text.counts[row].tolist(), strict=True)
        if kind >= 0
    }


def test_lines_are_read_but_for_those_that_measure(tmp_path: Path) -> None:
    write_text(tmp_path, ["A dog runs .", "", " A cat sits ", "A cow stands.", "A dog runs ."])
    assert read(tmp_path) == ["A dog runs .", "A cat sits", "A cow stands.", "A dog runs ."]
    assert read(tmp_path, {"A dog runs ."}) == ["A cat sits", "A cow stands."]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"text\.txt\.gz is missing"):
        read(tmp_path)


def test_unknown_words_and_long_captions_are_left_out() -> None:
    text = made("a dog", "a unicorn", "a dog and a cat on the boat", "", "a cat", longest=5)
    assert len(text) == 2
    assert text.tokens.shape == (2, 7)
    assert [" ".join(WORDS.decode(row)) for row in text.tokens.tolist()] == ["a dog", "a cat"]
    assert (text.tokens[:, 4:] == PAD).all()


def test_what_a_caption_names_is_known_with_its_number() -> None:
    text = made(*CAPTIONS)
    assert [told(text, row) for row in range(len(text))] == [
        {"dog": 1, "cat": 1},
        {"dog": 2, "boat": 1},
        {"dog": 0},
        {"dog": SEVERAL},
        {"dog": SEVERAL, "cat": 1},
        {},
        # no more than six
        {"book": 1, "sports ball": 1, "bottle": 1, "cup": 1, "fork": 1, "cat": 1},
    ]


def test_what_is_named_is_likely_and_the_rest_is_not() -> None:
    torch.manual_seed(1)
    text = made(*CAPTIONS)
    rows = torch.arange(len(text)).repeat(400)
    kinds, facts = text.evidence(rows, 16, 80)
    assert kinds.shape == (len(rows), 16)
    assert facts.shape == (len(rows), 16, FACTS)
    assert kinds.min() >= 0
    assert kinds.max() < 80
    there = torch.zeros(kinds.shape, dtype=torch.bool)
    there[:, :6] = text.kinds[rows] >= 0
    assert torch.equal(kinds[:, :6][there[:, :6]], text.kinds[rows][there[:, :6]])
    logits, counts = facts[..., 0], facts[..., 5]
    assert logits[there].mean() > 1.5
    assert logits[~there].mean() < -2.5
    assert (logits[there] > 0).float().mean() > 0.85
    assert counts.min() >= 0
    for wanted, least, most in ((1, 0.9, 1.1), (2, 1.9, 2.2), (SEVERAL, 4, 5)):
        mine = counts[:, :6][there[:, :6] & (text.counts[rows] == wanted)]
        assert least < mine.mean() < most
    assert counts[~there].mean() < 0.6


@pytest.mark.parametrize(
    ("size", "total"), [(16, 80), (80, 80), (6, 80), (5, 80), (1, 80), (3, 80)]
)
def test_evidence_of_any_size_tells_of_each_kind_once(size: int, total: int) -> None:
    torch.manual_seed(1)
    text = made(*CAPTIONS)
    rows = torch.arange(len(text)).repeat(50)
    kinds, facts = text.evidence(rows, size, total)
    assert kinds.shape == facts.shape[:2] == (len(rows), size)
    assert all(len(set(row)) == size for row in kinds.tolist())
    assert kinds.min() >= 0
    assert kinds.max() < total
    named = text.kinds[rows][:, :size]
    assert torch.equal(kinds[:, : named.shape[1]][named >= 0], named[named >= 0])
    if size == 16:  # what is not named may be any of the others
        assert len(set(kinds.flatten().tolist())) == total
    assert facts.isfinite().all()


def test_evidence_of_more_kinds_than_there_are_is_refused() -> None:
    with pytest.raises(ValueError, match="evidence of 81 kinds cannot be told of 80"):
        made("a dog").evidence(torch.tensor([0]), 81, 80)


def test_evidence_obeys_the_seed_alone() -> None:
    text, rows = made(*CAPTIONS), torch.tensor([0, 3])
    first, again, other = [], [], []
    for found, seed in ((first, 1), (again, 1), (other, 2)):
        torch.manual_seed(seed)
        found += text.evidence(rows, 16, 80)
    assert all(map(torch.equal, first, again))
    assert not torch.equal(first[1], other[1])
