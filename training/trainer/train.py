"""Follow a recipe from starting weights to trained ones; killed at any step, it goes on."""

from __future__ import annotations

import json
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from models.networks.captioners import CaptioningNetwork
from training import identity
from training.data import prepare
from training.precision import autocast
from training.trainer import (
    checkpoint,
    embeddings,
    optimization,
    origin,
    pseudo_labels,
    validation,
)
from training.trainer.batch_source import BatchSource, MapBatchSource
from training.trainer.checkpoint import TrainState
from training.trainer.curves import Curves
from training.trainer.distributed import SINGLE_PROCESS, Team
from training.trainer.objective import Objective
from training.trainer.recipe import RecipeError
from training.trainer.training_data import load_pretrained

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from training.trainer.batch_source import Batch
    from training.trainer.recipe import Recipe, Stage
    from training.trainer.training_data import TrainingData


class Trainer:
    """A run: a network, the `state` that its checkpoints hold, and the recipe that it follows."""

    def __init__(
        self,
        recipe: Recipe,
        data: TrainingData,
        weights: Path | None,
        work: Path,
        report: Callable[[CaptioningNetwork], dict[str, float]] | None = None,
        checkpoint_every: int = 100,
        *,
        team: Team = SINGLE_PROCESS,
        source: BatchSource | None = None,
        caches: Path | None = None,
        initial_network: CaptioningNetwork | None = None,
    ) -> None:
        """`weights` is the folder of starting weights; `report` scores the averaged weights;
        `checkpoint_every` is in steps; `caches` is the folder of features, `work` by default.
        `initial_network` goes on instead of starting weights and random ones."""
        self.recipe, self.data, self.work, self.report = recipe, data, work, report
        self.checkpoint_every, self.team, self.caches = checkpoint_every, team, caches or work
        self.source = source or MapBatchSource(data, recipe.seed_at, team)
        torch.manual_seed(recipe.seed)
        self.network = CaptioningNetwork(recipe.architecture, len(data.vocabulary))
        if recipe.neighbours_by == "classes" and not self.network.encoder.classes:
            raise RecipeError(
                'neighbours_by = "classes" needs an encoder with a classifier, which '
                f"{recipe.architecture['encoder']} has not"
            )
        if initial_network is not None:
            self.network.load_state_dict(initial_network.state_dict())
        else:
            self._load_pretrained(weights)
        self.network.to(memory_format=torch.channels_last)
        self.network.to(team.device)
        self.objective = Objective(self.network, recipe, data, team)
        self.state = TrainState.of(self.network.state_dict())
        self.state.identity = team.broadcast_from_rank0(
            lambda: origin.of_training(recipe, data, self.network, self.source.shards)
        )
        self._since = time.monotonic()
        if team.broadcast_from_rank0((work / checkpoint.FILE).is_file):
            self._resume()
        elif team.rank == 0:
            (work / checkpoint.SCORES).unlink(missing_ok=True)  # of some other run
        self.curves = Curves(work, len(self.state.losses)) if team.rank == 0 else None

    def run(self) -> None:
        """Train every stage that is left."""
        state, team = self.state, self.team
        # What stages that are over captioned themselves, later ones may learn from, too.
        for number, stage in enumerate(self.recipe.stages[: state.stage]):
            if stage.self_train:
                self._caption_unlabelled(number)
        for stage in self.recipe.stages[state.stage :]:
            # What learns, and how.
            steps_per_epoch = self.source.steps(stage)
            steps = steps_per_epoch * stage.epochs
            if stage.begin and not state.step:
                state.begin_from(stage.begin)
                self.network.load_state_dict(state.ema_weights)
            optimization.freeze(self.network, stage)
            optimizer = optimization.make_optimizer(self.network, stage)
            scaler = optimization.make_scaler(stage, team.device.type)
            state.restore(optimizer, scaler)
            # What it learns from: cached features, captions of its own.
            self._cache(stage)
            if stage.self_train:
                self._caption_unlabelled(state.stage)
            objective = self._joined()
            # Step by step; between epochs `_batches` scores the weights and may end the stage.
            bar = tqdm(
                total=steps,
                initial=state.step,
                desc=stage.name,
                unit="step",
                smoothing=0.02,
                disable=team.rank > 0,
            )
            for batch in self._batches(stage, steps_per_epoch):
                loss = self._train_step(
                    stage,
                    objective,
                    optimizer,
                    scaler,
                    batch,
                    optimization.schedule(stage, state.step, steps),
                )
                state.losses.append((state.stage, state.step, loss))
                state.step += 1
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                bar.update()
                if state.step % self.checkpoint_every == 0 or state.step == steps:
                    self._save(optimizer, scaler)
            bar.close()
            if self.curves is not None:
                self.curves.draw(state.losses)
            # Hand on the averaged weights of the best epoch, or of the last, mixed with those
            # that the stage before handed on.
            self._hand_on(stage)
            self.network.load_state_dict(state.ema_weights)
            self._save(None, None)
        if self.curves is not None:
            self.curves.close()

    def _train_step(
        self,
        stage: Stage,
        objective: nn.Module,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
        batch: Batch,
        share: float,
    ) -> float:
        """One step, at a `share` of the peak learning rates. → the loss of the whole batch."""
        step = self.state.step
        # a seed of its own for every step: resuming needs no saved random state
        torch.manual_seed(self.recipe.seed_at(10_000_000 * (self.state.stage + 1) + step))
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * share
        # forward
        flipped = torch.rand(batch.total) < stage.flip_probability
        self.network.train()
        with autocast(self.team.device.type, getattr(torch, stage.precision)):
            loss: Tensor = objective(stage, batch, flipped)
        # backward; all gradients are cleared, also those of frozen layers, which would count in
        # the norm
        self.network.zero_grad(set_to_none=True)
        torch.autograd.backward(scaler.scale(loss))
        scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), optimization.MAX_NORM)
        scaler.step(optimizer)
        scaler.update()
        # average
        optimization.update_ema(
            self.state.ema_weights, self.network.state_dict(), stage.ema_decay, step
        )
        mean = self.team.all_reduce_sum(float(loss.detach())) / self.team.size
        # a scaler leaves out the steps whose gradients have overflown
        validation.must_be_finite(stage, step, mean, 0.0 if scaler.is_enabled() else float(norm))
        return mean

    def _batches(self, stage: Stage, steps_per_epoch: int) -> Iterator[Batch]:
        """The batches of the stage from its next step on; `run` counts the steps.

        After each epoch the weights are scored, and the stage may be over.
        """
        while True:
            epoch, skip = divmod(self.state.step, steps_per_epoch)
            if epoch and not skip:
                scores = self._score(f"{stage.name} {epoch}")
                if validation.is_over(stage, self.state, epoch, scores):
                    best = self.state.best
                    if self.team.rank == 0 and best is not None:
                        tqdm.write(
                            f"{stage.name}: {stage.monitor} was best after epoch {best['epoch']}"
                        )
                    return
            if self.state.step >= steps_per_epoch * stage.epochs:
                return
            yield from self.source.epoch(stage, self.state.stage, epoch, skip)

    def _hand_on(self, stage: Stage) -> None:
        """Make the next stage's starting weights of this one's."""
        state, share = self.state, stage.interpolation_weight
        if state.best is not None:
            state.ema_weights = checkpoint.on_device(state.best["average"], self.team.device)
            state.best = None
        state.ema_weights = {
            name: initial.lerp(state.ema_weights[name], share)
            if initial.is_floating_point()
            else initial
            for name, initial in state.stage_initial_weights.items()
        }
        state.begin_stage(state.stage + 1)
        later = {each.begin for each in self.recipe.stages[state.stage :]}
        if stage.name in later:
            state.keep(stage.name)
        state.kept = {name: kept for name, kept in state.kept.items() if name in later}

    def averaged(self) -> CaptioningNetwork:
        """A copy of the network with the averaged weights, ready to caption, on the processor."""
        network = CaptioningNetwork(self.recipe.architecture, len(self.data.vocabulary))
        network.load_state_dict(self.state.ema_weights)
        return network.eval()

    def make_cache(self) -> None:
        """Encode the pictures for the next stage now, so that it does not count as training."""
        if self.state.stage < len(self.recipe.stages):
            self._cache(self.recipe.stages[self.state.stage])
            self._since = time.monotonic()

    def _load_pretrained(self, weights: Path | None) -> None:
        """Take the recipe's starting weights and word vectors; the weights may be downloaded."""
        self.team.rank0_first(lambda: load_pretrained(self.network.encoder, self.recipe, weights))
        if vectors := self.recipe.architecture.get("embeddings"):
            filled = embeddings.fill(
                self.network.decoder, self.data.vocabulary, (weights or Path()) / vectors
            )
            if self.team.rank == 0:
                tqdm.write(str(filled))

    def _joined(self) -> nn.Module:
        """The objective, and where there are several processes, with their gradients joined."""
        if self.team.size == 1:
            return self.objective
        # it tells of slower copies where a layer's gradient is laid out in another order
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        return DistributedDataParallel(self.objective, find_unused_parameters=True)

    def _cache(self, stage: Stage) -> None:
        """Encode all pictures once, where the stage has no use for changed ones."""
        self.objective.cached = None
        if stage.encodes or not self.source.indexed or stage.objective == "text":
            return
        encoder = self.network.encoder
        pictures = [*self.data.train, *self.data.unlabelled]
        made_of = prepare.origin_of(encoder, pictures, self.recipe.preprocessing)
        self.objective.cached = self.team.rank0_first(
            lambda: prepare.features(
                encoder,
                self.data.images,
                self.recipe.preprocessing,
                self.caches / "features.npy",
                made_of,
            )
        )

    def _caption_unlabelled(self, number: int) -> None:
        """Give the pictures without captions those that were made for stage `number`.

        The averaged weights make them when it begins; later they are read again.
        """
        path = self.work / f"own_captions_{number + 1}.json"
        if (self.state.stage, self.state.step) > (number, 0):
            captions = self.team.broadcast_from_rank0(
                lambda: pseudo_labels.read(path, self.state.own_captions.get(number))
            )
        else:
            captions = self.team.broadcast_from_rank0(
                lambda: pseudo_labels.make(self.averaged(), self.recipe, self.data)
            )
            if self.team.rank == 0:
                checkpoint.replace_text(path, json.dumps(captions) + "\n")
            self.state.own_captions[number] = identity.of_values(captions)
        pseudo_labels.put(captions, self.recipe, self.data, tell=self.team.rank == 0)

    def _score(self, name: str) -> dict[str, float]:
        """Score the averaged weights, unless it was done before a kill; draw the curves."""
        report = self.report
        if not self.team.broadcast_from_rank0(lambda: report is not None):
            return {}
        scores = self.team.broadcast_from_rank0(
            lambda: validation.scored_once(
                self.work, name, lambda: report(self.averaged()) if report is not None else {}
            )
        )
        if self.curves is not None:
            self.curves.score(scores, len(self.state.losses))
            self.curves.draw(self.state.losses, soon=True)
        return scores

    def _save(
        self, optimizer: torch.optim.Optimizer | None, scaler: torch.amp.GradScaler | None
    ) -> None:
        self.state.seconds += time.monotonic() - self._since
        self._since = time.monotonic()
        if self.team.rank > 0:
            return
        self.state.network = self.network.state_dict()
        checkpoint.save(self.state, self.work, optimizer, scaler)
        if self.curves is not None:
            self.curves.losses(self.state.losses)

    def _resume(self) -> None:
        """Go on from the checkpoint in the work folder.

        Raises OtherIdentityError when it is of another training.
        """
        table = self.team.broadcast_from_rank0(lambda: checkpoint.load(self.work))
        wanted = self.state.identity or {}
        self.state = TrainState.from_table(table, self.team.device)
        begun = self.state.stage + bool(self.state.step)
        origin.check(self.work / checkpoint.FILE, self.state.identity, wanted, begun)
        self.state.identity = wanted
        self.network.load_state_dict(self.state.network)
        self.state.network = self.network.state_dict()
        if self.team.rank == 0:
            validation.forget(self.work, self._scored())
            done = self.state.stage == len(self.recipe.stages)
            tqdm.write(
                "trained already"
                if done
                else f"going on at stage {self.state.stage + 1}, step {self.state.step}"
            )

    def _scored(self) -> set[str]:
        """The names of the epochs whose scores a checkpoint may have: those that it has seen."""
        done = [(stage, stage.epochs) for stage in self.recipe.stages[: self.state.stage]]
        if self.state.step:
            stage = self.recipe.stages[self.state.stage]
            done.append((stage, self.state.step // self.source.steps(stage)))
        return {f"{stage.name} {epoch + 1}" for stage, epochs in done for epoch in range(epochs)}
