"""From a caption to the alt text that is proposed: nothing that is not believed."""

from __future__ import annotations

from dataclasses import dataclass, field

from describer_daemon.core import i18n, phrasing
from describer_daemon.core.ports import Caption, Form


@dataclass(frozen=True, slots=True)
class Proposal:
    """An alt text; `confidence` is the caption's, in 0..1.

    `needs_review` marks what is believed less than a plain sentence (`form`), or is about a part
    of the picture alone: somebody who sees should look at it. `language` is the text's.
    """

    text: str
    confidence: float
    needs_review: bool
    form: Form
    language: str = field(default_factory=i18n.language)


def proposed(caption: Caption) -> Proposal | None:
    """None where nothing is believed, or there is nothing to describe."""
    text = phrasing.alt_text(caption)
    if not text:
        return None
    less_sure = caption.form != "plain" or caption.number > 0
    return Proposal(text, caption.confidence, less_sure, caption.form, caption.language)
