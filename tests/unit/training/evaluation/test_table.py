"""The table: several recipes on the same features, row by row."""

from __future__ import annotations

import dataclasses
import json
import shutil
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from models.networks.captioners import CaptioningNetwork
from tests import bundles
from training.__main__ import main
from training.evaluation import table
from training.trainer.recipe import load_recipe
from training.trainer.recipe_files import RECIPES, find_recipe

if TYPE_CHECKING:
    from pathlib import Path

TINY = """
extends = "{base}"
minimum_count = 1
[architecture.decoder_options]
{options}
[search]
max_words = 8
[[stages]]
name = "decoder"
train = "decoder"
epochs = 7
rate = 1e-2
batch = 5
"""
OPTIONS = {
    "xception_merge": "size = 16\nembedding = 16",
    "vgg_glove_lstm": "hidden = 16\nembedding = 16",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("table")
    bundles.draw_data_set(made / "data")
    bundles.draw_starting_weights(made / "weights")
    shutil.move(
        made / "weights" / "start.safetensors",
        made / "weights" / load_recipe(find_recipe(table.OURS)).starting_weights,
    )
    for base, options in OPTIONS.items():
        (made / f"{base}.toml").write_text(TINY.format(base=base, options=options))
    return made


def run(folder: Path, *options: str) -> Result:
    rows = ",".join(str(folder / f"{base}.toml") for base in OPTIONS)
    return CliRunner().invoke(
        main,
        [
            "table",
            "--data",
            str(folder / "data"),
            "--weights",
            str(folder / "weights"),
            "--work",
            str(folder / "work"),
            "--rows",
            rows,
            "--epochs",
            "2",
            *options,
        ],
        catch_exceptions=False,
    )


def test_rows_are_trained_on_the_same_features_and_set_side_by_side(folder: Path) -> None:
    done = run(folder)
    assert done.exit_code == 0, done.output
    rows = {row["name"]: row for row in json.loads((folder / "work" / "table.json").read_text())}
    assert list(rows) == list(OPTIONS)
    for name, row in rows.items():
        assert row["epochs"] == [2, 7]
        assert row["encoder"] == "mobilenet_edgetpu"
        assert row["parameters"][0] > row["parameters"][1] > 0
        assert row["loss"] > 0
        assert set(row["greedy"]) == set(row["beam"]) >= {"BLEU-1", "BLEU-4", "ROUGE-L", "CIDEr"}
        assert min(row["milliseconds"]) > 0
        assert not (folder / "work" / name / "features.npy").is_file()  # one cache for all
    assert "instead of xception" in rows["xception_merge"]["notes"][0]
    assert any("glove" in note for note in rows["vgg_glove_lstm"]["notes"])
    page = (folder / "work" / "table.md").read_text()
    assert page.strip() in done.output
    for name in OPTIONS:
        assert f"| {name} |" in page
    assert "2 of 7" in page
    assert "1.625" in page
    for picture in ("table.png", "losses.png"):
        assert (folder / "work" / picture).stat().st_size > 5000
    made = [folder / "work" / name / "checkpoint.pt" for name in OPTIONS]
    before = [path.stat().st_mtime_ns for path in made]
    assert run(folder).exit_code == 0  # all rows are known
    assert [path.stat().st_mtime_ns for path in made] == before
    table_row = folder / "work" / "vgg_glove_lstm" / "row.json"
    first = json.loads(table_row.read_text())["row"]
    table_row.unlink()  # as if killed before it was written: nothing is trained again
    assert run(folder).exit_code == 0
    again = json.loads(table_row.read_text())["row"]
    assert {**again, "milliseconds": 0} == {**first, "milliseconds": 0}


def test_a_row_is_known_for_these_pictures_captions_and_weights_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundles.draw_data_set(tmp_path / "data")
    weights = tmp_path / "ours.safetensors"
    weights.write_bytes(b"1")
    recipe = dataclasses.replace(load_recipe(find_recipe("ours")), starting_weights=weights.name)
    how = table.Conditions(tmp_path / "data", tmp_path, tmp_path)
    row = table.Row("x", "", "", "", {}, {}, 1.0, 2.0, (1, 2), 3.0, (4.0, 5.0), (6, 7), 8)
    keys = [table._made_of(recipe, how)]
    page = json.dumps({**keys[0], "row": dataclasses.asdict(row)})
    (tmp_path / "row.json").write_text(page)
    assert table._known(tmp_path, table._made_of(recipe, how)) == row
    weights.write_bytes(b"2")
    keys.append(table._made_of(recipe, how))
    captions = tmp_path / "data" / "captions.txt"
    captions.write_text(captions.read_text().replace("circle is", "ring is"))
    keys.append(table._made_of(recipe, how))
    bundles.drawing("red", "square", "left").save(tmp_path / "data/Images/blue-circle-left.png")
    keys.append(table._made_of(recipe, how))
    keys.append(table._made_of(dataclasses.replace(recipe, seed=9), how))
    for number, key in enumerate(keys):
        assert (table._known(tmp_path, key) == row) == (number == 0)
        assert keys.count(key) == 1
    (tmp_path / "row.json").write_text(
        json.dumps({"key": keys[0]["key"], "row": dataclasses.asdict(row)})
    )
    capsys.readouterr()
    assert table._known(tmp_path, keys[1]) == row  # from before all was noted
    assert "taken on trust" in capsys.readouterr().out


@pytest.mark.parametrize("noted", ["all", "the key alone", "nothing"])
def test_what_was_begun_goes_on_under_the_same_conditions(tmp_path: Path, noted: str) -> None:
    key = {"key": "a" * 64, "pictures": "b" * 64}
    if noted == "all":
        table._begin(tmp_path, key)
    elif noted == "the key alone":
        (tmp_path / "begun.txt").write_text(key["key"])
    (tmp_path / "checkpoint.pt").touch()
    table._begin(tmp_path, key)
    assert (tmp_path / "checkpoint.pt").exists() == (noted != "nothing")
    (tmp_path / "checkpoint.pt").touch()
    table._begin(tmp_path, key | {"key": "c" * 64})
    assert not (tmp_path / "checkpoint.pt").exists()
    if noted == "all":
        (tmp_path / "checkpoint.pt").touch()
        table._begin(tmp_path, key | {"key": "c" * 64, "pictures": "d" * 64})
        assert not (tmp_path / "checkpoint.pt").exists()


def test_a_slip_in_the_rows_is_told_before_the_work(tmp_path: Path) -> None:
    done = CliRunner().invoke(
        main,
        [
            "table",
            "--data",
            str(tmp_path),
            "--weights",
            str(tmp_path),
            "--work",
            str(tmp_path / "work"),
            "--rows",
            "ours,frist",
        ],
    )
    assert done.exit_code == 2
    assert "there is no recipe frist" in done.output
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("name", table.ROWS)
def test_every_row_of_the_table_can_be_built(name: str, tmp_path: Path) -> None:
    how = table.Conditions(tmp_path, tmp_path, tmp_path, epochs=1)
    ours = load_recipe(RECIPES / "ours.toml")
    recipe, _ = table.adapted(load_recipe(find_recipe(name)), ours, how)
    assert recipe.architecture["encoder"] == ours.architecture["encoder"]
    assert sum(stage.epochs for stage in recipe.stages) == 1
    network = CaptioningNetwork(recipe.architecture, 50)
    assert network.decoder.ensemble_members()[0].embedding.num_embeddings == 50
