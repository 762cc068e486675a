"""The bootstrap tells a difference from luck, and its scores are the scorer's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from training.__main__ import main
from training.evaluation.compare import Saved, compare, lines, read
from training.evaluation.metrics import score

WORDS = ("a", "brown", "black", "dog", "man", "woman", "runs", "in", "on", "the", "grass", "red")
SCORES = ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr", "loss"]
RANDOM = np.random.default_rng(2)
NAMES = [f"{n:02}.jpg" for n in range(40)]
TRUE = {name: [" ".join(RANDOM.choice(WORDS, length)) for length in (7, 9, 8)] for name in NAMES}


def saved(spoilt: int, seed: int = 0) -> Saved:
    """Captions with so many words of the truth replaced."""
    random = np.random.default_rng(seed)
    said = {}
    for name in NAMES:
        words = TRUE[name][0].split()
        for place in random.choice(len(words), spoilt, replace=False):
            words[place] = "zebra"
        said[name] = " ".join(words)
    return Saved(said, TRUE, dict.fromkeys(NAMES, 2.0 + spoilt))


def test_scores_are_those_of_the_scorer() -> None:
    one, other = saved(3), saved(2, seed=5)
    found = {each.name: each for each in compare(one, other, draws=100)}
    for side, what in (("first", one), ("second", other)):
        truth, _ = score(what.captions, TRUE)
        assert {
            name: getattr(each, side) for name, each in found.items() if name != "loss"
        } == pytest.approx(truth, abs=1e-6)
    assert (found["loss"].first, found["loss"].second) == pytest.approx((5, 4))


def test_a_real_difference_is_clear_and_has_its_sign() -> None:
    found = compare(saved(4), saved(1))
    assert [each.name for each in found] == SCORES
    for each in found:
        assert each.is_clear
        assert (each.second < each.first) == (each.name == "loss")
        assert each.low <= each.second - each.first <= each.high


def test_luck_is_not_clear() -> None:
    one, other = saved(3, seed=1), saved(3, seed=2)
    found = compare(one, other)
    assert not any(each.is_clear for each in found)
    assert lines(found, "a", "b")[-1] == "None of these differences is clearly more than luck."


def test_a_result_does_not_differ_from_itself() -> None:
    found = compare(saved(2), saved(2))
    assert [each.name for each in found] == SCORES
    for each in found:
        assert each.low == each.high == each.second - each.first == 0


def test_the_interval_is_that_of_the_mean() -> None:
    one, other = saved(3, seed=1), saved(3, seed=2)
    each = [score(what.captions, TRUE)[1] for what in (one, other)]
    differences = np.asarray([each[1][name] - each[0][name] for name in NAMES])
    (cider,) = (found for found in compare(one, other, draws=4000) if found.name == "CIDEr")
    error = differences.std() / np.sqrt(len(NAMES))
    assert cider.high - cider.low == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_only_common_pictures_count() -> None:
    one = saved(3)
    few = Saved({name: one.captions[name] for name in NAMES[:10]}, TRUE, {})
    found = compare(few, one, draws=100)
    assert all(each.first == pytest.approx(each.second) for each in found)
    assert "loss" not in {each.name for each in found}
    with pytest.raises(ValueError, match="no two pictures in common"):
        compare(Saved({"x": "a dog"}, {"x": ["a dog"]}, {}), one)
    others = {name: [*texts, "a zebra"] for name, texts in TRUE.items()}
    with pytest.raises(ValueError, match="against different captions"):
        compare(one, Saved(one.captions, others, {}))


def write(path: Path, what: Saved) -> Path:
    rows = [
        {
            "file": name,
            "caption": text,
            "references": what.references[name],
            "loss": what.losses[name],
        }
        for name, text in what.captions.items()
    ]
    path.write_text(json.dumps({"captions": rows}), encoding="utf-8")
    return path


def test_the_command_prints_a_table(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.json", saved(4)), write(tmp_path / "b.json", saved(1))
    assert read(first) == saved(4)
    done = CliRunner().invoke(main, ["compare", str(first), str(second), "--draws", "200"])
    assert done.exit_code == 0, done.output
    rows = {line.split()[0]: line for line in done.output.splitlines()[3:]}
    assert list(rows) == SCORES
    assert all(line.endswith("clear") for line in rows.values())
    assert rows["loss"].split()[1:4] == ["6.00", "3.00", "-3.00"]


@pytest.mark.parametrize("text", ["", "[]", '{"captions": [{"file": "a"}]}', '{"captions": 3}'])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path, good = tmp_path / "other.json", write(tmp_path / "a.json", saved(1))
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(main, ["compare", str(good), str(path)])
    assert done.exit_code == 2
    assert "other.json is no result" in " ".join(done.output.split())
