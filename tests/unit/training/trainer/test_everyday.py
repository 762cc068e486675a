"""Training on everyday pictures: heads for things, a language from text, an honest reward."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor

from models.captioning.kinds import kinds, numbers
from models.captioning.vocabulary import END, PAD
from models.networks.captioners import CaptioningNetwork
from models.networks.efficientnet import EfficientNetLite3
from models.networks.objects import ObjectHead, read_maps
from models.networks.registry import ENCODERS
from tests import everyday
from tests.variants import TinyEncoder
from training.__main__ import main
from training.data import prepare
from training.data.augmentation import Augmentation
from training.data.objects import MAP, mean_average_precision
from training.evaluation.report import encoded, reporter
from training.identity import OtherIdentityError
from training.trainer.batch_source import Batch, MapBatchSource
from training.trainer.distributed import SINGLE_PROCESS
from training.trainer.losses import ObjectLabels, object_loss
from training.trainer.objective import Objective
from training.trainer.recipe import Recipe, RecipeError, Stage, load_recipe
from training.trainer.recipe_files import RECIPES
from training.trainer.self_critical import HonestReward
from training.trainer.train import Trainer
from training.trainer.training_data import Everyday, TrainingData, prepare_data

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(900)  # a training, and another that is killed

BALL, BOOK = (numbers()[kind] for kind, _ in everyday.THINGS.values())
OBJECTS = Stage(
    "things", "all", epochs=1, learning_rate=1e-2, batch=4, objective="objects", objects=1.0
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENCODERS, "tiny", TinyEncoder)
        yield everyday.prepare(tmp_path_factory.mktemp("everyday"))


@pytest.fixture(scope="module")
def recipe(folder: Path) -> Recipe:
    return load_recipe(folder / "recipe.toml")


@pytest.fixture(scope="module")
def data(folder: Path, recipe: Recipe) -> TrainingData:
    return prepare_data(recipe, folder / "data", folder / "maps", everyday=folder / "everyday")


@pytest.fixture(scope="module")
def known(data: TrainingData) -> Everyday:
    assert data.everyday is not None
    return data.everyday


@pytest.fixture(scope="module")
def whole(folder: Path, recipe: Recipe, data: TrainingData) -> Trainer:
    """Trained through all stages, unbroken."""
    return trained(recipe, data, folder / "work")


def trained(recipe: Recipe, data: TrainingData, work: Path, checkpoint_every: int = 100) -> Trainer:
    work.mkdir(exist_ok=True)
    trainer = Trainer(recipe, data, None, work, reporter(data, recipe), checkpoint_every)
    trainer.run()
    return trainer


def objective(recipe: Recipe, data: TrainingData) -> Objective:
    torch.manual_seed(3)
    network = CaptioningNetwork(recipe.architecture, len(data.vocabulary))
    return Objective(network, recipe, data, SINGLE_PROCESS)


def batch_of(data: TrainingData, *indices: int) -> Batch:
    rows = torch.tensor(indices, dtype=torch.long)
    return Batch(
        torch.arange(len(indices)),
        (data.tokens[0, rows, :, 0] != PAD).any(-1),
        data.tokens[:, rows],
        lambda: np.stack([data.images[i] for i in indices]),
        indices,
    )


def head_of(network: CaptioningNetwork) -> ObjectHead:
    assert network.objects is not None
    return network.objects


# what it is trained on


def test_held_out_pictures_are_not_learnt_from(data: TrainingData, known: Everyday) -> None:
    assert [each.path.name for each in known.development] == ["10.png", "20.png"]
    assert all(each.captions for each in known.development)
    mine = [each.path.name for each in (*data.train, *data.unlabelled)]
    assert not {"10.png", "20.png"} & set(mine)
    assert len(mine) == 10 + everyday.PICTURES - 2  # the data set's, and the others
    assert [len(each.captions) for each in data.unlabelled] == [0] * 8
    assert known.targets.presence.shape == (32, len(kinds()))
    assert known.targets.labelled.tolist() == [False] * 10 + [True] * 22
    assert known.judged.presence.sum(1).tolist() == [1, 1]
    heard = [" ".join(data.vocabulary.decode(row)) for row in known.text.tokens.tolist()]
    # of the lines of text those that are captions of held-out pictures are missing
    spoken = {" ".join(words) for each in known.development for words in each.captions}
    assert "there is a red book at the left" in heard
    assert "there is a blue ball at the right" in spoken
    assert not spoken & set(heard)
    assert len(heard) == 48 - 2 - 6  # six are longer than ten words


def test_everyday_pictures_with_captions_come_twice_an_epoch(
    recipe: Recipe, data: TrainingData, known: Everyday
) -> None:
    captioned = [each.path.parent.parent.name == "everyday" for each in data.train]
    assert captioned == [False] * 10 + [True] * 14
    assert known.often == (*range(10, 24),)
    assert data.rows == (*range(24), *range(10, 24))
    source = MapBatchSource(data, recipe.seed_at, SINGLE_PROCESS)
    stage = dataclasses.replace(recipe.stages[2], batch=19)
    assert source.steps(stage) == 2
    seen = [index for batch in source.epoch(stage, 2, 0, 0) for index in batch.indices]
    assert sorted(seen) == sorted(data.rows)
    once = dataclasses.replace(known, often=())
    assert dataclasses.replace(data, everyday=once).rows == (*range(24),)


def test_heads_learn_from_all_pictures_and_the_decoder_from_text(
    recipe: Recipe, data: TrainingData, known: Everyday
) -> None:
    source = MapBatchSource(data, recipe.seed_at, SINGLE_PROCESS)
    things, text = recipe.stages[:2]
    assert source.steps(things) == 32 // 8
    seen = [index for batch in source.epoch(things, 0, 0, 0) for index in batch.indices]
    assert sorted(seen) == [*range(32)]
    assert source.steps(text) == len(known.text) // 8
    steps = [*source.epoch(text, 1, 0, 0)]
    assert len(steps) == source.steps(text)
    assert len([*source.epoch(text, 1, 0, 1)]) == len(steps) - 1
    assert all(batch.total == 0 and batch.indices == () for batch in steps)


def test_the_vocabulary_has_frequent_words_of_the_text(data: TrainingData) -> None:
    words = set(data.vocabulary.words)
    assert {"circle", "ball", "lawn", "beside"} <= words


def test_what_a_recipe_needs_is_asked_for(
    folder: Path, recipe: Recipe, data: TrainingData, tmp_path: Path
) -> None:
    done = CliRunner().invoke(
        main,
        [
            "train",
            str(folder / "recipe.toml"),
            "--data",
            str(folder / "data"),
            "--work",
            str(tmp_path),
        ],
    )
    assert done.exit_code == 2
    assert "give --everyday" in " ".join(done.output.split())
    without = dataclasses.replace(data, everyday=None)
    for stage in recipe.stages[:2]:
        with pytest.raises(RecipeError, match=f"stage {stage.name} learns from .*--everyday"):
            MapBatchSource(without, recipe.seed_at, SINGLE_PROCESS).steps(stage)
    with pytest.raises(RecipeError, match="stage text learns from text: give --everyday"):
        objective(recipe, without)(recipe.stages[1], batch_of(data), torch.zeros(0) > 0)
    options = {"grid": 8, "hidden": 7, "embedding": 6, "attention": 5}
    other = dataclasses.replace(
        recipe,
        architecture={
            "encoder": "tiny",
            "decoder": "soft_attention_lstm",
            "decoder_options": options,
        },
    )
    with pytest.raises(RecipeError, match="stage text: this decoder cannot learn from text alone"):
        objective(other, data)(recipe.stages[1], batch_of(data), torch.zeros(0) > 0)


# what a head learns


def things(**changes: Tensor) -> ObjectLabels:
    """One picture with two things of three kinds: the first on the left, the second twice."""
    coverage = torch.zeros(1, 3, MAP, MAP)
    coverage[0, 0, :, : MAP // 2] = coverage[0, 1, MAP // 2 :, MAP // 2 :] = 0.1
    known = {
        "presence": torch.tensor([[1.0, 1, 0]]),
        "counts": torch.tensor([[1.0, 2, -1]]),
        "known": torch.ones(1, 3),
        "coverage": coverage,
    }
    return ObjectLabels(**known | changes)


def test_maps_learn_whether_where_and_how_many() -> None:
    maps = torch.zeros(1, 9, 4, 4, requires_grad=True)
    optimiser = torch.optim.Adam([maps], 0.2)
    first = float(object_loss(maps.detach(), things()))
    for _ in range(200):
        loss = object_loss(maps, things())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(loss.detach()) < first / 3
    seen = read_maps(maps.detach())
    assert (seen.logits[0] > 0).tolist() == [True, True, False]
    assert seen.counts[0, :2].tolist() == pytest.approx([1, 2], abs=0.2)
    assert seen.places[0, 0, :2].tolist() == pytest.approx([0.25, 0.5], abs=0.05)
    assert seen.places[0, 1, :2].tolist() == pytest.approx([0.75, 0.75], abs=0.05)


@pytest.mark.parametrize(
    ("changes", "blind"),
    [
        ({"known": torch.tensor([[0.0, 1, 1]])}, [0, 3, 6]),  # all of the first kind's maps
        ({"counts": torch.full((1, 3), -1.0)}, [6, 7, 8]),
        ({"presence": torch.zeros(1, 3)}, [6, 7, 8]),  # how many is no matter where none is
    ],
)
def test_what_is_unknown_teaches_nothing(changes: dict[str, Tensor], blind: list[int]) -> None:
    torch.manual_seed(1)
    maps = torch.randn(1, 9, 4, 4, requires_grad=True)
    object_loss(maps, things(**changes)).backward()
    assert maps.grad is not None
    silent = [number for number in range(9) if not maps.grad[0, number].any()]
    assert set(blind) <= set(silent)
    assert maps.grad[0, 4].any()


def test_pictures_of_other_rows_teach_nothing() -> None:
    torch.manual_seed(1)
    maps = torch.randn(2, 9, 4, 4, requires_grad=True)
    both = ObjectLabels(
        *(
            torch.cat([part, part])
            for part in (things().presence, things().counts, things().known, things().coverage)
        )
    )
    object_loss(maps, both, torch.tensor([1.0, 0.0])).backward()
    assert maps.grad is not None
    assert maps.grad[0].any()
    assert not maps.grad[1].any()
    alone = object_loss(maps.detach()[:1], things())
    both_maps = maps.detach()
    assert torch.allclose(object_loss(both_maps, both, torch.tensor([1.0, 0.0])), alone)
    assert float(object_loss(both_maps, both, torch.zeros(2))) == 0.0


def test_the_head_of_a_fold_does_not_learn_from_its_pictures(
    recipe: Recipe, data: TrainingData
) -> None:
    loss = objective(recipe, data)
    even = batch_of(data, 2, 10, 14)
    loss.train()(OBJECTS, even, torch.zeros(3) > 0).backward()
    head = head_of(loss.network)
    first, second = head.cross_fitted
    assert not first.weight.grad.any()
    assert second.weight.grad.any()
    assert head.maps.weight.grad.any()
    assert all(each.grad is None for each in loss.network.decoder.parameters())


def test_a_decoder_sees_what_the_head_of_the_fold_says(recipe: Recipe, data: TrainingData) -> None:
    loss = objective(recipe, data).eval()
    features = torch.randn(3, 10, 4, 4, requires_grad=True)
    stage = dataclasses.replace(recipe.stages[3], objects=1.0)
    batch = batch_of(data, 2, 11, 14)
    seen, missed = loss._observed(stage, features, batch, loss._labels(batch))
    folds = head_of(loss.network).fold_maps(features)
    assert torch.equal(seen[:, :10], features)
    for row, fold in enumerate([0, 1, 0]):
        assert torch.equal(seen[row, 10:], folds[fold, row])
    assert float(missed.detach()) > 0
    seen.sum().backward()  # what words miss teaches no head
    assert features.grad is not None
    assert all(each.grad is None for each in head_of(loss.network).parameters())


def test_what_a_crop_cuts_away_is_unknown(
    recipe: Recipe, data: TrainingData, known: Everyday, monkeypatch: pytest.MonkeyPatch
) -> None:
    loss = objective(recipe, data)
    batch = batch_of(data, *range(10, 14))
    half = torch.tensor([[0.5, 0, -0.5], [0, 1.0, 0]]).expand(4, -1, -1)
    monkeypatch.setattr(Augmentation, "_crops", lambda *_: half)
    _, things = loss._features(OBJECTS, batch, torch.zeros(4) > 0)
    assert things is not None
    for row, index in enumerate(batch.indices):
        ((kind, left, *_),) = known.targets.boxes[index].tolist()
        gone = left > 0.5
        assert things.known[row].sum() == len(kinds()) - gone
        assert things.known[row, int(kind)] == (not gone)
        assert things.counts[row, int(kind)] == (-1 if gone else 1)
        assert things.coverage[row, int(kind)].any() != gone
        assert things.presence[row, int(kind)] == 1


def test_mirrored_features_have_their_things_on_the_other_side(
    recipe: Recipe, data: TrainingData, known: Everyday
) -> None:
    loss = objective(recipe, data)
    loss.cached = np.zeros((2, 32, 10, 4, 4), np.float16)
    loss.cached[1] = 1.0
    batch = batch_of(data, 10, 11)
    features, things = loss._features(OBJECTS, batch, torch.tensor([True, False]))
    assert things is not None
    assert features.mean((1, 2, 3)).tolist() == [1, 0]
    plain = known.targets.coverage([10, 11])
    assert torch.equal(things.coverage, torch.stack([plain[0].flip(2), plain[1]]))


# an honest reward


def test_what_is_invented_costs_reward(data: TrainingData) -> None:
    words = data.vocabulary

    def ids(caption: str) -> list[int]:
        return [words.encode([word])[1] for word in caption.split()] + [END]

    references = [[ids("a red ball on the left")] * 2, [ids("a blue book on the right")] * 2]
    same = torch.arange(len(words))
    absent = [frozenset({BOOK}), frozenset[int]()]
    honest = HonestReward(references, same, words, absent, 0.5)
    lenient = HonestReward(references, same, words, absent, 0.0)
    for picture, caption, cost in (
        (0, "a red ball on the left", 0),
        (0, "a red book", 0.5),
        (0, "a book and books and a ball", 0.5),
        (1, "a red ball", 0),
        (1, "a red book", 0),
        (0, "left", 0),
    ):
        wanted = lenient(picture, ids(caption)) - cost
        assert honest(picture, ids(caption)) == pytest.approx(wanted), caption
    assert honest(0, ids("a red ball on the left")) > 1


def test_a_training_knows_what_is_not_there(
    recipe: Recipe, data: TrainingData, known: Everyday
) -> None:
    learning = objective(recipe, data)
    reward = learning._reward
    assert isinstance(reward, HonestReward)
    for invented in (0.5, 0.25):  # each stage's own, whatever the others'
        stage = dataclasses.replace(recipe.stages[-1], invented=invented)
        costing = learning._reward_of(stage)
        assert isinstance(costing, HonestReward)
        assert costing._invented == invented
        assert costing._absent is reward._absent
    assert len(reward._absent) == len(data.train)
    for absent, presence in zip(reward._absent, known.targets.presence, strict=False):
        assert absent == {kind for kind in range(len(kinds())) if presence[kind] < 0.2}
    assert {BALL, BOOK} & reward._absent[10] == {BALL, BOOK} - {int(known.targets.boxes[10][0, 0])}


# all of it


def test_every_stage_teaches_what_it_should(whole: Trainer, recipe: Recipe) -> None:
    assert {stage for stage, *_ in whole.state.losses} == {*range(len(recipe.stages))}
    assert all(math.isfinite(loss) for *_, loss in whole.state.losses)
    for number, most in ((0, 0.93), (1, 0.93)):
        values = [loss for stage, _, loss in whole.state.losses if stage == number]
        assert np.mean(values[-2:]) < most * np.mean(values[:2]), recipe.stages[number].name


def test_heads_then_language(recipe: Recipe, data: TrainingData, tmp_path: Path) -> None:
    """The first stage moves the heads alone, the second what tells words alone."""
    moved = []
    for count in (1, 2):
        work = tmp_path / str(count)
        work.mkdir()
        short = dataclasses.replace(recipe, stages=recipe.stages[:count])
        trainer = Trainer(short, data, None, work)
        before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
        trainer.run()
        moved.append(
            {
                name
                for name, value in trainer.state.ema_weights.items()
                if not torch.equal(value, before[name])
            }
        )
    assert {name.partition(".")[0] for name in moved[0]} == {"objects"}
    second = moved[1] - moved[0]
    assert {name.partition(".")[0] for name in second} == {"decoder"}
    assert {"decoder.kind.weight", "decoder.embedding.weight"} <= second
    assert "decoder.project.weight" not in second  # there is no grid


@pytest.mark.parametrize(
    ("begin", "blend", "like"),
    [("decoder", 1.0, "decoder"), ("", 1.0, "everything"), ("decoder", 0.0, "everything")],
)
def test_a_stage_begins_where_it_says_and_is_mixed_with_the_one_before(
    begin: str, blend: float, like: str, recipe: Recipe, data: TrainingData, tmp_path: Path
) -> None:
    *_, again, _ = recipe.stages
    still = dataclasses.replace(  # it moves nothing that can be seen
        again,
        begin=begin,
        interpolation_weight=blend,
        learning_rate=1e-12,
        encoder_learning_rate=1e-12,
        weight_decay=0.0,
    )
    ended: dict[str, dict[str, Tensor]] = {}
    hand_on = Trainer._hand_on

    def noting(trainer: Trainer, stage: Stage) -> None:
        hand_on(trainer, stage)
        ended[stage.name] = {  # training changes them in place
            name: value.clone() for name, value in trainer.state.ema_weights.items()
        }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_hand_on", noting)
        Trainer(
            dataclasses.replace(recipe, stages=(*recipe.stages[:-2], still)), data, None, tmp_path
        ).run()
    assert any(
        not torch.equal(value, ended["everything"][name])
        for name, value in ended["decoder"].items()
    )
    for name, value in ended[like].items():
        torch.testing.assert_close(ended[still.name][name], value, rtol=0, atol=1e-6, msg=name)


def test_neighbours_by_classes_need_a_classifier(
    recipe: Recipe, data: TrainingData, tmp_path: Path
) -> None:
    by_classes = dataclasses.replace(recipe, neighbours_by="classes")
    with pytest.raises(RecipeError, match="needs an encoder with a classifier, which tiny has not"):
        Trainer(by_classes, data, None, tmp_path)


def test_weights_that_were_not_kept_are_not_gone_on_from(
    recipe: Recipe, data: TrainingData, tmp_path: Path
) -> None:
    before, again = recipe.stages[:-2], recipe.stages[-2]
    Trainer(dataclasses.replace(recipe, stages=before), data, None, tmp_path).run()
    longer = Trainer(dataclasses.replace(recipe, stages=(*before, again)), data, None, tmp_path)
    with pytest.raises(OtherIdentityError, match="has not kept the weights of stage decoder"):
        longer.run()


def test_everyday_pictures_are_scored_besides(
    whole: Trainer, recipe: Recipe, data: TrainingData, known: Everyday
) -> None:
    lines = [
        json.loads(line)
        for line in (whole.work / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert [line["after"] for line in lines] == [
        f"{stage.name} {epoch + 1}" for stage in recipe.stages for epoch in range(stage.epochs)
    ]
    assert {"CIDEr", "everyday CIDEr", "everyday BLEU-4", "everyday loss", "mAP"} <= set(lines[-1])
    last, network = lines[-1], whole.averaged()
    pictures = np.stack([prepare.picture(each, recipe.preprocessing) for each in known.development])
    (features,) = encoded(network, pictures, recipe.preprocessing)
    with torch.inference_mode():
        logits = read_maps(head_of(network)(features)).logits
    wanted = 100 * mean_average_precision(logits.numpy(), known.judged.presence)
    assert last["mAP"] == pytest.approx(wanted, abs=0.01)
    assert 0 < last["everyday loss"] < math.log(len(data.vocabulary))
    assert last["everyday loss"] < lines[0]["everyday loss"]  # before the decoder had learnt


@pytest.mark.parametrize("missing", ["development", "everyday"])
def test_a_training_that_nothing_can_score_is_refused_in_words(
    recipe: Recipe, data: TrainingData, known: Everyday, missing: str
) -> None:
    without = (
        dataclasses.replace(data, development=[])
        if missing == "development"
        else dataclasses.replace(data, everyday=dataclasses.replace(known, development=[]))
    )
    with pytest.raises(ValueError, match="there is no held-out picture with captions"):
        reporter(without, recipe)


def test_killed_in_every_stage_it_ends_as_if_it_had_not_been(
    whole: Trainer,
    recipe: Recipe,
    data: TrainingData,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train_step = Trainer._train_step
    killed = []

    def killing(trainer: Trainer, *arguments: Any) -> float:
        place = trainer.state.stage, trainer.state.step
        if place not in killed and trainer.state.step == 1:
            killed.append(place)
            raise KeyboardInterrupt
        return train_step(trainer, *arguments)

    monkeypatch.setattr(Trainer, "_train_step", killing)
    for _ in recipe.stages:
        with pytest.raises(KeyboardInterrupt):
            trained(recipe, data, tmp_path, checkpoint_every=1)
    assert killed == [(number, 1) for number in range(len(recipe.stages))]
    again = trained(recipe, data, tmp_path)
    assert again.state.losses == whole.state.losses
    for name, value in whole.state.ema_weights.items():
        assert torch.equal(again.state.ema_weights[name], value), name
    for name in ("losses.csv", "scores.jsonl"):
        assert (tmp_path / name).read_bytes() == (whole.work / name).read_bytes()


def test_the_recipe_that_ships_fits_together() -> None:
    recipe = load_recipe(RECIPES / "everyday.toml")
    assert [stage.objective for stage in recipe.stages] == [
        "objects",
        "text",
        *["cross-entropy"] * 5,
        "self-critical",
    ]
    assert recipe.everyday
    decoder = recipe.architecture["decoder_options"]
    assert decoder["kinds"] == recipe.architecture["objects"]["kinds"] == len(kinds())
    assert 6 <= decoder["evidence"] <= len(kinds())
    for name in ("mean", "std"):  # as its starting weights have seen pictures
        assert getattr(recipe.preprocessing, name) == pytest.approx(
            getattr(EfficientNetLite3.preprocessing, name), abs=1e-6
        )
    last = recipe.stages[-1]
    assert last.invented > 0
    assert not any(stage.invented for stage in recipe.stages[:-1])
    assert not load_recipe(RECIPES / "third.toml").everyday
