"""Which voice pyttsx3 is given, where the system's own one may be of any language."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from describer_daemon.speech import pyttsx3_child


@dataclass
class Voice:
    id: str
    languages: list[Any] = field(default_factory=list)
    name: str = ""


class Engine:
    """As much of pyttsx3's engine as one utterance takes; says all at once."""

    def __init__(self, usual: str, voices: list[Voice]) -> None:
        self.set: dict[str, Any] = {"voice": usual}
        self._voices = voices
        self.asked = 0
        self._callbacks: dict[str, Any] = {}

    def __str__(self) -> str:
        return "sapi5"

    def getProperty(self, name: str) -> Any:  # noqa: N802 - pyttsx3 calls it so
        if name == "voices":
            self.asked += 1
            return self._voices
        return self.set[name]

    def setProperty(self, name: str, value: Any) -> None:  # noqa: N802 - pyttsx3 calls it so
        self.set[name] = value

    def connect(self, topic: str, callback: Any) -> None:
        self._callbacks[topic] = callback

    def say(self, text: str) -> None: ...

    def runAndWait(self) -> None:  # noqa: N802 - pyttsx3 calls it so
        self._callbacks["finished-utterance"](name=None, completed=True)


def used(
    monkeypatch: pytest.MonkeyPatch, engine: Engine, voice: str = "", language: str = "en"
) -> str:
    module = ModuleType("pyttsx3")
    module.init = lambda: engine  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyttsx3", module)
    request = {"do": "say", "text": "A dog.", "voice": voice, "language": language}
    assert pyttsx3_child._do({**request, "rate": 180, "volume": 100}) == {}
    return str(engine.set["voice"])


HEDDA = Voice("MS_HEDDA", ["de-DE"])
ZIRA = Voice("MS_ZIRA", ["en-US"])
GEORGE = Voice("MS_GEORGE", ["en-GB"])
DANIEL = Voice("com.apple.Daniel", ["en_GB"])
OLD = Voice("old", [b"\x05en"])
ENGLISH_OF_MBROLA = Voice("mb/mb-us1", ["en-us"])


@pytest.mark.parametrize(
    ("usual", "voices", "expected"),
    [
        (HEDDA, [HEDDA, ZIRA, GEORGE], ZIRA),
        (GEORGE, [HEDDA, ZIRA, GEORGE], GEORGE),  # the person's own English stays
        (HEDDA, [HEDDA, DANIEL], DANIEL),
        (HEDDA, [HEDDA, ENGLISH_OF_MBROLA, OLD], OLD),
        (HEDDA, [HEDDA], HEDDA),  # better than nothing
        (HEDDA, [], HEDDA),
    ],
)
def test_english_gets_an_english_voice(
    monkeypatch: pytest.MonkeyPatch, usual: Voice, voices: list[Voice], expected: Voice
) -> None:
    assert used(monkeypatch, Engine(usual.id, voices)) == expected.id


def test_a_chosen_voice_wins_and_text_of_no_known_language_keeps_the_usual_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert used(monkeypatch, Engine("MS_ZIRA", [HEDDA, ZIRA]), "MS_HEDDA") == "MS_HEDDA"
    assert used(monkeypatch, Engine("MS_HEDDA", [HEDDA, ZIRA]), language="") == "MS_HEDDA"


def test_on_linux_no_list_of_voices_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine("gmw/en-us", [HEDDA])
    assert used(monkeypatch, engine) == "gmw/en-us"
    assert engine.asked == 0


@pytest.mark.parametrize(("language", "expected"), [("en", True), ("de", True), ("cs", False)])
def test_it_tells_whether_there_is_a_voice_of_a_language(
    monkeypatch: pytest.MonkeyPatch, language: str, expected: bool
) -> None:
    module = ModuleType("pyttsx3")
    vars(module)["init"] = lambda: Engine("MS_ZIRA", [HEDDA, ZIRA])
    monkeypatch.setitem(sys.modules, "pyttsx3", module)
    assert pyttsx3_child._do({"do": "speaks", "language": language}) == {"speaks": expected}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no file is in memory")
def test_where_no_file_may_grow_it_says_so_at_once() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
        "from describer_daemon.speech import pyttsx3_child; pyttsx3_child.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps({"do": "synthesise"}).encode(),  # it does not come to what is said
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout) == {"error": "OSError: [Errno 27] File too large"}
