"""Follow a recipe from starting weights to trained ones; killed at any step, it goes on."""

from __future__ import annotations

import json
import math
import os
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from models.captioning.vocabulary import PAD
from models.networks.captioners import CaptioningNetwork
from training.data import prepare
from training.data.datasets import Example, count_words
from training.precision import autocast
from training.trainer import embeddings, self_training
from training.trainer.batch_source import BatchSource, MapBatchSource
from training.trainer.curves import Curves
from training.trainer.distributed import SINGLE_PROCESS, Team
from training.trainer.objective import Objective
from training.trainer.recipe import RecipeError
from training.trainer.training_data import load_pretrained, tokenise

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.trainer.batch_source import Batch
    from training.trainer.recipe import Recipe, Stage
    from training.trainer.training_data import TrainingData

LOWER_IS_BETTER = frozenset(["loss", "perplexity"])


def one_cycle(step: int, steps: int, warm_up: float) -> float:
    """Share of the peak rate: linear up, then half a cosine down (Smith and Topin 2019)."""
    rise = max(1, round(steps * warm_up))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def schedule(stage: Stage, step: int, steps: int) -> float:
    """Share of the stage's peak rate at a step."""
    if stage.schedule == "constant":
        return min(1.0, (step + 1) / max(1, round(steps * stage.warm_up)))
    return one_cycle(step, steps, stage.warm_up)


class Trainer:
    """The state of a run: weights, their moving average, optimiser, place in the recipe."""

    def __init__(
        self, recipe: Recipe, data: TrainingData, weights: Path | None, work: Path,
        report: Callable[[CaptioningNetwork], dict[str, float]] | None = None,
        checkpoint_every: int = 100, *, team: Team = SINGLE_PROCESS,
        source: BatchSource | None = None, caches: Path | None = None,
        initial_network: CaptioningNetwork | None = None,
    ) -> None:
        """`weights` is the folder of starting weights; `report` scores the averaged weights;
        `checkpoint_every` is in steps; `caches` is the folder of features, `work` by default.
        `initial_network` goes on instead of starting weights and random ones."""
        self.recipe, self.data, self.work, self.report = recipe, data, work, report
        self.checkpoint_every, self.team, self.caches = checkpoint_every, team, caches or work
        self.source = source or MapBatchSource(data, recipe.seed_at, team)
        torch.manual_seed(recipe.seed)
        words = len(data.vocabulary)
        self.network = CaptioningNetwork(recipe.architecture, words)
        if initial_network is not None:
            self.network.load_state_dict(initial_network.state_dict())
        else:
            # may download
            team.rank0_first(lambda: load_pretrained(self.network.encoder, recipe, weights))
        if initial_network is None and recipe.architecture.get("embeddings"):
            vectors = (weights or Path()) / recipe.architecture["embeddings"]
            filled = embeddings.fill(self.network.decoder, data.vocabulary, vectors)
            if team.rank == 0:
                tqdm.write(str(filled))
        self.network.to(memory_format=torch.channels_last)
        self.network.to(team.device)
        self.objective = Objective(self.network, recipe, data, team)
        self.average = {k: v.clone() for k, v in self.network.state_dict().items()}
        self._begin_stage()
        self.stage, self.step, self.seconds = 0, 0, 0.0
        self._since = time.monotonic()
        self.losses: list[tuple[int, int, float]] = []
        self.best: dict[str, Any] | None = None  # of a stage that may end early
        self.pending_optimizer_state: dict[str, Any] | None = None
        path = work / "checkpoint.pt"
        if team.broadcast_from_rank0(path.is_file):
            self._resume(team.broadcast_from_rank0(lambda: torch.load(path, map_location="cpu",
                                                      weights_only=True)))
        elif team.rank == 0:
            (work / "scores.jsonl").unlink(missing_ok=True)  # of some other run
        self.curves = Curves(work, len(self.losses)) if team.rank == 0 else None

    def run(self) -> None:
        """Train every stage that is left."""
        for number, stage in enumerate(self.recipe.stages[: self.stage]):
            if stage.self_train:  # later stages may learn from the same captions
                self._caption_unlabelled(number)
        while self.stage < len(self.recipe.stages):
            stage = self.recipe.stages[self.stage]
            self._run_stage(stage)
            if self.best is not None:
                self.average, self.best = self._here(self.best["average"]), None
            self.average = {name: began.lerp(self.average[name], stage.interpolation_weight)
                            if began.is_floating_point() else began
                            for name, began in self.stage_initial_weights.items()}
            self.stage, self.step = self.stage + 1, 0
            self._begin_stage()
            self._save(None, None)
        if self.curves is not None:
            self.curves.close()

    def make_cache(self) -> None:
        """Encode the pictures for the next stage now, so that it does not count as training."""
        if self.stage < len(self.recipe.stages):
            self._cache(self.recipe.stages[self.stage])
            self._since = time.monotonic()

    def _begin_stage(self) -> None:
        self.network.load_state_dict(self.average)
        self.stage_initial_weights = {name: value.clone() for name, value in self.average.items()}

    def averaged(self) -> CaptioningNetwork:
        """A copy of the network with the averaged weights, ready to caption, on the processor."""
        network = CaptioningNetwork(self.recipe.architecture, len(self.data.vocabulary))
        network.load_state_dict(self.average)
        return network.eval()

    def _run_stage(self, stage: Stage) -> None:
        per_epoch = self.source.steps(stage)
        steps = per_epoch * stage.epochs
        self._freeze(stage)
        optimiser, scaler = self._optimiser(stage), self._scaler(stage)
        if self.pending_optimizer_state is not None:
            optimiser.load_state_dict(self.pending_optimizer_state["optimiser"])
            scaler.load_state_dict(self.pending_optimizer_state.get("scaler") or {})
            self.pending_optimizer_state = None
        self._cache(stage)
        if stage.self_train:
            self._caption_unlabelled(self.stage)
        objective = self._shared()
        bar = tqdm(total=steps, initial=self.step, desc=stage.name, unit="step", smoothing=0.02,
                   disable=self.team.rank > 0)
        while True:
            epoch, place = divmod(self.step, per_epoch)
            if epoch and not place:
                scores = self._score(f"{stage.name} {epoch}")
                if self._enough(stage, epoch, scores):
                    break
            if self.step == steps:
                break
            for batch in self.source.epoch(stage, self.stage, epoch, place):
                loss = self._train_step(stage, objective, optimiser, scaler, batch,
                                        schedule(stage, self.step, steps))
                self.losses.append((self.stage, self.step, loss))
                self.step += 1
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                bar.update()
                if self.step % self.checkpoint_every == 0 or self.step == steps:
                    self._save(optimiser, scaler)
        bar.close()
        if self.curves is not None:
            self.curves.draw(self.losses)

    def _train_step(
        self, stage: Stage, objective: nn.Module, optimiser: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler, batch: Batch, share: float,
    ) -> float:
        # a seed of its own for every step: resuming needs no saved random state
        torch.manual_seed(self.recipe.seed_at(10_000_000 * (self.stage + 1) + self.step))
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * share
        mirror = torch.rand(batch.total) < stage.flip_probability
        self.network.train()
        with autocast(self.team.device.type, getattr(torch, stage.precision)):
            loss: Tensor = objective(stage, batch, mirror)
        # all of them: what an earlier stage left on frozen layers would count in the norm below
        self.network.zero_grad(set_to_none=True)
        torch.autograd.backward(scaler.scale(loss))
        scaler.unscale_(optimiser)
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        scaler.step(optimiser)
        scaler.update()
        decay = min(stage.ema_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1 - decay)
        return self.team.all_reduce_sum(float(loss.detach())) / self.team.size

    def _freeze(self, stage: Stage) -> None:
        encoder = self.network.encoder
        if self.network.objects is not None:
            self.network.objects.requires_grad_(bool(stage.objects))
        for parameter in encoder.parameters():
            parameter.requires_grad_(stage.train == "all" and not stage.encoder_stages)
        if stage.encoder_stages:
            try:
                last = encoder.trainable(stage.encoder_stages)
            except ValueError as error:
                raise RecipeError(f"stage {stage.name}: {error}") from error
            for parameter in last:
                parameter.requires_grad_()

    def _shared(self) -> nn.Module:
        """The objective, and where there are several processes, with their gradients joined."""
        if self.team.size == 1:
            return self.objective
        # it tells of slower copies where a layer's gradient is laid out in another order
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        return DistributedDataParallel(self.objective, find_unused_parameters=True)

    def _scaler(self, stage: Stage) -> torch.amp.GradScaler:
        device = self.team.device.type
        if stage.precision == "float16" and device == "cpu":
            raise RecipeError(f"stage {stage.name}: float16 needs a GPU: take bfloat16 or float32")
        return torch.amp.GradScaler(device, enabled=stage.precision == "float16")

    def _caption_unlabelled(self, number: int) -> None:
        """Give the pictures without captions those that were made for stage `number`.

        The averaged weights make them when it begins.
        """
        path = self.work / f"own_captions_{number + 1}.json"
        first, count = len(self.data.train), len(self.data.unlabelled)
        if (self.stage, self.step) > (number, 0):
            own = self.team.broadcast_from_rank0(
                lambda: json.loads(path.read_text(encoding="utf-8")))
        else:
            own = self.team.broadcast_from_rank0(self._own_captions)
            if self.team.rank == 0:
                _replace(path, json.dumps(own) + "\n")
        # as often as a picture of the data set, which has several: the new words are rare
        times = self.data.tokens.shape[2]
        examples = [Example(example.path, (tuple(words),) * times if words else ())
                    for example, words in zip(self.data.unlabelled, own, strict=True)]
        tokens = tokenise(examples, self.data.vocabulary, self.recipe.search.max_words)
        if self.team.rank == 0:
            tqdm.write(f"{sum(map(bool, own))} of {count} pictures have captions of their own now")
        self.data.tokens[:, first:] = PAD
        self.data.tokens[:, first:, : tokens.shape[2]] = tokens

    def _own_captions(self) -> list[list[str]]:
        network = self.averaged().to(memory_format=torch.channels_last)
        first = len(self.data.train)
        frequent = {word for word, number in count_words(self.data.train).items()
                    if number >= 20}

        def features(number: int) -> Tensor:
            image = self.data.images[first + number : first + number + 1]
            pixels = prepare.normalised(image, self.recipe.preprocessing)
            with torch.inference_mode():
                grid: Tensor = network.encoder(pixels.to(memory_format=torch.channels_last))
                return network.observed(grid)

        how = self.recipe.self_training
        return self_training.captions(
            network.decoder, features,
            self_training.things(self.data.classes[first:], how.sure),
            self.data.vocabulary, frequent.__contains__, how, self.recipe.search.max_words)

    def _cache(self, stage: Stage) -> None:
        """Encode all pictures once, where the stage has no use for changed ones."""
        self.objective.cached = None
        if stage.encodes or not self.source.indexed or stage.objective == "text":
            return
        encoder = self.network.encoder
        pictures = [*self.data.train, *self.data.unlabelled]
        fingerprint = prepare.fingerprint_of(encoder, pictures, self.recipe.preprocessing)
        self.objective.cached = self.team.rank0_first(lambda: prepare.features(
            encoder, self.data.images, self.recipe.preprocessing,
            self.caches / "features.npy", fingerprint))

    def _optimiser(self, stage: Stage) -> torch.optim.Optimizer:
        peak = stage.learning_rate
        groups = [{"params": list(self.network.decoder.parameters()), "peak": peak}]
        if self.network.objects is not None and stage.objects:
            groups.append({"params": list(self.network.objects.parameters()), "peak": peak})
        if stage.train == "all":
            learning = [each for each in self.network.encoder.parameters() if each.requires_grad]
            groups.append({"params": learning, "peak": stage.encoder_learning_rate})
        return torch.optim.AdamW(groups, lr=peak, betas=(0.9, 0.98),
                                 weight_decay=stage.weight_decay)

    def _score(self, name: str) -> dict[str, float]:
        """Score the averaged weights, unless it was done before a kill; draw the curves."""
        if not self.team.broadcast_from_rank0(lambda: self.report is not None):
            return {}
        scores = self.team.broadcast_from_rank0(lambda: self._scored(name))
        if self.curves is not None:
            self.curves.score(scores, len(self.losses))
            self.curves.draw(self.losses, soon=True)
        return scores

    def _scored(self, name: str) -> dict[str, float]:
        path = self.work / "scores.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        begin = json.dumps({"after": name})[:-1]
        # a resumed run comes by epochs that were scored before it was killed
        known = [json.loads(line) for line in lines if line.startswith(begin)]
        if known:
            return {key: value for key, value in known[0].items() if key != "after"}
        scores = self.report(self.averaged()) if self.report is not None else {}
        lines.append(json.dumps({"after": name, **scores}))
        _replace(path, "\n".join(lines) + "\n")
        tqdm.write(f"{name}: " + ", ".join(f"{k} {v:.2f}" for k, v in scores.items()))
        return scores

    def _enough(self, stage: Stage, epoch: int, scores: dict[str, float]) -> bool:
        """Keep the best epoch's weights; tell whether it was too long ago."""
        if not stage.patience or not scores:
            return False
        if stage.monitor not in scores:
            raise RecipeError(f"stage {stage.name} cannot monitor {stage.monitor}; "
                             f"known: {', '.join(scores)}")
        value = scores[stage.monitor] * (-1 if stage.monitor in LOWER_IS_BETTER else 1)
        if self.best is None or value > self.best["score"]:
            average = {name: each.clone() for name, each in self.average.items()}
            self.best = {"score": value, "epoch": epoch, "average": average}
        over = epoch - int(self.best["epoch"]) >= stage.patience
        if over and self.team.rank == 0:
            tqdm.write(f"{stage.name}: {stage.monitor} was best after epoch {self.best['epoch']}")
        return over

    def _save(
        self, optimiser: torch.optim.Optimizer | None, scaler: torch.amp.GradScaler | None
    ) -> None:
        self.seconds += time.monotonic() - self._since
        self._since = time.monotonic()
        if self.team.rank > 0:
            return
        state = {
            "seconds": self.seconds,
            "stage": self.stage, "step": self.step, "network": self.network.state_dict(),
            "average": self.average, "began": self.stage_initial_weights, "losses": self.losses,
            "optimiser": None if optimiser is None else optimiser.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(), "best": self.best,
        }
        rows = [("stage", "step", "loss"), *self.losses]
        _replace(self.work / "losses.csv", "".join(f"{s},{n},{x}\n" for s, n, x in rows))
        part = self.work / "checkpoint.part"
        with part.open("wb") as file:
            torch.save(state, file)
            os.fsync(file.fileno())
        part.replace(self.work / "checkpoint.pt")
        if self.curves is not None:
            self.curves.losses(self.losses)

    def _resume(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.average = self._here(state["average"])
        self.stage_initial_weights = self._here(state["began"])
        self.losses = [tuple(x) for x in state["losses"]]
        self.stage, self.step, self.best = state["stage"], state["step"], state.get("best")
        self.pending_optimizer_state = None if state["optimiser"] is None else state
        self.seconds = state["seconds"]
        done = self.stage == len(self.recipe.stages)
        if self.team.rank == 0:
            tqdm.write("trained already" if done
                       else f"going on at stage {self.stage + 1}, step {self.step}")

    def _here(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: value.to(self.team.device) for name, value in weights.items()}


def _replace(path: Path, text: str) -> None:
    """Write a text file so that a kill leaves the old one or the new one, whole."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
