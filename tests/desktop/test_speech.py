"""Speech: every back-end, heard on a real sound server."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import threading
import time
import wave
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from describer_daemon.core import backends
from describer_daemon.core.ports import DescriberError, VoiceSettings
from describer_daemon.fallback import SpeakerFallback
from describer_daemon.making import make_speaker
from describer_daemon.settings.settings import Settings
from describer_daemon.speech.candidates import SPEAKERS
from describer_daemon.speech.dispatcher import SpeechDispatcher
from describer_daemon.speech.espeak_ng import EspeakSpeaker
from describer_daemon.speech.pyttsx3 import Pyttsx3Speaker
from describer_daemon.virtual.sound import (
    RATE,
    Recording,
    VirtualSound,
    read_wav,
    similarity,
    sounding_seconds,
)
from tests.desktop.fixtures_display import wait_until
from tests.desktop.fixtures_sound import reference, speech_dispatcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.desktop.fixtures_sound import Heard

# 170 is one of the rates that speech-dispatcher has exactly
VOICE = VoiceSettings("en-us", rate=170)
QUICK = VoiceSettings("en-us", rate=449, volume=40)
DOG = "A black dog runs."
CATS = "Two cats sleep."
LONG = "This sentence goes on and on, through fields and woods, over hills and along the river."
BACKENDS = (SpeechDispatcher, EspeakSpeaker, Pyttsx3Speaker)


# sound is recorded as it is played: on a busy machine the player runs dry
pytestmark = pytest.mark.quiet


class Ends:
    """A `done` that remembers every call."""

    def __init__(self) -> None:
        self.calls: queue.Queue[tuple[DescriberError | None, int]] = queue.Queue()

    def __call__(self, error: DescriberError | None) -> None:
        self.calls.put((error, threading.get_ident()))

    def wait(self, timeout: float = 40.0) -> DescriberError | None:
        error, thread = self.calls.get(timeout=timeout)
        assert thread != threading.get_ident()
        return error


def say(speaker: Any, text: str) -> DescriberError | None:
    ends = Ends()
    speaker.speak(text, ends)
    error = ends.wait()
    assert ends.calls.empty()
    return error


def spoken(speaker: Any, voice: VoiceSettings = VOICE) -> VoiceSettings:
    """The voice as espeak-ng itself has it: speech-dispatcher's is twice as loud."""
    louder = 2 if isinstance(speaker, SpeechDispatcher) else 1
    return replace(voice, volume=louder * voice.volume)


def surely(speaker: Any) -> float:
    """The least similarity of a later utterance: speech-dispatcher's flutter goes on.

    By where the flutter is, it has 0.42, 0.59 or 1.0; another sentence has at most 0.17.
    """
    return 0.3 if isinstance(speaker, SpeechDispatcher) else 0.98


def children() -> set[int]:
    """Every process below this one that is not yet over."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it ended while we looked
        if state != "Z":
            parents[int(stat.parent.name)] = int(parent)
    here: set[int] = set()
    below = {Path("/proc/self").resolve().name}
    while below:
        found = {pid for pid, parent in parents.items() if str(parent) in below} - here
        here |= found
        below = {str(pid) for pid in found}
    return here


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.name)
def speaker(request: pytest.FixtureRequest, audio: VirtualSound) -> Iterator[Any]:
    if request.param is SpeechDispatcher:
        request.getfixturevalue("speech_service")
    speaker = request.param()
    speaker.configure(VOICE)
    yield speaker
    speaker.close()


@pytest.fixture(params=BACKENDS[1:], ids=lambda backend: backend.name)
def played(request: pytest.FixtureRequest, audio: VirtualSound) -> Iterator[Any]:
    """The speakers that use a player of ours: their sound is exact even on a busy machine."""
    speaker = request.param()
    speaker.configure(VOICE)
    yield speaker
    speaker.close()


@pytest.fixture
def espeak(audio: VirtualSound) -> Iterator[EspeakSpeaker]:
    speaker = EspeakSpeaker()
    speaker.configure(VOICE)
    yield speaker
    speaker.close()


@pytest.mark.parametrize("voice", [VOICE, QUICK], ids=["usual", "quick"])
def test_speech_dispatcher_says_the_right_sentence(
    audio: VirtualSound, monkeypatch: pytest.MonkeyPatch, voice: VoiceSettings
) -> None:
    best = 0.0
    for _ in range(4):  # a busy machine breaks its sound, which has no buffer to speak of
        with speech_dispatcher(audio) as address, audio.record() as recording:
            monkeypatch.setenv("SPEECHD_ADDRESS", address)
            assert SpeechDispatcher.unavailable_reason() == ""
            speaker = SpeechDispatcher()
            speaker.configure(voice)
            assert say(speaker, DOG) is None
            recording.wait_for_silence()
        louder = spoken(speaker, voice)
        assert similarity(recording.samples, reference(CATS, louder)) < 0.5
        best = max(best, similarity(recording.samples, reference(DOG, louder)))
        if best > 0.98:
            break
    assert best > 0.98


def test_the_right_sentence_is_heard(played: Any, recording: Recording, heard: Heard) -> None:
    assert played.unavailable_reason() == ""
    assert say(played, DOG) is None
    assert heard(DOG, VOICE) > 0.98
    assert heard(CATS, VOICE) < 0.5
    whole = sounding_seconds(reference(DOG, VOICE))
    assert abs(sounding_seconds(recording.samples) - whole) < 0.05


def test_speak_returns_at_once(speaker: Any, audio: VirtualSound) -> None:
    ends = Ends()
    begun = time.monotonic()
    speaker.speak(LONG, ends)
    taken = time.monotonic() - begun
    speaker.stop()
    assert ends.wait() is None
    assert taken < 0.5


def test_stop_is_silent_soon(
    speaker: Any, recording: Recording, record_property: Callable[[str, object], None]
) -> None:
    ends = Ends()
    speaker.speak(LONG, ends)
    assert recording.wait_for_sound()
    time.sleep(0.2)
    begun = time.monotonic()
    speaker.stop()
    assert ends.wait() is None
    assert recording.wait_for_silence()
    assert recording.last_sound is not None
    delay = recording.last_sound - begun
    record_property("silent_after_ms", round(1000 * delay))
    assert delay < 1.0, f"{1000 * delay:.0f} ms"  # 30 ms where nothing else is at work
    speaker.stop()  # harmless now
    assert ends.calls.empty()


def test_a_new_sentence_ends_the_one_before(
    speaker: Any, recording: Recording, heard: Heard
) -> None:
    first, second = Ends(), Ends()
    speaker.speak(LONG, first)
    assert recording.wait_for_sound()
    speaker.speak(DOG, second)
    assert first.wait() is None
    assert second.wait() is None
    assert heard(DOG, spoken(speaker)) > surely(speaker)
    assert sounding_seconds(recording.samples) < sounding_seconds(reference(LONG, VOICE))


def test_a_speech_child_that_is_killed_costs_one_sentence(
    audio: VirtualSound, heard: Heard
) -> None:
    speaker = Pyttsx3Speaker()
    speaker.configure(VOICE)
    before, ends = children(), Ends()
    speaker.speak(LONG, ends)
    wait_until(lambda: bool(children() - before), "nothing was started")
    for child in children() - before:  # none plays before this one has ended
        os.kill(child, signal.SIGKILL)
    assert isinstance(ends.wait(), DescriberError)
    assert say(speaker, DOG) is None
    assert heard(DOG, VOICE) > 0.98
    speaker.close()


def test_many_hasty_keys_leave_only_the_last(speaker: Any, heard: Heard) -> None:
    ends = [Ends() for _ in range(12)]
    for end in ends[:-1]:
        speaker.speak(LONG, end)
    speaker.speak(DOG, ends[-1])
    assert [end.wait() for end in ends] == [None] * 12
    assert heard(DOG, spoken(speaker)) > surely(speaker)
    assert not [thread for thread in threading.enumerate() if thread.name == "speech"]


def test_twenty_captions_in_a_row_are_all_heard(
    espeak: EspeakSpeaker, recording: Recording
) -> None:
    voice = replace(VOICE, rate=400)
    espeak.configure(voice)
    captions = [f"Picture {number}." for number in range(1, 21)]
    assert [say(espeak, caption) for caption in captions] == [None] * 20
    recording.wait_for_silence()
    samples = recording.samples
    assert min(similarity(samples, reference(caption, voice)) for caption in captions) > 0.98


def test_any_text_is_only_text(speaker: Any, audio: VirtualSound) -> None:
    for text in (
        "-v nonsense --stdout",
        "<break/> & </speak>",
        "[[h@loU]] world",
        ". Dots..",
        "\r\n.\r\nSTOP all",
        "\x01 20S control",
        "QUIT the room",
        "漢字 🎉 \udcff",
        '50% "off"',
    ):
        ends = Ends()
        with audio.record() as recording:
            speaker.speak(text, ends)
            assert recording.wait_for_sound(), text
            speaker.stop()
            assert ends.wait() is None
    assert say(speaker, ".") is None


def test_lines_and_control_signs_do_not_matter(played: Any, heard: Heard) -> None:
    assert say(played, DOG.replace(" runs", "\r\nruns").replace(" black", " \x00\tblack")) is None
    assert heard(DOG, VOICE) > 0.98


def test_strange_text_sounds_as_written(espeak: EspeakSpeaker, heard: Heard) -> None:
    assert say(espeak, "-w <break/>\r\n.\r\nSTOP all") is None
    assert heard("-w <break/> . STOP all", VOICE) > 0.98


@pytest.mark.parametrize("text", ["", " \n\t", "\x00"])
def test_nothing_to_say_is_no_failure(speaker: Any, tmp_path: Path, text: str) -> None:
    assert say(speaker, text) is None
    speaker.save(text, tmp_path / "nothing.wav")
    assert len(read_wav(tmp_path / "nothing.wav")) == 0


def test_an_unknown_voice_is_refused_with_the_nearest(speaker: Any) -> None:
    with pytest.raises(DescriberError, match=r"no voice named Englich .*English \(America\)"):
        speaker.configure(VoiceSettings("Englich (Amerika)"))
    names = list(speaker.voices())
    assert names == sorted(set(names))
    speaker.configure(VoiceSettings(names[-1]))


def test_a_variant_of_a_voice(espeak: EspeakSpeaker, heard: Heard) -> None:
    espeak.configure(VoiceSettings("en-us+f3"))
    espeak.configure(VoiceSettings("english (america)+annie", rate=170))
    assert say(espeak, DOG) is None
    assert heard(DOG, VoiceSettings("en-us+Annie", rate=170)) > 0.98
    with pytest.raises(DescriberError, match="no voice named Anni"):
        espeak.configure(VoiceSettings("en-us+Anni3"))


def test_rate_and_volume_are_heard(played: Any, recording: Recording, heard: Heard) -> None:
    played.configure(QUICK)
    assert say(played, DOG) is None
    assert heard(DOG, QUICK) > 0.98
    whole = max(reference(DOG, QUICK))
    assert abs(max(recording.samples) - whole) < 0.1 * whole


def test_save_writes_what_is_spoken(speaker: Any, recording: Recording, tmp_path: Path) -> None:
    path = tmp_path / "speech.wav"
    speaker.save(DOG, path)
    assert recording.first_sound is None, "saving must not be heard"
    with wave.open(str(path), "rb") as file:
        assert (file.getsampwidth(), file.getnchannels(), file.getframerate()) == (2, 1, RATE)
        assert path.stat().st_size == 44 + 2 * file.getnframes()
    assert similarity(read_wav(path), reference(DOG, VOICE)) > 0.98
    with pytest.raises(DescriberError, match="cannot write"):
        speaker.save(DOG, tmp_path / "missing" / "speech.wav")


def test_no_process_is_left(speaker: Any, recording: Recording) -> None:
    before = children()
    ends = Ends()
    speaker.speak(LONG, ends)
    assert recording.wait_for_sound()
    speaker.close()
    assert ends.calls.get_nowait()[0] is None
    assert children() <= before


@pytest.mark.parametrize("backend", [EspeakSpeaker, Pyttsx3Speaker], ids=lambda b: b.name)
def test_no_sound_at_all_is_an_error(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULSE_SERVER", "unix:/nonexistent/socket")
    monkeypatch.setenv("ALSA_CONFIG_PATH", "/dev/null")
    speaker = backend()
    error = say(speaker, DOG)
    speaker.close()
    assert error is not None
    assert "cannot be heard" in error.spoken
    assert "paplay" in error.detail


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b.name)
def test_the_sound_server_dies_while_speaking(
    backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALSA_CONFIG_PATH", "/dev/null")
    with VirtualSound() as server, speech_dispatcher(server) as address:
        monkeypatch.setenv("PULSE_SERVER", server.server)
        monkeypatch.setenv("SPEECHD_ADDRESS", address)
        speaker, ends = backend(), Ends()
        with server.record() as recording:
            speaker.speak(LONG, ends)
            assert recording.wait_for_sound()
            server.stop_server()
            assert isinstance(ends.wait(), DescriberError)
        speaker.close()


def test_the_sound_server_comes_back(espeak: EspeakSpeaker, monkeypatch: Any) -> None:
    monkeypatch.setenv("ALSA_CONFIG_PATH", "/dev/null")
    with VirtualSound() as server:
        monkeypatch.setenv("PULSE_SERVER", server.server)
        server.stop_server()
        assert say(espeak, DOG) is not None
        server.start_server()
        with server.record() as recording:
            assert say(espeak, DOG) is None
            recording.wait_for_silence()
        assert similarity(recording.samples, reference(DOG, VOICE)) > 0.98


def test_aplay_serves_where_nothing_better_is(
    audio: VirtualSound,
    recording: Recording,
    heard: Heard,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only(["espeak-ng", "aplay"], tmp_path, monkeypatch)
    asound = tmp_path / "asound.conf"
    asound.write_text(
        "pcm_type.pulse { lib libasound_module_pcm_pulse.so }\npcm.!default { type pulse }\n"
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", str(asound))
    speaker = EspeakSpeaker()
    speaker.configure(VOICE)
    assert say(speaker, DOG) is None
    speaker.close()
    monkeypatch.undo()
    assert heard(DOG, VOICE) > 0.98


def test_no_player_is_refused_with_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(["espeak-ng"], tmp_path, monkeypatch)
    for backend in (EspeakSpeaker, Pyttsx3Speaker):
        assert "install pulseaudio-utils" in backend.unavailable_reason()
        error = say(backend(), DOG)
        assert error is not None
        assert "install pulseaudio-utils" in error.spoken


def test_no_voice_is_refused_with_the_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(["paplay"], tmp_path, monkeypatch)
    assert "install espeak-ng" in EspeakSpeaker.unavailable_reason()
    error = say(EspeakSpeaker(), DOG)
    assert error is not None
    assert "espeak-ng is missing" in error.spoken


def test_no_speech_dispatcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHD_ADDRESS", f"unix_socket:{tmp_path}/none")
    assert "does not answer" in SpeechDispatcher.unavailable_reason()
    assert isinstance(say(SpeechDispatcher(), DOG), DescriberError)
    monkeypatch.setenv("SPEECHD_ADDRESS", "inet_socket:example.org:6560")
    assert "network" in SpeechDispatcher.unavailable_reason()


def test_a_hung_speech_dispatcher(speech_service: str) -> None:
    process = int((Path(speech_service.partition(":")[2]).parent / "pid").read_text())
    os.kill(process, signal.SIGSTOP)
    try:
        assert "fell silent" in SpeechDispatcher.unavailable_reason()
        speaker = SpeechDispatcher()
        speaker.stop()
        assert isinstance(say(speaker, DOG), DescriberError)
    finally:
        os.kill(process, signal.SIGCONT)


def test_a_hung_sound_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("describer_daemon.speech.espeak_ng.max_seconds", lambda *_: 1.0)
    with VirtualSound() as server:
        monkeypatch.setenv("PULSE_SERVER", server.server)
        assert server.pid is not None
        before = children()
        os.kill(server.pid, signal.SIGSTOP)
        error = say(EspeakSpeaker(), DOG)
        assert error is not None
        assert "not finished" in error.detail
        assert children() <= before


def test_the_order_of_back_ends(speech_service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert backends.choose(SPEAKERS).backend is SpeechDispatcher
    monkeypatch.setenv("SPEECHD_ADDRESS", "unix_socket:/nonexistent")
    choice = backends.choose(SPEAKERS)
    assert choice.backend is EspeakSpeaker
    assert [name for name, _ in choice.skipped] == ["orca", "speech-dispatcher"]


def test_a_service_that_comes_after_login_is_taken_and_may_go_again(
    audio: VirtualSound, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = sandbox / "late"
    monkeypatch.setenv("SPEECHD_ADDRESS", f"unix_socket:{late}")
    speaker = SpeakerFallback(partial(make_speaker, Settings()), look_every=0.0)
    try:
        assert say(speaker, DOG) is None
        assert speaker.name == "espeak-ng"
        with speech_dispatcher(audio) as address:
            late.symlink_to(address.removeprefix("unix_socket:"))
            speaker.look_again()
            wait_until(lambda: speaker.name == "speech-dispatcher", "it was not taken")
            assert say(speaker, DOG) is None
        assert say(speaker, DOG) is None
        assert speaker.name == "espeak-ng"
    finally:
        speaker.close()


def only(programs: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make PATH a folder with nothing but these programs."""
    tools = folder / "bin"
    tools.mkdir()
    for program in programs:
        found = shutil.which(program)
        assert found is not None
        (tools / program).symlink_to(found)
    monkeypatch.setenv("PATH", str(tools))
