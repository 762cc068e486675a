"""The main job on real desktops, each as a person has it: `./check --desktops`.

What works is asserted for each part of each desktop, and told in a table at the end.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import time
from collections.abc import Iterator
from functools import partial

import pytest
from PIL import Image

from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.capture import meanwhile
from describer_daemon.capture.candidates import CLIPBOARDS, SCREENS
from describer_daemon.capture.focus import FocusWatcher
from describer_daemon.core import backends, phrasing
from describer_daemon.core.ports import DescriberError, Encoded, Picture, Verb
from describer_daemon.settings.settings import Settings
from describer_daemon.speech.candidates import SPEAKERS
from tests.bundles import photograph
from tests.desktops import table
from tests.desktops.daemon import LIKE, PRESSES, SURELY, describer
from tests.desktops.desktops import GENERATOR, Desktop
from tests.desktops.keyboard import press, tap
from tests.desktops.session import PATIENCE, ran, until
from tests.desktops.windows import copied, window

RED, BLUE = (230, 20, 30), (20, 60, 200)
SIZE = (300, 200)

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="session")
def captioner() -> Iterator[ChildCaptioner]:
    child = ChildCaptioner(timeout=120.0)
    yield child
    child.close()


@pytest.fixture
def focus(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> Iterator[FocusWatcher]:
    """As the describer's own, but with patience: it must be there before the focus moves."""
    monkeypatch.setattr(meanwhile, "_GRACE", PATIENCE)
    ran("busctl", "--user", "call", "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress")
    watcher = FocusWatcher()
    watcher.start()
    until(lambda: watcher.name == "at-spi", "there is no bus of accessibility")
    yield watcher
    watcher.stop()


def grab(focus: FocusWatcher) -> Picture:
    """What the describer sees of the active window."""
    screen = backends.require(SCREENS, "see the screen")
    box, in_window = partial(focus.box, PATIENCE), partial(focus.in_window, PATIENCE)
    picture: Picture = screen("window", (800, 600), box, None, in_window).grab()
    return picture


def image(picture: Picture) -> Image.Image:
    if isinstance(picture, Encoded):
        return Image.open(io.BytesIO(picture.data)).convert("RGB")
    return Image.frombytes(
        "RGB", (picture.width, picture.height), bytes(picture.data), "raw", picture.layout
    )


def shown(name: str) -> Image.Image:
    return photograph(name).convert("RGB").resize((360, 270))


@table.part("autostart")
def test_it_starts_at_login(desktop: Desktop) -> None:
    """By what this desktop, or its systemd, makes of the file that `describer setup` wrote."""
    pid = desktop.describer.status()["pid"]
    assert desktop.login.poll() is None
    if desktop.autostart == GENERATOR:  # there is no systemd to start the unit
        assert pid == desktop.login.pid
    else:
        assert pid not in desktop.session.started()
    table.note(desktop.autostart)


@table.part("key")
def test_the_key_is_held(desktop: Desktop) -> None:
    status = desktop.describer.status()
    assert status["hotkeys by"] == desktop.keys_by
    if desktop.keys_by == "desktop":
        assert "Super" in describer("keys", "show")
    else:  # none of the usual ones is taken
        held = {verb: key.lower().replace("meta", "super") for verb, key in status["keys"].items()}
        usual = {verb.value: {*key.modifiers, key.key} for verb, key in Settings().keys.items()}
        assert {verb: set(key.split("+")) for verb, key in held.items()} == usual
    table.note(desktop.keys)


@table.part("screen")
def test_the_active_window_alone_is_seen(desktop: Desktop, focus: FocusWatcher) -> None:
    def seen() -> Image.Image | None:
        found = image(grab(focus))  # a desktop's program that is late is stood in for by the portal
        return found if found.size != (1280, 800) else None

    with window(desktop.session, Image.new("RGB", SIZE, BLUE)):
        picture = until(seen, "only the whole screen is seen")
    colours = {colour: count for count, colour in picture.getcolors(picture.width * picture.height)}
    assert colours[BLUE] == SIZE[0] * SIZE[1]
    table.note(desktop.screen)


@table.part("focus")
def test_of_two_pictures_the_one_that_has_the_focus(
    desktop: Desktop, focus: FocusWatcher, captioner: ChildCaptioner
) -> None:
    """The larger one would be first otherwise; a busy machine may not tell of the focus in time."""

    def look() -> Picture | None:
        picture = grab(focus)
        box = picture.aim.focus if picture.aim is not None else None
        return picture if box is not None and box.width == 240 else None  # not yet, while it moves

    small = Image.new("RGB", (240, 180), BLUE)
    with window(desktop.session, Image.new("RGB", (420, 315), RED), small):
        tap(desktop.keyboard, "tab")
        picture = until(look, "nobody tells of the focus")
        box = picture.aim.focus
        cut = (box.left, box.top, box.left + box.width, box.top + box.height)
        assert image(picture).crop(cut).getcolors() == [(240 * 180, BLUE)]
    with window(desktop.session, shown("coffee"), photograph("chelsea").resize((240, 160))):
        tap(desktop.keyboard, "tab")
        caption = captioner.describe(until(look, "nobody tells of the focus"))
        assert caption.number == 1
        assert caption.box is not None
        assert caption.box.width < 300
        expected = phrasing.sentence(caption, Verb.SCREEN)
        assert says(desktop, "super+alt+i", expected) == expected
    table.note(desktop.describer.status()["focus by"])


@table.part("voice")
def test_the_key_brings_a_sentence_that_is_heard(
    desktop: Desktop, focus: FocusWatcher, captioner: ChildCaptioner
) -> None:
    times, likely = [], []
    with window(desktop.session, shown("astronaut")):
        expected = phrasing.sentence(captioner.describe(grab(focus)), Verb.SCREEN)
        for _ in range(1 + PRESSES):
            said, likeness, milliseconds = desktop.describer.hears(
                lambda: press(desktop.keyboard, "super+alt+i")
            )
            assert said == expected
            likely.append(likeness)
            times.append(milliseconds)
    assert statistics.median(likely) > LIKE
    assert max(likely) > SURELY
    table.note(desktop.describer.status()["speech by"])
    table.time(times[0], statistics.median(times[1:]))


@table.part("clipboard")
def test_what_was_copied(desktop: Desktop, captioner: ChildCaptioner) -> None:
    clipboard = backends.require(CLIPBOARDS, "read the clipboard")

    def read() -> Picture | None:
        with contextlib.suppress(DescriberError):  # its owner may be late
            return clipboard().grab()
        return None

    with copied(desktop.session, desktop.keyboard, shown("rocket")):
        picture = until(read, "nothing is read")
        assert image(picture).tobytes() == shown("rocket").tobytes()
        expected = phrasing.sentence(captioner.describe(picture), Verb.CLIPBOARD)
        assert says(desktop, "super+alt+c", expected) == expected
    table.note(desktop.describer.status()["clipboard by"])


def says(desktop: Desktop, key: str, expected: str) -> str:
    """What the key brings; it may be pressed again where a busy machine did not answer in time."""
    said = ""
    for _ in range(PRESSES):
        time.sleep(4)  # sooner, it would be the next picture's turn
        said = desktop.describer.hears(lambda: press(desktop.keyboard, key))[0]
        if said == expected:
            break
    return said


def test_orca_43_speaks_and_is_not_spoken_through(desktop: Desktop) -> None:
    """It has no name on the bus: both speak by speech-dispatcher, which lets them take turns."""
    log = desktop.session.home / "orca.log"
    if not log.exists():
        pytest.skip("this desktop has no Orca: ./check --desktops orca is the one that has")
    with window(desktop.session, Image.new("RGB", SIZE, BLUE)) as title:
        until(lambda: f"SPEECH OUTPUT: '{title}" in log.read_text(), "Orca reads no title")
    assert "Orca" in backends.why_not(SPEAKERS, "orca")
    assert desktop.describer.status()["speech by"] == "speech-dispatcher"
