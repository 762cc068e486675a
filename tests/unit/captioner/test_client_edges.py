"""The daemon's end of the captioner: what it asks for, what it passes on, how a reading ends."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.core.ports import Aim, DescriberError, OcrResult, Pixels
from tests import screens, threads
from tests.unit.proc import LONG, PROC, until

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def pixels(image: Image.Image, aim: Aim | None = None) -> Pixels:
    return Pixels(*image.size, image.tobytes(), aim=aim)


def photo() -> Pixels:
    blobs = np.random.default_rng(7).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return pixels(Image.fromarray(blobs).resize((320, 240), Image.Resampling.BICUBIC))


def letter() -> Pixels:
    image = Image.new("RGB", (420, 80), "white")
    ImageDraw.Draw(image).text((20, 20), "Closed on Monday", "black", ImageFont.truetype(FONT, 30))
    return pixels(image)


@pytest.fixture
def captioner(tiny_bundle: Path) -> Iterator[ChildCaptioner]:
    made = ChildCaptioner(tiny_bundle, timeout=LONG, reading_timeout=LONG)
    yield made
    made.close()
    assert not made.is_loaded()


def child(captioner: ChildCaptioner) -> int:
    assert captioner._child is not None
    return captioner._child.pid


def in_background(work: Callable[[], object]) -> tuple[threading.Thread, list[DescriberError]]:
    """→ a thread, and the list where its DescriberError will be."""
    failed: list[DescriberError] = []

    def run() -> None:
        try:
            work()
        except DescriberError as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, failed


def test_what_was_read_is_passed_on_whole(captioner: ChildCaptioner) -> None:
    seen = captioner.read(letter())
    [[line]] = seen.paragraphs
    assert (line.text, seen.finding) == ("Closed on Monday", "")
    assert 0.6 <= line.confidence <= 1
    assert 10 <= line.left <= 30
    assert 15 <= line.top <= 35
    assert 240 <= line.width <= 320
    assert 20 <= line.height <= 60
    assert captioner.read(pixels(Image.new("RGB", (64, 64)))) == OcrResult((), "black")


def test_what_was_found_is_passed_on_whole(captioner: ChildCaptioner) -> None:
    caption = captioner.describe(pixels(screens.page("coffee", "chelsea"), Aim()))
    assert [found.kind for found in caption.pictures] == ["photograph"] * 2
    assert all(0 < found.score <= 1 for found in caption.pictures)
    assert all(
        screens.alike(found.box, place)
        for found, place in zip(caption.pictures, screens.PLACES, strict=True)
    )
    assert len(caption.tags) == 5
    assert all(0 <= tag.probability <= 1 for tag in caption.tags)


def test_things_in_a_picture_on_a_screen_are_where_that_picture_is(grounded_bundle: Path) -> None:
    captioner = ChildCaptioner(grounded_bundle, timeout=LONG)
    try:
        page = screens.page("coffee", "chelsea")
        caption = captioner.describe(pixels(page, Aim()))
        box = caption.box
        assert box is not None
        right, bottom = box.left + box.width, box.top + box.height
        alone = captioner.describe(pixels(page.crop((box.left, box.top, right, bottom))))
    finally:
        captioner.close()
    assert alone.things
    assert [(each.kind, each.count) for each in caption.things] == [
        (each.kind, each.count) for each in alone.things
    ]
    for there, here in zip(caption.things, alone.things, strict=True):
        assert there.box == dataclasses.replace(
            here.box, left=box.left + here.box.left, top=box.top + here.box.top
        )


def test_the_process_is_lean_and_tells_nobody(captioner: ChildCaptioner) -> None:
    captioner.warm_up()
    text = (PROC / str(child(captioner)) / "environ").read_text(encoding="utf-8")
    told = dict(line.split("=", 1) for line in text.split("\0") if "=" in line)
    wanted = {
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "ORT_DISABLE_TELEMETRY": "1",
        "DO_NOT_TRACK": "1",
    }
    assert wanted.items() <= told.items()
    assert told["PATH"] == os.environ["PATH"]


def test_the_process_is_asked_for_what_was_chosen() -> None:
    usual = ChildCaptioner()
    assert usual._command[-2:] == ["--engine", "onnx"]
    assert (usual._timeout, usual._reading_timeout, usual._unload_after) == (20.0, 90.0, 0.0)
    chosen = ChildCaptioner(Path("/models/mine"), beam=3, engine="torch", find=False)
    assert chosen._command[-7:] == [
        "--engine",
        "torch",
        "--bundle",
        "/models/mine",
        "--beam",
        "3",
        "--whole",
    ]
    told = ChildCaptioner(keep=True, words=True, judge=True, on_stand_in=print)
    assert told._command[-4:] == ["--or-shipped", "--keep", "--words", "--judge"]
    assert not usual.is_loaded()
    usual.close()


def test_a_reading_that_hangs_is_ended_after_its_own_time(captioner: ChildCaptioner) -> None:
    captioner.warm_up()
    hung = child(captioner)
    captioner._reading_timeout = 0.3
    os.kill(hung, signal.SIGSTOP)
    with pytest.raises(DescriberError) as caught:
        captioner.read(letter())
    assert caught.value.spoken == (
        "The captioner did not answer in 0.3 seconds, so I ended it. Please try again."
    )
    assert captioner.describe(photo()).words  # which has its own time
    assert child(captioner) != hung


def test_a_reading_that_is_called_off_says_so_and_spoils_nothing(
    captioner: ChildCaptioner,
) -> None:
    captioner.cancel()  # nothing is read yet
    captioner.warm_up()
    process = child(captioner)
    captioner.cancel()
    assert child(captioner) == process
    os.kill(process, signal.SIGSTOP)
    thread, failed = in_background(lambda: captioner.read(letter()))
    until(lambda: captioner._reading is not None)
    captioner.cancel()
    thread.join(LONG)
    assert [error.spoken for error in failed] == ["The reading was called off."]
    assert captioner._reading is None
    captioner.cancel()
    assert captioner.describe(photo()).words


def test_a_caption_is_not_called_off(captioner: ChildCaptioner) -> None:
    captioner.warm_up()
    process = child(captioner)
    os.kill(process, signal.SIGSTOP)
    thread, failed = in_background(lambda: captioner.describe(photo()))
    until(thread.is_alive)
    captioner.cancel()
    os.kill(process, signal.SIGCONT)
    thread.join(LONG)
    assert failed == []
    assert child(captioner) == process


def test_a_process_that_cannot_be_started_is_told_with_the_cause(
    captioner: ChildCaptioner,
) -> None:
    captioner._command = ["/nowhere/python"]
    with pytest.raises(DescriberError) as caught:
        captioner.describe(photo())
    assert caught.value.spoken == "The captioner cannot be started. Please try again."
    assert caught.value.detail == repr(caught.value.__cause__)


def test_without_a_limit_it_is_never_unloaded(captioner: ChildCaptioner) -> None:
    captioner.describe(photo())
    assert captioner._unload_timer is None
    captioner._unload_after = LONG
    captioner.describe(photo())
    waiting = captioner._unload_timer
    assert waiting is not None
    assert waiting.daemon
    captioner.close()
    assert waiting.finished.is_set()  # it was called off


@contextlib.contextmanager
def at_work(captioner: ChildCaptioner) -> Iterator[None]:
    """As while another thread has the process: its lock is held."""
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with captioner._lock:
            taken.set()
            assert done.wait(LONG)

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(LONG)
    try:
        yield
    finally:
        done.set()
        thread.join(LONG)


def test_what_is_at_work_is_not_unloaded(captioner: ChildCaptioner) -> None:
    captioner.warm_up()
    with at_work(captioner):
        captioner.unload()
        assert captioner.is_loaded()
    captioner.unload()
    assert not captioner.is_loaded()


def test_closing_waits_for_one_that_has_no_process_yet(captioner: ChildCaptioner) -> None:
    with at_work(captioner):
        thread, failed = in_background(captioner.close)
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(LONG)
    assert not thread.is_alive()
    assert failed == []


def test_without_a_thread_a_picture_is_refused_and_the_next_one_is_not(
    captioner: ChildCaptioner,
) -> None:
    captioner.warm_up()
    before = captioner._child
    with threads.none_left(), pytest.raises(DescriberError, match="too much to do just now"):
        captioner.warm_up()
    captioner.warm_up()
    assert captioner._child is before


def test_without_a_thread_to_unload_it_the_answer_is_not_lost(
    captioner: ChildCaptioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Scarce(threading.Timer):
        def start(self) -> None:
            with threads.none_left() if self.interval == 1000.0 else contextlib.nullcontext():
                super().start()

    monkeypatch.setattr(threading, "Timer", Scarce)
    captioner._unload_after = 1000.0
    captioner.warm_up()
    captioner.warm_up()
    captioner.close()
