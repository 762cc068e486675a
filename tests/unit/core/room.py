"""A pipeline among fakes behind its own Protocols, and a way to ask it something."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from describer_daemon.captioner import selection
from describer_daemon.core.details import Details
from describer_daemon.core.pipeline import Pipeline
from describer_daemon.core.ports import (
    Aim,
    Caption,
    DescriberError,
    Detection,
    OcrResult,
    Outcome,
    Picture,
    Pixels,
    Rectangle,
    Request,
    SpeechDone,
    TextLine,
    Verb,
    VoiceSettings,
)
from describer_daemon.core.remembering import Memory

LONG = 20.0  # seconds until a test gives up; nothing should ever take as long


def until(condition: Callable[[], bool], what: str = "") -> None:
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what or condition}"
        time.sleep(0.002)


class Source:
    """Counts; waits while `may_go` is unset; raises `error` if there is one."""

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.may_go.set()
        self.grabbing = threading.Event()
        self.error: Exception | None = None
        self.grabbed = 0

    def grab(self) -> Picture:
        self.grabbed += 1
        self.grabbing.set()
        assert self.may_go.wait(LONG)
        if self.error is not None:
            raise self.error
        return Pixels(1, 1, bytes([self.grabbed % 256, 0, 0]))


class Captioner:
    """Numbers its captions; waits and raises like `Source`. Finds what is in `pictures`."""

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.may_go.set()
        self.working = threading.Event()
        self.error: Exception | None = None
        self.made = 0
        self.cancelled = threading.Event()
        self.pictures: tuple[Detection, ...] = ()
        self.details = Details(Rectangle(0, 0, 640, 480))
        self.text = OcrResult(())
        self.recalled: list[bool] = []  # whether the text was wanted, too

    def describe(self, picture: Picture, already_described: Sequence[Rectangle] = ()) -> Caption:
        self._make(picture)
        found, number = self.pictures, 0
        if found:
            found, number = selection.in_order(found, (640, 480), Aim(), already_described)
        return Caption(
            ("picture", str(self.made)), (-0.1, -0.1, -0.1), 0.9, pictures=found, number=number
        )

    def read(self, picture: Picture) -> OcrResult:
        self._make(picture)
        return OcrResult(((TextLine(f"text {self.made}", 0.9, 0, 0, 9, 9),),))

    def recall(self, *, read: bool = False) -> Details:
        self.recalled.append(read)
        assert self.may_go.wait(LONG)
        if self.error is not None:
            raise self.error
        return replace(self.details, text=self.text) if read else self.details

    def picture(self) -> bytes:
        assert self.may_go.wait(LONG)
        if self.error is not None:
            raise self.error
        return b"the picture"

    def cancel(self) -> None:
        self.cancelled.set()

    def _make(self, picture: Picture) -> None:
        assert isinstance(picture, Pixels)
        self.working.set()
        assert self.may_go.wait(LONG)
        if self.error is not None:
            raise self.error
        self.made += 1

    def warm_up(self) -> None: ...

    def close(self) -> None: ...


class Speaker:
    """Notes what is said and when it was told to stop; ends each utterance at once."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.languages: list[str] = []  # of what was said
        self.stops = 0
        self.raises: Exception | None = None
        self.fails: DescriberError | None = None
        self.stop_raises: Exception | None = None
        self.held: list[SpeechDone] | None = None  # a list keeps utterances from ending

    def configure(self, voice: VoiceSettings) -> None: ...

    def speak(self, text: str, done: SpeechDone, language: str = "en") -> None:
        if self.raises is not None:
            raise self.raises
        self.said.append(text)
        self.languages.append(language)
        if self.held is None:
            done(self.fails)
        else:
            self.held.append(done)

    def stop(self) -> None:
        self.stops += 1
        if self.stop_raises is not None:
            raise self.stop_raises

    def save(self, text: str, path: Path) -> None: ...

    def voices(self) -> list[str]:
        return []

    def close(self) -> None: ...


class Earcons:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.error: Exception | None = None
        self.held: list[Callable[[], None]] | None = None  # a list makes words wait

    def acknowledge(self) -> None:
        self._play("taken")

    def failed(self) -> None:
        self._play("failed")

    def point(self, across: float, down: float) -> None:
        self._play(f"at {across:.2f} {down:.2f}")

    def make_way(self, then: Callable[[], None]) -> bool:
        self._play("words")
        if self.held is not None:
            self.held.append(then)
        return self.held is None

    def _play(self, name: str) -> None:
        if self.error is not None:
            raise self.error
        self.heard.append(name)


class Room:
    """A pipeline among fakes, and a way to ask it something."""

    def __init__(
        self,
        still_looking_after: float = LONG,
        cycle_timeout: float = LONG,
        memory: Memory | None = None,
    ) -> None:
        self.screen, self.clipboard = Source(), Source()
        self.captioner, self.speaker, self.earcons = Captioner(), Speaker(), Earcons()
        self.copied: list[str] = []
        self.pictures_copied: list[tuple[bytes, str]] = []
        self.unheard: list[DescriberError] = []
        self.copy_error: Exception | None = None
        self.may_copy = threading.Event()
        self.may_copy.set()
        self.unheard_error: Exception | None = None
        self.pipeline = Pipeline(
            {Verb.SCREEN: self.screen, Verb.CLIPBOARD: self.clipboard, Verb.TEXT: self.screen},
            self.captioner,
            self.speaker,
            self._copy,
            self.earcons,
            self._unheard,
            memory=memory,
            copy_picture=self._copy_picture,
            still_looking_after=still_looking_after,
            cycle_timeout=cycle_timeout,
        )
        self.pipeline.start()

    def _copy(self, text: str) -> None:
        assert self.may_copy.wait(LONG)
        if self.copy_error is not None:
            raise self.copy_error
        self.copied.append(text)

    def _copy_picture(self, png: bytes, text: str) -> str:
        if self.copy_error is not None:
            raise self.copy_error
        self.pictures_copied.append((png, text))
        return "Copied both."

    def _unheard(self, error: DescriberError) -> None:
        self.unheard.append(error)
        if self.unheard_error is not None:
            raise self.unheard_error

    def ask(self, verb: Verb) -> list[Outcome]:
        """→ the list that the outcome will be in."""
        outcomes: list[Outcome] = []
        self.pipeline.put(Request(verb, "key", outcomes.append))
        return outcomes

    def answer(self, verb: Verb) -> Outcome:
        outcomes = self.ask(verb)
        until(lambda: bool(outcomes), f"an answer to {verb}")
        return outcomes[0]

    def close(self) -> None:
        for part in (self.screen, self.clipboard, self.captioner):
            part.may_go.set()
        self.may_copy.set()
        self.pipeline.stop(LONG)
