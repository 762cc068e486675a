"""Train a translator on pairs of sentences; killed at any step, it goes on."""

from __future__ import annotations

import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from models.captioning.vocabulary import END, PAD, START
from models.networks.translators import Dropout, make_translator
from models.translation.pieces import Pieces
from training.identity import differences, of_values, plain, refuse
from training.precision import autocast
from training.trainer import checkpoint
from training.trainer.checkpoint import TrainState
from training.trainer.losses import xent_loss
from training.trainer.optimization import BETAS, MAX_NORM, one_cycle, update_ema
from training.translation import corpus
from training.translation.corpus import Encoded, Pairs, normalised

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from torch import Tensor

    from models.networks.translators import Recurrent, Transformer
    from training.translation.recipe import Recipe

CHECKPOINT_EVERY = 100  # steps
_THREADS = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Material:
    """What a translator learns from: sentences as it sees them, and the pieces of both sides."""

    learnt: Pairs
    own: Pairs
    source: Pieces
    target: Pieces


def material(learnt: Pairs, own: Pairs, recipe: Recipe, source: Pieces | None = None) -> Material:
    """Cut both sides; the pieces of the `source` may be those of another translator."""
    learnt, own = normalised(learnt), normalised(own)
    source = source or Pieces(
        corpus.train_pieces([*learnt.source, *own.source], recipe.source_pieces)
    )
    target = Pieces(corpus.train_pieces([*learnt.target, *own.target], recipe.target_pieces))
    return Material(learnt, own, source, target)


class Training:
    """A network, the `state` that its checkpoints hold, and the recipe that it follows."""

    def __init__(
        self,
        recipe: Recipe,
        given: Material,
        work: Path,
        begin: Mapping[str, Tensor] | None = None,
        checkpoint_every: int = CHECKPOINT_EVERY,
    ) -> None:
        """`begin`: weights of another language's translator, of whose target side nothing is
        taken. Raises OtherIdentityError for a work folder of another training."""
        self.recipe, self.material, self.work = recipe, given, work
        self.checkpoint_every = checkpoint_every
        self._threads = ThreadPoolExecutor(_THREADS)
        torch.manual_seed(recipe.seed)
        self.network = make_translator(recipe.architecture, len(given.source), len(given.target))
        taken = {} if begin is None else _fitting(begin, self.network.state_dict())
        self.network.load_state_dict(taken, strict=False)
        self.state = TrainState.of(self.network.state_dict())
        self.state.identity = plain(
            {
                "recipe": dataclasses.asdict(recipe),
                "sentences": of_values([given.learnt.source, given.learnt.target]),
                "own": of_values([given.own.source, given.own.target]),
                "begins": sorted(taken),
            }
        )
        self._encoded = encoded(given, recipe.own_times)
        if (work / checkpoint.FILE).is_file():
            self._resume()

    def run(self) -> Transformer | Recurrent:
        """Train what is left → the network with the averaged weights."""
        recipe, state = self.recipe, self.state
        optimizer = torch.optim.AdamW(
            self.network.parameters(),
            lr=recipe.learning_rate,
            betas=BETAS,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        if state.pending_optimizer_state is not None:
            optimizer.load_state_dict(state.pending_optimizer_state)
            state.pending_optimizer_state = None
        since = time.monotonic()
        steps_an_epoch = sum(1 for _ in self._epoch(0))
        steps = steps_an_epoch * recipe.epochs
        bar = tqdm(total=steps, initial=state.step, desc="translator", unit="step", smoothing=0.02)
        for source, target in self._batches(steps_an_epoch):
            rate = recipe.learning_rate * one_cycle(state.step, steps, recipe.warm_up)
            loss = self._step(optimizer, source, target, rate)
            state.losses.append((0, state.step, loss))
            state.step += 1
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            bar.update()
            if state.step % self.checkpoint_every == 0 or state.step == steps:
                state.seconds += time.monotonic() - since
                since = time.monotonic()
                state.network = self.network.state_dict()
                checkpoint.save(state, self.work, optimizer, None)
        bar.close()
        self.network.load_state_dict(state.ema_weights)
        return self.network.eval()

    def _step(
        self, optimizer: torch.optim.Optimizer, source: Tensor, target: Tensor, rate: float
    ) -> float:
        for group in optimizer.param_groups:
            group["lr"] = rate
        self.network.train()
        # A half of the batch for each of two threads: operators are too short to share one.
        halves = [
            (source[half::_THREADS], target[half::_THREADS], half)
            for half in range(min(_THREADS, len(source)))
        ]
        results = list(self._threads.map(lambda half: self._gradients(*half), halves))
        words = sum(count for count, _, _ in results)
        for at, parameter in enumerate(self.network.parameters()):
            parameter.grad = sum(
                (each[at] * (count / words) for count, _, each in results[1:]),
                results[0][2][at] * (results[0][0] / words),
            )
        nn.utils.clip_grad_norm_(self.network.parameters(), MAX_NORM)
        optimizer.step()
        update_ema(
            self.state.ema_weights,
            self.network.state_dict(),
            self.recipe.ema_decay,
            self.state.step,
        )
        return sum(count * loss for count, loss, _ in results) / words

    def _gradients(
        self, source: Tensor, target: Tensor, part: int
    ) -> tuple[int, float, tuple[Tensor, ...]]:
        """→ the target's words, their mean loss, and its gradients."""
        # a seed of its own for every step: resuming needs no saved random state
        seed = 2_000_000 * self.recipe.seed + _THREADS * self.state.step + part
        for number, module in enumerate(self.network.modules()):
            if isinstance(module, Dropout):
                module.seed(1000 * seed + number)
        with autocast("cpu"):
            logits = self.network(source, target[:, :-1])
        loss = xent_loss(logits, target[:, 1:], self.recipe.smoothing)
        gradients = torch.autograd.grad(loss, list(self.network.parameters()))
        return int((target[:, 1:] != PAD).sum()), float(loss.detach()), gradients

    def _batches(self, steps_an_epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        begin, skip = divmod(self.state.step, steps_an_epoch)
        for epoch in range(begin, self.recipe.epochs):
            for at, batch in enumerate(self._epoch(epoch)):
                # epochs differ by a batch or two: how often the lengths happen to fall together
                if at >= steps_an_epoch:
                    break
                if epoch > begin or at >= skip:
                    yield batch

    def _epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        random = np.random.default_rng([self.recipe.seed, number])
        return corpus.batches(self._encoded, self.recipe.batch_tokens, random)

    def _resume(self) -> None:
        wanted = self.state.identity or {}
        table = checkpoint.load(self.work)
        self.state = TrainState.from_table(table, torch.device("cpu"))
        found = differences(self.state.identity or {}, wanted)
        refuse(self.work / checkpoint.FILE, found, "another training")
        self.network.load_state_dict(self.state.network)
        tqdm.write(f"going on at step {self.state.step}")


def encoded(given: Material, own_times: int) -> Encoded:
    """The sentences of an epoch as numbers: Multi30k's once, our own so many times."""
    source = [*given.learnt.source, *given.own.source * own_times]
    target = [*given.learnt.target, *given.own.target * own_times]
    return Encoded(
        [[*given.source.encode(line), END] for line in source],
        [[START, *given.target.encode(line), END] for line in target],
    )


def _fitting(begin: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What of another language's weights this network can begin with: all but the target's."""
    return {
        name: value
        for name, value in begin.items()
        if not name.startswith(("target.", "bias"))
        and name in own
        and own[name].shape == value.shape
    }
