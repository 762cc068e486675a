"""The types that all packages share: requests, pictures, results, and who makes them.

Nothing here imports an operating-system library; every back-end implements one of these
Protocols, and the pipeline knows only them.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from describer_daemon.core import i18n


class DescriberError(Exception):
    """A failure with a sentence for the ear.

    `spoken` is one or two short plain sentences (cause, then cure) that are both spoken and
    logged. `detail` is for the log alone and never holds clipboard text or pixels.
    """

    def __init__(self, spoken: str, *, detail: str = "") -> None:
        super().__init__(spoken)
        self.spoken = spoken
        self.detail = detail


class Verb(enum.StrEnum):
    """What a person can ask for, by key, tray, or `describer trigger`."""

    SCREEN = "screen"
    CLIPBOARD = "clipboard"
    TEXT = "text"
    REPEAT = "repeat"
    COPY = "copy"
    STOP = "stop"
    MORE = "more"
    NEXT_THING = "next-thing"
    PREVIOUS_THING = "previous-thing"
    WHERE = "where"
    PREVIOUS = "previous"
    NEXT = "next"
    FORGET = "forget"

    @property
    def setting(self) -> str:
        """Its name below [keys] in the settings file."""
        return self.value.replace("-", "_")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a request ended: exactly one sentence, and whether it is a failure.

    `sentence` is what was spoken ("" when there was nothing to say, as after stop);
    `stale` means a newer request overtook this one and nothing was said.
    """

    sentence: str
    failed: bool = False
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for.

    `reply`, if given, is called exactly once, from the pipeline's thread.
    """

    verb: Verb
    origin: Literal["key", "tray", "socket", "copied"]
    reply: Callable[[Outcome], None] | None = None


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Physical pixels, right and bottom exclusive; of the whole desktop unless said otherwise."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a person's attention is, in pixels of what was grabbed; None is unknown.

    `pointer` lies inside; `focus`, the object that has the keyboard, may reach beyond.
    """

    pointer: tuple[int, int] | None = None
    focus: Rectangle | None = None


@dataclass(frozen=True, slots=True)
class Pixels:
    """Raw pixels, rows from the top, no padding.

    `data` has width * height * 3 bytes for "RGB" and width * height * 4 for "BGRX". With an
    `aim` it is of a screen, and the picture in it must first be found; without, it most likely
    is the picture itself.
    """

    width: int
    height: int
    data: bytes | bytearray | memoryview
    layout: Literal["RGB", "BGRX"] = "RGB"
    aim: Aim | None = None


@dataclass(frozen=True, slots=True)
class Encoded:
    """An image file's bytes, not yet trusted: decoded only in the captioner's process.

    `aim` as for `Pixels`. `secret` says that whoever copied it wants it remembered nowhere.
    """

    data: bytes
    aim: Aim | None = None
    secret: bool = False


Picture = Pixels | Encoded


@dataclass(frozen=True, slots=True)
class Tag:
    """A thing that the classifier recognised, apart from the caption, such as "a coffee mug".

    `probability` is in 0..1.
    """

    name: str
    probability: float


@dataclass(frozen=True, slots=True)
class Detection:
    """A picture that the finder detected in an image, in that image's pixels.

    `score` is in 0..1. A "drawing" is whatever is content but no photograph: a chart, a map, a
    diagram, and artwork.
    """

    box: Rectangle
    score: float
    kind: Literal["photograph", "drawing"]


# Why there is no caption, or a drawing's caption cannot be trusted; "" where there is one.
NoCaptionReason = Literal["", "black", "plain", "none", "text", "drawing"]


@dataclass(frozen=True, slots=True)
class Thing:
    """One of eighty everyday kinds of thing that is, or are, on the picture.

    `kind` is what it is called ("dog") and `name` how it is spoken, with its number ("two
    dogs"); `probability` is in 0..1, `count` 1, 2 or 3, which stands for several. `box` is about
    where it is, or they all are, in pixels of the whole image.
    """

    kind: str
    name: str
    probability: float
    count: int
    box: Rectangle


Form = Literal["plain", "hedged", "things", "unknown"]
"""What of a caption is believed enough to be said: all of it, plainly or hedged; nothing of it, but
things that were `seen`; or not even that."""


Graphic = Literal["", "chart", "map", "sign"]
"""What a drawing surely is, which is no artwork; a sign is a logo or an icon."""


@dataclass(frozen=True, slots=True)
class Caption:
    """The captioner's result for one picture.

    `words` in order; `log_probabilities` has one natural logarithm for each word and one for
    the end of the sentence; `confidence` is in 0..1 and `form` what comes of it. Where there is
    nothing to caption there are no words but a `finding` (the key in the JSON, too): the reason.
    Artwork has the finding "drawing", and words all the same.
    `tags` differ from each other, likeliest first. `pictures` are those that were detected, in
    the order in which they are visited, and `number`, from 1, tells which of them this is about:
    0 when it is about the whole image.

    `things` are the kinds of thing that may be on it, likeliest first, and `seen` the names of
    those, and of others that were recognised, that are sure enough to be listed. In the form
    "unknown", `colours` are the picture's main ones, most first, and `brightness` says whether it
    is dark or light. `written` are the first lines of its text, where that was wanted and there
    is much of it.

    All names of things, and the sentence that is made of it, are in `language`; the words are
    English. Of a caption that is said whole, `translated` is what they are in that language, ""
    in English. `listed` are the things that were `seen` as they are called when they stand alone.

    A drawing without words may be known to be a certain `graphic`; `labels` are a chart's title
    and what is written at its axes, where text was read.
    """

    words: tuple[str, ...]
    log_probabilities: tuple[float, ...]
    confidence: float
    form: Form = "plain"
    finding: NoCaptionReason = ""
    tags: tuple[Tag, ...] = ()
    pictures: tuple[Detection, ...] = ()
    number: int = 0
    things: tuple[Thing, ...] = ()
    seen: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    brightness: Literal["", "dark", "light"] = ""
    written: OcrResult | None = None
    language: str = field(default_factory=i18n.language)
    translated: str = ""
    listed: tuple[str, ...] = ()
    graphic: Graphic = ""
    labels: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The words as people write them, which are English."""
        return " ".join(self.words).replace(" 's", "'s")

    @property
    def told(self) -> str:
        """The words in its language; "" where there are none, or they were not translated."""
        return self.translated or (self.text if self.language == i18n.ENGLISH else "")

    @property
    def box(self) -> Rectangle | None:
        """Where the picture is that this is about; None when that is the whole image."""
        return self.pictures[self.number - 1].box if self.number else None


@dataclass(frozen=True, slots=True)
class Hotkey:
    """One key with an exact set of modifiers.

    `modifiers` is a subset of {"ctrl", "alt", "shift", "super"}; `key` is an X keysym-like
    lower-case name: a letter, a digit, "f1".."f24", "space", "insert", "print", ...
    """

    modifiers: frozenset[str]
    key: str

    def __str__(self) -> str:
        order = ("ctrl", "alt", "shift", "super")
        return "+".join([m for m in order if m in self.modifiers] + [self.key])


Region = Literal["window", "pointer", "screen"] | Rectangle


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text and its box in pixels of the picture; `confidence` is in 0..1."""

    text: str
    confidence: float
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class OcrResult:
    """The text in a picture: paragraphs in reading order, none where there is a `finding`."""

    paragraphs: tuple[tuple[TextLine, ...], ...]
    finding: Literal["", "black", "plain"] = ""

    @property
    def lines(self) -> tuple[TextLine, ...]:
        """All lines in reading order."""
        return tuple(line for paragraph in self.paragraphs for line in paragraph)


class HotkeyListener(Protocol):
    """Calls `on_verb` from its own thread; the callback only enqueues."""

    def start(
        self,
        keys: Mapping[Verb, Hotkey],
        on_verb: Callable[[Verb], None],
        on_lost: Callable[[DescriberError], None],
    ) -> None:
        """Return once the keys are being listened for.

        `on_lost` is called from the listener's thread, too, when keys that were had are lost
        later, such as by another layout of the keyboard: once, with what is to be said.

        Raises DescriberError naming every key that cannot be had; the others still work
        only if the error is not raised, so the caller may start again with fewer keys.
        """

    def held(self) -> Mapping[Verb, str]:
        """The keys that are held now, as people read them; {} before `start` and after `stop`."""

    def is_alive(self) -> bool:
        """False once the display is gone or the listening thread ended."""

    def stop(self) -> None:
        """Give the keys back; returns within a second; safe to call twice."""


class ImageSource(Protocol):
    """Where a picture comes from: the screen or the clipboard."""

    def grab(self) -> Picture:
        """Take the picture now. Raises DescriberError with the cause and the cure."""


class Captioner(Protocol):
    """Turns a picture into a caption, or into its text, in a process of its own."""

    def describe(self, picture: Picture, already_described: Sequence[Rectangle] = ()) -> Caption:
        """Find the picture that is meant, unless it was in `already_described`, and caption it.

        `already_described` has the boxes of pictures that were described before; when all have
        been, it starts over. Raises DescriberError when the picture is refused, or the captioner
        hung or died.
        """

    def read(self, picture: Picture) -> OcrResult:
        """OCR. Raises DescriberError like `describe`."""

    def cancel(self) -> None:
        """End an OCR that is under way; returns at once, and never raises."""

    def warm_up(self) -> None:
        """Load the model now rather than with the first picture."""

    def close(self) -> None:
        """End the captioner's process and free its memory, for good.

        Whoever calls it at that moment or later gets a DescriberError: nothing starts any more.
        """


@dataclass(frozen=True, slots=True)
class VoiceSettings:
    """`name` "" is the system's own voice; `rate` in words a minute; `volume` in 0..100.

    `language` is that of the text, for which the system's own voice may not do: the one in use
    (`i18n.language`) for all that the describer itself says, "" where nobody knows it, as of text
    that was read off a screen. A voice that is named wins.
    """

    name: str = ""
    rate: int = 180
    volume: int = 100
    language: str = field(default_factory=i18n.language)


SpeechDone = Callable[[DescriberError | None], None]


class Speaker(Protocol):
    """The system's voice. One utterance at a time; a new one ends the one before."""

    def configure(self, voice: VoiceSettings) -> None:
        """Raises DescriberError naming the nearest voices when `voice.name` is unknown."""

    def speak(self, text: str, done: SpeechDone, language: str | None = None) -> None:
        """Begin to speak and return at once; `language` as in `VoiceSettings`, None: that in use.

        `done` is called exactly once, from another thread: with None when all was heard or
        speech was stopped, with an error when it could not be heard.
        """

    def stop(self) -> None:
        """Silence within 100 ms. Never raises; harmless when nothing is being said."""

    def save(self, text: str, path: Path) -> None:
        """Write the speech as a WAV file (16-bit PCM) instead of playing it."""

    def voices(self) -> Sequence[str]:
        """The names that `VoiceSettings.name` may take, sorted."""

    def close(self) -> None:
        """Stop, and leave no process behind."""
