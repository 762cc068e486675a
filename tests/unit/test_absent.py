"""No setting silences the describer: what it names is refused with its line, or stood in for.

The tables have every setting: whoever adds one says here what comes of it when it is wrong, and
when what it names is absent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from describer_daemon import app, listening, making
from describer_daemon.capture import geometry
from describer_daemon.core.ports import (
    DescriberError,
    Hotkey,
    Picture,
    Pixels,
    Rectangle,
    Region,
    Verb,
    VoiceSettings,
)
from describer_daemon.hotkeys.names import keys_refused
from describer_daemon.settings.file import SettingsError, entries
from describer_daemon.settings.settings import Settings, load
from describer_daemon.speech.utterance import OneAtATime, Utterance

LONG = 120.0  # seconds until a test gives up

# What its rule refuses, whatever this desktop has.
WRONG = {
    **{f"keys.{verb.setting}": '"ctrl+alt+nokey"' for verb in Verb},
    "speech.backend": '"espeek"',
    "speech.voice": '"two\\nlines"',
    "speech.rate": "9000",
    "speech.volume": "101",
    "speech.language": '"tlh"',
    "capture.region": '"windows"',
    "capture.pointer_box": "[1, 1]",
    "capture.find": '"yes"',
    "clipboard.watch": "1",
    "captioner.start": '"never"',
    "captioner.timeout_seconds": "0",
    "captioner.text_timeout_seconds": "0",
    "captioner.unload_after_minutes": "-1",
    "captioner.beam": "11",
    "captioner.bundle": '"relative/path"',
    "captioner.words": '"yes"',
    "sounds.earcon": "1",
    "sounds.failure": "1",
    "sounds.place": "1",
    "history.keep": "1001",
    "history.minutes": "-1",
    "history.file": "1",
    "tray.show": "1",
    "serve.max_megabytes": "257",
    "serve.waiting": "-1",
    "serve.origins": '["*"]',
    "log.level": '"loud"',
}
# What may be right, but absent here: the value, and what is said of it.
ABSENT = {
    **{
        f"keys.{verb.setting}": (
            '"ctrl+f24"',
            "The key ctrl+f24 is not on this keyboard. Choose another",
        )
        for verb in Verb
    },
    "speech.backend": (
        '"pyttsx3"',
        "I cannot speak with pyttsx3, so speech-dispatcher serves. It is missing: install it.",
    ),
    "speech.voice": ('"nobody"', "There is no voice named nobody."),
    "speech.language": (
        '"de"',
        "speech-dispatcher has no voice for the language de.",
    ),
    "capture.region": (
        "[30000, 30000, 10, 10]",
        "The region lies outside the screen, so I look at the window. Change it",
    ),
    "captioner.bundle": (
        '"/nowhere/at/all"',
        "There is no captioner bundle at /nowhere/at/all. I use the one that ships.",
    ),
}
# These name nothing that could be absent: numbers, switches, and words that are all known.
NOTHING = {
    "speech.rate", "speech.volume", "capture.pointer_box", "capture.find", "clipboard.watch",
    "serve.max_megabytes", "serve.waiting", "serve.origins",
    "captioner.start",
    "captioner.timeout_seconds", "captioner.text_timeout_seconds",
    "captioner.unload_after_minutes", "captioner.beam", "captioner.words", "sounds.earcon",
    "sounds.failure", "sounds.place",
    "history.keep", "history.minutes", "history.file", "tray.show", "log.level",
}  # fmt: skip

SAID: list[tuple[str, str]] = []  # speaker, text


class Voice(OneAtATime):
    def configure(self, voice: VoiceSettings) -> None:
        if voice.name:
            raise DescriberError(f"There is no voice named {voice.name}.")
        self._voice = voice

    def save(self, text: str, path: Path) -> None: ...

    def voices(self) -> Sequence[str]:
        return []

    def speaks(self, language: str) -> bool:
        return language == "en"

    def say(self, text: str, voice: VoiceSettings, utterance: Utterance) -> None:
        SAID.append((self.name, text))

    @classmethod
    def unavailable_reason(cls) -> str:
        return ""


class Dispatcher(Voice):
    name = "speech-dispatcher"


class Absent(Voice):
    name = "pyttsx3"

    @classmethod
    def unavailable_reason(cls) -> str:
        return "It is missing: install it"


class Screen:
    """A desktop with one window, on which stripes are to be seen."""

    name = "a screen"

    def __init__(
        self,
        region: Region,
        pointer_box: tuple[int, int],
        _focus: object,
        told: geometry.Told,
        _in_window: object,
    ) -> None:
        self._region, self._box, self._told = region, pointer_box, told

    @classmethod
    def unavailable_reason(cls) -> str:
        return ""

    def grab(self) -> Picture:
        whole = Rectangle(0, 0, 320, 240)
        desktop = geometry.Desktop(whole, (whole,), (5, 5), Rectangle(10, 10, 200, 100))
        area = geometry.resolve(self._region, desktop, self._box, self._told)
        row = bytes(value % 256 for value in range(3 * area.width))
        return Pixels(area.width, area.height, row * area.height)


class Keys:
    """A keyboard without F24."""

    name = "a keyboard"

    @classmethod
    def unavailable_reason(cls) -> str:
        return ""

    def start(
        self, keys: Mapping[Verb, Hotkey], on_verb: Callable[[Verb], None], on_lost: object
    ) -> None:
        missing = [(verb, key) for verb, key in keys.items() if key.key == "f24"]
        if missing:
            raise keys_refused([], missing)
        self._keys = keys

    def held(self) -> Mapping[Verb, str]:
        return {verb: str(key) for verb, key in self._keys.items()}

    def is_alive(self) -> bool:
        return True

    def stop(self) -> None: ...


def names() -> set[str]:
    return {f"{table}.{key}" for table, key, _, _, _ in entries(Settings())}


def text_with(setting: str, value: str) -> str:
    """A settings file for a test, in which line 2 is the one that matters."""
    table, _, key = setting.partition(".")
    tables = {
        "captioner": ["timeout_seconds = 120", "beam = 1"],
        "sounds": ["earcon = false", "failure = false"],
        "tray": ["show = false"],
        "capture": ["find = false"],
    }
    own = [line for line in tables.pop(table, []) if not line.startswith(f"{key} ")]
    lines = [f"[{table}]", f"{key} = {value}", *own]
    for name, others in tables.items():
        lines += [f"[{name}]", *others]
    return "\n".join(lines) + "\n"


@pytest.fixture
def path(sandbox: Path) -> Path:
    return sandbox / "settings.toml"


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module, table, kinds in (
        (making, "SPEAKERS", (Dispatcher, Absent)),
        (app, "SCREENS", (Screen,)),
        (listening, "HOTKEYS", (Keys,)),
    ):
        monkeypatch.setattr(module, table, [f"{__name__}:{kind.__name__}" for kind in kinds])
    SAID.clear()
    yield
    SAID.clear()


def test_the_tables_have_every_setting() -> None:
    assert set(WRONG) == names()
    assert set(ABSENT) | NOTHING == names()
    assert not set(ABSENT) & NOTHING


@pytest.mark.parametrize("setting", sorted(WRONG))
def test_what_is_wrong_is_refused_with_line_and_cure(path: Path, setting: str) -> None:
    path.write_text(text_with(setting, WRONG[setting]), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(path)
    told = caught.value.spoken
    assert told.startswith(f"settings.toml line 2: {setting} = ")
    [rule] = [rule for table, key, _, rule, _ in entries(Settings()) if setting == f"{table}.{key}"]
    assert rule.allowed in told or "I know no key" in told


@pytest.mark.parametrize("saved_later", [False, True], ids=["at start", "saved later"])
@pytest.mark.parametrize(
    "setting",
    sorted(
        {*ABSENT} - {f"keys.{verb.setting}" for verb in Verb}
        | {"keys.screen", "keys.stop", "keys.next_thing"}
    ),
)
def test_what_is_absent_is_told_and_stood_in_for(
    path: Path, desktop: None, catalogues: Path, setting: str, saved_later: bool
) -> None:
    value, sentence = ABSENT[setting]
    path.write_text(text_with("log.level", '"info"'), encoding="utf-8")
    usual = load(path)
    path.write_text(text_with(setting, value), encoding="utf-8")
    settings = load(path)
    daemon = app.Daemon(usual if saved_later else settings, path)
    ready = threading.Event()
    serving = threading.Thread(target=daemon.run, args=(ready.set,), daemon=True)
    serving.start()
    try:
        assert ready.wait(LONG)
        if saved_later:
            daemon._reload(settings)
        answer = daemon._answer("screen", wait=True)
        assert not answer["failed"], answer
        wait_for(sentence)
        wait_for(str(answer["sentence"]))
        told = [text for _, text in SAID if text.startswith(sentence)]
        daemon._answer("screen", wait=True)  # with the next picture it is known already
        assert [text for _, text in SAID if text.startswith(sentence)] == told
        assert {speaker for speaker, _ in SAID} == {"speech-dispatcher"}
    finally:
        daemon.end()
        serving.join(LONG)
    assert not serving.is_alive()


def wait_for(beginning: str) -> None:
    deadline = time.monotonic() + LONG
    while not any(text.startswith(beginning) for _, text in SAID):
        assert time.monotonic() < deadline, SAID
        time.sleep(0.01)
