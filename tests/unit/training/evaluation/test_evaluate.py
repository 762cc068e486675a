"""A bundle is scored by all that can be scored here; every figure can be found again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from models.captioner import Captioner, load
from models.captioning.decoding import SearchConfig
from models.runtime.bundle import SHIPPED, read
from models.runtime.tables import make
from tests.bundles import draw_data_set
from training.__main__ import main
from training.data.datasets import Example, load_flickr8k
from training.evaluation.evaluate import evaluate, searching
from training.evaluation.likelihood import Likelihood, of_captions

SCORES = ["BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_data_set(tmp_path_factory.mktemp("drawn") / "data")


@pytest.fixture(scope="module")
def captioner() -> Captioner:
    return load(SHIPPED, threads=1)


@pytest.fixture(autouse=True)
def no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What Java adds has its own tests, and takes ten seconds."""
    monkeypatch.setenv("PATH", str(tmp_path))


OWN = read(SHIPPED)[0].search.beam_size  # of the bundle that ships


def command(*options: object) -> Result:
    return CliRunner().invoke(main, ["evaluate", str(SHIPPED), *map(str, options)])


def test_all_is_printed_and_saved(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "scores.json"
    done = command("--data", data, "--out", path)
    assert done.exit_code == 0, done.output
    table = json.loads(path.read_text(encoding="utf-8"))
    assert list(table["scores"])[:9] == [*SCORES, "loss", "perplexity", "unknown words"]
    for name, value in table["scores"].items():
        assert f"{name:24s}{value:8.{4 if name == 'loss' else 2}f}\n" in done.output
    assert table["left out"][0] in done.output
    assert table["bundle"] == str(SHIPPED)
    assert table["search"]["beam"] == OWN
    assert table["seconds"] > 0
    for row in table["captions"]:
        assert {*SCORES, "loss", "caption", "confidence"} < set(row)
        assert len(row["references"]) == 2
    ciders = [row["CIDEr"] for row in table["captions"]]
    assert table["scores"]["CIDEr"] == pytest.approx(sum(ciders) / len(ciders), abs=0.01)


def test_the_loss_is_that_of_all_captions_together(data: Path, captioner: Captioner) -> None:
    examples = load_flickr8k(data).development
    total = Likelihood()
    for example in examples:
        with Image.open(example.path) as image:
            encoding = captioner.encode(image)
        total += of_captions(captioner.engine, encoding, captioner.vocabulary, example.captions)
    result = evaluate(captioner, examples, thorough=True)
    assert result.scores["loss"] == pytest.approx(total.loss)
    assert result.scores["perplexity"] == pytest.approx(total.perplexity)
    assert total.words == sum(len(words) + 1 for each in examples for words in each.captions)
    assert set(result.each["loss"]) == set(result.captions) == set(result.ciders)


def test_without_being_thorough_there_is_neither_loss_nor_java(
    data: Path, captioner: Captioner
) -> None:
    result = evaluate(captioner, load_flickr8k(data).development)
    assert list(result.scores)[:6] == SCORES
    assert not {"loss", "METEOR"} & set(result.scores)
    assert result.left_out == ()


@pytest.mark.parametrize(
    ("options", "beam", "sample"),
    [
        ((), OWN, False),
        (("--search", "greedy"), 1, False),
        (("--beam", 2), 2, False),
        (("--search", "beam", "--beam", 5), 5, False),
        (("--search", "sample"), 1, True),
        (("--search", "sample", "--beam", 3, "--temperature", 0.5, "--seed", 7), 3, True),
    ],
)
def test_each_way_to_search(
    data: Path,
    tmp_path: Path,
    captioner: Captioner,
    options: tuple[object, ...],
    beam: int,
    sample: bool,
) -> None:
    path = tmp_path / "scores.json"
    done = command("--data", data, "--limit", 1, "--out", path, *options)
    assert done.exit_code == 0, done.output
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert (table["search"]["beam"], table["search"]["sample"]) == (beam, sample)
    assert table["search"]["seed"] == (7 if "--seed" in options else SearchConfig().seed)
    (row,) = table["captions"]
    with Image.open(data / "Images" / row["file"]) as image:
        config = make(SearchConfig, table["search"], "search")
        assert row["caption"] == " ".join(captioner.describe(image, config).words)


def test_a_bundle_s_own_way_is_kept_or_left() -> None:
    assert searching(SearchConfig(beam_size=1), "beam").beam_size == SearchConfig().beam_size
    assert searching(SearchConfig(beam_size=7), "beam").beam_size == 7
    assert searching(SearchConfig(beam_size=1)) == SearchConfig(beam_size=1)
    drawn = SearchConfig(beam_size=2, do_sample=True, temperature=0.7)
    assert searching(drawn) == drawn
    assert not searching(drawn, "beam").do_sample
    assert searching(drawn, "sample", seed=4) == SearchConfig(
        beam_size=1, do_sample=True, temperature=0.7, seed=4
    )


@pytest.mark.parametrize(
    "options",
    [
        ("--search", "greedy", "--beam", 3),
        ("--temperature", 0.5),
        ("--search", "beam", "--seed", 2),
    ],
)
def test_what_does_not_go_together_is_refused(data: Path, options: tuple[object, ...]) -> None:
    done = command("--data", data, *options)
    assert done.exit_code == 2
    assert "--search" in done.output.partition("Error: ")[2]


def test_a_picture_that_cannot_be_read_is_left_out(
    data: Path, captioner: Captioner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = load_flickr8k(data).development[0]
    cut = tmp_path / "cut.png"
    cut.write_bytes(good.path.read_bytes()[:200])
    bad = [Example(path, good.captions) for path in (cut, tmp_path / "gone.png")]
    result = evaluate(captioner, [bad[0], good, bad[1]])
    assert list(result.captions) == [good.path.name]
    told = capsys.readouterr().out
    assert "left out: cut.png" in told
    assert "left out: gone.png" in told
    with pytest.raises(ValueError, match="no picture"):
        evaluate(captioner, bad)


def test_mistakes_are_told_before_the_work(data: Path, tmp_path: Path) -> None:
    for options, message in (
        (("--data", tmp_path), "holds no data set"),
        (("--data", data, "--out", tmp_path / "none" / "scores.json"), "there is no folder"),
        (("--data", data, "--gallery", tmp_path), "is a directory"),
    ):
        done = command(*options)
        assert done.exit_code == 2
        assert message in done.output
    assert not list(tmp_path.iterdir())
