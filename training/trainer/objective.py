"""What a stage makes smaller: the loss of a batch, of the rows that this process has."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from models.captioning.vocabulary import PAD
from training.data import prepare
from training.trainer import self_critical
from training.trainer.material import mirrored_ids

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.networks.captioners import CaptioningNetwork
    from training.trainer.distributed import Team
    from training.trainer.feed import Batch
    from training.trainer.material import Material
    from training.trainer.recipe import Recipe, Stage


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


class Objective(nn.Module):
    """A network with its loss, in one forward: so DistributedDataParallel sees all of it.

    The mean over the processes of what they give is the loss of the whole batch: each weighs its
    words, pictures and samples by its share of everyone's.
    """

    def __init__(
        self, network: CaptioningNetwork, recipe: Recipe, material: Material, team: Team
    ) -> None:
        super().__init__()
        self.network, self.recipe, self.material, self.team = network, recipe, material, team
        self.cached: NDArray[np.float16] | None = None  # features of a frozen encoder

    def forward(self, stage: Stage, batch: Batch, mirror: Tensor) -> Tensor:
        """`mirror` (total,) tells which pictures of the whole batch are shown mirrored."""
        mine = mirror[batch.rows]
        features = self._features(stage, batch, mirror)
        losses = []
        if stage.distil:
            targets = torch.from_numpy(np.stack([self.material.classes[i] for i in batch.indices]))
            logits = self.network.encoder.classify(features)
            share = self.team.share(len(batch.rows), batch.total)
            losses.append(stage.distil * class_loss(logits, targets.to(logits.device)) * share)
        truth = stage.truth if stage.objective == "self-critical" else 1.0
        if stage.objective == "self-critical":
            rows = batch.rows[batch.rows < stage.batch]  # pictures without captions have no reward
            with self.team.draws(stage.batch, rows):
                losses.append((1 - truth) * self_critical.loss(
                    self.network.decoder, features[: len(rows)], self._reward,
                    batch.indices[: len(rows)], mine[: len(rows)], stage.samples,
                    self.recipe.search.max_words, self.team))
        if truth:
            losses.append(truth * self._truth(stage, features, batch, mine))
        return torch.stack(losses).sum()

    def _features(self, stage: Stage, batch: Batch, mirror: Tensor) -> Tensor:
        device = self.team.device
        if self.cached is not None:
            sides = zip(batch.indices, mirror[batch.rows], strict=True)
            return torch.from_numpy(
                np.stack([self.cached[int(side), i] for i, side in sides])).to(device).float()
        images = torch.from_numpy(batch.images()).to(device)
        changed = self.recipe.augmentation(images.permute(0, 3, 1, 2).contiguous(), mirror,
                                           batch.rows, stage.size)
        pixels = prepare.standardised(changed, self.recipe.preprocessing)
        with (torch.set_grad_enabled(stage.train == "all"),
              self.team.draws(batch.total, batch.rows)):
            features: Tensor = self.network.encoder(pixels.to(memory_format=torch.channels_last))
        return features

    def _truth(self, stage: Stage, features: Tensor, batch: Batch, mirror: Tensor) -> Tensor:
        """Cross-entropy with the captions, those of self-training among them."""
        tokens = batch.tokens[mirror.long(), torch.arange(len(mirror))]
        captioned = batch.captioned[batch.rows]
        tokens, features = tokens[captioned], features[captioned.to(features.device)]
        longest = self.team.most(int((tokens != PAD).sum(-1).max()))
        tokens = tokens[..., :longest]
        total = int(batch.captioned.sum())
        # my rows' numbers among those that have captions
        rows = (batch.captioned.cumsum(0) - 1)[batch.rows][captioned]
        losses = []
        for member in self.network.decoder.speakers():
            shown = tokens
            if stage.captions:  # other ones for each member: what they learn should differ
                drawn = torch.rand(total, tokens.shape[1]).argsort(1)[rows, : stage.captions]
                shown = tokens.gather(1, drawn[..., None].expand(-1, -1, tokens.shape[2]))
            words = int((shown[..., 1:] != PAD).sum())
            share = self.team.share(words, int(self.team.total(words)))
            shown = shown.to(features.device)
            with self.team.draws(total, rows):
                logits, _ = member(features, shown)
            loss = caption_loss(logits, shown[..., 1:], stage.label_smoothing)
            if member.stochastic:
                loss = loss + member.surrogate(word_losses(logits, shown[..., 1:]))
            losses.append(loss * share)
        return torch.stack(losses).mean()

    @functools.cached_property
    def _reward(self) -> self_critical.CiderReward:
        captions = self.material.tokens[0, : len(self.material.train), :, 1:].tolist()
        references = [[[token for token in ids if token != PAD] for ids in picture]
                      for picture in captions]
        return self_critical.CiderReward(references, mirrored_ids(self.material.vocabulary))
