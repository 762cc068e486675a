"""What was described before, as the pipeline sees it: words with their time, never pixels."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol

from describer_daemon.core import i18n
from describer_daemon.core.events import JobDone
from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import Caption, OcrResult, Verb

KINDS = ("screen", "clipboard", "text", "copied")  # the last one without a key

NOTHING = N_("I remember no earlier description.")
OFF = N_("I remember nothing. The settings have a part named history.")
FORGOTTEN = N_("Forgotten. I remember nothing more until I am started again.")
# Translators: both of the descriptions that are remembered
OLDEST, NEWEST = N_("That was the first one."), N_("That was the last one.")


@dataclass(frozen=True, slots=True)
class Entry:
    """One sentence that was said of a picture, or the text that was read.

    `time` is in seconds since 1970; `verb` one of `KINDS`; `language` as in
    `ports.VoiceSettings`.
    """

    time: float
    verb: str
    sentence: str
    language: str = field(default_factory=i18n.language)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is said to whoever asks; `entry` is None where that is no description."""

    sentence: str
    entry: Entry | None = None


def entry(done: JobDone, language: str) -> Entry | None:
    """What there is to remember of a job that was done just now: of secrets nothing."""
    if done.secret or not isinstance(done.result, Caption | OcrResult):
        return None
    request = done.job.request
    kind = "copied" if request.origin == "copied" else request.verb.value
    return Entry(time.time(), kind, done.sentence, language)


class Memory(Protocol):
    """Asked and told by the deciding thread: nothing here waits or raises."""

    def remember(self, entry: Entry) -> None:
        """Take note of it, if that is wanted."""

    def asked(self, verb: Verb) -> Remembered:
        """The description before, the one after, or that all was forgotten, by the verb."""


class NoMemory:
    """See `Memory`: of somebody who remembers nothing."""

    def remember(self, entry: Entry) -> None: ...

    def asked(self, verb: Verb) -> Remembered:
        return Remembered(_(OFF))
