"""A recipe: everything that decides what a training run gives, in one TOML page.

Where pages are and how one builds on another: `training.trainer.recipe_files`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from models.captioning.decoding import SearchConfig
from models.captioning.preprocess import Preprocessing
from models.runtime.tables import as_table, make
from training.data.augmentation import Augmentation
from training.data.cleaning import Cleaning
from training.trainer.recipe_files import beside, inherited
from training.trainer.self_training import SelfTraining

_GROUNDED = "grounded_lstm"  # the decoder that an object head belongs to
IMAGENET = "imagenet"  # starting weights that the library which has the encoder downloads
Precision = Literal["bfloat16", "float32", "float16"]


class RecipeError(ValueError):
    """A recipe that does not fit the pictures or the machine it is run with."""


_PARTS = {
    "preprocessing": Preprocessing,
    "augmentation": Augmentation,
    "search": SearchConfig,
    "self_training": SelfTraining,
    "cleaning": Cleaning,
}
# keys of a stage
_NOT_NEGATIVE = (
    "encoder_rate",
    "samples",
    "weight_decay",
    "captions",
    "unlabelled",
    "distil",
    "objects",
    "text",
    "invented",
    "size",
)
_SHARES = ("label_smoothing", "warm_up", "average", "blend", "truth", "mirror")


@dataclass(frozen=True, slots=True)
class Stage:
    """One stretch of training. A field whose key in a recipe is another word has it as "key".

    `train` "decoder" works on cached features of the frozen encoder; "all" trains every
    layer on augmented pictures. Learning rates are peaks of a one-cycle schedule. `ema_decay` is
    that of the weights' exponential moving average, which is what is evaluated and exported.
    "self-critical" draws `samples` captions a picture and learns from their CIDEr-D;
    `xent_weight` is the share of cross-entropy in its loss. `captions` is how many of a picture's
    captions a step shows (0: all). `interpolation_weight` is the share of the stage's result in
    what it hands on, the rest being what the stage before handed on, from which it begins (Wortsman
    et al. 2022, "Robust fine-tuning of zero-shot models"). `begin` is the name of an earlier stage
    from whose result it begins instead: two stages that begin from the same one and are trained
    apart can be averaged (Wortsman et al. 2022, "Model soups").

    `augment` lets the frozen encoder see changed pictures each time, too, for it knows those that
    it learnt from by heart; `augmentation` is how, the recipe's by default. `size` is how many
    pixels a side the changed pictures have (0: as many as preprocessing gives): smaller ones train
    faster (Touvron et al. 2019, "Fixing the train-test resolution discrepancy"). `unlabelled` is
    how many pictures without captions a batch has besides. `distil` weighs the cross-entropy of the
    encoder's classifier with the starting encoder's own classes (Hinton et al. 2015), on all
    pictures. `self_train` makes captions for the pictures without, before the stage begins.

    `encoder_stages` trains only so many of the encoder's last stages (0: all of them).
    `flip_probability` is the share of the pictures that are shown mirrored. "constant" keeps the
    peak rate after the warm-up. `precision` is that of autocast (see `training.precision`);
    "float16" scales the loss, on a GPU only. `patience` ends the stage when `monitor` (a score of
    the development split) has not become better for so many epochs (0: never); the averaged
    weights of the best epoch are kept.

    `objects` weighs the loss of the object head, and `text` is how many captions without pictures
    a step has; with the objectives "text" and "objects" there is nothing else. `invented` is what
    a self-critical reward loses for each thing that is named and not there.
    """

    name: str
    train: Literal["decoder", "all"]
    epochs: int
    learning_rate: float = field(metadata={"key": "rate"})
    encoder_learning_rate: float = field(default=0.0, metadata={"key": "encoder_rate"})
    objective: Literal["cross-entropy", "self-critical", "text", "objects"] = "cross-entropy"
    samples: int = 5
    batch: int = 40
    label_smoothing: float = 0.1
    weight_decay: float = 0.01
    warm_up: float = 0.1
    ema_decay: float = field(default=0.999, metadata={"key": "average"})
    interpolation_weight: float = field(default=1.0, metadata={"key": "blend"})
    begin: str = ""
    xent_weight: float = field(default=0.0, metadata={"key": "truth"})
    captions: int = 0
    augment: bool = False
    size: int = 0
    unlabelled: int = 0
    distil: float = 0.0
    self_train: bool = False
    encoder_stages: int = 0
    flip_probability: float = field(default=0.5, metadata={"key": "mirror"})
    schedule: Literal["one-cycle", "constant"] = "one-cycle"
    precision: Precision = "bfloat16"
    patience: int = 0
    monitor: str = "CIDEr"
    objects: float = 0.0
    text: int = 0
    invented: float = 0.0
    augmentation: Augmentation | None = None

    def __post_init__(self) -> None:
        if min(self.epochs, self.batch) < 1:
            raise ValueError("epochs and batch must be at least 1")
        if min(self.patience, self.encoder_stages) < 0:
            raise ValueError("patience and encoder_stages cannot be less than 0")
        if self.encoder_stages and self.train != "all":
            raise ValueError('encoder_stages needs train = "all"')
        for key in ("size", "augmentation"):
            if getattr(self, key) and not self.encodes:
                raise ValueError(f'{key} needs augment or train = "all"')
        self._check_numbers()
        if self.objective == "self-critical" and self.samples < 2:
            raise ValueError(
                "samples must be at least 2: each is judged by the others of a picture"
            )
        if self.objective == "text" and not self.text:
            raise ValueError('the objective "text" needs text, the number of captions in a step')
        if self.objective == "objects" and not self.objects:
            raise ValueError('the objective "objects" needs objects, the weight of its loss')

    def _check_numbers(self) -> None:
        table = as_table(self)
        if not all(math.isfinite(each) for each in table.values() if isinstance(each, float)):
            raise ValueError("a number must be finite")
        if not self.learning_rate > 0:
            raise ValueError("rate must be above 0")
        if low := [key for key in _NOT_NEGATIVE if table[key] < 0]:
            raise ValueError(f"{low[0]} cannot be less than 0")
        if off := [key for key in _SHARES if not 0 <= table[key] <= 1]:
            raise ValueError(f"{off[0]} must be from 0 to 1")

    @property
    def encodes(self) -> bool:
        """Whether every step encodes its pictures anew."""
        return self.train == "all" or self.augment


@dataclass(frozen=True, slots=True)
class Member:
    """A captioner that is joined with others: by which `recipe` it is trained, and how many
    `speakers` of its committee of decoders come along (0: all)."""

    recipe: str
    speakers: int = 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """See `training/recipes/` for commented examples.

    One with `members` joins captioners (see `training.release.joining`), each of which is trained
    by a recipe of its own and on its own; its stages go on from there, with captioned pictures
    alone.
    The first one's starting weights and seed are its own, too.

    `starting_weights` is the name of a file, "imagenet" for the usual download, or empty for
    random ones. The vocabulary has the words that occur `minimum_count` times, of which
    `vocabulary_size` bounds the number (0: no bound), and those that occur `minimum_text_count`
    times in captions without pictures. Training pictures are neighbours (see
    `training.release.neighbours`) by the encoder's mean features, or by what its classifier makes
    of them: where every layer has learnt for long, features know the training pictures by heart.
    An epoch has the everyday pictures (see
    `training.data.objects`) `everyday_times`. `about` is a line for the table,
    `name` that of its page.
    """

    architecture: dict[str, Any]
    stages: tuple[Stage, ...]
    members: tuple[Member, ...] = ()
    name: str = field(default="", compare=False)
    starting_weights: str = ""
    about: str = ""
    seed: int = 1
    minimum_count: int = 5
    vocabulary_size: int = 0
    minimum_text_count: int = 25
    everyday_times: int = 2
    neighbours_by: Literal["features", "classes"] = "features"
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    augmentation: Augmentation = field(default_factory=Augmentation)
    search: SearchConfig = field(default_factory=SearchConfig)
    self_training: SelfTraining = field(default_factory=SelfTraining)
    cleaning: Cleaning = field(default_factory=Cleaning)

    @property
    def unlabelled(self) -> bool:
        """Whether it needs pictures without captions."""
        return any(stage.unlabelled for stage in self.stages)

    @property
    def everyday(self) -> bool:
        """Whether it needs pictures with their kinds of thing, and captions without pictures."""
        return any(stage.objects or stage.text for stage in self.stages)

    def __post_init__(self) -> None:
        if min(self.minimum_count, self.minimum_text_count, self.everyday_times) < 1:
            raise ValueError(
                "minimum_count, minimum_text_count and everyday_times must be at least 1"
            )
        if min(self.seed, self.vocabulary_size) < 0:
            raise ValueError("seed and vocabulary_size cannot be less than 0")

    def seed_at(self, place: int) -> int:
        """The seed of a place in the training: of a stage's epoch, of a step."""
        return self.seed * 1_000_000_007 + place


def load_recipe(path: Path) -> Recipe:
    """Raises ValueError naming the key for anything unknown, missing or of the wrong kind."""
    table = inherited(path, ())
    if "members" in table:
        _assemble(table, path)
    table = _with_parts(table, path.name)
    stages = table.get("stages")
    if isinstance(stages, list):
        places = [f"{path.name}, stage {number}" for number in range(1, len(stages) + 1)]
        table["stages"] = [
            make(Stage, _with_parts(stage, where), where)
            for stage, where in zip(stages, places, strict=True)
        ]
    recipe = make(Recipe, {"name": path.stem, **table}, path.name)
    _fit_together(recipe, path.name)
    if recipe.members:
        for stage in recipe.stages:
            if stage.unlabelled or stage.distil or stage.self_train:
                raise ValueError(
                    f"{path.name}, stage {stage.name}: joined captioners go on with "
                    "captioned pictures alone"
                )
    return recipe


def _with_parts(table: Any, where: str) -> Any:
    """A table of a recipe or of a stage, with what tables inside it stand for."""
    if not isinstance(table, dict):
        return table
    return table | {
        key: make(kind, table[key], f"{where}, {key}")
        for key, kind in _PARTS.items()
        if key in table
    }


def _fit_together(recipe: Recipe, where: str) -> None:
    """Raises ValueError, beginning with `where`, for stages that cannot be followed as they are."""
    if not recipe.stages and not recipe.members:
        raise ValueError(f"{where}: there must be a stage")
    names = [stage.name for stage in recipe.stages]
    if len(set(names)) < len(names):
        raise ValueError(f"{where}: two stages have the same name, by which scores are kept")
    if _is_grounded(recipe) != (recipe.architecture.get("objects") is not None):
        raise ValueError(
            f"{where}: an object head (architecture.objects) and the decoder {_GROUNDED} need "
            "each other"
        )
    for number, stage in enumerate(recipe.stages):
        if stage.begin and stage.begin not in names[:number]:
            raise ValueError(
                f"{where}, stage {stage.name}: begin must be the name of a stage before it, "
                f"not {stage.begin!r}"
            )
        if lacking := _lacking(recipe, stage):
            raise ValueError(f"{where}, stage {stage.name}: it needs {lacking}")


def _is_grounded(recipe: Recipe) -> bool:
    return recipe.architecture.get("decoder") == _GROUNDED


def _lacking(recipe: Recipe, stage: Stage) -> str:
    """What a stage needs and the recipe has not; empty: nothing."""
    if (stage.objects or stage.text) and not _is_grounded(recipe):
        return f"an object head and the decoder {_GROUNDED} to learn things or text"
    if stage.invented and not recipe.everyday:
        return "a stage with objects or text to know what is invented"
    if (stage.distil or stage.self_train) and not recipe.starting_weights:
        return "starting_weights, whose classes it learns from"
    if stage.self_train and not recipe.unlabelled:
        return "a stage with unlabelled pictures, for which it makes captions"
    return ""


def _assemble(table: dict[str, Any], path: Path) -> None:
    """Make a recipe that joins members of theirs."""
    entries = table["members"]
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{path.name}: members cannot be {entries!r}")
    members = [
        make(Member, each, f"{path.name}, member {number}")
        for number, each in enumerate(entries, 1)
    ]
    looks = table.get("architecture", {})
    if more := sorted({"starting_weights", "seed"} & set(table) | set(looks) - {"mirror"}):
        raise ValueError(
            f"{path.name}: {', '.join(more)} cannot stand beside members: their recipes have it"
        )
    recipes, architectures, speakers = [], [], 0
    for number, member in enumerate(members, 1):
        try:
            recipes.append(_alone(member_path(member, path)))
            architecture, count = _slots(member, recipes[-1])
        except ValueError as error:
            raise ValueError(f"{path.name}, member {number}: {error}") from error
        architectures.append(architecture)
        speakers += count
        if architecture != architectures[0]:
            raise ValueError(
                f"{path.name}, member {number}: its encoder or decoder has another "
                "shape than the first one's"
            )
    table |= {
        "members": members,
        "stages": table.get("stages", []),
        "seed": recipes[0].seed,
        "starting_weights": recipes[0].starting_weights,
        "architecture": architectures[0]
        | looks
        | {
            "decoder": "committee",
            "decoder_options": architectures[0]["decoder_options"] | {"members": speakers},
        },
    }


_JOINABLE = ("soft_attention_lstm", "committee")


def _slots(member: Member, recipe: Recipe) -> tuple[dict[str, Any], int]:
    """The architecture of one decoder of a recipe with its encoder, and how many it gives."""
    architecture = {key: value for key, value in recipe.architecture.items() if key != "mirror"}
    decoder, options = architecture["decoder"], dict(architecture.get("decoder_options", {}))
    if decoder not in _JOINABLE:
        raise ValueError(f"{decoder} is no decoder that a committee is made of")
    committee = int(options.pop("members", 2)) if decoder == "committee" else 1
    if not 0 <= member.speakers <= committee:
        raise ValueError(f"{member.recipe} has no committee of {member.speakers} speakers")
    return (
        architecture | {"decoder": _JOINABLE[0], "decoder_options": options},
        member.speakers or committee,
    )


def _alone(path: Path) -> Recipe:
    """The recipe of a member. Raises ValueError for one that joins others, maybe itself."""
    if "members" in inherited(path, ()):
        raise ValueError(f"{path.name} joins captioners itself")
    return load_recipe(path)


def member_path(member: Member, joining: Path) -> Path:
    """Where a member's recipe is: one of this folder, or a file beside the one that joins it.

    Raises ValueError when it is not there.
    """
    return beside(member.recipe, joining)
