"""How a published captioner wants its text to be generated: the settings that transformers has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from models.eyes.folder import GENERATION
from models.runtime.bundle import unusable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.eyes.folder import Folder

_USUAL_LENGTH = 20  # max_length in transformers where nothing is set: it says nothing
_MOST = 4096


@dataclass(frozen=True, slots=True)
class Generation:
    """Names and meanings are those of transformers' GenerationConfig.

    `max_length` counts the tokens that generation starts from. -1 stands for a token that there
    is none of.
    """

    max_length: int
    start: int
    end: tuple[int, ...]
    num_beams: int = 1
    length_penalty: float = 1.0
    early_stopping: bool | Literal["never"] = False
    no_repeat_ngram_size: int = 0
    repetition_penalty: float = 1.0
    min_length: int = 0
    forced_bos: int = -1
    forced_eos: int = -1
    suppressed: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for what would take for ever."""
        if not 1 < self.max_length <= _MOST or not 1 <= self.num_beams <= 64:
            raise ValueError("max_length or num_beams is too small or too large")

    def allowed(
        self, scores: NDArray[np.float32], texts: Sequence[tuple[int, ...]]
    ) -> NDArray[np.float32]:
        """(B, V) logits or log-probabilities after each of the `texts` → the same with what may
        not follow at minus infinity, in transformers' order of rules."""
        allowed = scores.copy()
        for row, text in zip(allowed, texts, strict=True):
            if self.repetition_penalty != 1.0:
                said = list(set(text))
                penalty = np.where(
                    row[said] < 0, self.repetition_penalty, 1 / self.repetition_penalty
                )
                row[said] *= penalty.astype(np.float32)
            row[_repeats(text, self.no_repeat_ngram_size)] = -np.inf
            if len(text) < self.min_length:
                row[list(self.end)] = -np.inf
            row[list(self.suppressed)] = -np.inf
            forced = self._forced(len(text))
            if forced >= 0:
                row[:] = -np.inf
                row[forced] = 0.0
        return allowed

    def _forced(self, length: int) -> int:
        """The only token that may follow so many; -1: any."""
        if length == self.max_length - 1 and self.forced_eos >= 0:
            return self.forced_eos
        return self.forced_bos if length == 1 else -1


def _repeats(text: tuple[int, ...], size: int) -> list[int]:
    """The tokens that would complete an n-gram of this size that the text has already."""
    if size < 1 or len(text) + 1 < size:
        return []
    tail = text[len(text) - size + 1 :]
    starts = range(len(text) - size + 1)
    return [text[at + size - 1] for at in starts if text[at : at + size - 1] == tail]


def read_generation(folder: Folder, tokens: int | None = None, prompt: int = 1) -> Generation:
    """The settings of a folder. With a `prompt` of so many tokens at most `tokens` follow; where
    it is None, as many as the folder says. Raises BundleError for what is no sensible setting."""
    settings = folder.setting
    try:
        ends = settings("eos_token_id")
        end = tuple(int(each) for each in (ends if isinstance(ends, list) else [ends]))
        forced = [settings(f"forced_{name}_token_id") for name in ("bos", "eos")]
        return Generation(
            max_length=_length(folder, tokens, prompt),
            start=int(settings("decoder_start_token_id", settings("bos_token_id", end[0]))),
            end=end,
            num_beams=int(settings("num_beams", 1)),
            length_penalty=float(settings("length_penalty", 1.0)),
            early_stopping=_early(settings("early_stopping", False)),
            no_repeat_ngram_size=int(settings("no_repeat_ngram_size", 0)),
            repetition_penalty=float(settings("repetition_penalty", 1.0)),
            min_length=int(settings("min_length", 0)),
            forced_bos=-1 if forced[0] is None else int(forced[0]),
            forced_eos=-1 if forced[1] is None else int(forced[1]),
            suppressed=tuple(int(each) for each in settings("suppress_tokens", ())),
        )
    except (TypeError, ValueError) as error:
        raise unusable(GENERATION, "a setting is no sensible one", str(error)) from error


def _length(folder: Folder, tokens: int | None, prompt: int) -> int:
    further = tokens or folder.setting("max_new_tokens")
    wanted = prompt + int(further) if further else folder.setting("max_length", _USUAL_LENGTH)
    places = [folder.speaking.get(name) for name in ("max_position_embeddings", "n_positions")]
    return min([int(wanted), *(int(each) for each in places if each)])


def _early(value: Any) -> bool | Literal["never"]:
    return "never" if value == "never" else bool(value)
