"""What of a network learns in a stage, by which optimiser, and how fast at which step."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from training.trainer.recipe import RecipeError

if TYPE_CHECKING:
    from models.networks.captioners import CaptioningNetwork
    from training.trainer.checkpoint import Weights
    from training.trainer.recipe import Stage

BETAS = (0.9, 0.98)
MAX_NORM = 5.0  # of a step's gradients together


def one_cycle(step: int, steps: int, warm_up: float) -> float:
    """Share of the peak rate: linear up, then half a cosine down (Smith and Topin 2019)."""
    rise = max(1, round(steps * warm_up))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def schedule(stage: Stage, step: int, steps: int) -> float:
    """Share of the stage's peak learning rate at a step."""
    if stage.schedule == "constant":
        return min(1.0, (step + 1) / max(1, round(steps * stage.warm_up)))
    return one_cycle(step, steps, stage.warm_up)


def freeze(network: CaptioningNetwork, stage: Stage) -> None:
    """Have only those layers learn that the stage trains.

    Raises RecipeError for more stages of the encoder than it has.
    """
    if network.objects is not None:
        network.objects.requires_grad_(bool(stage.objects))
    for parameter in network.encoder.parameters():
        parameter.requires_grad_(stage.train == "all" and not stage.encoder_stages)
    if stage.encoder_stages:
        try:
            last = network.encoder.trainable(stage.encoder_stages)
        except ValueError as error:
            raise RecipeError(f"stage {stage.name}: {error}") from error
        for parameter in last:
            parameter.requires_grad_()


def make_optimizer(network: CaptioningNetwork, stage: Stage) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019); each group has its `peak` learning rate."""
    peak = stage.learning_rate
    groups = [{"params": list(network.decoder.parameters()), "peak": peak}]
    if network.objects is not None and stage.objects:
        groups.append({"params": list(network.objects.parameters()), "peak": peak})
    if stage.train == "all":
        learning = [each for each in network.encoder.parameters() if each.requires_grad]
        groups.append({"params": learning, "peak": stage.encoder_learning_rate})
    return torch.optim.AdamW(groups, lr=peak, betas=BETAS, weight_decay=stage.weight_decay)


def make_scaler(stage: Stage, device: str) -> torch.amp.GradScaler:
    """The scaler of float16's loss, idle in other precisions. Raises RecipeError without a GPU."""
    if stage.precision == "float16" and device == "cpu":
        raise RecipeError(f"stage {stage.name}: float16 needs a GPU: take bfloat16 or float32")
    return torch.amp.GradScaler(device, enabled=stage.precision == "float16")


def update_ema(average: Weights, weights: Weights, decay: float, step: int) -> None:
    """Move the exponential moving average; at first it forgets faster than `decay` says."""
    share = min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for name, value in weights.items():
            if value.is_floating_point():
                average[name].lerp_(value, 1 - share)
