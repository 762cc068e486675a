"""What a stage makes smaller: the losses of a batch, of the rows that this process has, weighed."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from models.captioning.vocabulary import PAD
from models.networks.grounded import GroundedLSTM
from training.data import prepare
from training.trainer import self_critical
from training.trainer.losses import (
    ObjectLabels,
    distillation_loss,
    object_loss,
    token_losses,
    xent_loss,
)
from training.trainer.recipe import RecipeError
from training.trainer.training_data import mirrored_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.networks.captioners import CaptioningNetwork
    from training.trainer.batch_source import Batch
    from training.trainer.distributed import Team
    from training.trainer.recipe import Recipe, Stage
    from training.trainer.training_data import TrainingData


_CUT = 0.3  # of a thing: with less of it left in a crop, nobody knows whether it is to be seen
_WHOLE = 0.9  # with less left, its number is unknown
_ABSENT = 0.2  # a thing less likely than this is not there


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

    def forward(self, stage: Stage, batch: Batch, flipped: Tensor) -> Tensor:
        """`flipped` (total,) tells which pictures of the whole batch are shown mirrored."""
        if stage.objective == "text":
            return self._text_term(stage)
        mine = flipped[batch.rows]
        features, labels = self._features(stage, batch, flipped)
        terms = []
        # what is on the picture, by the encoder's classifier and by the object head
        if stage.distil:
            terms.append(stage.distil * self._distillation_term(features, batch))
        if self.network.objects is not None:
            features, missed = self._observed(stage, features, batch, labels)
            terms += [stage.objects * missed] if stage.objects else []
        # words for it; with the objective "objects" there are none
        if stage.text:
            terms.append(self._text_term(stage))
        xent_weight = {"cross-entropy": 1.0, "self-critical": stage.xent_weight}.get(
            stage.objective, 0.0
        )
        if stage.objective == "self-critical":
            terms.append((1 - xent_weight) * self._scst_term(stage, features, batch, mine))
        if xent_weight:
            terms.append(xent_weight * self._xent_term(stage, features, batch, mine))
        return torch.stack(terms).sum()

    def _distillation_term(self, features: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy with the starting encoder's own classes."""
        targets = torch.from_numpy(np.stack([self.data.classes[i] for i in batch.indices]))
        logits = self.network.encoder.classify(features)
        weight = self.team.loss_weight(len(batch.rows), batch.total)
        return distillation_loss(logits, targets.to(logits.device)) * weight

    def _scst_term(self, stage: Stage, features: Tensor, batch: Batch, flipped: Tensor) -> Tensor:
        """Self-critical learning, of the pictures that people have described.

        The others come last in a batch and have no reward; what was made up for them by
        self-training is none.
        """
        described, mine = batch.only(torch.arange(batch.total) < stage.batch)
        with self.team.replicated_rng(described.total, described.rows):
            return self_critical.loss(
                self.network.decoder,
                features[: len(described.rows)],
                self._reward_of(stage),
                described.indices,
                flipped[mine],
                stage.samples,
                self.recipe.search.max_words,
                self.team,
            )

    def _observed(
        self, stage: Stage, features: Tensor, batch: Batch, labels: ObjectLabels | None
    ) -> tuple[Tensor, Tensor]:
        """Features with the maps that a decoder learns from, and what the object head missed.

        A picture's maps are those of the head that has not learnt from it, where there is one.
        """
        head = self.network.objects
        assert head is not None
        with (
            torch.set_grad_enabled(bool(stage.objects)),
            self.team.replicated_rng(batch.total, batch.rows),
        ):
            maps = head(features)
            folds = head.fold_maps(features.detach()) if head.folds else maps[None]
        fold = torch.tensor(batch.indices, device=maps.device) % len(folds)
        missed = maps.new_zeros(())
        if stage.objects and labels is not None:
            weight = self.team.loss_weight(len(batch.rows), batch.total)
            missed = object_loss(maps, labels) * weight
            if head.folds:
                each = [
                    object_loss(part, labels, (fold != number).float())
                    for number, part in enumerate(folds)
                ]
                missed = missed + torch.stack(each).mean() * weight
        shown = folds[fold, torch.arange(len(fold), device=maps.device)].detach()
        return torch.cat([features, shown.to(features.dtype)], 1), missed

    def _labels(self, batch: Batch) -> ObjectLabels | None:
        """What is known of the things on a batch's pictures as they are."""
        if self.data.everyday is None or not batch.indices:
            return None
        known, rows = self.data.everyday.targets, list(batch.indices)
        presence, counts = (
            torch.from_numpy(part[rows]).to(self.team.device)
            for part in (known.presence, known.counts)
        )
        return ObjectLabels(
            presence, counts, torch.ones_like(presence), known.coverage(rows).to(self.team.device)
        )

    def _text_term(self, stage: Stage) -> Tensor:
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
            kinds, facts = everyday.text.evidence(
                drawn, member.evidence, member.kind.num_embeddings
            )
            mine = torch.tensor(self.team.local_rows(stage.text), dtype=torch.long)
            tokens = everyday.text.tokens[drawn[mine]]
            tokens = tokens[:, None, : self.team.all_reduce_max(int((tokens != PAD).sum(-1).max()))]
            tokens = tokens.to(device)
            with self.team.replicated_rng(stage.text, mine):
                logits = member.from_text(kinds[mine].to(device), facts[mine].to(device), tokens)
            weight = self.team.loss_weight(len(mine), stage.text)
            losses.append(xent_loss(logits, tokens[..., 1:], stage.label_smoothing) * weight)
        return torch.stack(losses).mean()

    def _features(
        self, stage: Stage, batch: Batch, flipped: Tensor
    ) -> tuple[Tensor, ObjectLabels | None]:
        """→ (B, C, h, w) features, and what is known of the things that are to be seen there."""
        labels = self._labels(batch) if stage.objects else None
        if self.cached is not None:
            return self._cached_features(batch, flipped[batch.rows], labels)
        images = torch.from_numpy(batch.images()).to(self.team.device)
        images = images.permute(0, 3, 1, 2).contiguous()
        augmentation = stage.augmentation or self.recipe.augmentation
        if labels is None:
            changed = augmentation(images, flipped, batch.rows, stage.size)
        else:
            changed, coverage, left = augmentation.with_maps(
                images, labels.coverage, flipped, batch.rows, stage.size
            )
            cut = (labels.coverage.sum((2, 3)) > 0) & (left < _CUT)
            labels = ObjectLabels(
                labels.presence,
                labels.counts.masked_fill(left < _WHOLE, -1.0),
                labels.known.masked_fill(cut, 0.0),
                coverage,
            )
        pixels = prepare.standardised(changed, self.recipe.preprocessing)
        with (
            torch.set_grad_enabled(stage.train == "all"),
            self.team.replicated_rng(batch.total, batch.rows),
        ):
            encoded: Tensor = self.network.encoder(pixels.to(memory_format=torch.channels_last))
        return encoded, labels

    def _cached_features(
        self, batch: Batch, flipped: Tensor, labels: ObjectLabels | None
    ) -> tuple[Tensor, ObjectLabels | None]:
        """As `_features`, of a frozen encoder; `flipped` is of this process's rows (B,)."""
        assert self.cached is not None
        device = self.team.device
        sides = zip(batch.indices, flipped.tolist(), strict=True)
        features = torch.from_numpy(np.stack([self.cached[int(side), i] for i, side in sides]))
        if labels is not None:
            labels = dataclasses.replace(
                labels,
                coverage=torch.where(
                    flipped.to(device)[:, None, None, None],
                    labels.coverage.flip(3),
                    labels.coverage,
                ),
            )
        return features.to(device).float(), labels

    def _xent_term(self, stage: Stage, features: Tensor, batch: Batch, flipped: Tensor) -> Tensor:
        """Cross-entropy with the captions, those of self-training among them."""
        captioned, mine = batch.captioned_only()
        features, flipped = features[mine.to(features.device)], flipped[mine]
        tokens = captioned.tokens[flipped.long(), torch.arange(len(flipped))]  # (B, K, T)
        tokens = tokens[..., : self.team.all_reduce_max(int((tokens != PAD).sum(-1).max()))]
        losses = []
        for member in self.network.decoder.ensemble_members():
            shown = tokens
            if stage.captions:  # other ones for each member: what they learn should differ
                order = torch.rand(captioned.total, tokens.shape[1]).argsort(1)
                drawn = order[captioned.rows, : stage.captions]
                shown = tokens.gather(1, drawn[..., None].expand(-1, -1, tokens.shape[2]))
            words = int((shown[..., 1:] != PAD).sum())
            weight = self.team.loss_weight(words, int(self.team.all_reduce_sum(words)))
            shown = shown.to(features.device)
            with self.team.replicated_rng(captioned.total, captioned.rows):
                logits, _ = member(features, shown)
            loss = xent_loss(logits, shown[..., 1:], stage.label_smoothing)
            if member.stochastic:
                loss = loss + member.surrogate(token_losses(logits, shown[..., 1:]))
            losses.append(loss * weight)
        return torch.stack(losses).mean()

    def _reward_of(self, stage: Stage) -> self_critical.CiderReward:
        reward = self._reward
        if isinstance(reward, self_critical.HonestReward):
            return reward.costing(stage.invented)
        return reward

    @functools.cached_property
    def _reward(self) -> self_critical.CiderReward:
        """CIDEr-D, less what is invented, of which each stage says the cost."""
        captions = self.data.tokens[0, : len(self.data.train), :, 1:].tolist()
        references = [
            [[token for token in ids if token != PAD] for ids in picture] for picture in captions
        ]
        vocabulary, everyday = self.data.vocabulary, self.data.everyday
        if everyday is None:
            return self_critical.CiderReward(references, mirrored_ids(vocabulary))
        absent = [
            frozenset(np.flatnonzero(row < _ABSENT).tolist())
            for row in everyday.targets.presence[: len(references)]
        ]
        return self_critical.HonestReward(
            references, mirrored_ids(vocabulary), vocabulary, absent, 0.0
        )
