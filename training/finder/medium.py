"""The head that tells photographs from artwork and graphics, on the features of an encoder."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from models import captioner
from models.captioning.medium import HEAD, MEDIA, MediumHead, values
from models.runtime.bundle import CARD, ENCODER, SHIPPED, digest
from training import identity
from training.finder.media import SIGNS, Pictures

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

SHARES = (0.5, 0.35, 0.15)  # of MEDIA among the pictures
_HELD_OUT = 5  # one file in so many is kept for the pictures that measure
_MOST_MISTAKEN = 0.01  # of the photographs that may be told as something else
_LEAST_SURE = 0.65  # on 95 real crops: 4 of 60 photographs are lost, 20 of 35 artworks told
_BETWEEN = 50  # pictures, after which what was done is written


def build(photographs: Sequence[Path], drawings: Path, work: Path, out: Path, *, count: int,
          seed: int, ridge: float = 1000.0, bundle: Path = SHIPPED) -> dict[str, float]:
    """Compose, encode, fit and measure; → the scores, which the card has, too.

    `drawings` is a folder of cut-out drawings, by subject in folders as Open Clip Art has them.
    Raises ValueError when it has none.
    """
    files = sorted(drawings.rglob("*.png"))
    signs = [file for file in files if set(SIGNS) & set(file.parts)]
    scenes = [file for file in files if not set(SIGNS) & set(file.parts)]
    if not (scenes and signs):
        raise ValueError(f"{drawings} has no drawings by subject, such as animals and {SIGNS[0]}. "
                         "Please unpack Debian's openclipart-png.")
    taught, truth = encoded([photographs, scenes, signs], work, count, seed, bundle)
    unseen, real = encoded([photographs, scenes, signs], work, count // 5, seed, bundle,
                           held_out=True)
    fitted = fit(taught, truth, digest(bundle / ENCODER), ridge)
    head = dataclasses.replace(fitted, sure=limit(fitted.probabilities(unseen), real))
    out.mkdir(parents=True, exist_ok=True)
    head.save(out / HEAD)
    scores = score(head, unseen, real)
    (out / CARD).write_text(_card(scores, head, len(truth), len(real)), encoding="utf-8")
    return scores


def encoded(sources: Sequence[Sequence[Path]], work: Path, count: int, seed: int, bundle: Path, *,
            held_out: bool = False) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Values (N, F) and media (N,) of composed pictures, kept in the work folder."""
    pictures = Pictures(*(
        [file for n, file in enumerate(each) if (n % _HELD_OUT == 0) == held_out]
        for each in sources
    ))
    made_of = identity.plain({"seed": seed, "held out": held_out, "shares": SHARES,
                              "encoder": digest(bundle / ENCODER),
                              "files": [len(each) for each in sources]})
    path = work / f"medium_{'unseen' if held_out else 'taught'}.npz"
    rows, media = _kept(path, str(made_of))
    loaded = captioner.load(bundle, threads=1)
    work.mkdir(parents=True, exist_ok=True)
    told = "held-out pictures" if held_out else "pictures"
    for number in tqdm(range(len(rows), count), desc=told, initial=len(rows), total=count):
        random = np.random.default_rng([seed, held_out, number])
        medium = int(random.choice(len(MEDIA), p=SHARES))
        picture = pictures(random, MEDIA[medium])
        rows.append(values(loaded.encode(picture).features, picture))
        media.append(medium)
        if len(rows) % _BETWEEN == 0 or len(rows) == count:
            part = path.with_suffix(".part.npz")  # killed in the midst of it, the last one stays
            np.savez(part, values=np.stack(rows), media=np.array(media),
                     made_of=np.array(str(made_of)))
            part.replace(path)
    return np.stack(rows[:count]), np.array(media[:count])


def _kept(path: Path, made_of: str) -> tuple[list[NDArray[np.float32]], list[int]]:
    """What an earlier run encoded of the same, however many."""
    if path.exists():
        with np.load(path, allow_pickle=False) as kept:
            if str(kept["made_of"]) == made_of:
                return list(kept["values"]), kept["media"].tolist()
    return [], []


def fit(taught: NDArray[np.float32], truth: NDArray[np.int64], encoder: str, ridge: float
        ) -> MediumHead:
    """Softmax regression by L-BFGS; the `ridge` is on the weights of comparable values."""
    import torch

    mean, scale = taught.mean(0), taught.std(0) + 1e-3
    known = torch.from_numpy(np.clip((taught - mean) / scale, -6, 6))
    right = torch.from_numpy(truth)
    weights = torch.zeros(len(MEDIA), taught.shape[1] + 1, requires_grad=True)
    optimiser: torch.optim.Optimizer = torch.optim.LBFGS(
        [weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> float:
        optimiser.zero_grad()
        logits = known @ weights[:, :-1].T + weights[:, -1]
        total = torch.nn.functional.cross_entropy(logits, right)
        total = total + ridge / len(truth) * weights[:, :-1].square().sum()
        torch.autograd.backward(total)
        return total.item()

    optimiser.step(loss)
    return MediumHead(encoder, mean, scale, weights.detach().numpy(), _LEAST_SURE)


def limit(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """The least sureness with which hardly any photograph is told as something else."""
    others = 1 - probabilities[truth == MEDIA.index("photograph"), 0]
    return float(max(_LEAST_SURE, np.quantile(others, 1 - _MOST_MISTAKEN)))


def score(head: MediumHead, unseen: NDArray[np.float32], truth: NDArray[np.int64]
          ) -> dict[str, float]:
    """Shares of the held-out pictures, in %."""
    probabilities = head.probabilities(unseen)
    told = np.where(1 - probabilities[:, 0] < head.sure, 0, 1 + probabilities[:, 1:].argmax(1))
    scores = {f"{name}s" if name != "artwork" else name: 100 * float(
        (told[truth == n] == n).mean()) for n, name in enumerate(MEDIA)}
    scores["artwork, of what is told as such"] = 100 * float((truth[told == 1] == 1).mean())
    return {name: round(value, 1) for name, value in scores.items()}


def _card(scores: dict[str, float], head: MediumHead, taught: int, measured: int) -> str:
    rows = "\n".join(f"| {name} | {value:g} |" for name, value in scores.items())
    return f"""\
# Model card: medium

Tells whether a picture is a photograph, artwork (covers, cartoons, paintings, posters) or a
graphic (charts, maps, diagrams, logos): a softmax regression on the mean features of the
captioner's encoder and six plain numbers of the pixels. In doubt a picture is a photograph:
something else is told from a probability of {head.sure:.2f} on. It is not used with another encoder
than the one whose SHA-256 is
`{head.encoder}`.

## Made from
* {taught} pictures that `training/finder/media.py` composed: photographs of the data set, drawings
  of Open Clip Art (public domain), photographs that were painted over, and drawn charts and maps.
* **Photographs:** of MS COCO 2014 and Flickr8k, which is for **non-commercial research and
  education**; they belong to their authors on Flickr. What that means for these weights is for
  whoever uses them to judge: treat them as non-commercial.
* **Command:** `python -m training medium --data COCO --data FLICKR8K --drawings OPENCLIPART
  --work WORK --out FOLDER`.

## Scores
On {measured} composed pictures, of files that training never saw, told right in %:

| medium | % |
|---|---|
{rows}

`python -m benchmarks finder --truth FOLDER` measures real screens.

## Limits
* A cover that is a photograph with a title is a photograph to it, and a painting that looks like
  one may be.
"""
