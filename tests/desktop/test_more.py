"""More of a picture by keys, on real parts: told, explored, and ended with the words in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from skimage import data

from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.capture.screen_mss import MssScreen
from describer_daemon.core import telling
from describer_daemon.core.details import FORGOTTEN, Place
from describer_daemon.core.ports import Rectangle, Verb
from describer_daemon.service import control
from describer_daemon.virtual.sound import similarity
from tests.desktop.fixtures_daemon import LONG, RunningDaemon, spoken
from tests.desktop.fixtures_display import wait_until

SAME = 0.98
NEXT, BEFORE, WHERE = "ctrl+alt+shift+n", "ctrl+alt+shift+b", "ctrl+alt+shift+w"


@pytest.fixture
def settings(settings: Path) -> Path:
    """With keys for the things, and without their tone, which would sound into `similarity`."""
    text = settings.read_text(encoding="utf-8")
    for name, key in (("next_thing", NEXT), ("previous_thing", BEFORE), ("where", WHERE)):
        assert f'{name} = ""' in text
        text = text.replace(f'{name} = ""', f'{name} = "{key}"')
    settings.write_text(text.replace("place = true", "place = false"), encoding="utf-8")
    return settings


@pytest.fixture(scope="module")
def keeping() -> Iterator[ChildCaptioner]:
    """A captioner of the test's own, to know what is to be told."""
    child = ChildCaptioner(keep=True, timeout=LONG, reading_timeout=LONG)
    yield child
    child.close()


def photograph() -> Image.Image:
    return Image.fromarray(data.astronaut()).convert("RGB")


def notice(words: str) -> Image.Image:
    image = Image.new("RGB", (420, 160), "#204080")
    font = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 40)
    ImageDraw.Draw(image).text((30, 50), words, "white", font)
    return image


def test_more_is_told_part_by_part_and_the_things_one_by_one(
    daemon: RunningDaemon,
    keeping: ChildCaptioner,
    press: Callable[[str], None],
    picture_window: Callable[[Image.Image], Rectangle],
) -> None:
    assert daemon.answers(lambda: press("super+alt+m")) == ""  # that is no description
    place = picture_window(photograph())
    keeping.describe(MssScreen(place, (800, 600)).grab())
    daemon.hears(lambda: press("super+alt+i"))
    picture_window(Image.new("RGB", (300, 200), "red"))  # it is not looked at any more
    told, at = keeping.recall(), Place()
    for _ in range(4):
        wanted = telling.more(told, at, lambda: keeping.recall(read=True))
        at = wanted.place
        if wanted.lasting:
            sentence, sureness = daemon.hears(lambda: press("super+alt+m"))
            assert sentence == wanted.sentence
            assert sureness > SAME, sentence
        else:
            daemon.answers(lambda: press("super+alt+m"))
    assert telling.in_order(told), "nothing was recognised, so that there is nothing to explore"
    for key, verb in ((NEXT, Verb.NEXT_THING), (WHERE, Verb.WHERE)):
        wanted = telling.explore(told, at, verb)
        at = wanted.place
        sentence, sureness = daemon.hears(lambda one=key: press(one))
        assert sentence == wanted.sentence
        assert sureness > SAME, sentence


def test_it_stops_at_once(
    daemon: RunningDaemon,
    press: Callable[[str], None],
    picture_window: Callable[[Image.Image], Rectangle],
) -> None:
    picture_window(photograph())
    daemon.hears(lambda: press("super+alt+i"))
    with daemon.sound.record() as recording:
        sentence = daemon.answers(lambda: press("super+alt+m"))
        assert recording.wait_for_sound()
        press("super+alt+q")
        wait_until(lambda: not control.send("status")["speaking"])
        assert recording.wait_for_silence()
        assert similarity(recording.samples, spoken(sentence)) < SAME


def test_what_was_forgotten_is_told_with_the_cure(
    daemon: RunningDaemon,
    settings: Path,
    press: Callable[[str], None],
    picture_window: Callable[[Image.Image], Rectangle],
) -> None:
    with daemon.sound.record() as recording:
        press("super+alt+m")
        daemon.spoken_after(0)
        assert recording.wait_for_silence()
        assert similarity(recording.samples, spoken(telling.NOTHING_DESCRIBED)) > SAME
    picture_window(photograph())
    daemon.hears(lambda: press("super+alt+i"))
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("beam = 0", "beam = 1"), encoding="utf-8")
    wait_until(lambda: not control.send("status")["captioner loaded"], "it was not let go")
    before = daemon.answered()
    with daemon.sound.record() as recording:
        press("super+alt+m")
        daemon.spoken_after(before)
        assert recording.wait_for_silence()
        assert similarity(recording.samples, spoken(FORGOTTEN)) > SAME


def test_the_tone_of_a_thing_is_heard_before_its_words_and_can_be_switched_off(
    daemon: RunningDaemon,
    settings: Path,
    press: Callable[[str], None],
    picture_window: Callable[[Image.Image], Rectangle],
) -> None:
    picture_window(photograph())
    daemon.hears(lambda: press("super+alt+i"))

    def samples_of_where() -> int:
        before = daemon.answered()
        with daemon.sound.record() as recording:
            press(WHERE)
            daemon.spoken_after(before)
            assert recording.wait_for_silence()
            assert similarity(recording.samples, spoken(daemon.last())) > 0.9
            return sum(abs(each) > 100 for each in recording.samples)

    silent = samples_of_where()
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("place = false", "place = true"), encoding="utf-8")
    wait_until(lambda: samples_of_where() > silent + 500, "no tone was heard")


def test_a_sentence_ends_with_the_words_where_that_is_wanted(
    daemon: RunningDaemon,
    settings: Path,
    press: Callable[[str], None],
    picture_window: Callable[[Image.Image], Rectangle],
) -> None:
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("words = false", "words = true"), encoding="utf-8")
    picture_window(notice("Closed today"))

    def sentence() -> str:
        reply = control.send("screen", wait=True, timeout=2 * LONG)
        assert not reply["failed"], reply
        return str(reply["sentence"])

    wait_until(lambda: sentence().endswith(" It says: Closed today."), "no words were told")
    again, sureness = daemon.hears(lambda: press("super+alt+a"))
    assert again.endswith(" It says: Closed today.")
    assert sureness > SAME
