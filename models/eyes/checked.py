"""What a captioner of others says, as far as the one that ships can believe it.

The one that ships looks at each picture, too: it knows eighty kinds of thing, and how likely each
of them is there. What contradicts that is not said; ours is, in its place, as honest as ever.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

import numpy as np

from models.captioner import Caption
from models.captioning.kinds import named
from models.captioning.things import thing_signals
from models.captioning.vocabulary import FUNCTION_WORDS
from models.eyes.limits import good

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL import Image

    from models.captioner import Captioner
    from models.captioning.answer import Form
    from models.captioning.decoding import SearchConfig
    from models.captioning.things import Thing
    from models.eyes.captioner import ForeignCaptioner, Text
    from models.eyes.folder import Detail
    from models.eyes.limits import Limits
    from models.runtime.bundle import Config

_FAMILIAR = 0.5  # as of `models.captioning.answer`
_UNKNOWN = 0.5  # confidence where nobody has measured one
_MARKS = ".,;:!?\"'()[]*"
# how such captioners begin, whatever is on the picture
_BEGINNINGS = re.compile(
    r"(the|this) (image|picture|photo|photograph) (shows|depicts|features|displays|captures) "
    r"|in (the|this) (image|picture|photo),? (we|you|i) (can )?see "
    r"|in (the|this) (image|picture|photo),? there (is|are) ",
    re.IGNORECASE,
)
# words that are written large only because a sentence begins with them
_SMALL = FUNCTION_WORDS | {"these", "those", "there", "many", "several", "people", "man", "woman"}


class CheckedCaptioner:
    """A captioner of others behind the face of `models.captioner.Captioner`."""

    def __init__(
        self,
        foreign: ForeignCaptioner,
        own: Captioner,
        limits: Limits,
        detail: Detail = "brief",
        judging: bool = False,
    ) -> None:
        """`judging` is for whoever will ask how good a caption was (`judged`): only then the last
        one is kept, until that, or until it is to be forgotten."""
        self.foreign, self.own = foreign, own
        self._limits, self._detail, self._judging = limits, detail, judging
        self._last: tuple[Text, Caption] | None = None
        search = dataclasses.replace(
            own.config.search, beam_size=foreign.engine.generation(detail).num_beams
        )
        self.config: Config = dataclasses.replace(own.config, search=search)

    knows_artwork = True  # such captioners were taught with all that the web has

    @property
    def knows_media(self) -> bool:
        """As of the one that ships."""
        return self.own.knows_media

    def describe(self, image: Image.Image, config: SearchConfig | None = None) -> Caption:
        """Caption one image of any size and mode; of the `config` only the beam counts.

        Raises BundleError for what cannot be used.
        """
        self.forget()
        own = self.own.describe(image)
        text = self.foreign.caption(image, self._detail, (config or self.config.search).beam_size)
        said = spoken(text)
        if self._judging:
            self._last = said, own
        return self.checked(said, own)

    def forget(self) -> None:
        """Keep no caption any more."""
        self._last = None

    def judged(self, references: Sequence[str]) -> tuple[dict[str, float], bool] | None:
        """The signals of the caption that was described last, and whether it is good by what people
        say of the picture; None where ours answers in any case. The caption is forgotten."""
        last, self._last = self._last, None
        signals = self._signals(*last) if last else None
        if signals is None or last is None:
            return None
        said = [plain(each.split()) for each in references]
        return signals, good(plain(last[0].words), said)

    def _signals(self, text: Text, own: Caption) -> dict[str, float] | None:
        """By which a caption of others is judged; None for one that says nothing, or what our own
        contradicts."""
        words = plain(text.words)
        claimed = named(words)
        calibration = self.own.config.calibration
        familiarity = calibration.familiarity(own.signals)
        believed = {
            thing.kind
            for thing in own.things
            if thing.probability >= calibration.object_support and familiarity >= _FAMILIAR
        }
        contradicted = own.things and not claimed <= believed
        if not words or contradicted:
            return None
        return _of_text(text, claimed, own.things) | {
            "familiarity": familiarity,
            "own confidence": own.confidence,
            "agreement": len(claimed & own.claimed) / max(1, len(claimed | own.claimed)),
        }

    def checked(self, text: Text, own: Caption) -> Caption:
        """The caption of others if it may be said, or else our own of the same picture."""
        signals = self._signals(text, own)
        if signals is None:
            return dataclasses.replace(own, fallback=True)
        words = plain(text.words)
        claimed = named(words)
        measured = bool(self._limits.weights)
        confidence = self._limits.confidence(signals) if measured else _UNKNOWN
        form: Form = "plain" if confidence >= self._limits.sure else "hedged"
        if confidence < self._limits.medium:
            return dataclasses.replace(own, fallback=True)
        rows, columns = own.attention.shape[1:]
        return dataclasses.replace(
            own,
            words=text.words,
            log_probabilities=text.log_probabilities,
            # where each word looked nobody can tell
            attention=np.full((len(words), rows, columns), 1 / (rows * columns), np.float32),
            confidence=confidence,
            signals=signals,
            claimed=claimed,
            answer=dataclasses.replace(own.answer, form=form, said=claimed),
        )

    def visible(self, image: Image.Image) -> Image.Image:
        """Cut out what the captioner of others sees of an image."""
        return self.foreign.engine.pictures.visible(image)


def plain(words: Sequence[str]) -> list[str]:
    """Words as the table of kinds has them: in lower case, without punctuation."""
    return [bare for word in words if (bare := word.lower().strip(_MARKS))]


def spoken(text: Text) -> Text:
    """A text as part of a sentence of ours: without what it begins with whatever is on the
    picture, without the last full stop, and small where only a beginning was large."""
    begun = _BEGINNINGS.match(" ".join(text.words) + " ")
    skipped = len(begun[0].split()) if begun else 0
    words = list(text.words[skipped:])
    if not words:
        return text
    words[-1] = words[-1].removesuffix(".")
    if words[0].lower() in _SMALL:
        words[0] = words[0].lower()
    told = text.log_probabilities[skipped:]
    if not words[-1]:  # the full stop was a word of its own
        words, told = words[:-1], (*told[:-2], told[-1])
    return dataclasses.replace(text, words=tuple(words), log_probabilities=told)


def _of_text(text: Text, claimed: frozenset[int], things: Sequence[Thing]) -> dict[str, float]:
    each = np.asarray(text.token_log_probabilities)
    return {
        "mean": float(each.mean()),
        "least": float(each.min()),
        "total": float(each.sum()),
        "end": float(each[-1]),
        "words": float(len(text.words)),
    } | thing_signals(claimed, things)
