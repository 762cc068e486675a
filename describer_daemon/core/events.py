"""What the deciding thread of the pipeline is told: requests, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass

from describer_daemon.core.details import Place, Told
from describer_daemon.core.ports import (
    Caption,
    DescriberError,
    ImageSource,
    OcrResult,
    Rectangle,
    Request,
)

_BEGINNING = Place()


@dataclass(frozen=True, slots=True, eq=False)
class Offer:
    """A picture that nobody asked for, such as one that was just copied.

    It waits until nothing is looked for or said any more, and is forgotten when a later one or
    any request comes. `source` raises DescriberError when there is nothing to be told after all.
    """

    source: ImageSource


@dataclass(slots=True, eq=False)
class Job:
    """A picture to take, more to tell of the last one, or a sentence to copy; with an `offer`, one
    that nobody asked for.

    Compared by identity, so that no two are ever the same.
    """

    request: Request
    still_looking_at: float | None  # time.monotonic() at which to say so; None: said already
    already_described: tuple[Rectangle, ...]  # see `PictureCycle`
    offer: Offer | None = None
    place: Place = _BEGINNING  # how much was told of the picture that was described last


@dataclass(frozen=True, slots=True)
class JobDone:
    """A job was done, by the looking thread or a copying one."""

    job: Job
    sentence: str
    result: Caption | OcrResult | Told | None = None  # what there is to remember of it
    failed: bool = False
    digest: bytes = b""  # of a picture that was offered
    secret: bool = False  # whoever copied the picture wants it remembered nowhere


@dataclass(frozen=True, slots=True)
class Spoken:
    """An utterance ended, was stopped (error None), or could not be heard."""

    text: str
    error: DescriberError | None


@dataclass(frozen=True, slots=True)
class Announcement:
    """Something to be spoken that nobody asked for."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """Words on their way to the voice, which may first have to wait for the end of a tone."""

    text: str
    language: str  # see `VoiceSettings`


Event = Request | JobDone | Spoken | Announcement | Words | Offer
