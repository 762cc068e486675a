"""What a stage makes smaller: the loss of a batch, of the rows that this process has."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import (
    adaptive_avg_pool2d,
    binary_cross_entropy_with_logits,
    cross_entropy,
    smooth_l1_loss,
)

from models.captioning.vocabulary import PAD
from models.networks.grounded import GroundedLSTM
from models.networks.objects import read_maps
from training.data import prepare
from training.trainer import self_critical
from training.trainer.recipe import RecipeError
from training.trainer.training_data import mirrored_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.networks.captioners import CaptioningNetwork
    from training.trainer.batch_source import Batch
    from training.trainer.distributed import Team
    from training.trainer.recipe import Recipe, Stage
    from training.trainer.training_data import TrainingData


def caption_loss(logits: Tensor, tokens: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy of (…, T, V) logits on the (…, T) next words, padding left out."""
    real = tokens != PAD
    return cross_entropy(logits[real].float(), tokens[real], label_smoothing=smoothing)


def word_losses(logits: Tensor, tokens: Tensor) -> Tensor:
    """Cross-entropy of each of the (…, T) next words, 0 for padding, without a gradient."""
    with torch.no_grad():
        flat = cross_entropy(logits.float().flatten(0, -2), tokens.flatten(), ignore_index=PAD,
                             reduction="none")
    return flat.view(tokens.shape)


def class_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of (B, C) logits with the distribution of (B, C) target logits."""
    return cross_entropy(logits.float(), targets.float().softmax(-1))


@dataclass(frozen=True, slots=True)
class _Things:
    """What is known of the B pictures of a batch: `presence` and `counts` (B, K), -1 where a count
    is unknown; `known` (B, K), 0 where a crop may have cut the thing away; `coverage` as
    `ObjectTargets.coverage` gives it."""

    presence: Tensor
    counts: Tensor
    known: Tensor
    coverage: Tensor


_CUT = 0.3  # of a thing: with less of it left in a crop, nobody knows whether it is to be seen
_ABSENT = 0.2  # a thing less likely than this is not there
_WHOLE = 0.9  # with less left, its number is unknown
_PLACE, _COUNT = 0.2, 1.0  # weights of where and how many beside whether


def object_loss(maps: Tensor, things: _Things, rows: Tensor | None = None) -> Tensor:
    """What (B, 3 K, h, w) maps of an object head get wrong; only of the `rows` (B,), if given."""
    seen = read_maps(maps)
    weights = things.known if rows is None else things.known * rows[:, None]
    total = weights.amax(1).sum().clamp(min=1.0)
    errors = binary_cross_entropy_with_logits(seen.logits, things.presence, reduction="none")
    loss = (errors * weights).sum() / total / 4
    there = weights * (things.presence > 0.5)
    wanted = adaptive_avg_pool2d(things.coverage, (maps.shape[2], maps.shape[3])).flatten(2)
    mass = wanted.sum(-1)
    where = there * (mass > 0)
    surprise = -(wanted / mass.clamp(min=1e-9)[..., None] * seen.attention.clamp(min=1e-9).log())
    loss = loss + _PLACE * (surprise.sum(-1) * where).sum() / where.sum().clamp(min=1.0)
    counted = there * (things.counts > 0)
    misses = smooth_l1_loss(seen.counts.log1p(), things.counts.clamp(min=0).log1p(),
                            reduction="none", beta=0.3)
    return loss + _COUNT * (misses * counted).sum() / counted.sum().clamp(min=1.0)


class Objective(nn.Module):
    """A network with its loss, in one forward: so DistributedDataParallel sees all of it.

    The mean over the processes of what they give is the loss of the whole batch: each weighs its
    words, pictures and samples by its share of everyone's.
    """

    def __init__(
        self, network: CaptioningNetwork, recipe: Recipe, data: TrainingData, team: Team
    ) -> None:
        super().__init__()
        self.network, self.recipe, self.data, self.team = network, recipe, data, team
        self.cached: NDArray[np.float16] | None = None  # features of a frozen encoder

    def forward(self, stage: Stage, batch: Batch, mirror: Tensor) -> Tensor:
        """`mirror` (total,) tells which pictures of the whole batch are shown mirrored."""
        if stage.objective == "text":
            return self._text(stage)
        mine = mirror[batch.rows]
        features, things = self._features(stage, batch, mirror)
        losses = []
        if stage.distil:
            targets = torch.from_numpy(np.stack([self.data.classes[i] for i in batch.indices]))
            logits = self.network.encoder.classify(features)
            share = self.team.loss_weight(len(batch.rows), batch.total)
            losses.append(stage.distil * class_loss(logits, targets.to(logits.device)) * share)
        if self.network.objects is not None:
            features, missed = self._observed(stage, features, batch, things)
            losses += [stage.objects * missed] if stage.objects else []
        if stage.text:
            losses.append(self._text(stage))
        if stage.objective == "objects":
            return torch.stack(losses).sum()
        truth = stage.xent_weight if stage.objective == "self-critical" else 1.0
        if stage.objective == "self-critical":
            rows = batch.rows[batch.rows < stage.batch]  # pictures without captions have no reward
            with self.team.replicated_rng(stage.batch, rows):
                losses.append((1 - truth) * self_critical.loss(
                    self.network.decoder, features[: len(rows)], self._reward,
                    batch.indices[: len(rows)], mine[: len(rows)], stage.samples,
                    self.recipe.search.max_words, self.team))
        if truth:
            losses.append(truth * self._truth(stage, features, batch, mine))
        return torch.stack(losses).sum()

    def _observed(
        self, stage: Stage, features: Tensor, batch: Batch, things: _Things | None
    ) -> tuple[Tensor, Tensor]:
        """Features with the maps that a decoder learns from, and what the object head missed.

        A picture's maps are those of the head that has not learnt from it, where there is one.
        """
        head = self.network.objects
        assert head is not None
        with torch.set_grad_enabled(bool(stage.objects)):
            maps = head(features)
            folds = head.fold_maps(features.detach()) if head.folds else maps[None]
        fold = torch.tensor(batch.indices, device=maps.device) % len(folds)
        missed = maps.new_zeros(())
        if stage.objects and things is not None:
            share = self.team.loss_weight(len(batch.rows), batch.total)
            missed = object_loss(maps, things) * share
            if head.folds:
                each = [object_loss(part, things, (fold != number).float())
                        for number, part in enumerate(folds)]
                missed = missed + torch.stack(each).mean() * share
        shown = folds[fold, torch.arange(len(fold), device=maps.device)].detach()
        return torch.cat([features, shown.to(features.dtype)], 1), missed

    def _things(self, batch: Batch) -> _Things | None:
        """What is known of the things on a batch's pictures as they are."""
        if self.data.everyday is None or not batch.indices:
            return None
        known, rows = self.data.everyday.targets, list(batch.indices)
        presence, counts = (torch.from_numpy(part[rows]).to(self.team.device)
                            for part in (known.presence, known.counts))
        return _Things(presence, counts, torch.ones_like(presence),
                       known.coverage(rows).to(self.team.device))

    def _text(self, stage: Stage) -> Tensor:
        """Cross-entropy with captions that have no pictures, their things as evidence."""
        everyday = self.data.everyday
        if everyday is None:
            raise RecipeError(f"stage {stage.name} learns from text: give --everyday")
        device = self.team.device
        drawn = torch.randint(len(everyday.text), (stage.text,))
        losses = []
        for member in self.network.decoder.ensemble_members():
            if not isinstance(member, GroundedLSTM):
                raise RecipeError(f"stage {stage.name}: this decoder cannot learn from text alone")
            kinds, facts = everyday.text.evidence(drawn, member.evidence,
                                                  member.kind.num_embeddings)
            mine = torch.tensor(self.team.local_rows(stage.text), dtype=torch.long)
            tokens = everyday.text.tokens[drawn[mine]]
            tokens = tokens[:, None, : self.team.all_reduce_max(int((tokens != PAD).sum(-1).max()))]
            tokens = tokens.to(device)
            with self.team.replicated_rng(stage.text, mine):
                logits = member.from_text(kinds[mine].to(device), facts[mine].to(device), tokens)
            share = self.team.loss_weight(len(mine), stage.text)
            losses.append(caption_loss(logits, tokens[..., 1:], stage.label_smoothing) * share)
        return torch.stack(losses).mean()

    def _features(
        self, stage: Stage, batch: Batch, mirror: Tensor
    ) -> tuple[Tensor, _Things | None]:
        device = self.team.device
        things = self._things(batch) if stage.objects else None
        if self.cached is not None:
            sides = list(zip(batch.indices, mirror[batch.rows].tolist(), strict=True))
            features = torch.from_numpy(np.stack([self.cached[int(side), i] for i, side in sides]))
            if things is not None:
                flipped = mirror[batch.rows].to(device)[:, None, None, None]
                things = dataclasses.replace(things, coverage=torch.where(
                    flipped, things.coverage.flip(3), things.coverage))
            return features.to(device).float(), things
        images = torch.from_numpy(batch.images()).to(device).permute(0, 3, 1, 2).contiguous()
        if things is None:
            changed = self.recipe.augmentation(images, mirror, batch.rows, stage.size)
        else:
            changed, coverage, left = self.recipe.augmentation.with_maps(
                images, things.coverage, mirror, batch.rows, stage.size)
            cut = (things.coverage.sum((2, 3)) > 0) & (left < _CUT)
            things = _Things(
                things.presence, things.counts.masked_fill(left < _WHOLE, -1.0),
                things.known.masked_fill(cut, 0.0), coverage)
        pixels = prepare.standardised(changed, self.recipe.preprocessing)
        with (torch.set_grad_enabled(stage.train == "all"),
              self.team.replicated_rng(batch.total, batch.rows)):
            encoded: Tensor = self.network.encoder(pixels.to(memory_format=torch.channels_last))
        return encoded, things

    def _truth(self, stage: Stage, features: Tensor, batch: Batch, mirror: Tensor) -> Tensor:
        """Cross-entropy with the captions, those of self-training among them."""
        tokens = batch.tokens[mirror.long(), torch.arange(len(mirror))]
        captioned = batch.captioned[batch.rows]
        tokens, features = tokens[captioned], features[captioned.to(features.device)]
        longest = self.team.all_reduce_max(int((tokens != PAD).sum(-1).max()))
        tokens = tokens[..., :longest]
        total = int(batch.captioned.sum())
        # my rows' numbers among those that have captions
        rows = (batch.captioned.cumsum(0) - 1)[batch.rows][captioned]
        losses = []
        for member in self.network.decoder.ensemble_members():
            shown = tokens
            if stage.captions:  # other ones for each member: what they learn should differ
                drawn = torch.rand(total, tokens.shape[1]).argsort(1)[rows, : stage.captions]
                shown = tokens.gather(1, drawn[..., None].expand(-1, -1, tokens.shape[2]))
            words = int((shown[..., 1:] != PAD).sum())
            share = self.team.loss_weight(words, int(self.team.all_reduce_sum(words)))
            shown = shown.to(features.device)
            with self.team.replicated_rng(total, rows):
                logits, _ = member(features, shown)
            loss = caption_loss(logits, shown[..., 1:], stage.label_smoothing)
            if member.stochastic:
                loss = loss + member.surrogate(word_losses(logits, shown[..., 1:]))
            losses.append(loss * share)
        return torch.stack(losses).mean()

    @functools.cached_property
    def _reward(self) -> self_critical.CiderReward:
        """CIDEr-D, less what is invented."""
        captions = self.data.tokens[0, : len(self.data.train), :, 1:].tolist()
        references = [[[token for token in ids if token != PAD] for ids in picture]
                      for picture in captions]
        vocabulary, everyday = self.data.vocabulary, self.data.everyday
        if everyday is None:
            return self_critical.CiderReward(references, mirrored_ids(vocabulary))
        absent = [frozenset(np.flatnonzero(row < _ABSENT).tolist())
                  for row in everyday.targets.presence[: len(references)]]
        most = max(stage.invented for stage in self.recipe.stages)
        return self_critical.HonestReward(references, mirrored_ids(vocabulary), vocabulary,
                                          absent, most)
