"""The captioner's process by itself: messages in, replies out, and an end when nobody asks more."""

from __future__ import annotations

import dataclasses
import io
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from describer_daemon import processes
from describer_daemon.captioner import memory, messages, protocol
from describer_daemon.captioner.child import Service
from describer_daemon.core.ports import Pixels
from models.eyes.checked import CheckedCaptioner
from models.ocr.engine import DamagedError
from models.runtime.bundle import BundleError
from tests import screens

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
PAGE = screens.page("coffee", "chelsea")
LARGE, SMALL = screens.PLACES


def pixels(image: Image.Image) -> tuple[dict[str, Any], bytes]:
    head = {"kind": "pixels", "width": image.width, "height": image.height, "layout": "RGB"}
    return head, image.tobytes()


def encoded(image: Image.Image, kind: str = "PNG") -> tuple[dict[str, Any], bytes]:
    stream = io.BytesIO()
    image.save(stream, kind)
    return {"kind": "encoded"}, stream.getvalue()


def photo() -> Image.Image:
    blobs = np.random.default_rng(7).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(blobs).resize((320, 240), Image.Resampling.BICUBIC)


def letter(text: str) -> Image.Image:
    image = Image.new("RGB", (420, 80), "white")
    ImageDraw.Draw(image).text((20, 20), text, "black", ImageFont.truetype(FONT, 30))
    return image


def conversation(
    bundle: Path, *messages: tuple[dict[str, Any], bytes], options: tuple[str, ...] = ()
) -> list[tuple[dict[str, Any], bytes]]:
    """Every reply of a process of its own, which has to end by itself when we hang up."""
    asked = io.BytesIO()
    for head, body in messages:
        protocol.write(asked, head, body)
    done = subprocess.run(
        [*processes.python("describer_daemon.captioner.child"), "--bundle", str(bundle), *options],
        input=asked.getvalue(),
        capture_output=True,
        timeout=120,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr.decode()
    replies = io.BytesIO(done.stdout)
    answers = []
    while (message := protocol.read(replies)) is not None:
        answers.append(message)
    assert len(answers) == len(messages)
    return answers


def boxes(reply: dict[str, Any]) -> list[screens.Rectangle]:
    return [screens.Rectangle(**found["box"]) for found in reply["pictures"]]


def test_every_kind_of_message_is_answered_in_turn(tiny_bundle: Path) -> None:
    head, body = pixels(photo())
    page, whole = encoded(PAGE)
    aim = {"pointer": [SMALL.left + 20, SMALL.top + 20], "focus": None}
    loaded, described, drawn, found, aimed, passed, outlined, broken = conversation(
        tiny_bundle,
        ({"op": "load"}, b""),
        (head | {"op": "describe"}, body),
        (head | {"op": "illustrate"}, body),
        (page | {"op": "describe"}, whole),
        (page | {"op": "describe", "aim": aim}, whole),
        (page | {"op": "describe", "passed": [dataclasses.astuple(LARGE)]}, whole),
        (page | {"op": "outline", "boxes": [dataclasses.astuple(LARGE)]}, whole),
        ({"op": "describe", "kind": "encoded"}, b"dear diary"),
    )
    assert loaded == ({"ok": True, "confined": loaded[0]["confined"], "told": "captions"}, b"")
    assert outlined[0] == {"ok": True}
    assert described[0]["words"]
    assert described[1] == b""
    assert drawn[0] | {"milliseconds": 0} == described[0] | {"milliseconds": 0}
    for png in (drawn[1], outlined[1]):
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            image.load()
    assert [reply["number"] for reply, _ in (described, found, aimed, passed)] == [0, 1, 1, 2]
    assert screens.alike(boxes(found[0])[0], LARGE)
    assert screens.alike(boxes(aimed[0])[0], SMALL)
    assert broken[0]["error"].startswith("This is not a picture")


def test_a_black_picture_and_a_huge_one(tiny_bundle: Path) -> None:
    head, body = pixels(Image.new("RGB", (64, 64)))
    page, whole = encoded(PAGE.resize((3 * PAGE.width, 3 * PAGE.height)), "JPEG")
    (black, _), (huge, _) = conversation(
        tiny_bundle, (head | {"op": "describe"}, body), (page | {"op": "describe"}, whole)
    )
    assert (black["finding"], black["words"], black["pictures"]) == ("black", [], [])
    [large, *_] = boxes(huge)  # in pixels of the file, though it is searched smaller
    thirds = screens.Rectangle(*(side // 3 for side in dataclasses.astuple(large)))
    assert screens.alike(thirds, LARGE)


def test_without_a_bundle_every_answer_says_so(tmp_path: Path) -> None:
    head, body = pixels(photo())
    answers = conversation(
        tmp_path / "nowhere", ({"op": "load"}, b""), (head | {"op": "describe"}, body)
    )
    assert [reply["error"].partition(" at ")[0] for reply, _ in answers] == [
        "There is no captioner bundle"
    ] * 2


def test_its_options_are_those_of_the_settings(tiny_bundle: Path) -> None:
    page, whole = encoded(PAGE)
    asked = [({"op": "load"}, b""), (page | {"op": "describe"}, whole)]
    (_, (taken_whole, _)) = conversation(
        tiny_bundle, *asked, options=("--whole", "--beam", "1", "--engine", "onnx")
    )
    assert taken_whole["pictures"] == []
    assert taken_whole["words"]


def test_text_is_read_without_a_captioner(tmp_path: Path) -> None:
    head, drawn = pixels(letter("Closed on Monday"))
    asked = head | {"op": "read"}, drawn
    (reply, body), again = conversation(tmp_path / "no bundle", asked, asked)
    assert again == (reply, body)
    [[line]] = reply["paragraphs"]
    assert line["text"] == "Closed on Monday"
    assert 0.6 <= line["confidence"] <= 1
    assert 10 <= line["left"] <= 40
    assert (reply["finding"], body) == ("", b"")


def test_a_picture_that_needs_more_memory_than_there_is_is_a_sentence(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise MemoryError

    service = Service(tiny_bundle, None, "onnx")
    head, body = pixels(photo())
    with monkeypatch.context() as patched:
        patched.setattr("describer_daemon.captioner.image_decoding.from_pixels", exhausted)
        reply, _ = service.answer(head | {"op": "describe"}, body)
        assert reply == {
            "error": "This picture needs more memory than there is.",
            "detail": "MemoryError()",
            "short": True,
        }
    assert service.answer(head | {"op": "describe"}, body)[0]["words"]


def test_too_little_memory_for_the_bundle_does_not_blame_the_bundle(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise BundleError("The captioner bundle's weights are damaged.") from MemoryError()

    service = Service(tiny_bundle, None, "onnx")
    monkeypatch.setattr("models.eyes.loading.load_own", exhausted)
    reply, _ = service.answer({"op": "load"}, b"")
    assert (reply["error"], reply["short"]) == (memory.TOO_MUCH, True)


def test_a_bundle_that_cannot_be_used_is_stood_in_for_and_told_once(tmp_path: Path) -> None:
    service = Service(tmp_path / "nowhere", None, "onnx", or_shipped=True)
    head, body = pixels(photo())
    (tmp_path / "nowhere").mkdir()
    first, _ = service.answer(head | {"op": "describe"}, body)
    assert first["words"]
    assert messages.notice(first).startswith("The captioner bundle lacks MODEL_CARD.md, ")
    assert messages.notice(first).endswith(". I use the one that ships.")
    second, _ = service.answer(head | {"op": "describe"}, body)
    assert (second["words"], messages.notice(second)) == (first["words"], "")
    strict = Service(tmp_path / "nowhere", None, "onnx")
    assert strict.answer({"op": "load"}, b"")[0]["error"].startswith("The captioner bundle lacks ")


def test_a_reader_that_is_incomplete_names_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    def incomplete(threads: int | None) -> None:
        raise FileNotFoundError("a network is missing")

    monkeypatch.setattr("models.ocr.engine.load", incomplete)
    head, body = pixels(letter("Closed"))
    reply, _ = Service(None, None, "onnx").answer(head | {"op": "read"}, body)
    assert reply == {
        "error": "The package that reads text is incomplete. Please install describer[text] again.",
        "detail": "a network is missing",
    }

    def damaged(threads: int | None) -> None:
        raise DamagedError("a network is another")

    monkeypatch.setattr("models.ocr.engine.load", damaged)
    reply, _ = Service(None, None, "onnx").answer(head | {"op": "read"}, body)
    assert reply == {
        "error": "The package that reads text is damaged. Please install describer[text] again.",
        "detail": "a network is another",
    }


class _Foreign(CheckedCaptioner):
    """One that has said something of a picture."""

    def __init__(self) -> None:
        """Load no network."""
        self.kept = True

    def forget(self) -> None:
        self.kept = False


@pytest.mark.parametrize("judge", [False, True])
def test_a_caption_is_kept_only_for_whoever_will_judge_it(
    judge: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def loaded(*_: object, judging: bool) -> _Foreign:
        asked.append(judging)
        return _Foreign()

    monkeypatch.setattr("models.eyes.loading.load", loaded)
    Service(None, None, "onnx", judge=judge)._load_captioner()
    assert asked == [judge]


def test_a_caption_is_not_judged_by_what_people_say_of_the_next_picture() -> None:
    service, foreign = Service(None, None, "onnx", judge=True), _Foreign()
    service._captioner = foreign
    blank = messages.Describe(Pixels(8, 8, bytes(192)))  # which gets no caption
    head, _ = service.answer(*blank.encode())
    assert (head["finding"], foreign.kept) == ("black", False)
