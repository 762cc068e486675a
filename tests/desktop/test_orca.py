"""Orca speaks for the describer where it runs: its voice, its speed, its braille."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from dbus_fast import Variant

from describer_daemon.cli import doctor
from describer_daemon.cli.voices import voices
from describer_daemon.core import backends
from describer_daemon.core.ports import DescriberError, VoiceSettings
from describer_daemon.fallback import SpeakerFallback
from describer_daemon.making import make_speaker, missing_speaker
from describer_daemon.service import control
from describer_daemon.settings.settings import Settings, load
from describer_daemon.speech import orca as module
from describer_daemon.speech.candidates import SPEAKERS
from describer_daemon.speech.espeak_ng import EspeakSpeaker
from describer_daemon.speech.orca import OrcaSpeaker
from describer_daemon.speech.orca_watch import OrcaWatch
from describer_daemon.virtual.sound import VirtualSound, read_wav, similarity
from tests.desktop.fixtures_daemon import RunningDaemon
from tests.desktop.fixtures_display import wait_until
from tests.desktop.fixtures_orca import DIALECTS, Orca, RunOrca
from tests.desktop.fixtures_sound import reference

DOG = "A black dog runs."
LONG = "This sentence goes on and on, through fields and woods, over hills and along the river."
EACH = pytest.mark.parametrize("dialect", DIALECTS)


@pytest.fixture(autouse=True)
def no_dispatcher(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who speaks where Orca does not is espeak-ng."""
    monkeypatch.setenv("SPEECHD_ADDRESS", f"unix_socket:{sandbox}/none")


@pytest.fixture
def speaker() -> Iterator[OrcaSpeaker]:
    made = OrcaSpeaker()
    yield made
    made.close()


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever Orca says takes long."""
    monkeypatch.setattr(module, "likely_seconds", lambda *_: 600.0)


def begin(speaker: Any, text: str) -> queue.Queue[DescriberError | None]:
    ends: queue.Queue[DescriberError | None] = queue.Queue()
    speaker.speak(text, ends.put)
    return ends


def say(speaker: Any, text: str) -> DescriberError | None:
    ends = begin(speaker, text)
    error = ends.get(timeout=60)
    assert ends.empty()
    return error


@EACH
def test_what_is_said_goes_through_orca(
    run_orca: RunOrca, speaker: OrcaSpeaker, dialect: str
) -> None:
    orca = run_orca(dialect)
    assert backends.choose(SPEAKERS).backend is OrcaSpeaker
    assert say(speaker, "  A black\n dog runs. ") is None
    assert orca.events == [("present", DOG)]  # nothing of Orca's own was cut off for it
    assert say(speaker, "") is None
    assert orca.said == [DOG]


@EACH
@pytest.mark.usefixtures("endless")
def test_a_new_sentence_ends_the_one_before(
    run_orca: RunOrca, speaker: OrcaSpeaker, dialect: str
) -> None:
    orca = run_orca(dialect)
    first = begin(speaker, LONG)
    wait_until(lambda: orca.said, "nothing was said")
    second = begin(speaker, DOG)
    assert first.get(timeout=60) is None
    wait_until(lambda: len(orca.said) == 2, "the second was not said")
    assert orca.events == [("present", LONG), ("interrupt", ""), ("present", DOG)]
    speaker.stop()
    assert second.get(timeout=60) is None
    # once, or twice if the sentence's own end comes while the first is on its way
    wait_until(lambda: set(orca.events[3:]) == {("interrupt", "")}, "it was not stopped")


@EACH
def test_stop_ends_what_orca_says_even_when_it_took_longer_than_was_reckoned(
    run_orca: RunOrca, speaker: OrcaSpeaker, dialect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    orca = run_orca(dialect)
    monkeypatch.setattr(module, "likely_seconds", lambda *_: 0.0)
    fallback = SpeakerFallback(partial(make_speaker, Settings()))
    for each in (speaker, fallback):
        orca.events.clear()
        assert say(each, LONG) is None
        each.stop()
        wait_until(lambda: len(orca.events) == 2, "Orca was not stopped")
        assert orca.events == [("present", LONG), ("interrupt", "")]
    fallback.close()


@pytest.mark.usefixtures("endless")
def test_many_hasty_keys_leave_only_the_last(run_orca: RunOrca, speaker: OrcaSpeaker) -> None:
    orca = run_orca("51")
    for _ in range(10):
        speaker.stop()
        begun = [begin(speaker, LONG) for _ in range(5)]
        speaker.stop()
        last = begin(speaker, DOG)
        assert [ends.get(timeout=60) for ends in begun] == [None] * 5
        wait_until(lambda: orca.said[-1:] == [DOG], "the last was not said")
        speaker._fall_silent()  # whatever was still under way
        assert orca.events[-1] == ("present", DOG)
        assert LONG not in orca.said or orca.events[-2] == ("interrupt", "")
        assert last.empty()
        orca.events.clear()


@EACH
@pytest.mark.parametrize(("rate", "words"), [(0, 80), (50, 170), (100, 449)])
def test_the_end_is_reckoned_from_orcas_own_speed(
    run_orca: RunOrca,
    speaker: OrcaSpeaker,
    monkeypatch: pytest.MonkeyPatch,
    dialect: str,
    rate: int,
    words: int,
) -> None:
    asked = []
    monkeypatch.setattr(
        module, "likely_seconds", lambda text, speed: asked.append((text, speed)) or 0.0
    )
    run_orca(dialect, rate=rate)
    speaker.configure(VoiceSettings(rate=300))
    assert say(speaker, DOG) is None
    assert asked == [(DOG, words)]


@pytest.mark.parametrize("rate", [Variant("s", "fast"), Variant("u", 4_000_000), None])
@EACH
def test_a_speed_that_is_none_costs_no_sentence(
    run_orca: RunOrca, speaker: OrcaSpeaker, dialect: str, rate: Variant | None
) -> None:
    orca = run_orca(dialect)
    if rate is None:
        del orca.settings["Rate"]  # the call fails
    else:
        orca.settings["Rate"] = rate
    assert say(speaker, DOG) is None
    assert orca.said == [DOG]


def test_without_orca_another_speaks(own_bus: str, speaker: OrcaSpeaker) -> None:
    """The distribution's Orca 43 has no name on the bus either."""
    assert OrcaSpeaker.unavailable_reason() == "Orca does not run, or is older than 49"
    choice = backends.choose(SPEAKERS)
    assert choice.backend is EspeakSpeaker
    assert choice.skipped[0] == ("orca", "Orca does not run, or is older than 49")
    error = say(speaker, DOG)
    assert error is not None
    assert error.spoken == "Orca does not run here. Please start it."
    speaker.stop()


def test_without_a_bus_another_speaks(
    sandbox: Path, speaker: OrcaSpeaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no session bus" in OrcaSpeaker.unavailable_reason()
    for address in (f"unix:path={sandbox}/none", "nonsense", "tcp:host=localhost,port=1"):
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        assert "session bus" in OrcaSpeaker.unavailable_reason()
        assert say(speaker, DOG) is not None


def test_orca_that_comes_is_taken_and_its_going_is_noticed(
    audio: VirtualSound, own_bus: str
) -> None:
    """Without a word being said, and without anybody asking."""
    speaker = SpeakerFallback(partial(make_speaker, Settings()), look_every=3600.0)
    watch = OrcaWatch(speaker.reconsider)
    watch.start()
    try:
        assert speaker.name == "espeak-ng"
        for dialect in DIALECTS:
            with Orca(dialect) as orca:
                wait_until(lambda: speaker.name == "orca", "Orca was not taken")
                assert say(speaker, DOG) is None
                assert orca.said == [DOG]
            wait_until(lambda: speaker.name == "espeak-ng", "nobody stands in for Orca")
    finally:
        watch.stop()
        speaker.close()


def test_orca_that_was_there_first_is_found_by_the_watch(run_orca: RunOrca) -> None:
    run_orca("50")
    found: queue.Queue[bool] = queue.Queue()
    watch = OrcaWatch(lambda: found.put(True))
    watch.start()
    assert found.get(timeout=60)
    watch.stop()
    watch.stop()


@pytest.mark.parametrize("fault", ["gone", "refuses", "hangs"])
def test_what_orca_cannot_say_is_said_by_another(
    audio: VirtualSound, own_bus: str, fault: str
) -> None:
    with contextlib.ExitStack() as running:
        orca = running.enter_context(Orca("51"))
        speaker = SpeakerFallback(partial(make_speaker, Settings()), look_every=3600.0)
        speaker.configure(VoiceSettings("en-us", rate=170))
        assert speaker.name == "orca"
        orca.refuses, orca.hangs = fault == "refuses", fault == "hangs"
        if fault == "gone":
            running.close()
        with audio.record() as recording:
            assert say(speaker, DOG) is None
            recording.wait_for_silence()
        heard = similarity(recording.samples, reference(DOG, VoiceSettings("en-us", rate=170)))
        assert (speaker.name, heard > 0.9) == ("espeak-ng", True)
        assert orca.said == []
        if fault == "hangs":
            assert OrcaSpeaker.unavailable_reason().startswith("Orca runs, but does not answer")
        speaker.close()


@pytest.mark.parametrize("wanted", ["auto", "orca", "espeak-ng"])
def test_the_settings_may_force_anybody(run_orca: RunOrca, sandbox: Path, wanted: str) -> None:
    run_orca("51")
    path = sandbox / "settings.toml"
    path.write_text(f'[speech]\nbackend = "{wanted}"\n', encoding="utf-8")
    expected = "orca" if wanted == "auto" else wanted
    assert make_speaker(load(path)).name == expected
    assert missing_speaker(load(path), expected) is None


def test_orca_that_is_wanted_but_absent_is_told(own_bus: str, sandbox: Path) -> None:
    path = sandbox / "settings.toml"
    path.write_text('[speech]\nbackend = "orca"\n', encoding="utf-8")
    assert make_speaker(load(path)).name == "espeak-ng"
    missing = missing_speaker(load(path), "espeak-ng")
    assert missing is not None
    assert missing.spoken == (
        "I cannot speak with orca, so espeak-ng serves. Orca does not run, or is older than 49."
    )


def test_orca_saves_by_espeak(run_orca: RunOrca, speaker: OrcaSpeaker, tmp_path: Path) -> None:
    run_orca("50")
    path = tmp_path / "speech.wav"
    voice = VoiceSettings("en-us", rate=170)
    speaker.configure(voice)
    speaker.save(DOG, path)
    assert similarity(read_wav(path), reference(DOG, voice)) > 0.98
    speaker.configure(VoiceSettings("nobody"))  # no fault while Orca speaks
    with pytest.raises(DescriberError, match="orca cannot save speech"):
        speaker.save(DOG, path)


def checks(*names: str) -> dict[str, doctor.Check]:
    """Those of the doctor's checks."""
    found = {}
    for check in doctor.examine():
        found[check.name] = check
        if check.name == names[-1]:
            break
    return {name: found[name] for name in names}


@EACH
def test_the_doctor_tells_what_is_known(run_orca: RunOrca, dialect: str) -> None:
    orca = run_orca(dialect)
    found = checks("voice", "sound")
    assert found["voice"].result.startswith("orca speaks, in the voice that is set in Orca")
    assert found["sound"].result == (
        f"Orca {orca.version} has taken the words; it does not tell what is heard"
    )
    orca.settings["SpeechIsMuted"] = Variant("b", True)
    problem = checks("sound")["sound"].problem
    assert problem.startswith("Orca's speech is switched off, so nothing is heard.")


def test_the_doctor_tells_that_there_is_no_orca(audio: VirtualSound, own_bus: str) -> None:
    assert "orca does not: Orca does not run" in checks("voice")["voice"].result


def test_the_voices_are_those_for_when_orca_does_not_run(
    audio: VirtualSound, run_orca: RunOrca
) -> None:
    orca = run_orca("51")
    done = CliRunner().invoke(voices, [])
    assert (done.exit_code, done.stderr) == (
        0,
        "Orca speaks here, in its own voice. These are for when it does not run.\n",
    )
    assert "en-us" in done.stdout.splitlines()
    assert CliRunner().invoke(voices, ["--sample", "en-us", "--text", DOG]).exit_code == 0
    assert orca.said == []
    assert CliRunner().invoke(voices, ["--sample", "", "--text", DOG]).exit_code == 0
    assert orca.said == [DOG]


def test_the_daemon_speaks_through_orca(run_orca: RunOrca, daemon: RunningDaemon) -> None:
    wait_until(lambda: control.send("status")["speech by"] == "espeak-ng", "nobody speaks")
    orca = run_orca("50")
    wait_until(lambda: control.send("status")["speech by"] == "orca", "Orca was not taken")
    daemon.answers(lambda: control.send("repeat"))
    wait_until(lambda: orca.said == ["I have not described anything yet."], "it was not said")
    control.send("stop")
    wait_until(lambda: orca.events[-1] == ("interrupt", ""), "Orca was not stopped")
