"""The state of a training and the file in which it survives a kill.

`checkpoint.pt` is a table of tensors and plain values that `torch.load` reads with
`weights_only`; its keys are a format, whatever the fields are called.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

import torch
from torch import Tensor

from training.identity import OtherIdentityError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from training.identity import Identity

FILE, LOSSES, SCORES = "checkpoint.pt", "losses.csv", "scores.jsonl"

Weights = dict[str, Tensor]


class Best(TypedDict):
    """The weights of the best epoch of a stage that may end early, and their score."""

    score: float
    epoch: int
    average: Weights


@dataclass(slots=True)
class TrainState:
    """All that a training is between two steps; with the recipe and the data it goes on from it.

    `network` has the weights of the last step, `ema_weights` their moving average, which is what
    is scored and handed on, `stage_initial_weights` those that the stage before handed on, and
    `kept` by name those of stages that a later one begins with. `stage` and
    `step` are the next ones. `losses` has stage, step and loss of each step that was made;
    `seconds` is the time that training took. The optimiser's and the scaler's state are pending
    from when they are read until the stage's optimiser is there; between stages there is none.
    `identity` is what the training is made of (see `training.trainer.origin`); `own_captions` has
    for each stage that has made captions a digest of them.
    """

    network: Weights
    ema_weights: Weights = field(metadata={"key": "average"})
    stage_initial_weights: Weights = field(metadata={"key": "began"})
    stage: int = 0
    step: int = 0
    seconds: float = 0.0
    losses: list[tuple[int, int, float]] = field(default_factory=list)
    best: Best | None = None
    pending_optimizer_state: dict[str, Any] | None = field(
        default=None, metadata={"key": "optimiser"}
    )
    pending_scaler_state: dict[str, Any] | None = field(default=None, metadata={"key": "scaler"})
    identity: Identity | None = None
    own_captions: dict[int, str] = field(default_factory=dict)
    kept: dict[str, Weights] = field(default_factory=dict)

    @classmethod
    def of(cls, weights: Weights) -> Self:
        """The state of a training that begins with these weights, which are copied."""
        return cls(weights, _copied(weights), _copied(weights))

    def begin_stage(self, stage: int) -> None:
        """Have the averaged weights be where a stage begins, at its first step."""
        self.stage, self.step = stage, 0
        self.stage_initial_weights = _copied(self.ema_weights)

    def keep(self, stage: str) -> None:
        """Have the averaged weights be there for a later stage to begin with."""
        self.kept[stage] = _copied(self.ema_weights)

    def begin_from(self, stage: str) -> None:
        """Go on from the weights that were kept of a stage.

        Raises OtherIdentityError when they were not: no stage asked for them when it ended.
        """
        if stage not in self.kept:
            raise OtherIdentityError(
                f"the checkpoint has not kept the weights of stage {stage}, from which a stage "
                "begins that the recipe did not have then. Give another work folder."
            )
        self.ema_weights = _copied(self.kept[stage])

    def restore(self, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler) -> None:
        """Give the stage's optimiser what is pending from a checkpoint, if anything is."""
        if self.pending_optimizer_state is not None:
            optimizer.load_state_dict(self.pending_optimizer_state)
            scaler.load_state_dict(self.pending_scaler_state or {})
        self.pending_optimizer_state = self.pending_scaler_state = None

    def as_table(self) -> dict[str, Any]:
        """As it stands in the file."""
        return {_key(each): getattr(self, each.name) for each in dataclasses.fields(self)}

    @classmethod
    def from_table(cls, table: dict[str, Any], device: torch.device) -> Self:
        """Of what `as_table` gave, maybe long ago: what came later has its default."""
        known = {
            each.name: table[_key(each)] for each in dataclasses.fields(cls) if _key(each) in table
        }
        state = cls(**known)
        state.losses = [(stage, step, loss) for stage, step, loss in state.losses]
        state.ema_weights = on_device(state.ema_weights, device)
        state.stage_initial_weights = on_device(state.stage_initial_weights, device)
        state.kept = {name: on_device(weights, device) for name, weights in state.kept.items()}
        return state


def save(
    state: TrainState,
    work: Path,
    optimizer: torch.optim.Optimizer | None,
    scaler: torch.amp.GradScaler | None,
) -> None:
    """Write the losses, for people, and the checkpoint; a kill leaves the old file or the new."""
    rows = [("stage", "step", "loss"), *state.losses]
    replace_text(work / LOSSES, "".join(f"{s},{n},{x}\n" for s, n, x in rows))
    table = state.as_table() | {
        "optimiser": None if optimizer is None else optimizer.state_dict(),
        "scaler": None if scaler is None else scaler.state_dict(),
    }
    part = work / "checkpoint.part"
    with part.open("wb") as file:
        torch.save(table, file)
        os.fsync(file.fileno())
    part.replace(work / FILE)


def load(work: Path) -> dict[str, Any]:
    """The table of a checkpoint, on the processor."""
    table: dict[str, Any] = torch.load(work / FILE, map_location="cpu", weights_only=True)
    return table


def replace_text(path: Path, text: str) -> None:
    """Write a text file so that a kill leaves the old one or the new one, whole."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def on_device(weights: Weights, device: torch.device) -> Weights:
    return {name: value.to(device) for name, value in weights.items()}


def _copied(weights: Weights) -> Weights:
    return {name: value.clone() for name, value in weights.items()}


def _key(each: dataclasses.Field[Any]) -> str:
    return str(each.metadata.get("key", each.name))
