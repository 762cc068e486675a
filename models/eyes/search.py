"""The search for words as transformers has it, so that a captioner says what it was tuned to say.

Ours (`models.captioning.decoding`) scores and stops otherwise, and needs log-probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from models.eyes.generation import Generation

    # the last token of each text, and which of the texts before it goes on → (B, V) logits
    Step = Callable[[list[int], list[int]], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Found:
    """`tokens` that were generated, the end among them where it came, with one natural
    log-probability each, as the network gives it before any rule."""

    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    score: float


def search(
    logits: NDArray[np.float32], step: Step, generation: Generation, prompt: tuple[int, ...]
) -> Found:
    """Find the text that follows the `prompt`, of which (1, V) `logits` tell what comes first.

    Raises ValueError when the logits are no numbers.
    """
    if generation.num_beams == 1:
        return _greedy(logits, step, generation, prompt)
    return _Beams(generation, prompt).search(logits, step)


def _greedy(
    logits: NDArray[np.float32], step: Step, generation: Generation, prompt: tuple[int, ...]
) -> Found:
    text = prompt
    told: list[float] = []
    while True:
        known = log_softmax(logits)
        token = int(generation.allowed(logits, [text])[0].argmax())
        text, told = (*text, token), [*told, float(known[0, token])]
        if token in generation.end or len(text) >= generation.max_length:
            return Found(text[len(prompt) :], tuple(told), sum(told))
        logits = step([token], [0])


@dataclass(frozen=True, slots=True)
class _Text:
    tokens: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    score: np.float32
    parent: int


class _Beams:
    """Beam search with transformers' scores and stopping rules (its _beam_search)."""

    def __init__(self, generation: Generation, prompt: tuple[int, ...]) -> None:
        self._generation, self._prompt = generation, prompt
        self._keep = max(2, 1 + len(generation.end)) * generation.num_beams
        self._finished: list[_Text] = []

    def search(self, logits: NDArray[np.float32], step: Step) -> Found:
        running = [_Text(self._prompt, (), np.float32(0), 0)]
        while True:
            running = self._advance(logits, running)
            if not self._goes_on(running):
                break
            logits = step([each.tokens[-1] for each in running], [each.parent for each in running])
        best = self._finished[0]
        return Found(best.tokens[len(self._prompt) :], best.log_probabilities, float(best.score))

    def _advance(self, logits: NDArray[np.float32], running: list[_Text]) -> list[_Text]:
        """One token further: what ends goes to the finished ones, what goes on is returned."""
        generation = self._generation
        known = log_softmax(logits)
        allowed = generation.allowed(known, [each.tokens for each in running])
        totals = (allowed + np.asarray([each.score for each in running])[:, None]).ravel()
        candidates = []
        for place in _largest(totals, self._keep):
            row, token = divmod(int(place), logits.shape[1])
            before = running[row]
            told = (*before.log_probabilities, float(known[row, token]))
            candidates.append(_Text((*before.tokens, token), told, totals[place], row))
        ends = [self._ends(each) for each in candidates]
        beams = generation.num_beams
        self._finish(
            [each for each, end in zip(candidates[:beams], ends[:beams], strict=True) if end]
        )
        return [each for each, end in zip(candidates, ends, strict=True) if not end][:beams]

    def _ends(self, text: _Text) -> bool:
        generation = self._generation
        return text.tokens[-1] in generation.end or len(text.tokens) >= generation.max_length

    def _finish(self, ended: Sequence[_Text]) -> None:
        scored = [
            _Text(each.tokens, each.log_probabilities, self._scored(each, len(each.tokens)), 0)
            for each in ended
        ]
        best = sorted([*self._finished, *scored], key=lambda each: -each.score)
        self._finished = best[: self._generation.num_beams]

    def _scored(self, text: _Text, length: int) -> np.float32:
        generated = length - len(self._prompt)
        return np.float32(text.score / np.float32(generated**self._generation.length_penalty))

    def _goes_on(self, running: Sequence[_Text]) -> bool:
        generation = self._generation
        if not running:
            return False
        if len(self._finished) < generation.num_beams:
            return True
        if generation.early_stopping is True:
            return False
        length = len(running[0].tokens)
        if generation.early_stopping == "never" and generation.length_penalty > 0:
            length = generation.max_length
        return bool(self._scored(running[0], length) > self._finished[-1].score)


def _largest(totals: NDArray[np.float32], count: int) -> NDArray[np.int64]:
    """Places of the largest finite numbers, the largest first.

    Raises ValueError where there is none.
    """
    count = min(count, int(np.isfinite(totals).sum()))
    if not count:
        raise ValueError("the captioner's weights give no probabilities for this picture")
    top = np.argpartition(-totals, count - 1)[:count]
    return top[np.lexsort((top, -totals[top]))]


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """(B, V) → the same as natural log-probabilities. Raises ValueError for what is no number."""
    shifted = logits - logits.max(-1, keepdims=True)
    if not np.isfinite(shifted.max(-1)).all():
        raise ValueError("the captioner's weights give no probabilities for this picture")
    return np.asarray(shifted - np.log(np.exp(shifted).sum(-1, keepdims=True)), np.float32)
