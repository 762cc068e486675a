"""What `prepare` says of a data set, by hand-counted figures; damaged pictures never end it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from PIL import Image

from models.captioning.preprocess import Preprocessing
from training.__main__ import main
from training.data import prepare, statistics
from training.data.cleaning import Cleaning
from training.data.datasets import Dataset, Example, load
from training.trainer.recipe import Recipe, Stage
from training.trainer.training_data import prepare_data

if TYPE_CHECKING:
    from pathlib import Path

CAPTIONS = {
    "a": ("a dog runs", "a dog"),
    "b": ("a dog and a cat",),
    "c": ("a big cat sleeps",),
    "d": ("a horse", "the horse runs"),
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three pictures to train on and one of development, and four that are spoilt."""
    root = tmp_path / "data"
    root.mkdir()
    rows = ["image,caption,split"]
    for name, captions in CAPTIONS.items():
        Image.effect_noise((40, 30), 90).convert("RGB").save(root / f"{name}.jpg")
        rows += [f"{name}.jpg,{text},{'val' if name == 'd' else 'train'}" for text in captions]
    whole = (root / "a.jpg").read_bytes()
    (root / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (root / "empty.jpg").write_bytes(b"")
    (root / "text.jpg").write_text("this is no picture")
    (root / "folder.jpg").mkdir()
    rows += [f"{name}.jpg,a zebra,train" for name in ("cut", "empty", "text", "folder", "gone")]
    (root / "captions.csv").write_text("\n".join(rows) + "\n")
    return root


def test_damaged_pictures_are_listed_and_left_out(data: Path, tmp_path: Path) -> None:
    dataset = statistics.inspected(load(data), tmp_path / "out")
    assert [each.path.stem for each in dataset.train] == ["a", "b", "c"]
    assert [each.path.stem for each in dataset.development] == ["d"]
    told = dict(problem.split(": ", 1) for problem in dataset.problems)
    assert told.keys() == {"cut.jpg", "empty.jpg", "text.jpg", "folder.jpg", "gone.jpg"}
    assert told["cut.jpg"].startswith("damaged or cut off")
    assert told["empty.jpg"] == "an empty file"
    assert told["text.jpg"] == "not a picture"
    assert told["gone.jpg"] == told["folder.jpg"] == "captions without a picture"


def test_findings_hold_until_a_file_changes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = [Example(data / name, ()) for name in ("a.jpg", "cut.jpg", "text.jpg", "gone.jpg")]
    path = tmp_path / "work" / "checked.json"
    first = prepare.faults(examples, path)
    assert [each.name for each in first] == ["cut.jpg", "text.jpg", "gone.jpg"]
    assert first[data / "gone.jpg"] == "missing"
    looked: list[str] = []
    decode = prepare.fault

    def watched(path: Path) -> str:
        looked.append(path.name)
        return decode(path)

    monkeypatch.setattr(prepare, "fault", watched)
    assert prepare.faults(examples, path) == first
    assert looked == []
    (data / "text.jpg").write_bytes((data / "a.jpg").read_bytes())
    Image.new("RGB", (9, 9)).save(data / "gone.jpg")
    assert [each.name for each in prepare.faults(examples, path)] == ["cut.jpg"]
    assert sorted(looked) == ["gone.jpg", "text.jpg"]


def test_what_is_found_sound_can_be_prepared(data: Path, tmp_path: Path) -> None:
    dataset = statistics.inspected(load(data), None)
    images = prepare.pictures(dataset.train, Preprocessing(16), tmp_path / "pictures.npy")
    assert images.shape == (3, 16, 16, 3)


def test_the_figures_are_those_counted_by_hand(data: Path) -> None:
    found = statistics.collect(statistics.inspected(load(data), None))
    assert found.pictures == {"train": 3, "development": 1}
    assert found.captions == {"train": 4, "development": 2}
    assert found.lengths == {2: 1, 3: 1, 4: 1, 5: 1}
    assert [found.percentile(share) for share in (1, 25, 50, 75, 100)] == [2, 2, 3, 4, 5]
    by_count = {each.minimum: each for each in found.vocabulary}
    # 14 running words: a 5, dog 3, cat 2, and one each of runs, and, big, sleeps
    assert (by_count[1].words, by_count[2].words, by_count[4].words) == (7, 3, 1)
    assert by_count[1].coverage == 100.0
    assert by_count[2].coverage == pytest.approx(100 * 10 / 14, abs=1e-3)
    # a horse, the horse runs: only "a" and "runs" are known
    assert by_count[1].unknown == pytest.approx(100 * 3 / 5, abs=1e-3)
    assert by_count[2].unknown == pytest.approx(100 * 4 / 5, abs=1e-3)
    assert by_count[20].words == 0
    assert by_count[20].unknown == 100.0


def test_an_empty_split_has_statistics_too() -> None:
    found = statistics.collect(Dataset([], [], ["x.jpg: missing"]))
    assert found.problems == 1
    assert found.percentile(50) == 0
    assert found.vocabulary[0] == statistics.Kept(1, 0, 0.0, 0.0)


def test_prepare_prints_and_plots(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = CliRunner().invoke(
        main, ["prepare", "--data", str(data), "--out", str(out), "--minimum-letters", "2"]
    )
    assert done.exit_code == 0, done.output
    assert "a table (captions.csv): 6" in done.output
    assert "3 pictures         4 captions" in done.output
    table = json.loads((out / "statistics.json").read_text(encoding="utf-8"))
    assert table["cleaning"] == {**table["cleaning"], "minimum_letters": 2, "lower_case": True}
    assert table["vocabulary"][0]["words"] == 6  # without "a"
    assert table["problems"] == 5
    assert len((out / "problems.txt").read_text(encoding="utf-8").splitlines()) == 5
    for name in ("lengths", "vocabulary", "unknown"):
        with Image.open(out / f"{name}.png") as plot:
            assert len(set(plot.convert("L").resize((60, 40)).tobytes())) > 10, name


def test_prepare_without_a_folder_prints_the_problems(data: Path) -> None:
    done = CliRunner().invoke(main, ["prepare", "--data", str(data), "--kind", "table"])
    assert done.exit_code == 0, done.output
    assert "left out: text.jpg: not a picture" in done.output


@pytest.mark.parametrize("command", ["prepare", "shards"])
@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--kind", "coco"], "captions_train2017.json"),
        (["--kind", "cocoa"], "no layout cocoa"),
        (["--minimum-words", "5", "--maximum-words", "2"], "maximum_words must be"),
    ],
)
def test_what_cannot_be_read_is_told_plainly(
    data: Path, tmp_path: Path, command: str, options: list[str], complaint: str
) -> None:
    done = CliRunner().invoke(
        main, [command, "--data", str(data), "--out", str(tmp_path / "out"), *options]
    )
    assert done.exit_code == 2
    assert complaint in done.output
    assert not (tmp_path / "out").exists()


def test_the_rules_are_those_of_cleaning() -> None:
    parameters = {each.name for each in main.commands["prepare"].params}
    assert parameters >= set(Cleaning.__dataclass_fields__)


def test_a_training_leaves_damaged_pictures_out(data: Path, tmp_path: Path) -> None:
    (data / "d.jpg").write_bytes(b"spoilt after all")
    stage = Stage("decoder", "decoder", epochs=1, learning_rate=1e-3)
    recipe = Recipe({}, (stage,), minimum_count=1, preprocessing=Preprocessing(16))
    prepared = prepare_data(recipe, data, tmp_path / "work")
    assert [each.path.stem for each in prepared.train] == ["a", "b", "c"]
    assert prepared.development == []
    assert prepared.images.shape == (3, 16, 16, 3)
    assert prepared.tokens.shape[1] == 3
    assert "zebra" not in prepared.vocabulary.words
