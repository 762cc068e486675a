"""The main job in another language than English: seen, said, and heard from a voice of it.

In those that there are catalogues for: another stands in where there is none.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from describer_daemon.cli.demo import demo
from describer_daemon.core import i18n, phrasing
from describer_daemon.core.ports import VoiceSettings
from describer_daemon.service import control
from describer_daemon.virtual.sound import read_wav, similarity
from tests.desktop.fixtures_daemon import RATE, RunningDaemon
from tests.desktop.fixtures_display import wait_until
from tests.desktop.fixtures_sound import reference
from tests.screens import photograph

SAME = 0.98  # similarity of what was heard with what a voice says
LAST = i18n.languages()[-1]
GERMAN, FRENCH = (code if code in i18n.languages() else LAST for code in ("de", "fr"))

# sound is recorded as it is played: on a busy machine the player runs dry
pytestmark = pytest.mark.quiet


def test_a_language_that_is_saved_is_spoken_from_the_next_key_on(
    daemon: RunningDaemon,
    settings: Path,
    press: Callable[[str], None],
    picture_window: Callable[[Image.Image], object],
) -> None:
    text = settings.read_text(encoding="utf-8")
    text = text.replace('language = ""', f'language = "{GERMAN}"')
    settings.write_text(text, encoding="utf-8")
    wait_until(lambda: control.send("status")["language"] == GERMAN, "it is not taken up")
    for picture in (photograph("astronaut"), Image.new("RGB", (400, 300))):
        picture_window(picture)
        before = daemon.answered()
        with daemon.sound.record() as recording:
            press("super+alt+i")
            daemon.spoken_after(before)
            assert recording.wait_for_sound()
            assert recording.wait_for_silence()
            said = daemon.last()
            heard = {
                voice: similarity(recording.samples, reference(said, VoiceSettings(voice, RATE)))
                for voice in (GERMAN, "da")
            }
        assert heard[GERMAN] > SAME, (said, heard)
        assert heard["da"] < 0.5
    with i18n.spoken_in(GERMAN):
        assert said == i18n._(phrasing.CURTAIN)


def test_the_demonstration_can_be_in_a_language(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DESCRIBER_LANGUAGE", "")  # and so it is as before afterwards
    saved = sandbox / "speech.wav"
    done = CliRunner().invoke(demo, ["--language", FRENCH, "--save", str(saved)])
    assert done.exit_code == 0, done.output
    said = done.output.splitlines()[-2]
    assert similarity(read_wav(saved), reference(said, VoiceSettings(FRENCH))) > SAME
    assert similarity(read_wav(saved), reference(said, VoiceSettings("da"))) < 0.5
