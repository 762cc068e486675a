"""The table: the ancestors' recipes and ours, trained on the same features, side by side."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from models.captioning.decoding import search
from models.captioning.preprocess import to_array, upright_rgb
from models.networks.encoder_base import Encoder
from models.runtime.engines.torch import TorchEngine
from models.runtime.tables import as_table
from training import identity
from training.data.datasets import load
from training.evaluation import metrics
from training.evaluation.report import reporter
from training.trainer.recipe import Recipe, load_recipe
from training.trainer.recipe_files import find_recipe
from training.trainer.train import Trainer
from training.trainer.training_data import prepare_data, starting_encoder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.captioning.decoding import SearchConfig
    from models.networks.captioners import CaptioningNetwork
    from training.identity import Identity
    from training.trainer.training_data import TrainingData

ROWS = (
    "cnn_lstm_luong",
    "cnn_lstm_luong_local",
    "show_attend_tell_gru",
    "inception_visual_attention",
    "xception_merge",
    "vgg_glove_lstm",
    "ours",
)
OURS = "ours"
_BEAM = 3  # of the beam column, where a recipe's own search is greedy
_TIMED = 20  # pictures whose captions are timed


@dataclass(frozen=True, slots=True)
class Row:
    """One recipe's results. Times are in minutes and in milliseconds a caption, file to words.

    `greedy` and `beam` are scores of free-running search; `loss` is that of the development
    captions in nats a word. `parameters` are the network's and its decoder's. `notes` say where
    the recipe was not followed.
    """

    name: str
    about: str
    encoder: str
    decoder: str
    greedy: dict[str, float]
    beam: dict[str, float]
    loss: float
    perplexity: float
    parameters: tuple[int, int]
    minutes: float
    milliseconds: tuple[float, float]
    epochs: tuple[int, int]
    words: int
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What all rows are trained under. `epochs` bounds each stage's; None leaves the recipes'."""

    data: Path
    weights: Path
    work: Path
    epochs: int | None = None
    limit: int | None = None
    own_encoders: bool = False


def make(names: Sequence[str], how: Conditions) -> list[Row]:
    """Train and measure one row after the other; rows that are done are read again."""
    how.work.mkdir(parents=True, exist_ok=True)
    ours = load_recipe(find_recipe(OURS))
    rows = []
    for path in map(find_recipe, names):
        original, name = load_recipe(path), path.stem
        recipe, notes = adapted(original, ours, how)
        folder, key = how.work / name, _made_of(recipe, how)
        row = _known(folder, key)
        if row is None:
            tqdm.write(f"{name}: {original.about}")
            _begin(folder, key)
            row = _row(name, original, recipe, notes, folder, how)
            table = {**key, "row": dataclasses.asdict(row)}
            (folder / "row.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        rows.append(row)
    return rows


def adapted(recipe: Recipe, ours: Recipe, how: Conditions) -> tuple[Recipe, list[str]]:
    """The recipe as it can be followed here, and in which points it is not."""
    notes, architecture = [], dict(recipe.architecture)
    vectors = architecture.pop("embeddings", None)
    if vectors and (how.weights / vectors).is_file():
        architecture["embeddings"] = vectors
    elif vectors:
        notes.append(f"there is no {vectors}: word vectors are learned")
    if architecture["encoder"] != ours.architecture["encoder"] and not _own(recipe, how, notes):
        notes.append(
            f"on the starting weights' {ours.architecture['encoder']} "
            f"instead of {architecture['encoder']}"
        )
        architecture["encoder"] = ours.architecture["encoder"]
        architecture.pop("encoder_options", None)
        recipe = dataclasses.replace(
            recipe, starting_weights=ours.starting_weights, preprocessing=ours.preprocessing
        )
    stages = recipe.stages
    if how.epochs is not None:
        stages = tuple(
            dataclasses.replace(stage, epochs=min(stage.epochs, how.epochs)) for stage in stages
        )
    return dataclasses.replace(recipe, architecture=architecture, stages=stages), notes


def _own(recipe: Recipe, how: Conditions, notes: list[str]) -> bool:
    """Whether the recipe runs on its own encoder; why it cannot goes to the notes."""
    if not how.own_encoders:
        return False
    try:
        starting_encoder(recipe, how.weights)
    except (ValueError, OSError) as error:
        notes.append(str(error))
        return False
    return True


def _row(
    name: str, original: Recipe, recipe: Recipe, notes: list[str], folder: Path, how: Conditions
) -> Row:
    shared = recipe.architecture["encoder"] == _encoder_of(OURS)
    caches = how.work / "shared" if shared else folder
    caches.mkdir(parents=True, exist_ok=True)
    data = prepare_data(recipe, how.data, caches, how.weights, None, how.limit)
    report = reporter(data, recipe, caches / "development.npy")
    trainer = Trainer(recipe, data, how.weights, folder, report, caches=caches)
    if not (caches / "development.npy").is_file():
        report(trainer.averaged())  # encodes the pictures: no row's own time
    trainer.make_cache()
    trainer.run()
    network = trainer.averaged()
    if any(stage.patience or stage.interpolation_weight < 1 for stage in recipe.stages):
        last = report(trainer.averaged())  # not what was scored last
    else:
        last = json.loads((folder / "scores.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    greedy = dataclasses.replace(recipe.search, beam_size=1, consensus=0.0)
    beam = dataclasses.replace(greedy, beam_size=max(recipe.search.beam_size, _BEAM))
    features = np.load(caches / "development.npy", mmap_mode="r")[0]
    return Row(
        name,
        original.about,
        recipe.architecture["encoder"],
        recipe.architecture["decoder"],
        searched(network, features, data, greedy, f"{name}, greedy"),
        searched(network, features, data, beam, f"{name}, beam of {beam.beam_size}"),
        last["loss"],
        last["perplexity"],
        (_count(network), _count(network.decoder)),
        trainer.state.seconds / 60,
        (timed(network, data, recipe, greedy), timed(network, data, recipe, beam)),
        (
            sum(stage.epochs for stage in recipe.stages),
            sum(stage.epochs for stage in original.stages),
        ),
        len(data.vocabulary),
        notes,
    )


class _Seen(Encoder):
    """In the place of an encoder whose features are known."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, features: Tensor) -> Tensor:
        return features


def searched(
    network: CaptioningNetwork,
    features: NDArray[np.float16],
    data: TrainingData,
    config: SearchConfig,
    name: str,
) -> dict[str, float]:
    """Caption the development split from its features (N, C, h, w) and score it."""
    encoder = network.encoder
    network.encoder = _Seen(encoder.channels)
    repeatable = data.vocabulary.function_words()
    captions = {}
    try:
        engine = TorchEngine(network)
        for example, grid in zip(
            tqdm(data.development, desc=name, leave=False), features, strict=True
        ):
            encoding = engine.encode(np.array(grid[None], np.float32))
            best = search(engine, encoding, config, repeatable)[0]
            captions[example.path.name] = " ".join(data.vocabulary.decode(best.tokens))
    finally:
        network.encoder = encoder
    references = {
        each.path.name: [" ".join(words) for words in each.captions] for each in data.development
    }
    scores, _ = metrics.score(captions, references)
    return scores | {
        key: value for key, value in metrics.variety(captions).items() if key == "distinct words"
    }


def timed(
    network: CaptioningNetwork, data: TrainingData, recipe: Recipe, config: SearchConfig
) -> float:
    """Milliseconds from a picture's file to its words, in torch: the median."""
    engine = TorchEngine(network)
    repeatable = data.vocabulary.function_words()
    times = []
    for example in data.development[:_TIMED]:
        began = time.perf_counter()
        with Image.open(example.path) as image:
            encoding = engine.encode(to_array(upright_rgb(image), recipe.preprocessing))
        search(engine, encoding, config, repeatable)
        times.append(1000 * (time.perf_counter() - began))
    return float(np.median(times))


def _encoder_of(name: str) -> str:
    return str(load_recipe(find_recipe(name)).architecture["encoder"])


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _made_of(recipe: Recipe, how: Conditions) -> Identity:
    """All that a row depends on."""
    conditions = (as_table(recipe), how.limit, how.data.resolve())
    dataset = load(how.data, cleaning=recipe.cleaning)
    examples = [*dataset.train, *dataset.development]
    return {
        "key": hashlib.sha256(repr(conditions).encode()).hexdigest(),
        "pictures": identity.of_files(each.path for each in examples),
        "captions": identity.of_values([each.captions for each in examples]),
        "starting weights": identity.of_contents([how.weights / recipe.starting_weights]),
    }


def _known(folder: Path, key: Identity) -> Row | None:
    """The row, when it was made under the same conditions."""
    table = identity.read(folder / "row.json") or {}
    row: dict[str, Any] | None = table.pop("row", None)
    if row is None or not _same(folder / "row.json", table, key):
        return None
    for name in ("parameters", "milliseconds", "epochs"):
        row[name] = tuple(row[name])
    return Row(**row)


def _begin(folder: Path, key: Identity) -> None:
    """Make the row's folder; a training that was begun under other conditions is thrown away."""
    folder.mkdir(parents=True, exist_ok=True)
    note = folder / "begun.txt"
    text = note.read_text(encoding="utf-8") if note.is_file() else ""
    # once there was the key alone
    kept = identity.read(note) if text.startswith("{") else {"key": text}
    if not kept or not _same(note, kept, key):
        for name in ("checkpoint.pt", "scores.jsonl", "losses.csv", "row.json"):
            (folder / name).unlink(missing_ok=True)
        identity.write(note, key)


def _same(path: Path, kept: Identity, key: Identity) -> bool:
    if found := identity.differences(kept, key):
        if kept.get("key"):
            tqdm.write(f"{path.parent} is made anew: {identity.told(found)}")
        return False
    if lacking := identity.unknown(kept, key):
        identity.trust(path, lacking)
    return True
