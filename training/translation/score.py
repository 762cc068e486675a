"""What a translator is worth: BLEU and chrF by sacrebleu, speed, and whether things survive."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from models.captioning.kinds import kinds
from models.translation import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from models.translation import Translation


class Translates(Protocol):
    """What is asked of a translator here."""

    def translate(self, english: str) -> Translation:
        """One sentence."""


@dataclass(frozen=True, slots=True)
class Score:
    """`signature` is sacrebleu's of the BLEU: without it figures cannot be compared."""

    bleu: float
    chrf: float
    signature: str
    per_second: float


@dataclass(frozen=True, slots=True)
class Survival:
    """Of `captions`, how many name things (`naming`), and of how many of these all survive;
    `lost` has English, translation and the things that it lacks."""

    captions: int
    naming: int
    lost: tuple[tuple[str, str, str], ...]

    @property
    def share(self) -> float:
        """Of all captions, those whose every thing is named in the translation."""
        return 1 - len(self.lost) / max(1, self.captions)

    def __str__(self) -> str:
        heard = len(self.lost) / max(1, self.captions)
        return (
            f"every thing survives in {self.share:.1%} of {self.captions} captions "
            f"({self.naming} name a thing); a list of the things is heard instead of {heard:.1%}"
        )


def compare(translations: Sequence[str], references: Sequence[str]) -> tuple[float, float, str]:
    """→ BLEU, chrF, and the signature of the BLEU, all of sacrebleu as it comes: its own
    tokenisation, with capitals (Post 2018; Popović 2015)."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    bleu = BLEU()
    score = bleu.corpus_score(list(translations), [list(references)]).score
    chrf = CHRF().corpus_score(list(translations), [list(references)]).score
    return score, chrf, str(bleu.get_signature())


def score(
    translator: Translates,
    source: Sequence[str],
    references: Sequence[str],
    progress: Callable[[Iterable[str]], Iterable[str]] = iter,
) -> tuple[Score, list[str]]:
    """Translate every line → the score, and the translations."""
    began = time.perf_counter()
    made = [translator.translate(line).text for line in progress(source)]
    seconds = time.perf_counter() - began
    bleu, chrf, signature = compare(made, references)
    return Score(bleu, chrf, signature, len(made) / max(seconds, 1e-9)), made


def survival(
    translator: Translates,
    captions: Sequence[str],
    progress: Callable[[Iterable[str]], Iterable[str]] = iter,
) -> Survival:
    """Translate captions and look for the things that they name."""
    from models.captioning.kinds import named

    names, lost, naming = kinds(), [], 0
    for caption in progress(captions):
        naming += bool(named(text.words(caption)))
        made = translator.translate(caption)
        if made.missing:
            things = ", ".join(names[kind].name for kind in sorted(made.missing))
            lost.append((caption, made.text, things))
    return Survival(len(captions), naming, tuple(lost))
