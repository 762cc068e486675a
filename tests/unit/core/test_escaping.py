"""What comes from outside is shown in one line, and a terminal obeys none of it."""

from __future__ import annotations

import json

import pytest

from describer_daemon.core.escaping import escaped, escaped_lines, json_line

HOSTILE = {
    "a\nb": "a\\nb",
    "a\rb\tc": "a\\rb\\tc",
    "\x1b[2J\x1b]0;title\x07": "\\x1b[2J\\x1b]0;title\\x07",
    "\x9b31m": "\\x9b31m",
    "\x7f\x00": "\\x7f\\x00",
    "photo\u202egpj.exe": "photo\\u202egpj.exe",
    "a\u2028b\u2029c\x85d": "a\\u2028b\\u2029c\\x85d",
    "caf\udce9.png": "caf\\udce9.png",
}
HARMLESS = [
    "photo.jpg",
    "Räksmörgås 10\u202f:\u202f30\u00a0Uhr.png",
    "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian needs its joiners
    "\U0001f469\u200d\U0001f469\u200d\U0001f467.png",
    "\u65e5\u672c\u8a9e\u3000\u5199\u771f",
    "C:\\new\\table",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_terminal_obeys_is_shown(text: str) -> None:
    assert escaped(text) == HOSTILE[text]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_people_call_their_files_stays(text: str) -> None:
    assert escaped(text) == text
    assert json.loads(json_line(text)) == text
    assert text in json_line(text).replace("\\\\", "\\")


def test_lines_of_our_own_stay_lines() -> None:
    assert escaped_lines("one\x1b[0m\ntwo") == "one\\x1b[0m\ntwo"


@pytest.mark.parametrize("text", HOSTILE)
def test_json_says_the_same_and_is_harmless(text: str) -> None:
    line = json_line({text: [text, 1.5, None]})
    assert json.loads(line) == {text: [text, 1.5, None]}
    assert escaped(line) == line
    line.encode("utf-8")
