"""What is still known of the picture that was described last, and how much of it was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

from describer_daemon.core import i18n
from describer_daemon.core.i18n import N_
from describer_daemon.core.ports import (
    Captioner,
    NoCaptionReason,
    OcrResult,
    Rectangle,
    Thing,
)

FORGOTTEN = N_("I no longer have that picture. Please describe it again.")

Side = Literal["left", "top", "right", "bottom"]
Sharpness = Literal["", "sharp", "blurred"]


@dataclass(frozen=True, slots=True)
class Details:
    """What the captioner still knows of the picture that it described last.

    `box` is where the picture is in what was looked at; the things' boxes are in the same pixels.
    `sure` are the things believed enough to be said plainly, the largest and surest first,
    `unsure` those that may be said with a "maybe"; of the `others` nobody knows where they are.
    At the sides in `cut` it may go on beyond what was looked at. `sharpness` is "" where it is
    not plain, `text` None where it was not read; `readable` tells whether it could be. Names are in
    `language`.
    """

    box: Rectangle
    finding: NoCaptionReason = ""
    sure: tuple[Thing, ...] = ()
    unsure: tuple[Thing, ...] = ()
    others: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    brightness: Literal["", "dark", "light"] = ""
    sharpness: Sharpness = ""
    cut: tuple[Side, ...] = ()
    readable: bool = False
    text: OcrResult | None = None
    language: str = field(default_factory=i18n.language)


class RecallingCaptioner(Captioner, Protocol):
    """A captioner that keeps what it saw of the last picture, for a while."""

    def recall(self, *, read: bool = False) -> Details:
        """What is still known of that picture; with `read` also its first lines of text.

        Raises DescriberError when nothing is.
        """

    def picture(self) -> bytes:
        """That picture as a PNG, reduced to about a million pixels. Raises as `recall`."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a person has come in what there is to know of a picture.

    `part` counts what "more" has told; `thing` is the one told last, from the left, from 0.
    """

    part: int = 0
    thing: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence about the picture described last, and the `place` that it leaves the person at.

    `point` is where a tone shall sound before it: shares of the picture from the left and from
    the top. What is not `lasting` tells nothing of the picture, and is not what "repeat" says.
    """

    sentence: str
    place: Place
    language: str = field(default_factory=i18n.language)
    point: tuple[float, float] | None = None
    lasting: bool = True
