"""Text in pictures, read by the real networks in the captioner's real process."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from describer_daemon.captioner.child import Service
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.cli import files
from describer_daemon.core import phrasing
from describer_daemon.core.ports import DescriberError, Encoded, OcrResult, Pixels
from tests.unit.proc import PROC, state, until

REPOSITORY = Path(__file__).parents[3]
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
LONG = 240.0  # seconds until a test gives up

HEADING = "Opening hours of the library"
LEFT = (
    "The reading room is open on",
    "every day of the week, from",
    "nine in the morning until",
    "six in the evening.",
)
RIGHT = (
    "Books may be kept for four",
    "weeks. Please bring them back",
    "to any of our counters,",
    "or use the box outside.",
)
NOTICE = "Closed on 24 December"
SPOKEN = f"{HEADING}. {' '.join(LEFT)} {' '.join(RIGHT)} {NOTICE}."


def page() -> Image.Image:
    """A heading, two columns on the same lines, and a notice in light letters on dark."""
    image = Image.new("RGB", (860, 340), "white")
    draw = ImageDraw.Draw(image)
    draw.text((40, 15), HEADING, "black", ImageFont.truetype(FONT, 34))
    font = ImageFont.truetype(FONT, 20)
    for left, lines in ((40, LEFT), (460, RIGHT)):
        for row, line in enumerate(lines):
            draw.text((left, 90 + 28 * row), line, "black", font)
    draw.rectangle((0, 240, 860, 340), "#182030")
    draw.text((40, 270), NOTICE, "#e8e8f0", font)
    return image


def as_file(image: Image.Image, kind: str = "PNG") -> Encoded:
    stream = io.BytesIO()
    image.save(stream, kind)
    return Encoded(stream.getvalue())


def as_pixels(image: Image.Image) -> Pixels:
    return Pixels(*image.size, image.tobytes())


def alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


@pytest.fixture(scope="module")
def captioner() -> Iterator[ChildCaptioner]:
    made = ChildCaptioner(reading_timeout=LONG)
    yield made
    made.close()


@pytest.fixture(scope="module")
def read(captioner: ChildCaptioner) -> OcrResult:
    return captioner.read(as_pixels(page()))


def test_a_page_is_read_in_the_order_of_reading(read: OcrResult) -> None:
    expected = [HEADING, *LEFT, *RIGHT, NOTICE]
    assert len(read.lines) == len(expected)
    for line, text in zip(read.lines, expected, strict=True):
        assert alike(line.text, text) > 0.95
        assert 0.6 <= line.confidence <= 1.0
    assert [len(paragraph) for paragraph in read.paragraphs] == [1, 4, 4, 1]
    assert alike(phrasing.text_aloud(read), SPOKEN) > 0.98


def test_lines_are_where_they_were_drawn(read: OcrResult) -> None:
    heading, *_, notice = read.lines
    assert (heading.left, heading.top) == pytest.approx((40, 20), abs=8)
    assert heading.height == pytest.approx(34, abs=10)
    assert (notice.left, notice.top) == pytest.approx((40, 272), abs=8)
    width = ImageFont.truetype(FONT, 20).getlength(NOTICE)
    assert notice.width == pytest.approx(width, abs=10)


def test_every_form_of_a_picture_has_the_same_text(
    captioner: ChildCaptioner, read: OcrResult
) -> None:
    image = page()
    screen = Pixels(*image.size, bytearray(image.tobytes("raw", "BGRX")), "BGRX")
    assert captioner.read(screen) == read
    assert captioner.read(as_file(image)) == read


def test_a_large_photograph_of_a_page_is_not_made_smaller_first(captioner: ChildCaptioner) -> None:
    sheet = Image.new("RGB", (2400, 1800), "white")
    sheet.paste(page().crop((0, 80, 400, 240)), (900, 800))
    assert alike(phrasing.text_aloud(captioner.read(as_file(sheet, "JPEG"))), " ".join(LEFT)) > 0.95


def test_a_photograph_has_no_text(captioner: ChildCaptioner) -> None:
    photograph = Image.fromarray(data.astronaut()).crop((100, 0, 400, 200))
    assert captioner.read(as_pixels(photograph)) == OcrResult(())


def test_captions_go_on_beside_it(captioner: ChildCaptioner, read: OcrResult) -> None:
    photograph = as_pixels(Image.fromarray(data.astronaut()))
    assert captioner.describe(photograph).words
    assert captioner.read(as_pixels(page())) == read


@pytest.mark.parametrize(("colour", "finding"), [("black", "black"), ("white", "plain")])
def test_pictures_of_nothing_need_no_reader(
    colour: str, finding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    head = {"op": "read", "kind": "encoded"}
    reply, _ = Service(None, None, "onnx").answer(
        head, bytes(as_file(Image.new("RGB", (90, 60), colour)).data)
    )
    assert reply == {"paragraphs": (), "finding": finding}


def test_without_the_extra_the_cure_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    reply, body = Service(None, None, "onnx").answer(
        {"op": "read", "kind": "encoded"}, bytes(as_file(page()).data)
    )
    assert reply["error"] == (
        "Reading text needs one more package. Please install describer[text]."
    )
    assert body == b""


def test_a_refused_picture_is_a_sentence(captioner: ChildCaptioner) -> None:
    with pytest.raises(DescriberError, match=r"^This is not a picture"):
        captioner.read(Encoded(b"dear diary"))


def test_a_reading_that_hangs_is_ended() -> None:
    captioner = ChildCaptioner(reading_timeout=0.3)
    try:
        captioner._running()
        child = captioner._child
        assert child is not None
        child.send_signal(signal.SIGSTOP)
        with pytest.raises(DescriberError, match=r"did not answer in 0\.3 seconds"):
            captioner.read(as_pixels(page()))
        assert not captioner.is_loaded()
    finally:
        captioner.close()


@pytest.mark.skipif(not PROC.is_dir(), reason="looks at processes through /proc")
def test_a_reading_is_called_off_at_once_and_the_next_is_made(read: OcrResult) -> None:
    captioner = ChildCaptioner(reading_timeout=LONG)
    errors: list[DescriberError] = []

    def work() -> None:
        try:
            captioner.read(as_pixels(page()))
        except DescriberError as error:
            errors.append(error)

    try:
        captioner.cancel()  # nothing is under way
        thread = threading.Thread(target=work)
        thread.start()
        until(lambda: captioner._reading is not None)
        child = captioner._child
        assert child is not None
        os.kill(child.pid, signal.SIGSTOP)  # so that it cannot be done too soon
        captioner.cancel()
        captioner.cancel()
        thread.join(LONG)
        assert [error.spoken for error in errors] == ["The reading was called off."]
        assert state(child.pid) == ""
        assert captioner.read(as_pixels(page())) == read
        again = captioner._child
        captioner.cancel()  # it is over: the child stays
        assert captioner.read(as_pixels(page())) == read
        assert captioner._child is again
    finally:
        captioner.close()


def describe(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "describer_daemon", "describe", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=REPOSITORY, timeout=LONG, check=False
    )


def test_the_command_prints_line_by_line(tmp_path: Path, read: OcrResult) -> None:
    picture, blank, nothing = tmp_path / "page.png", tmp_path / "blank.png", tmp_path / "none.png"
    page().save(picture)
    Image.new("RGB", (90, 60), "white").save(blank)
    done = describe("--text", picture)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [line.text for line in read.lines]
    several = describe("--text", "--json", blank, picture, nothing)
    assert several.returncode == 1
    empty, full, missing = map(json.loads, several.stdout.splitlines())
    assert empty == {
        "file": str(blank),
        "text": "I see no text: it is all one colour.",
        "lines": [],
    }
    assert full["text"] == phrasing.text_aloud(read)
    assert full["lines"][0] == {
        "text": read.lines[0].text,
        "confidence": round(read.lines[0].confidence, 4),
        "left": read.lines[0].left,
        "top": read.lines[0].top,
        "width": read.lines[0].width,
        "height": read.lines[0].height,
    }
    assert missing == {"file": str(nothing), "error": f"There is no file {nothing}."}


def test_several_files_are_told_apart(captioner: ChildCaptioner, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    page().save(picture)
    first, second = files.read([str(picture), str(tmp_path / "none.png")], captioner)
    assert first.printed()[0] == HEADING
    assert not first.failed
    assert second.failed
    assert second.printed() == [second.sentence()] == [f"There is no file {tmp_path}/none.png."]


def test_text_has_no_heat_map(tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    page().save(picture)
    done = describe("--text", "--heatmap", tmp_path / "looks.png", picture)
    assert done.returncode == 2
    assert "--text makes no captions" in done.stderr
