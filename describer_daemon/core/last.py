"""The sentence that "repeat" says again and "copy" copies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from describer_daemon.core import i18n
from describer_daemon.core.details import Told
from describer_daemon.core.events import JobDone
from describer_daemon.core.ports import Caption, OcrResult
from describer_daemon.core.remembering import Entry


@dataclass(frozen=True, slots=True)
class Last:
    """`language` as in `ports.VoiceSettings`.

    `is_of_picture` says that it is of the picture that the captioner still keeps, and
    `may_be_copied` whether that is one to be copied: there was one, and no secret.
    """

    sentence: str = ""
    language: str = field(default_factory=i18n.language)
    is_of_picture: bool = False
    may_be_copied: bool = False

    def after(self, done: JobDone, language: str) -> Last:
        """What it is once that was answered, in that language."""
        result = done.result
        said = replace(self, sentence=done.sentence, language=language)
        match result:
            case Caption():
                may_be_copied = result.finding in ("", "drawing") and not done.secret
                return replace(said, is_of_picture=True, may_be_copied=may_be_copied)
            case Told(lasting=True):
                return replace(said, is_of_picture=True)
            case OcrResult():
                return replace(said, is_of_picture=False)
            case _:
                return self

    def recalled(self, entry: Entry) -> Last:
        """What it is once that was said again, from the history."""
        return replace(self, sentence=entry.sentence, language=entry.language, is_of_picture=False)

    @property
    def has_picture(self) -> bool:
        """Whether it can be copied together with its picture."""
        return self.is_of_picture and self.may_be_copied
