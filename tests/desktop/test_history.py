"""The history and both ways to copy, on the real desktop: keys, voice, clipboard, disk."""

from __future__ import annotations

import html
import io
import json
import os
import re
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from describer_daemon import picture_copy
from describer_daemon.core.ports import Rectangle
from describer_daemon.service import control
from describer_daemon.virtual.display import VirtualDisplay
from tests.desktop.fixtures_daemon import RunningDaemon
from tests.desktop.fixtures_display import pasted, wait_until
from tests.desktop.test_main_job import SAME, photograph

Press = Callable[[str], None]
Show = Callable[[Image.Image], Rectangle]


def trigger(verb: str) -> str:
    return str(control.send(verb, wait=True)["sentence"])


def test_earlier_descriptions_are_heard_kept_and_forgotten(
    daemon: RunningDaemon, settings: Path, sandbox: Path, picture_window: Show
) -> None:
    picture_window(photograph("astronaut"))
    trigger("screen")
    assert trigger("previous").startswith("I remember nothing.")
    state = sandbox / ".local" / "state" / "describer" / "history"
    assert not state.exists()
    text = settings.read_text(encoding="utf-8")
    text = text.replace("keep = 0", "keep = 5").replace("file = false", "file = true")
    settings.write_text(text, encoding="utf-8")
    wait_until(state.is_dir, "the settings were not taken up")
    first = trigger("screen")
    picture_window(photograph("coffee"))
    trigger("screen")
    sentence, sureness = daemon.hears(lambda: control.send("previous"))
    assert sentence == first
    assert sureness > SAME
    file = state / "history.jsonl"
    wait_until(lambda: file.is_file() and len(file.read_bytes().splitlines()) == 2, "not written")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (state, file)] == [0o700, 0o600]
    keys = {key for line in file.read_text().splitlines() for key in json.loads(line)}
    assert keys == {"time", "verb", "sentence", "language"}
    trigger("forget")
    wait_until(lambda: not file.exists(), "it is still on the disk")
    assert trigger("repeat") == "I have not described anything yet."


def test_the_copy_key_twice_gives_picture_and_words_and_both_outlive_the_describer(
    daemon: RunningDaemon, picture_window: Show, press: Press
) -> None:
    picture_window(photograph("chelsea"))
    sentence = trigger("screen")
    press("super+alt+y")
    press("super+alt+y")
    wait_until(lambda: b"text/html" in pasted("TARGETS"), "only the words were copied")
    assert pasted("UTF8_STRING").decode() == sentence
    [words] = re.findall(r'alt="(.*?)"', pasted("text/html").decode())
    assert html.unescape(words) == sentence
    with Image.open(io.BytesIO(pasted("image/png"))) as image:
        image.load()
        assert image.info["Description"] == sentence
        assert image.width > 100
    assert daemon.end() == 0
    assert pasted("UTF8_STRING").decode() == sentence


@pytest.mark.parametrize("size", [(30, 20), (1200, 900)])
def test_the_owner_hands_out_small_and_large_and_goes_when_another_copies(
    xserver: VirtualDisplay, clip_text: Callable[[str], object], size: tuple[int, int]
) -> None:
    file = io.BytesIO()
    Image.frombytes("RGB", size, os.urandom(3 * size[0] * size[1])).save(file, "PNG")
    before = owners()
    assert picture_copy.copy_picture(file.getvalue(), "A <dog>.") == picture_copy.COPIED
    offered = picture_copy.contents(picture_copy.with_text(file.getvalue(), "A <dog>."), "A <dog>.")
    assert {kind: pasted(kind) for kind in offered} == offered
    ours = owners() - before
    assert ours
    clip_text("something else")
    wait_until(lambda: not ours & owners(), "the owner is still there")


def owners() -> set[str]:
    """The processes that own a clipboard, of whichever display."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
        except OSError:  # it ended just now
            continue
        if b"clipboard_owner" in command and sys.executable.encode() in command:
            found.add(folder.name)
    return found
