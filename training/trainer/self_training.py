"""Captions for pictures that have none, by the captioner itself and the names of what is seen.

A picture whose class the starting encoder is sure of must have that thing in its caption:
constrained beam search (Anderson et al. 2017, "Guided open vocabulary image captioning with
constrained beam search"). A thing that the data set never names is searched for under the name
of something alike, and put in its place afterwards (after Hendricks et al. 2016, "Deep
compositional captioning").

`constrained` is a beam search of its own beside `models.captioning.decoding.search`, which is the
one that people hear. It works on the torch decoder that is being trained, not on an engine, and
keeps two beams, of hypotheses that have the word and of those that have not, neither of which may
crowd out the other; a hook for that would have to reach into the beam of the search that ships,
for the sake of a stage that runs once in a training. Its rules differ a little: it forbids a word
twice in a row as that search does, but already a pair of words twice, and scores a hypothesis by
its mean log-probability a token, without a length penalty and without the captions of neighbours.
"""

from __future__ import annotations

import functools
import math
import tomllib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from tqdm import tqdm

from models.captioning.tags import names, summed
from models.captioning.vocabulary import END, PAD, START, UNKNOWN
from models.runtime.tables import make

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from models.captioning.vocabulary import Vocabulary
    from models.networks.decoder_base import Decoder

_SUBJECT = 4  # words in which the subject of a sentence comes
_SHORT = 9  # words of a sentence about something unknown


@dataclass(frozen=True, slots=True)
class _WordLists:
    """The lists of `self_training_words.toml`, which says what each is for."""

    animals: tuple[str, ...]
    usual: tuple[str, ...]
    deeds: tuple[str, ...]
    colours: tuple[str, ...]


@functools.cache
def _words() -> _WordLists:
    path = Path(__file__).with_name("self_training_words.toml")
    return make(_WordLists, tomllib.loads(path.read_text(encoding="utf-8")), path.name)


@dataclass(frozen=True, slots=True)
class SelfTraining:
    """`sure`: least probability of a thing that must be named; `pictures`: how many pictures
    must surely show a thing before the vocabulary takes its name; `worst`: least mean
    log-probability a token of a caption that is learnt from; `unnamed`: the same where no thing
    is sure."""

    sure: float = 0.5
    pictures: int = 3
    worst: float = -3.0
    unnamed: float = -1.1

    def __post_init__(self) -> None:
        if not 0 <= self.sure <= 1:
            raise ValueError("sure must be from 0 to 1")
        if self.pictures < 1:
            raise ValueError("pictures must be at least 1")
        if math.isnan(self.worst) or math.isnan(self.unnamed):
            raise ValueError("worst and unnamed must be numbers")


def things(logits: NDArray[np.float16], sure: float) -> list[tuple[str, str] | None]:
    """For each picture's (1000,) class logits: the one thing that is surely on it, and its like."""
    table = names()
    likes = {name.word: name.like for name in table}
    words = [name.word for name in table]
    found: list[tuple[str, str] | None] = []
    for row in torch.from_numpy(np.asarray(logits, np.float32)).softmax(-1).numpy():
        word, probability = summed(row, words)[0]
        found.append((word, likes[word]) if probability >= sure else None)
    return found


def new_words(
    seen: Iterable[tuple[str, str] | None], counts: Mapping[str, int], pictures: int
) -> list[str]:
    """Names of things that are on at least so many pictures, most frequent first."""
    totals: dict[str, int] = {}
    for thing in seen:
        for word in thing[0].split() if thing else ():
            totals[word] = totals.get(word, 0) + 1
    kept = [word for word, count in totals.items() if count >= pictures]
    return sorted(kept, key=lambda word: (-counts.get(word, 0), -totals[word], word))


@torch.inference_mode()
def constrained(
    decoder: Decoder,
    features: Tensor,
    must: int | None,
    beam: int,
    words: int,
    within: int | None = None,
    banned: Sequence[int] = (),
) -> tuple[list[int], float]:
    """The best caption of one picture (1, C, S, S) that holds the word `must`, if one is given,
    among its first `within` words, and none that is `banned`.

    → ids without START and END, and the mean log-probability a token, END included. Two beams,
    of hypotheses that have the word and of those that have not, grow side by side.
    """
    memory, state = decoder.begin(features)
    paths: list[tuple[list[int], float, bool]] = [([], 0.0, must is None)]
    best: tuple[list[int], float] = ([], -np.inf)
    for length in range(words + 1):
        last = torch.tensor([[path[0][-1] if path[0] else START for path in paths]])
        logits, _, after = decoder.step(last, memory, state)
        scores = logits[0].float().log_softmax(-1)
        scores[:, [PAD, START, UNKNOWN, *banned]] = -torch.inf
        grown: list[tuple[float, int, int, bool]] = []
        for row, (tokens, total, has) in enumerate(paths):
            options = set(scores[row].topk(min(beam + 2, scores.shape[1])).indices.tolist()) | {END}
            if must is not None and not has:
                options.add(must)
            for token in sorted(options):
                value = total + float(scores[row, token])
                if token == END:
                    mean = value / (length + 1)
                    if has and tokens and mean > best[1]:
                        best = (tokens, mean)
                elif token not in tokens[-1:] and not _again(tokens, token):
                    late = within is not None and length + 1 >= within
                    if has or token == must or not late:
                        grown.append((value, row, token, has or token == must))
        kept = [
            entry
            for wanted in (True, False)
            for entry in sorted((e for e in grown if e[3] == wanted), reverse=True)[:beam]
        ]
        # no hypothesis can end with a better mean than it has now over the longest length
        if not kept or max(value for value, *_ in kept) / (words + 1) < best[1]:
            break
        paths = [([*paths[row][0], token], value, has) for value, row, token, has in kept]
        rows = torch.tensor([row for _, row, _, _ in kept])
        state = tuple(part[:, rows] for part in after)
    return best


def _again(tokens: Sequence[int], token: int) -> bool:
    """Whether the token would complete a pair of words that was there before."""
    pair = (*tokens[-1:], token)
    return len(pair) == 2 and pair in pairwise(tokens)


def replaced(caption: str, like: str, word: str) -> str:
    """Put `word` in the place of `like`, with its own article and without the other's colours."""
    if like == word:
        return caption
    words: list[str] = []
    for each in caption.split():
        if each == like:
            words = _without_colours(words)
            if words[-1:] in (["a"], ["an"]):
                words[-1] = "an" if word[0] in "aeiou" and word[:3] != "uni" else "a"
            each = word
        words.append(each)
    return " ".join(words)


def _without_colours(words: list[str]) -> list[str]:
    """Leave out the colours at the end: "a black and white" is "a" then."""
    end, colours = len(words), _words().colours
    while end and words[end - 1] in colours:
        end -= 1
        if end > 1 and words[end - 1] == "and" and words[end - 2] in colours:
            end -= 1
    return words[:end]


def captions(
    decoder: Decoder,
    features: Callable[[int], Tensor],
    seen: Sequence[tuple[str, str] | None],
    vocabulary: Vocabulary,
    known: Callable[[str], bool],
    config: SelfTraining,
    words: int,
) -> list[list[str]]:
    """A caption for each picture, in words; empty where the captioner knows none good enough.

    `features(i)` gives picture i's (1, C, S, S); `known` tells the words of the data set.
    """
    decoder.eval()
    made, lists = [], _words()
    for number, thing in enumerate(tqdm(seen, desc="captions of its own", unit="picture")):
        must, like, word = None, "", ""
        within, longest, banned = None, words, list[str]()
        if thing is not None:
            word = thing[0]
            familiar = known(word) and " " not in word
            like = word if familiar else thing[1]
            must = vocabulary.encode([like])[1]
            if not familiar:
                # it must speak of the thing alone: else it adds the men and dogs that it knows
                within, longest = _SUBJECT, min(words, _SHORT)
                banned = sorted(
                    {*lists.usual, *(() if like in lists.animals else lists.deeds)} - {like}
                )
        ids = [each for each in vocabulary.encode(banned)[1:-1] if each != UNKNOWN]
        tokens, mean = constrained(decoder, features(number), must, 4, longest, within, ids)
        good = mean >= (config.unnamed if thing is None else config.worst)
        text = " ".join(vocabulary.decode(tokens)) if good else ""
        made.append(replaced(text, like, word).split() if like else text.split())
    return made
