"""The head that tells photographs from artwork and graphics, on what an encoder tells."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tqdm import tqdm

from models import captioner
from models.captioning.medium import HEAD, MEDIA, MediumHead, values
from models.runtime.bundle import CARD, ENCODER, SHIPPED, digest
from training import identity
from training.finder.media import Pictures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.captioner import Captioner
    from training.finder.sources import Sources

    Crops = Sequence[tuple[Image.Image, bool]]
    Rows = NDArray[np.float32]

SHARES = (0.4, 0.28, 0.09, 0.06, 0.06, 0.11)  # of MEDIA among the pictures
_HELD_OUT = 5  # one file in so many is kept for the pictures that measure
_GAIN = 5.0  # of the last two values, which know covers: as if each were so many
_LEAST_SURE, _MOST_SURE = 0.5, 0.9  # between which the limit is
_WIDE = 0.05  # limits so near to one must do well, too
_LEAST_RIGHT = 0.97  # share of what is named that must be so
_BETWEEN = 50  # pictures, after which what was done is written


def build(sources: Sources, work: Path, out: Path, *, count: int, seed: int, crops: Crops = (),
          ridge: float = 300.0, bundle: Path = SHIPPED) -> dict[str, float]:
    """Compose, encode, fit and measure; → the scores, which the card has, too.

    `crops` are pictures of real screens, each with whether it is a photograph: the limit is chosen
    on them, where there are any, else on what was composed.
    """
    loaded = captioner.load(bundle, threads=1)
    taught, truth = encoded(sources, work, count, seed, bundle, loaded)
    unseen, real = encoded(sources, work, max(20, count // 5), seed, bundle, loaded, held_out=True)
    head = fit(taught, truth, digest(bundle / ENCODER), ridge)
    told = head.probabilities(unseen)
    photographs, sure = real == 0, 1 - told[:, 0]
    if crops:
        rows = np.stack([values(loaded.encode(each), each) for each, _ in tqdm(crops, "crops")])
        photographs = np.array([photograph for _, photograph in crops])
        sure = 1 - head.probabilities(rows)[:, 0]
    head = dataclasses.replace(head, sure=limit(sure, photographs), named=naming(told, real))
    out.mkdir(parents=True, exist_ok=True)
    head.save(out / HEAD)
    scores = score(head, unseen, real)
    if crops:
        scores["real crops, photograph or not"] = _percent((sure >= head.sure) != photographs)
    (out / CARD).write_text(_card(scores, head, len(truth), len(real), len(crops)),
                            encoding="utf-8")
    return scores


def encoded(sources: Sources, work: Path, count: int, seed: int, bundle: Path, loaded: Captioner,
            *, held_out: bool = False) -> tuple[Rows, NDArray[np.int64]]:
    """Values (N, F) and media (N,) of composed pictures, kept in the work folder."""
    pictures = Pictures(sources.part(_HELD_OUT, held_out=held_out))
    made_of = identity.plain({"seed": seed, "held out": held_out, "shares": SHARES,
                              "encoder": digest(bundle / ENCODER), "files": sources.counts()})
    path = work / f"medium_{'unseen' if held_out else 'taught'}.npz"
    rows, media = _kept(path, str(made_of))
    work.mkdir(parents=True, exist_ok=True)
    told = "held-out pictures" if held_out else "pictures"
    for number in tqdm(range(len(rows), count), desc=told, initial=len(rows), total=count):
        random = np.random.default_rng([seed, held_out, number])
        medium = int(random.choice(len(MEDIA), p=SHARES))
        picture = pictures(random, MEDIA[medium])
        rows.append(values(loaded.encode(picture), picture))
        media.append(medium)
        if len(rows) % _BETWEEN == 0 or len(rows) == count:
            part = path.with_suffix(".part.npz")  # killed in the midst of it, the last one stays
            np.savez(part, values=np.stack(rows), media=np.array(media),
                     made_of=np.array(str(made_of)))
            part.replace(path)
    return np.stack(rows[:count]), np.array(media[:count])


def _kept(path: Path, made_of: str) -> tuple[list[Rows], list[int]]:
    """What an earlier run encoded of the same, however many."""
    if path.exists():
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["made_of"]) == made_of:
                return list(kept["values"]), kept["media"].tolist()
    return [], []


def fit(taught: Rows, truth: NDArray[np.int64], encoder: str, ridge: float) -> MediumHead:
    """Softmax regression by L-BFGS; the `ridge` is on the weights of comparable values."""
    import torch

    mean, scale = taught.mean(0), taught.std(0) + 1e-3
    gain = np.ones(taught.shape[1], np.float32)
    gain[-2:] = _GAIN
    known = torch.from_numpy((np.clip((taught - mean) / scale, -6, 6) * gain).astype(np.float32))
    right = torch.from_numpy(truth)
    weights = torch.zeros(len(MEDIA), taught.shape[1] + 1, requires_grad=True)
    optimiser: torch.optim.Optimizer = torch.optim.LBFGS(
        [weights], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> float:
        optimiser.zero_grad()
        logits = known @ weights[:, :-1].T + weights[:, -1]
        total = torch.nn.functional.cross_entropy(logits, right)
        total = total + ridge / len(truth) * weights[:, :-1].square().sum()
        torch.autograd.backward(total)
        return total.item()

    optimiser.step(loss)
    fitted = weights.detach().numpy() * np.append(gain, 1).astype(np.float32)
    return MediumHead(encoder, mean, scale, fitted, _LEAST_SURE, 1.0)


def limit(others: NDArray[np.float64], photographs: NDArray[np.bool_]) -> float:
    """The sureness (of no photograph) from which pictures are best told as something else; one
    whose neighbours do well, too, as a few pictures cannot tell it exactly."""
    limits = np.linspace(_LEAST_SURE, _MOST_SURE, 41)
    right = np.array([((others >= each) != photographs).mean() for each in limits])
    near = np.abs(limits[:, None] - limits) <= _WIDE
    return float(limits[int((near @ right / near.sum(1)).argmax())])


def naming(told: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """The least probability from which a chart, a map or a sign nearly always is one."""
    names = [MEDIA.index(name) for name in ("chart", "map", "sign")]
    likeliest = told.argmax(1)
    named = np.isin(likeliest, names)
    for least in np.linspace(0.5, 0.99, 50):
        sure = named & (told.max(1) >= least)
        if sure.any() and (likeliest == truth)[sure].mean() >= _LEAST_RIGHT:
            return float(least)
    return 1.0


def score(head: MediumHead, unseen: Rows, truth: NDArray[np.int64]) -> dict[str, float]:
    """Shares of the held-out pictures, in %."""
    told = head.probabilities(unseen)
    media = np.where(1 - told[:, 0] < head.sure, 0, 1 + told[:, 1:].argmax(1))
    named_by = ("photographs", "artwork", "charts", "maps", "signs", "other")
    scores = {name: _percent((media == n)[truth == n]) for n, name in enumerate(named_by)}
    scores["artwork, of what is told as such"] = _percent((truth == 1)[media == 1])
    named = (told >= head.named) & (np.arange(len(MEDIA)) >= 2) & (np.arange(len(MEDIA)) < 5)
    for n, name in enumerate(MEDIA[2:5], 2):
        scores[f"{name}s that are named"] = _percent(named[truth == n, n])
    right = np.concatenate([(truth == n)[named[:, n]] for n in (2, 3, 4)])
    scores["right, of what is named"] = _percent(right)
    return scores


def _percent(right: NDArray[np.bool_]) -> float:
    return round(100 * float(right.mean()), 1) if right.size else 0.0


def _card(scores: dict[str, float], head: MediumHead, taught: int, measured: int, crops: int
          ) -> str:
    rows = "\n".join(f"| {name} | {value:g} |" for name, value in scores.items())
    chosen = f"{crops} pictures of real screens" if crops else "the held-out pictures"
    return f"""\
# Model card: medium

Tells whether a picture is a photograph, artwork (covers, cartoons, paintings, posters), a chart, a
map, a sign (a logo, an icon) or something other (a diagram, a part of a program): a softmax
regression on the mean features of the captioner's encoder, on how far its cells differ, on two of
ImageNet's classes (book jacket, comic book) and on six plain numbers of the pixels. In doubt a
picture is a photograph: something else is told from a probability of {head.sure:.2f} on, chosen on
{chosen}; a chart, a map or a sign is named from {head.named:.2f} on. It is not used with another
encoder than the one whose SHA-256 is
`{head.encoder}`.

## Made from
* {taught} pictures that `training/finder/media.py` composed: photographs, drawings of Open Clip Art
  (public domain), paintings and maps of the game Battle for Wesnoth (GPL 2 or later, CC BY-SA 4.0),
  drawings of Ren'Py's example (MIT), maps of KGeography (GPL 2 or later), icons of Oxygen (LGPL 3),
  and charts that matplotlib drew. None of them is part of the head.
* **Photographs:** of MS COCO 2014 and Flickr8k, which is for **non-commercial research and
  education**; they belong to their authors on Flickr. What that means for these weights is for
  whoever uses them to judge: treat them as non-commercial.
* **Command:** `python -m training medium --help` has it.

## Scores
On {measured} composed pictures, of files that training never saw, told right in %:

| medium | % |
|---|---|
{rows}

`python -m benchmarks finder --truth FOLDER` measures real screens.

## Limits
* A record's cover that is a photograph with a title is a photograph to it, a book's may be, and a
  painting that looks like a photograph, too.
"""
