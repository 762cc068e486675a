"""Scores that can be checked by hand."""

from __future__ import annotations

import pytest

from training.evaluation.metrics import normalise, score, variety

CAPTIONS = {
    "a": "a brown dog runs over the green grass",
    "b": "two men ride bicycles on a dusty road",
    "c": "children play in the water at a beach",
}


def test_a_perfect_caption_scores_a_hundred() -> None:
    scores, each = score(CAPTIONS, {key: [text] for key, text in CAPTIONS.items()})
    for name in ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L"):
        assert scores[name] == pytest.approx(100, abs=1e-3)
    assert scores["CIDEr"] == pytest.approx(1000)  # CIDEr-D's scale goes to ten
    assert set(each) == set(CAPTIONS)


def test_captions_without_a_common_word_score_nothing() -> None:
    references = {key: ["xx yy zz ww vv uu tt ss"] for key in CAPTIONS}
    scores, each = score(CAPTIONS, references)
    assert scores["CIDEr"] == 0
    assert scores["ROUGE-L"] == 0
    assert scores["BLEU-1"] == pytest.approx(0, abs=1e-3)
    assert set(each.values()) == {0}


def test_bleu_by_hand() -> None:
    # 6 of 8 words and 3 of 7 pairs are right; the length fits, so there is no penalty
    caption, truth = "a brown cat runs over the red grass", CAPTIONS["a"]
    scores, _ = score({"a": caption}, {"a": [truth]})
    assert scores["BLEU-1"] == pytest.approx(100 * 6 / 8, abs=1e-3)
    assert scores["BLEU-2"] == pytest.approx(100 * (6 / 8 * 3 / 7) ** 0.5, abs=1e-3)


def test_the_better_caption_has_the_better_cider() -> None:
    references = {key: [text] for key, text in CAPTIONS.items()}
    said = {"a": CAPTIONS["a"], "b": "two men ride horses on a road", "c": "a dog runs"}
    _, each = score(said, references)
    assert each["a"] > each["b"] > each["c"] >= 0


def test_capitals_and_punctuation_do_not_count() -> None:
    shouted = {key: f"{text.capitalize()} ." for key, text in CAPTIONS.items()}
    assert score(CAPTIONS, {k: [v] for k, v in shouted.items()}) == score(
        CAPTIONS, {k: [v] for k, v in CAPTIONS.items()}
    )


@pytest.mark.parametrize("references", [{}, {"a": []}])
def test_a_caption_without_references_is_refused(references: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match="no references for a"):
        score({"a": "a dog"}, references)


@pytest.mark.parametrize(
    ("caption", "tokens"),
    [
        ("A dog's ball.", "a dog 's ball"),
        ("a dog 's ball", "a dog 's ball"),
        ("A man, in a T-shirt!", "a man in a t-shirt"),
        ('says "stop"', "says stop"),
        ("", ""),
    ],
)
def test_normalising(caption: str, tokens: str) -> None:
    assert normalise(caption) == tokens


def test_variety_counts() -> None:
    said = {
        "a": "a dog runs",
        "b": "a dog runs",
        "c": " ".join(["word"] * 21),
        "d": "the man and the man and the man",
    }
    counts = variety(said)
    assert counts["distinct words"] == 7
    assert counts["distinct captions"] == 3
    assert counts["mean words"] == (3 + 3 + 21 + 8) / 4
    assert counts["over 20 words"] == 1
    assert counts["with a repeated phrase"] == 2


def test_variety_of_nothing() -> None:
    assert variety({})["mean words"] == 0
