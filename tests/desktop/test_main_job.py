"""The main job on real parts: a key, a window or a clipboard, the trained model, a voice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from benchmarks.memory import children
from describer_daemon import processes
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.capture.screen_mss import MssScreen
from describer_daemon.core import phrasing
from describer_daemon.core.ports import Encoded, Picture, Rectangle, Verb
from describer_daemon.service import control
from describer_daemon.virtual.display import VirtualDisplay
from describer_daemon.virtual.sound import VirtualSound, read_wav, similarity
from tests.desktop.fixtures_daemon import RATE, RunningDaemon, spoken
from tests.desktop.fixtures_display import own_number, pasted, wait_until

SAME = 0.98
PHOTOGRAPHS = ("camera", "astronaut", "coffee", "chelsea", "rocket")


def photograph(name: str) -> Image.Image:
    return Image.fromarray(getattr(data, name)()).convert("RGB")


def own_sentence(captioner: ChildCaptioner, picture: Picture, verb: Verb) -> str:
    return phrasing.sentence(captioner.describe(picture), verb)


def test_twenty_in_a_row_alternating_screen_and_clipboard(
    daemon: RunningDaemon,
    captioner: ChildCaptioner,
    press: Callable[[str], None],
    picture_window: Callable[[Image.Image], Rectangle],
    clip_image: Callable[[Image.Image], tuple[object, bytes]],
) -> None:
    for turn in range(10):
        image = photograph(PHOTOGRAPHS[turn % len(PHOTOGRAPHS)])
        place = picture_window(image)
        crop = MssScreen(place, (800, 600)).grab()  # now: nobody knows what comes over it later
        sentence, sureness = daemon.hears(lambda: press("super+alt+i"))
        assert sentence == own_sentence(captioner, crop, Verb.SCREEN), (turn, place)
        assert sureness > SAME, sentence

        copied = photograph(PHOTOGRAPHS[(turn + 2) % len(PHOTOGRAPHS)])
        _, encoded = clip_image(copied)
        sentence, sureness = daemon.hears(lambda: press("super+alt+c"))
        assert sentence == own_sentence(captioner, Encoded(encoded), Verb.CLIPBOARD)
        assert sureness > SAME, sentence


def test_repeat_copy_and_stop(
    daemon: RunningDaemon,
    press: Callable[[str], None],
    picture_window: Callable[[Image.Image], Rectangle],
) -> None:
    picture_window(photograph("astronaut"))
    sentence, _ = daemon.hears(lambda: press("super+alt+i"))
    repeated, sureness = daemon.hears(lambda: press("super+alt+a"))
    assert repeated == sentence
    assert sureness > SAME
    daemon.hears(lambda: press("super+alt+y"))
    assert pasted().decode() == sentence
    with daemon.sound.record() as recording:
        press("super+alt+a")
        assert recording.wait_for_sound()
        press("super+alt+q")
        wait_until(lambda: not control.send("status")["speaking"])
        assert recording.wait_for_silence()
        assert similarity(recording.samples, spoken(sentence)) < SAME


def test_a_black_screen_names_the_curtain(
    daemon: RunningDaemon,
    picture_window: Callable[[Image.Image], Rectangle],
    press: Callable[[str], None],
) -> None:
    picture_window(Image.new("RGB", (400, 300)))
    sentence, sureness = daemon.hears(lambda: press("super+alt+i"))
    assert sentence == "The screen is black. A screen curtain may be on."
    assert sureness > SAME


def letter(lines: int) -> Image.Image:
    """Dark letters on white, one short sentence every three lines."""
    image = Image.new("RGB", (400, 20 + 32 * lines), "white")
    font = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 24)
    for line in range(lines):
        words = ("Dear reader, this letter", "came this very morning,", "and nobody knows why.")
        ImageDraw.Draw(image).text((20, 10 + 32 * line), words[line % 3], "black", font)
    return image


def test_text_in_a_window_is_read_aloud(
    daemon: RunningDaemon,
    picture_window: Callable[[Image.Image], Rectangle],
    press: Callable[[str], None],
) -> None:
    picture_window(letter(3))
    sentence, sureness = daemon.hears(lambda: press("super+alt+t"))
    assert sentence == "Dear reader, this letter came this very morning, and nobody knows why."
    assert sureness > SAME
    picture_window(Image.new("RGB", (300, 200), "white"))
    sentence, sureness = daemon.hears(lambda: press("super+alt+t"))
    assert sentence == "I see no text: it is all one colour."
    assert sureness > SAME


def test_long_text_is_read_until_it_is_stopped(
    daemon: RunningDaemon,
    picture_window: Callable[[Image.Image], Rectangle],
    press: Callable[[str], None],
) -> None:
    picture_window(letter(15))
    with daemon.sound.record() as recording:
        press("super+alt+t")
        wait_until(lambda: daemon.answered() == 1, "nothing was answered")
        assert recording.wait_for_sound()
        press("super+alt+q")
        wait_until(lambda: not control.send("status")["speaking"])
        assert recording.wait_for_silence()
        assert daemon.last().count("Dear reader") == 5
        assert similarity(recording.samples, spoken(daemon.last())) < SAME


def test_what_fails_is_spoken_and_the_next_key_works(
    daemon: RunningDaemon,
    clip_data: Callable[[str, bytes], object],
    clip_image: Callable[[Image.Image], object],
    press: Callable[[str], None],
) -> None:
    clip_data("image/png", b"\x89PNG\r\n\x1a\nbroken")
    before = daemon.answered()
    with daemon.sound.record() as recording:
        press("super+alt+c")
        daemon.spoken_after(before)
        assert recording.wait_for_silence()
        broken = "The picture is damaged or cut off, so I cannot read it."
        unreadable = "This is not a picture of a kind that I can read."
        assert (
            max(similarity(recording.samples, spoken(text)) for text in (broken, unreadable)) > SAME
        )
    clip_image(photograph("camera"))
    _, sureness = daemon.hears(lambda: press("super+alt+c"))
    assert sureness > SAME


def test_saved_settings_are_taken_up_and_broken_ones_are_told(
    daemon: RunningDaemon,
    settings: Path,
    press: Callable[[str], None],
    picture_window: Callable[[Image.Image], Rectangle],
) -> None:
    picture_window(photograph("camera"))
    text = settings.read_text(encoding="utf-8")
    changed = text.replace('"alt+super+i"', '"ctrl+alt+shift+k"')
    changed = changed.replace(f"rate = {RATE}", "rate = 260")
    assert changed != text
    settings.write_text(changed, encoding="utf-8")
    wait_until(lambda: control.send("status")["keys"].get("screen") == "ctrl+alt+shift+k")
    wait_until(daemon.listening)
    with daemon.sound.record() as recording:
        press("ctrl+alt+shift+k")
        daemon.spoken_after(0)
        assert recording.wait_for_silence()
        assert similarity(recording.samples, spoken(daemon.last(), rate=260)) > SAME
    with daemon.sound.record() as recording:
        settings.write_text(changed.replace("rate = 260", "rate = 9000"), encoding="utf-8")
        assert recording.wait_for_sound()
        assert recording.wait_for_silence(0.5)
    assert control.send("status")["keys"].get("screen") == "ctrl+alt+shift+k"


def test_a_second_start_makes_the_first_describe_the_screen(
    daemon: RunningDaemon, settings: Path, picture_window: Callable[[Image.Image], Rectangle]
) -> None:
    picture_window(photograph("camera"))
    command = [*processes.python("describer_daemon.cli.main"), "run"]
    environment = {**os.environ, "DESCRIBER_CONFIG": str(settings)}

    def start_again() -> None:
        done = processes.run(command, timeout=30, what="describer run", env=environment)
        assert done.code == 0

    sentence, sureness = daemon.hears(start_again)
    assert sentence
    assert sureness > SAME


def test_trigger_waits_and_prints_what_is_spoken(
    daemon: RunningDaemon, picture_window: Callable[[Image.Image], Rectangle]
) -> None:
    picture_window(photograph("coffee"))
    command = [*processes.python("describer_daemon.cli.main"), "trigger", "screen", "--wait"]
    done = processes.run(command, timeout=60, what="describer trigger")
    assert done.code == 0
    assert done.output.decode().strip() == daemon.last() != ""


def test_a_display_that_comes_back_is_listened_to_again(
    sandbox: Path, audio: VirtualSound, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with VirtualDisplay(number=own_number()) as first:
        monkeypatch.setenv("DISPLAY", first.name)
        running = RunningDaemon(audio, settings)
    try:
        wait_until(lambda: not running.listening(), "the loss was not noticed")
        server = processes.start(["Xvfb", first.name, "-nolisten", "tcp", "-noreset"])
        try:
            wait_until(running.listening, "the keys were not taken again")
        finally:
            server.terminate()
            server.wait(20)
    finally:
        assert running.end() == 0


def test_the_daemon_leaves_nothing_behind(
    daemon: RunningDaemon,
    picture_window: Callable[[Image.Image], Rectangle],
    press: Callable[[str], None],
) -> None:
    picture_window(photograph("camera"))
    daemon.hears(lambda: press("super+alt+i"))
    started = _descendants(daemon.process.pid)
    assert started, "the captioner's process was expected"
    assert daemon.end() == 0
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started))


def _descendants(pid: int) -> set[int]:
    return {each for child in children(pid) for each in (child, *_descendants(child))}


def test_describe_saves_speech(sandbox: Path) -> None:
    picture, speech = sandbox / "photo.png", sandbox / "speech.wav"
    photograph("astronaut").save(picture)
    command = [
        *processes.python("describer_daemon.cli.main"),
        "describe",
        str(picture),
        "--save",
        str(speech),
    ]
    done = processes.run(command, timeout=60, what="describer describe")
    assert done.code == 0, done.errors
    sentence = done.output.decode().strip()
    assert similarity(read_wav(speech), spoken(sentence, rate=180)) > SAME


def test_demo_prints_the_caption_and_the_recording(sandbox: Path) -> None:
    recording = sandbox / "demo.wav"
    command = [*processes.python("describer_daemon.cli.main"), "demo", "--save", str(recording)]
    done = processes.run(command, timeout=110, what="describer demo")
    assert done.code == 0, done.errors
    *_, sentence, path = done.output.decode().splitlines()
    assert Path(path) == recording.resolve()
    assert similarity(read_wav(recording), spoken(sentence, rate=180)) > SAME
