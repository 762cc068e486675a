"""Follow a recipe from starting weights to trained ones; killed at any step, it goes on."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from models.networks.captioners import CaptioningNetwork
from models.vocabulary import PAD, SPECIALS, Vocabulary
from training import prepare, self_critical
from training.datasets import Example, batches, build_vocabulary, load_flickr8k, mirrored

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.recipe import Recipe, Stage

Source = Callable[[list[int], Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Material:
    """What a recipe is trained on. Tokens: (2, N, K, T), plain and mirrored captions."""

    train: list[Example]
    development: list[Example]
    vocabulary: Vocabulary
    images: NDArray[np.uint8]
    tokens: Tensor


def gather(recipe: Recipe, data: Path, work: Path, limit: int | None = None) -> Material:
    """Read the data set, build the vocabulary, decode the pictures (once)."""
    dataset = load_flickr8k(data)
    for problem in dataset.problems:
        tqdm.write(f"left out: {problem}")
    train, development = dataset.train[:limit], dataset.development[:limit]
    vocabulary = build_vocabulary(train, recipe.minimum_count)
    images = prepare.pictures(train, recipe.preprocessing, work / "pictures.npy")
    return Material(train, development, vocabulary, images,
                    tokenise(train, vocabulary, recipe.search.max_words))


def tokenise(examples: list[Example], vocabulary: Vocabulary, max_words: int) -> Tensor:
    """Captions and their mirrored forms as ids, padded: (2, N, K, max_words + 2).

    A picture with fewer captions than the others has its own repeated.
    """
    most = max(len(example.captions) for example in examples)
    tokens = torch.full((2, len(examples), most, max_words + 2), PAD)
    for row, example in enumerate(examples):
        for column in range(most):
            caption = example.captions[column % len(example.captions)][:max_words]
            for side, words in enumerate((caption, mirrored(caption))):
                ids = vocabulary.encode(words)
                tokens[side, row, column, : len(ids)] = torch.tensor(ids)
    return tokens


def mirrored_ids(vocabulary: Vocabulary) -> Tensor:
    """What each id becomes when its picture is mirrored: (V,)."""
    return torch.tensor([vocabulary.encode(mirrored([word]))[1] if index >= len(SPECIALS) else index
                         for index, word in enumerate(vocabulary.words)])


def one_cycle(step: int, steps: int, warm_up: float) -> float:
    """Share of the peak rate: linear up, then half a cosine down (Smith and Topin 2019)."""
    rise = max(1, round(steps * warm_up))
    if step < rise:
        return (step + 1) / rise
    return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))


def caption_loss(logits: Tensor, tokens: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy of (R, T, V) logits on the (R, T) next words, padding left out."""
    return cross_entropy(
        logits.float().flatten(0, 1), tokens.flatten(), ignore_index=PAD,
        label_smoothing=smoothing,
    )


class Trainer:
    """The state of a run: weights, their moving average, optimiser, place in the recipe."""

    def __init__(
        self, recipe: Recipe, material: Material, weights: Path | None, work: Path,
        report: Callable[[CaptioningNetwork, str], dict[str, float]] | None = None,
        checkpoint_every: int = 100,
    ) -> None:
        """`weights` is the folder of starting weights; `report` scores the averaged weights;
        `checkpoint_every` is in steps."""
        self.recipe, self.material, self.work, self.report = recipe, material, work, report
        self.checkpoint_every = checkpoint_every
        torch.manual_seed(recipe.seed)
        words = len(material.vocabulary)
        self.network = CaptioningNetwork(recipe.architecture, words)
        if recipe.starting_weights and weights is not None:
            tensors = load_file(weights / recipe.starting_weights)
            self.network.encoder.load_imagenet({k: v.float() for k, v in tensors.items()})
        self.network.to(memory_format=torch.channels_last)
        self.average = {k: v.clone() for k, v in self.network.state_dict().items()}
        self._begin_stage()
        self.stage, self.step = 0, 0
        self.losses: list[tuple[int, int, float]] = []
        self.saved: dict[str, Any] | None = None
        if (work / "checkpoint.pt").is_file():
            self._resume()
        else:
            (work / "scores.jsonl").unlink(missing_ok=True)  # of some other run

    def run(self) -> None:
        """Train every stage that is left."""
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
        bar = tqdm(total=steps, initial=self.step, desc=stage.name, unit="step", smoothing=0.02)
        while True:
            epoch, place = divmod(self.step, per_epoch)
            if epoch and not place and (stage.train == "all" or self.step == steps):
                self._score(f"{stage.name} {epoch}")
            if self.step == steps:
                break
            order = list(batches(len(self.material.train), stage.batch,
                                 self._seed(1000 * self.stage + epoch)))
            for indices in order[place:]:
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
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        optimiser.step()
        decay = min(stage.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                self.average[name].lerp_(value, 1 - decay)
        return float(loss.detach())

    def _loss(self, stage: Stage, features: Tensor, indices: list[int], mirror: Tensor) -> Tensor:
        if stage.objective == "self-critical":
            return self_critical.loss(self.network.decoder, features, self._reward, indices, mirror,
                                      stage.samples, self.recipe.search.max_words)
        tokens = self.material.tokens[mirror.long(), torch.tensor(indices)]
        tokens = tokens[..., : int((tokens != PAD).sum(-1).max())]
        logits, _ = self.network.decoder(features, tokens)
        return caption_loss(logits, tokens.flatten(0, 1)[:, 1:], stage.label_smoothing)

    @functools.cached_property
    def _reward(self) -> self_critical.CiderReward:
        captions = self.material.tokens[0, :, :, 1:].tolist()
        references = [[[token for token in ids if token != PAD] for ids in picture]
                      for picture in captions]
        return self_critical.CiderReward(references, mirrored_ids(self.material.vocabulary))

    def _source(self, stage: Stage) -> Source:
        if stage.train == "all":
            return self._augmented
        encoder = self.network.encoder
        names = [example.path.name for example in self.material.train]
        digest = hashlib.sha256(repr((self.recipe.preprocessing, names)).encode())
        for name, value in sorted(encoder.state_dict().items()):
            digest.update(name.encode() + value.contiguous().numpy().tobytes())
        cached = prepare.features(encoder, self.material.images, self.recipe.preprocessing,
                                  self.work / "features.npy", digest.hexdigest())
        return lambda indices, mirror: torch.from_numpy(
            np.stack([cached[int(side), i] for i, side in zip(indices, mirror, strict=True)])
        ).float()

    def _augmented(self, indices: list[int], mirror: Tensor) -> Tensor:
        images = torch.from_numpy(np.stack([self.material.images[i] for i in indices]))
        changed = self.recipe.augmentation(images.permute(0, 3, 1, 2).contiguous(), mirror)
        pixels = prepare.normalised(changed.permute(0, 2, 3, 1).numpy(), self.recipe.preprocessing)
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
        scores = self.report(self.averaged(), name)
        lines.append(json.dumps({"after": name, **scores}))
        _replace(path, "\n".join(lines) + "\n")
        tqdm.write(f"{name}: " + ", ".join(f"{k} {v:.1f}" for k, v in scores.items()))

    def _save(self, optimiser: torch.optim.Optimizer | None) -> None:
        state = {
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
        done = self.stage == len(self.recipe.stages)
        tqdm.write("trained already" if done
                   else f"going on at stage {self.stage + 1}, step {self.step}")


def _replace(path: Path, text: str) -> None:
    """Write a text file so that a kill leaves the old one or the new one, whole."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def reporter(
    material: Material, recipe: Recipe
) -> Callable[[CaptioningNetwork, str], dict[str, float]]:
    """Make the function that scores a network on the development split, greedily."""
    from models.decoding import Search
    from models.engines.torch import TorchEngine
    from training.evaluate import evaluate

    how = Search(beam=1, max_words=recipe.search.max_words)

    def report(network: CaptioningNetwork, name: str) -> dict[str, float]:
        return evaluate(TorchEngine(network, "cpu"), material.vocabulary, recipe.preprocessing,
                        material.development, how, name).scores

    return report
