"""A captioner's process that was taken over: what it answers, and what it prints, does no harm."""

from __future__ import annotations

import json
import logging
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from benchmarks.fuzz import texts
from describer_daemon.captioner import fields, messages, protocol, stderr
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.captioner.judging import Fit, Fitted, Judge, Judged
from describer_daemon.captioner.recalling import Fetch, Recall, Recalled
from describer_daemon.core.ports import DescriberError, Encoded, Pixels, Rectangle
from tests.unit.captioner.inside import SAMPLE
from tests.unit.proc import LONG, PROC

PICTURE = Encoded(SAMPLE)
SCREEN = Pixels(20, 10, bytes(600))
BOX = {"left": 1, "top": 2, "width": 3, "height": 4}
CAPTION: dict[str, Any] = {
    "words": ["a", "dog"],
    "log_probabilities": [-0.5, -0.5, -0.1],
    "confidence": 0.7,
    "form": "plain",
    "finding": "",
    "tags": [{"name": "a dog", "probability": 0.5}],
    "pictures": [{"box": BOX, "score": 0.5, "kind": "photograph"}],
    "number": 1,
    "things": [{"kind": "dog", "name": "a dog", "probability": 1, "count": 1, "box": BOX}],
    "seen": [],
    "colours": [],
    "brightness": "",
    "language": "en",
    "translated": "",
    "listed": [],
    "graphic": "",
    "labels": [],
    "milliseconds": {"find": 1.0},
}
LINE = {"text": "Closed", "confidence": 0.9, **BOX}
TEXT: dict[str, Any] = {"paragraphs": [[LINE]], "finding": ""}
CAPTION["written"] = TEXT
DETAILS: dict[str, Any] = {
    "box": BOX,
    "finding": "",
    "sure": CAPTION["things"],
    "unsure": [],
    "others": ["a tripod"],
    "colours": ["blue"],
    "brightness": "dark",
    "sharpness": "sharp",
    "cut": ["left"],
    "readable": True,
    "text": TEXT,
    "language": "en",
}
# answers whatever is asked with what it was given, and says something before
PROGRAM = """
import os, sys
sys.stdin.buffer.read(8)
os.write(2, {said!r})
os.write(1, {lengths!r} + {head!r})
chunk = bytes(1 << 20)
for _ in range({megabytes}):
    os.write(1, chunk)
sys.stdin.buffer.read()
"""
ESCAPES = "\x1b]0;owned\x07\x1b[2J\r\n\u202egnp.txt\u2028\x9b31m"

Taken = Callable[..., ChildCaptioner]
pytestmark = pytest.mark.skipif(not PROC.is_dir(), reason="looks at processes through /proc")


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[Taken]:
    """`taken(head, body, said)` → a captioner whose process answers so: `body` bytes, announced,
    and sent if they are megabytes."""
    made: list[ChildCaptioner] = []

    def make(head: object, body: int = 0, said: bytes = b"") -> ChildCaptioner:
        text = head if isinstance(head, bytes) else json.dumps(head).encode()
        program = PROGRAM.format(
            said=said, lengths=struct.pack("<II", len(text), body), head=text, megabytes=body >> 20
        )
        made.append(ChildCaptioner(timeout=LONG, reading_timeout=LONG))
        file = tmp_path / f"{len(made)}.py"
        file.write_text(program, encoding="utf-8")
        made[-1]._command = [sys.executable, str(file)]
        return made[-1]

    yield make
    for captioner in made:
        captioner.close()


REQUESTS: dict[str, Callable[[ChildCaptioner], object]] = {
    "load": ChildCaptioner.warm_up,
    "describe": lambda captioner: captioner.describe(PICTURE),
    "illustrate": lambda captioner: captioner.illustrate(PICTURE),
    "read": lambda captioner: captioner.read(PICTURE),
    "outline": lambda captioner: captioner.outline(SCREEN, [Rectangle(1, 1, 2, 2)]),
    "recall": lambda captioner: captioner.answer(Recall(), Recalled),
    "fetch": lambda captioner: captioner.answer(Fetch(), messages.Outlined),
}


@pytest.mark.parametrize("what", REQUESTS)
def test_a_reply_of_a_gigabyte_is_not_taken(taken: Taken, what: str) -> None:
    captioner = taken(CAPTION | TEXT | {"ok": True}, (1 << 30) - 1)
    with pytest.raises(DescriberError) as caught:
        REQUESTS[what](captioner)
    assert caught.value.spoken == (
        "The captioner answered with far too much, so I ended it. Please try again."
    )
    assert not captioner.is_loaded()


@pytest.mark.parametrize("what", ["load", "describe", "read", "recall"])
def test_what_has_no_drawing_has_no_body(taken: Taken, what: str) -> None:
    with pytest.raises(DescriberError, match="far too much"):
        REQUESTS[what](taken(CAPTION | TEXT, 1))


def test_a_drawing_may_be_as_large_as_its_picture() -> None:
    noise = Random(5).randbytes(3 * 640 * 480)
    picture = Pixels(640, 480, noise)
    from PIL import Image

    from describer_daemon.captioner import image_decoding

    drawn = image_decoding.outlined(Image.frombytes("RGB", (640, 480), noise), ())
    assert len(noise) < len(drawn) <= messages.Outline(picture, ()).reply_limit[1]
    assert messages.Outline(picture, ()).reply_limit[1] < 2 * len(noise)
    assert messages.Outline(PICTURE, ()).reply_limit[1] < 320_000_000  # of 100 million pixels


def test_heads_have_a_limit_of_their_own(taken: Taken) -> None:
    long = CAPTION | {"words": ["dog"] * 100_000}
    assert len(json.dumps(long)) < protocol.MAX_HEAD
    with pytest.raises(DescriberError, match="far too much"):
        taken(long).describe(PICTURE)


SOUND = (
    ("confidence", 7), ("log_probabilities", [7]), ("milliseconds", {"a": 1}), ("number", 7),
    ("written", None), ("text", None), ("readable", True),
    ("translated", "words"),
)  # fmt: skip


def damaged() -> Iterator[tuple[str, Any]]:
    """Each field of the three replies, absent or of another kind."""
    for head in (CAPTION, TEXT, DETAILS):
        for name in head:
            yield f"no {name}", {key: head[key] for key in head if key != name}
            for other in (None, 7, "words", [7], [[[]]], {"a": 1}, [{}], float("nan"), 1e400, True):
                if (name, other) not in SOUND:
                    yield f"{name} is {other}", head | {name: other}
    for name in BOX:
        yield (
            f"{name} huge",
            CAPTION | {"things": [CAPTION["things"][0] | {"box": BOX | {name: 1e9}}]},
        )
        yield f"{name} text", TEXT | {"paragraphs": [[LINE | {name: 1 << 40}]]}
    for name in LINE:
        yield (
            f"no {name}",
            TEXT | {"paragraphs": [[{key: LINE[key] for key in LINE if key != name}]]},
        )
    for head in (CAPTION, DETAILS):
        yield "a way out", head | {"language": "../../../../tmp"}
    yield "more", TEXT | {"finding": "drawing"}


@pytest.mark.parametrize(("what", "head"), list(damaged()))
def test_a_reply_that_is_none_is_an_error_of_its_own(what: str, head: protocol.Head) -> None:
    kinds = {"words": messages.Described, "paragraphs": messages.TextRead, "box": Recalled}
    [kind] = {
        kind for key, kind in kinds.items() for whole in (CAPTION, TEXT, DETAILS)
        if key in whole and len(set(whole) - set(head)) <= 1 and set(head) <= set(whole)
    }  # fmt: skip
    captioner = ChildCaptioner()
    captioner._ask = lambda _: (head, b"")  # type: ignore[method-assign]  # what came by the pipe
    with pytest.raises(DescriberError) as caught:
        captioner.answer(messages.Load(), kind)
    assert caught.value.spoken == "The captioner broke off on this picture. Please try again."
    assert len(caught.value.detail) < 500


def test_one_that_answers_nonsense_is_ended(taken: Taken) -> None:
    captioner = taken({"words": 5})
    with pytest.raises(DescriberError, match=r"^The captioner broke off"):
        captioner.describe(PICTURE)
    assert not captioner.is_loaded()
    captioner = taken({"error": ["x"]})
    with pytest.raises(DescriberError, match=r"^The captioner broke off"):
        captioner.describe(PICTURE)


@pytest.mark.parametrize(
    "row",
    [
        5,
        {"signals": {"mean": "low"}, "good": True},
        {"signals": {"mean": float("inf")}, "good": True},
        {"signals": {str(number): 0.0 for number in range(65)}, "good": True},
        {"signals": {}, "good": "yes"},
        {"good": True},
    ],
)
def test_what_judges_no_caption_is_nonsense(taken: Taken, row: object) -> None:
    with pytest.raises(DescriberError, match=r"^The captioner broke off"):
        taken({"row": row}).answer(Judge(("a dog",)), Judged)
    with pytest.raises(DescriberError, match=r"^The captioner broke off"):
        taken({"limits": row}).answer(Fit(()), Fitted)


def test_sound_replies_pass(taken: Taken) -> None:
    assert taken(CAPTION).describe(PICTURE).text == "a dog"
    assert taken(TEXT).read(PICTURE).lines[0].text == "Closed"
    recalled = taken(DETAILS).answer(Recall(), Recalled)
    assert (recalled.details.sure[0].kind, recalled.details.cut) == ("dog", ("left",))


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from strings(each)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from strings(getattr(value, name))


def test_no_text_commands_a_terminal(taken: Taken) -> None:
    thing = CAPTION["things"][0] | {"kind": ESCAPES, "name": ESCAPES}
    caption = taken(
        CAPTION
        | {"words": [ESCAPES], "seen": [ESCAPES], "colours": [ESCAPES], "things": [thing]}
        | {"tags": [{"name": ESCAPES + "\ud800", "probability": 0.5}]}
    ).describe(PICTURE)
    text = taken({"paragraphs": [[LINE | {"text": ESCAPES}]], "finding": ""}).read(PICTURE)
    read = {"text": {"paragraphs": [[LINE | {"text": ESCAPES}]], "finding": ""}}
    details = taken(
        DETAILS | {"sure": [thing], "others": [ESCAPES], "colours": [ESCAPES]} | read
    ).answer(Recall(), Recalled)
    found = [*strings(caption), *strings(text), *strings(details)]
    assert sum("owned" in each for each in found) == 7 + 5
    assert all(each.isprintable() for each in found)


def test_no_failure_commands_a_terminal_or_forges_a_log(taken: Taken) -> None:
    head = {"error": ESCAPES * 100, "detail": "x" * 99_99 + ESCAPES + "\n2026 ERROR forged"}
    with pytest.raises(DescriberError) as caught:
        taken(head).describe(PICTURE)
    assert caught.value.spoken.isprintable()
    assert len(caught.value.spoken) <= 400
    assert caught.value.detail.endswith("\n  2026 ERROR forged")
    assert len(caught.value.detail) < 9000
    assert caught.value.detail.replace("\n  ", "").isprintable()


def test_letters_of_all_kinds_stay() -> None:
    for kept in ("Grüße, 你好, naïve ☕ 1 €", "नमस्ते", "\u0645\u06cc\u200c\u062e", "👩\u200d🔬", ""):
        assert fields.printable(kept) == kept
    assert fields.printable("a\tb\x00c\x7f\ud800\ue000\u2029") == "a b c    "


def test_any_text_becomes_one_line_that_can_be_printed() -> None:
    for number in range(300):
        line = fields.printable(texts.letters(Random(number)))
        line.encode()
        assert not set(line) & {*map(chr, range(32)), *map(chr, range(127, 160)), "\u202e"}


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage().removeprefix("the captioner's process says: ")
        for record in caplog.records
        if record.name == stderr.__name__
    ]


def test_what_it_prints_is_logged_as_text(
    taken: Taken, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    printed = b"a library complains\n\n" + ESCAPES.encode() + b"\n\xff\xfe\x1b[31mred"
    with caplog.at_level(logging.WARNING):
        captioner = taken(CAPTION, said=printed)
        captioner.describe(PICTURE)
        captioner.close()
    assert said(caplog) == [
        "a library complains",
        "]0;owned  [2J",
        "gnp.txt  31m",
        "\ufffd\ufffd [31mred",
    ]
    assert "\x1b" not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    "printed", [b"x" * (5 << 20), b"y\n" * (1 << 20), b"\n" * (1 << 20), b"z" * 300 + b"\n" * 99]
)
def test_much_of_it_is_left_out_and_it_does_not_stand_still(
    taken: Taken, caplog: pytest.LogCaptureFixture, printed: bytes
) -> None:
    with caplog.at_level(logging.WARNING):
        captioner = taken(CAPTION, said=printed)
        assert captioner.describe(PICTURE).words == ("a", "dog")
        captioner.close()
    lines = said(caplog)
    assert len(lines) <= stderr.MOST_LINES
    assert sum(map(len, lines)) <= stderr.MOST_CHARACTERS + 100
    assert any("left out" in line for line in lines) == (printed.strip() not in (b"", b"z" * 300))


def test_a_real_one_that_cannot_start_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    captioner = ChildCaptioner(timeout=LONG)
    captioner._command += ["--beam", "many"]
    with caplog.at_level(logging.WARNING), pytest.raises(DescriberError):
        captioner.describe(PICTURE)
    captioner.close()
    assert any("invalid int value: 'many'" in line for line in said(caplog))
