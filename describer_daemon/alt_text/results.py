"""What became of one picture: the alt text that is proposed, was there, or why there is none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from describer_daemon.alt_text.proposals import Proposal
from describer_daemon.core.escaping import json_line
from describer_daemon.core.i18n import _

Source = Literal["proposed", "author", "describer", "none"]


@dataclass(frozen=True, slots=True)
class Result:
    """`text` is the alt text, "" where there is none; `reason` says why, `error` what failed.

    `source` is who it comes from: "proposed" now, "describer" in an earlier run, an "author".
    `place` says more of a picture of a page. `written` are the files that were changed for it.
    """

    file: str
    source: Source = "none"
    text: str = ""
    proposal: Proposal | None = None
    reason: str = ""
    error: str = ""
    written: Sequence[Path] = ()
    line: int = 0

    @property
    def failed(self) -> bool:
        return bool(self.error)

    def shown(self) -> str:
        """The line for a person, without the file's name."""
        if self.error:
            return self.error
        if self.source == "none":
            # Translators: {reason} is a whole sentence
            return _("no alt text proposed. {reason}").format(reason=self.reason)
        if self.source != "proposed":
            if self.source == "author":
                return _("has the author's alt text: {text}").format(text=self.text)
            return _("has the describer's alt text: {text}").format(text=self.text)
        notes = [_("needs review")] if self.proposal and self.proposal.needs_review else []
        notes += [_("written to {path}").format(path=path) for path in self.written]
        return f"{self.text} ({'; '.join(notes)})" if notes else self.text

    def as_json(self) -> str:
        """One line for other programs; see the README for its fields."""
        name = os.fsencode(self.file).decode("utf-8", "surrogateescape")
        fields: dict[str, Any] = {"file": name}
        if self.line:
            fields["line"] = self.line
        if self.error:
            return json_line({**fields, "error": self.error})
        fields |= {"alt_text": self.text or None, "source": self.source}
        if self.proposal is not None:
            fields |= {
                "confidence": round(self.proposal.confidence, 4),
                "needs_review": self.proposal.needs_review,
                "form": self.proposal.form,
                "language": self.proposal.language,
            }
        if self.reason:
            fields["reason"] = self.reason
        return json_line({**fields, "written": [str(path) for path in self.written]})
