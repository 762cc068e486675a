"""The scores of the development split, after each epoch: kept in a file, and reason to stop."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from tqdm import tqdm

from training.trainer.checkpoint import SCORES, Best, TrainState, replace_text
from training.trainer.recipe import RecipeError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from training.trainer.recipe import Stage

LOWER_IS_BETTER = frozenset(["loss", "perplexity"])


def scored_once(work: Path, name: str, score: Callable[[], dict[str, float]]) -> dict[str, float]:
    """The scores after the epoch that `name` names, from scores.jsonl if they are there.

    A resumed run comes by epochs that were scored before it was killed.
    """
    path = work / SCORES
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    begin = json.dumps({"after": name})[:-1]
    known = [json.loads(line) for line in lines if line.startswith(begin)]
    if known:
        return {key: value for key, value in known[0].items() if key != "after"}
    scores = score()
    lines.append(json.dumps({"after": name, **scores}))
    replace_text(path, "\n".join(lines) + "\n")
    tqdm.write(f"{name}: " + ", ".join(f"{k} {v:.2f}" for k, v in scores.items()))
    return scores


def forget(work: Path, seen: Collection[str]) -> None:
    """Leave out the scores of epochs that are none of those that were `seen`: they may have been
    scored before a kill, of a stage that has changed since."""
    path = work / SCORES
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    kept = [line for line in lines if json.loads(line)["after"] in seen]
    if kept != lines:
        replace_text(path, "".join(f"{line}\n" for line in kept))


def must_be_finite(stage: Stage, step: int, loss: float, norm: float) -> None:
    """Raise RecipeError when the loss of a step, or the norm of its gradients, is no number.

    The last checkpoint is of a step before.
    """
    if math.isfinite(loss) and math.isfinite(norm):
        return
    what = "gradients have" if math.isfinite(loss) else "loss has"
    cause, cure = "its rate is too high", "Lower the rate"
    if stage.precision == "float16":
        cause, cure = "float16 overflows", "Take bfloat16 or float32"
    raise RecipeError(
        f"stage {stage.name}, step {step + 1}: the {what} become infinite or no number, most "
        f"likely because {cause}. {cure} in the recipe, and give another work folder."
    )


def is_over(stage: Stage, state: TrainState, epoch: int, scores: dict[str, float]) -> bool:
    """Keep the best epoch's weights; tell whether it was too long ago (early stopping).

    Raises RecipeError when the stage monitors a score that is none of these.
    """
    if not stage.patience or not scores:
        return False
    if stage.monitor not in scores:
        raise RecipeError(
            f"stage {stage.name} cannot monitor {stage.monitor}; known: {', '.join(scores)}"
        )
    value = scores[stage.monitor] * (-1 if stage.monitor in LOWER_IS_BETTER else 1)
    if state.best is None or value > state.best["score"]:
        average = {name: each.clone() for name, each in state.ema_weights.items()}
        state.best = Best(score=value, epoch=epoch, average=average)
    return epoch - int(state.best["epoch"]) >= stage.patience
