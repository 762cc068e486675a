"""Follow a recipe from starting weights to trained ones; killed at any step, it goes on."""

from __future__ import annotations

import functools
import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from models.networks.captioners import CaptioningNetwork
from models.vocabulary import PAD
from training import embeddings, prepare, self_critical, self_training
from training.datasets import Example, batches, count_words
from training.material import mirrored_ids, start, tokenise

if TYPE_CHECKING:
    from training.material import Material
    from training.recipe import Recipe, Stage

Source = Callable[[list[int], Tensor], Tensor]


def one_cycle(step: int, steps: int, warm_up: float) -> float:
    """Share of the peak rate: linear up, then half a cosine down (Smith and Topin 2019)."""
    rise = max(1, round(steps * warm_up))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


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


class Trainer:
    """The state of a run: weights, their moving average, optimiser, place in the recipe."""

    def __init__(
        self, recipe: Recipe, material: Material, weights: Path | None, work: Path,
        report: Callable[[CaptioningNetwork], dict[str, float]] | None = None,
        checkpoint_every: int = 100,
    ) -> None:
        """`weights` is the folder of starting weights; `report` scores the averaged weights;
        `checkpoint_every` is in steps."""
        self.recipe, self.material, self.work, self.report = recipe, material, work, report
        self.checkpoint_every = checkpoint_every
        torch.manual_seed(recipe.seed)
        words = len(material.vocabulary)
        self.network = CaptioningNetwork(recipe.architecture, words)
        start(self.network.encoder, recipe, weights)
        if recipe.architecture.get("embeddings"):
            path = (weights or Path()) / recipe.architecture["embeddings"]
            tqdm.write(str(embeddings.fill(self.network.decoder, material.vocabulary, path)))
        self.network.to(memory_format=torch.channels_last)
        self.average = {k: v.clone() for k, v in self.network.state_dict().items()}
        self._begin_stage()
        self.stage, self.step, self.seconds = 0, 0, 0.0
        self._since = time.monotonic()
        self.losses: list[tuple[int, int, float]] = []
        self.saved: dict[str, Any] | None = None
        if (work / "checkpoint.pt").is_file():
            self._resume()
        else:
            (work / "scores.jsonl").unlink(missing_ok=True)  # of some other run

    def run(self) -> None:
        """Train every stage that is left."""
        for number, stage in enumerate(self.recipe.stages[: self.stage]):
            if stage.self_train:  # later stages may learn from the same captions
                self._caption_unlabelled(number)
        while self.stage < len(self.recipe.stages):
            stage = self.recipe.stages[self.stage]
            self._run_stage(stage)
            self.average = {name: began.lerp(self.average[name], stage.blend)
                            for name, began in self.began.items()}
            self.stage, self.step = self.stage + 1, 0
            self._begin_stage()
            self._save(None)

    def _begin_stage(self) -> None:
        self.network.load_state_dict(self.average)
        self.began = {name: value.clone() for name, value in self.average.items()}

    def averaged(self) -> CaptioningNetwork:
        """A copy of the network with the averaged weights, ready to caption."""
        network = CaptioningNetwork(self.recipe.architecture, len(self.material.vocabulary))
        network.load_state_dict(self.average)
        return network.eval()

    def _run_stage(self, stage: Stage) -> None:
        per_epoch = len(self.material.train) // stage.batch
        steps = per_epoch * stage.epochs
        if not steps:
            raise ValueError(f"{len(self.material.train)} pictures are fewer than one batch")
        for parameter in self.network.encoder.parameters():
            parameter.requires_grad_(stage.train == "all")
        optimiser = self._optimiser(stage)
        if self.saved is not None:
            optimiser.load_state_dict(self.saved)
            self.saved = None
        source = self._source(stage)
        if stage.self_train:
            self._caption_unlabelled(self.stage)
        bar = tqdm(total=steps, initial=self.step, desc=stage.name, unit="step", smoothing=0.02)
        while True:
            epoch, place = divmod(self.step, per_epoch)
            if epoch and not place and (stage.encodes or self.step == steps):
                self._score(f"{stage.name} {epoch}")
            if self.step == steps:
                break
            order = list(batches(len(self.material.train), stage.batch,
                                 self._seed(1000 * self.stage + epoch)))
            for indices in order[place:]:
                indices = indices + self._unlabelled(stage)
                loss = self._train_step(stage, optimiser, source, indices,
                                        one_cycle(self.step, steps, stage.warm_up))
                self.losses.append((self.stage, self.step, loss))
                self.step += 1
                bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
                bar.update()
                if self.step % self.checkpoint_every == 0 or self.step == steps:
                    self._save(optimiser)
        bar.close()

    def _train_step(
        self, stage: Stage, optimiser: torch.optim.Optimizer, source: Source,
        indices: list[int], share: float,
    ) -> float:
        # a seed of its own for every step: resuming needs no saved random state
        torch.manual_seed(self._seed(10_000_000 * (self.stage + 1) + self.step))
        for group in optimiser.param_groups:
            group["lr"] = group["peak"] * share
        mirror = torch.rand(len(indices)) < 0.5
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16):
            loss = self._loss(stage, source(indices, mirror), indices, mirror)
        # all of them: what an earlier stage left on frozen layers would count in the norm below
        self.network.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        optimiser.step()
        decay = min(stage.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - decay)
        return float(loss.detach())

    def _unlabelled(self, stage: Stage) -> list[int]:
        """Numbers of the pictures without captions in this step: all of them in turn."""
        if not stage.unlabelled:
            return []
        count, first = len(self.material.unlabelled), len(self.material.train)
        order = np.random.default_rng(self._seed(self.stage)).permutation(count)
        places = (self.step * stage.unlabelled + np.arange(stage.unlabelled)) % count
        return [first + int(each) for each in order[places]]

    def _loss(self, stage: Stage, features: Tensor, indices: list[int], mirror: Tensor) -> Tensor:
        losses = []
        if stage.distil:
            targets = torch.from_numpy(np.stack([self.material.classes[i] for i in indices]))
            logits = self.network.encoder.classify(features)
            losses.append(stage.distil * class_loss(logits, targets))
        share = stage.truth if stage.objective == "self-critical" else 1.0
        if stage.objective == "self-critical":
            rows = slice(stage.batch)  # pictures without captions have no reward
            losses.append((1 - share) * self_critical.loss(
                self.network.decoder, features[rows], self._reward, indices[rows], mirror[rows],
                stage.samples, self.recipe.search.max_words))
        if share:
            losses.append(share * self._truth(stage, features, indices, mirror))
        return torch.stack(losses).sum()

    def _truth(self, stage: Stage, features: Tensor, indices: list[int], mirror: Tensor) -> Tensor:
        """Cross-entropy with the captions, those of self-training among them."""
        tokens = self.material.tokens[mirror.long(), torch.tensor(indices)]
        captioned = (tokens != PAD).any(-1).any(-1)
        tokens, features = tokens[captioned], features[captioned]
        tokens = tokens[..., : int((tokens != PAD).sum(-1).max())]
        losses = []
        for member in self.network.decoder.speakers():
            shown = tokens
            if stage.captions:  # other ones for each member: what they learn should differ
                columns = torch.rand(tokens.shape[:2]).argsort(1)[:, : stage.captions]
                shown = tokens.gather(1, columns[..., None].expand(-1, -1, tokens.shape[2]))
            logits, _ = member(features, shown)
            losses.append(caption_loss(logits, shown[..., 1:], stage.label_smoothing))
            if member.stochastic:
                losses[-1] = losses[-1] + member.surrogate(word_losses(logits, shown[..., 1:]))
        return torch.stack(losses).mean()

    def _caption_unlabelled(self, number: int) -> None:
        """Give the pictures without captions those that were made for stage `number`.

        The averaged weights make them when it begins.
        """
        path = self.work / f"own_captions_{number + 1}.json"
        first, count = len(self.material.train), len(self.material.unlabelled)
        if (self.stage, self.step) > (number, 0):
            own = json.loads(path.read_text(encoding="utf-8"))
        else:
            network = self.averaged().to(memory_format=torch.channels_last)
            frequent = {word for word, number in count_words(self.material.train).items()
                        if number >= 20}

            def features(number: int) -> Tensor:
                image = self.material.images[first + number : first + number + 1]
                pixels = prepare.normalised(image, self.recipe.preprocessing)
                with torch.inference_mode():
                    grid: Tensor = network.encoder(pixels.to(memory_format=torch.channels_last))
                return grid

            how = self.recipe.self_training
            own = self_training.captions(
                network.decoder, features,
                self_training.things(self.material.classes[first:], how.sure),
                self.material.vocabulary, frequent.__contains__, how,
                self.recipe.search.max_words)
            _replace(path, json.dumps(own) + "\n")
        # as often as a picture of the data set, which has several: the new words are rare
        times = self.material.tokens.shape[2]
        examples = [Example(example.path, (tuple(words),) * times if words else ())
                    for example, words in zip(self.material.unlabelled, own, strict=True)]
        tokens = tokenise(examples, self.material.vocabulary, self.recipe.search.max_words)
        tqdm.write(f"{sum(map(bool, own))} of {count} pictures have captions of their own now")
        self.material.tokens[:, first:] = PAD
        self.material.tokens[:, first:, : tokens.shape[2]] = tokens

    @functools.cached_property
    def _reward(self) -> self_critical.CiderReward:
        captions = self.material.tokens[0, : len(self.material.train), :, 1:].tolist()
        references = [[[token for token in ids if token != PAD] for ids in picture]
                      for picture in captions]
        return self_critical.CiderReward(references, mirrored_ids(self.material.vocabulary))

    def _source(self, stage: Stage) -> Source:
        if stage.encodes:
            return functools.partial(self._augmented, stage)
        encoder = self.network.encoder
        fingerprint = prepare.fingerprint_of(
            encoder, [*self.material.train, *self.material.unlabelled], self.recipe.preprocessing)
        cached = prepare.features(encoder, self.material.images, self.recipe.preprocessing,
                                  self.work / "features.npy", fingerprint)
        return lambda indices, mirror: torch.from_numpy(
            np.stack([cached[int(side), i] for i, side in zip(indices, mirror, strict=True)])
        ).float()

    def _augmented(self, stage: Stage, indices: list[int], mirror: Tensor) -> Tensor:
        images = torch.from_numpy(np.stack([self.material.images[i] for i in indices]))
        changed = self.recipe.augmentation(images.permute(0, 3, 1, 2).contiguous(), mirror)
        pixels = prepare.standardised(changed, self.recipe.preprocessing)
        with torch.set_grad_enabled(stage.train == "all"):
            features: Tensor = self.network.encoder(pixels.to(memory_format=torch.channels_last))
        return features

    def _optimiser(self, stage: Stage) -> torch.optim.Optimizer:
        groups = [{"params": list(self.network.decoder.parameters()), "peak": stage.rate}]
        if stage.train == "all":
            groups.append({"params": list(self.network.encoder.parameters()),
                           "peak": stage.encoder_rate})
        return torch.optim.AdamW(groups, lr=stage.rate, betas=(0.9, 0.98),
                                 weight_decay=stage.weight_decay)

    def _seed(self, place: int) -> int:
        return self.recipe.seed * 1_000_000_007 + place

    def _score(self, name: str) -> None:
        path = self.work / "scores.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        begin = json.dumps({"after": name})[:-1]
        # a resumed run comes by epochs that were scored before it was killed
        if self.report is None or any(line.startswith(begin) for line in lines):
            return
        scores = self.report(self.averaged())
        lines.append(json.dumps({"after": name, **scores}))
        _replace(path, "\n".join(lines) + "\n")
        tqdm.write(f"{name}: " + ", ".join(f"{k} {v:.1f}" for k, v in scores.items()))

    def _save(self, optimiser: torch.optim.Optimizer | None) -> None:
        self.seconds += time.monotonic() - self._since
        self._since = time.monotonic()
        state = {
            "seconds": self.seconds,
            "stage": self.stage, "step": self.step, "network": self.network.state_dict(),
            "average": self.average, "began": self.began, "losses": self.losses,
            "optimiser": None if optimiser is None else optimiser.state_dict(),
        }
        rows = [("stage", "step", "loss"), *self.losses]
        _replace(self.work / "losses.csv", "".join(f"{s},{n},{x}\n" for s, n, x in rows))
        part = self.work / "checkpoint.part"
        with part.open("wb") as file:
            torch.save(state, file)
            os.fsync(file.fileno())
        part.replace(self.work / "checkpoint.pt")

    def _resume(self) -> None:
        state = torch.load(self.work / "checkpoint.pt", weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average, self.began = state["average"], state["began"]
        self.losses = [tuple(x) for x in state["losses"]]
        self.stage, self.step, self.saved = state["stage"], state["step"], state["optimiser"]
        self.seconds = state["seconds"]
        done = self.stage == len(self.recipe.stages)
        tqdm.write("trained already" if done
                   else f"going on at stage {self.stage + 1}, step {self.step}")


def _replace(path: Path, text: str) -> None:
    """Write a text file so that a kill leaves the old one or the new one, whole."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
