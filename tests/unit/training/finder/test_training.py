"""The finder's training: composed screens are what they say, and two steps make a bundle."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

import training.identity
from models.captioning.medium import MEDIA, plain_numbers
from models.finder import parts
from models.finder.finder import Detection, load
from models.finder.limits import Limits
from training.finder import looks, medium, publish
from training.finder import train as finder_training
from training.finder.canvas import DRAWING, PHOTOGRAPH, TEXT, Canvas
from training.finder.media import Pictures
from training.finder.network import CELL, FinderNetwork
from training.finder.photographs import Photographs
from training.finder.score import overlap
from training.finder.screens import Composer
from training.finder.sources import real_crops, sources
from training.finder.train import batch, compose, losses, train
from training.finder.widgets import Theme
from training.identity import OtherIdentityError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photographs")
    files = []
    for name in ("astronaut", "chelsea", "coffee"):
        files.append(folder / f"{name}.png")
        Image.fromarray(getattr(data, name)()).resize((224, 224)).save(files[-1])
    return files


def test_the_same_seed_gives_the_same_screen(photographs: list[Path]) -> None:
    composer = Composer(Photographs(photographs))
    for seed in range(12):
        first, second = (composer.screen(np.random.default_rng(seed), (640, 448)) for _ in range(2))
        assert first.image.tobytes() == second.image.tobytes()
        assert (first.kinds == second.kinds).all()


def test_screens_have_text_photographs_and_drawings(photographs: list[Path]) -> None:
    composer = Composer(Photographs(photographs))
    kinds = {
        kind
        for seed in range(40)
        for kind in np.unique(composer.screen(np.random.default_rng(seed), (640, 448)).kinds)
    }
    assert {TEXT, PHOTOGRAPH, DRAWING} <= kinds


@pytest.mark.parametrize("look", [*looks.PICTURED, *looks.PLAIN], ids=lambda each: each.__name__)
def test_every_look_keeps_to_its_place(photographs: list[Path], look: looks.Look) -> None:
    """And only what has pictures is told to have them."""
    random, has_pictures = np.random.default_rng(3), False
    show = Composer(Photographs(photographs))._picture
    for width, height in ((640, 448), (640, 448), (150, 130)):
        canvas = Canvas.blank((width + 80, height + 80), 1.0, (1, 2, 3))
        shows = (show,) if look in looks.PICTURED else ()
        look(*shows, canvas, random, Theme(random), (40, 40, width + 40, height + 40))
        has_pictures |= bool((canvas.kinds == PHOTOGRAPH).any())
        canvas.kinds[34:-34, 34:-34] = 0
        assert not canvas.kinds.any()
    assert has_pictures is (look in looks.PICTURED)


def test_boxes_enclose_what_is_seen() -> None:
    canvas = Canvas.blank((400, 300), 1.0, (255, 255, 255))
    photograph = Image.new("RGB", (200, 150), (90, 20, 20))
    canvas.put(photograph, (50, 60, 250, 210), PHOTOGRAPH)
    canvas.put(photograph, (300, 60, 500, 210), PHOTOGRAPH)  # cut off by the edge
    canvas.put(photograph, (100, 200, 300, 350), PHOTOGRAPH)  # in front of the first
    assert canvas.boxes().tolist() == [
        [50, 60, 250, 210],
        [300, 60, 400, 210],
        [100, 200, 300, 300],
    ]
    canvas.panel((60, 60, 260, 200), (0, 0, 0))  # hides nearly all of the first
    assert canvas.boxes()[0].tolist() == [-1, -1, -1, -1]


def test_small_pictures_are_neither_right_nor_wrong() -> None:
    canvas = Canvas.blank((400, 300), 1.0, (255, 255, 255))
    canvas.put(Image.new("RGB", (40, 40)), (50, 60, 90, 100), PHOTOGRAPH)
    assert len(canvas.boxes()) == 0
    assert set(np.unique(canvas.kinds)) == {0, 255}


def test_what_a_step_sees_fits_together(photographs: list[Path], tmp_path: Path) -> None:
    files = compose(photographs, tmp_path, 8, 5, 1)
    for seed in range(6):
        seen = batch(files, np.random.default_rng(seed), (512, 384))
        assert seen.pixels.shape == (8, 3, 384, 512)
        assert seen.kinds.shape == seen.known.shape == (8, 384 // CELL, 512 // CELL)
        assert bool((seen.sides[seen.known[:, None].expand_as(seen.sides)] > 0).all())
        across = seen.sides[:, 0] + seen.sides[:, 2]
        assert bool((across[seen.known] <= 512).all())
        assert bool(((seen.kinds == PHOTOGRAPH) | (seen.kinds == DRAWING))[seen.known].all())


def test_the_true_answer_loses_least(photographs: list[Path], tmp_path: Path) -> None:
    seen = batch(compose(photographs, tmp_path, 4, 9, 1), np.random.default_rng(0), (512, 384))
    right = torch.nn.functional.one_hot(seen.kinds.clamp(max=3), 4).permute(0, 3, 1, 2) * 20.0
    assert bool(seen.known.any())
    least = losses(right, seen.sides, seen)
    assert least.item() < 1e-3
    assert losses(right, seen.sides * 1.3, seen).item() > least.item() + 0.1
    assert losses(-right, seen.sides, seen).item() > least.item() + 1


def test_build_writes_a_bundle_that_loads(photographs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    plan = {"screens": 2, "steps": 1, "cycles": 2, "seed": 1, "workers": 1, "measured": 2}
    scores = publish.build(photographs, tmp_path / "work", out, **plan)
    assert {"photographs", "found at IoU 0.75 %"} <= scores.keys()
    assert "picture finder" in (out / "MODEL_CARD.md").read_text(encoding="utf-8")
    screen = load(out).find(np.zeros((70, 100, 3), np.uint8))
    assert 0 <= screen.interface <= 1
    # goes on where it was: nothing is left to do
    assert publish.build(photographs, tmp_path / "work", out, **plan) == scores


def screens_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.npz")}


def test_screens_are_kept_for_the_same_seed_photographs_and_code(
    photographs: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    compose(photographs, tmp_path, 1, 5, 1)
    kept = screens_of(tmp_path)
    assert len(compose(photographs, tmp_path, 2, 5, 1)) == 2  # more of the same
    assert screens_of(tmp_path).items() > kept.items()
    kept = screens_of(tmp_path)
    for files, seed, said in (
        (photographs, 6, "seed was 5 and is 6"),
        (photographs[:2], 5, "photographs: not the same"),
    ):
        with pytest.raises(OtherIdentityError, match=said):
            compose(files, tmp_path, 3, seed, 1)
    with monkeypatch.context() as patch:
        patch.setattr(training.identity, "of_code", lambda *_: "0" * 64)
        with pytest.raises(OtherIdentityError, match="code: not the same"):
            compose(photographs, tmp_path, 3, 5, 1)
    assert screens_of(tmp_path) == kept
    (tmp_path / "made_of.json").unlink()  # as they were left before it was noted
    capsys.readouterr()
    compose(photographs, tmp_path, 2, 6, 1)
    assert "taken on trust" in capsys.readouterr().out


def test_a_checkpoint_of_another_training_is_refused(
    photographs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = compose(photographs, tmp_path / "screens", 2, 5, 1)
    plan: dict[str, Any] = {"steps": 1, "size": 1}
    train(files, tmp_path, cycles=1, **plan)
    for changes, said in (
        ({"rate": 0.5}, "rate was 0.003 and is 0.5"),
        ({"seed": 2}, "seed was 1 and is 2"),
        ({"steps": 2}, "steps was 1 and is 2"),
        ({"cycles": 0}, "it has 1 steps, not 0"),
    ):
        with pytest.raises(OtherIdentityError, match=said):
            train(files, tmp_path, **(plan | changes))
    with pytest.raises(OtherIdentityError, match="screens was 2 and is 1"):
        train(files[:1], tmp_path, **plan)
    longer = train(files, tmp_path, cycles=2, **plan).state_dict()  # is what a fresh one would be
    (tmp_path / "fresh").mkdir()
    fresh = train(files, tmp_path / "fresh", cycles=2, **plan).state_dict()
    assert all(torch.equal(longer[name], value) for name, value in fresh.items())
    state = torch.load(tmp_path / "finder.pt", weights_only=True)
    del state["identity"]  # as before it was kept
    torch.save(state, tmp_path / "finder.pt")
    capsys.readouterr()
    train(files, tmp_path, cycles=2, **plan)
    assert "taken on trust" in capsys.readouterr().out


def test_a_loss_that_is_no_number_ends_the_training(
    photographs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = compose(photographs, tmp_path / "screens", 1, 5, 1)
    monkeypatch.setattr(finder_training, "losses", lambda logits, *_: logits.sum() * math.nan)
    with pytest.raises(ValueError, match=r"step 1 of the finder: the loss .* no number"):
        train(files, tmp_path, steps=1, size=1)
    assert not (tmp_path / "finder.pt").exists()


def test_both_engines_say_the_same(tmp_path: Path) -> None:
    from training.finder.network import export

    torch.manual_seed(3)
    network = FinderNetwork().eval()
    export(network, tmp_path / parts.NETWORK)
    parts.write(tmp_path, Limits())
    pixels = np.random.default_rng(0).integers(0, 256, (128, 192, 3), np.uint8)
    with torch.inference_mode():
        logits, reach = network(torch.from_numpy(pixels).permute(2, 0, 1)[None].float())
    kinds, sides = load(tmp_path).read(pixels)
    assert np.abs(logits.softmax(1)[0].numpy() - kinds).max() < 1e-4
    assert np.abs(reach[0].numpy() - sides).max() < 1e-2


def test_overlap() -> None:
    found = Detection(10, 10, 20, 20, 1.0, "photograph")
    assert overlap(found, (10, 10, 30, 30)) == 1
    assert overlap(found, (20, 10, 40, 30)) == pytest.approx(1 / 3)
    assert overlap(found, (30, 30, 40, 40)) == 0


def test_pictures_of_each_medium_are_composed_and_told_apart(
    photographs: list[Path], tmp_path: Path
) -> None:
    clip = Image.new("RGBA", (200, 180))
    clip.paste((200, 30, 30, 255), (20, 10, 170, 160))
    for name in (
        "clips/animals/a.png",
        "clips/shapes/b.png",
        "art/portraits/c.png",
        "art/maps/d.png",
        "art/icons/e.png",
        "art/flags/f.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True)
        clip.save(tmp_path / name)
    (tmp_path / "art" / "portraits" / "none.png").write_bytes(b"none")
    found = sources(photographs, tmp_path / "clips", [tmp_path / "art"])
    assert found.counts() == [len(photographs), 1, 2, 1, 1]
    pictures, rows, truth = Pictures(found), [], []
    for number in range(120):
        medium_number = number % len(MEDIA)
        picture = pictures(np.random.default_rng(number), MEDIA[medium_number])
        assert picture.mode == "RGB"
        assert min(picture.size) >= 24
        rows.append(np.append(plain_numbers(picture), [0, 0]).astype(np.float32))
        truth.append(medium_number)
    head = medium.fit(np.stack(rows), np.array(truth), "abc", 1.0)
    told = head.probabilities(np.stack(rows))
    assert (told.argmax(-1) == np.array(truth)).mean() > 0.4
    scores = medium.score(dataclasses.replace(head, sure=0.5), np.stack(rows), np.array(truth))
    assert scores["photographs"] > 60


def test_the_limit_is_the_best_one_with_good_neighbours() -> None:
    others = np.array([0.1, 0.2, 0.55, 0.6, 0.62, 0.85, 0.88, 0.95])
    photographs = np.array([True] * 5 + [False] * 3)
    assert 0.63 < medium.limit(others, photographs) < 0.85


@pytest.mark.parametrize(("chart", "named"), [(0.9, 0.62), (0.3, 1.0)])
def test_a_graphic_is_named_from_where_that_is_nearly_always_right(
    chart: float, named: float
) -> None:
    told = np.zeros((100, len(MEDIA)))
    told[:, 2], told[:, 1] = chart, 1 - chart
    told[0] = (0.1, 0.2, 0.61, 0.05, 0.02, 0.02)
    truth = np.full(100, 2)
    truth[:8] = 1
    told[1:8] = told[0]
    assert medium.naming(told, truth) == pytest.approx(named, abs=0.011)


def test_the_crops_of_real_screens_are_photographs_and_artwork(tmp_path: Path) -> None:
    box = {"left": 2, "top": 3, "width": 10, "height": 8}
    kinds = ("photograph", "artwork-drawing", "thumbnail")
    boxes = [{**box, "kind": kind} for kind in kinds]
    truth = {
        "a.png": {"boxes": boxes, "note": ""},
        "b.png": {"boxes": [], "note": ""},
        "c.png": {"boxes": boxes, "note": "parts laid on white"},
    }
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    crops = real_crops(tmp_path)
    assert [(crop.size, photograph) for crop, photograph in crops] == [
        ((10, 8), True),
        ((10, 8), False),
    ]


def test_folders_without_what_is_needed_say_where_to_have_it(
    photographs: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="no scenes and no signs and no paintings and no maps"):
        sources(photographs, tmp_path, [tmp_path])
