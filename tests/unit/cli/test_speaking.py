"""`describe --speak`: one caption that cannot be heard costs no other one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.cli import describe as module
from describer_daemon.cli.files import Described
from describer_daemon.core.ports import Caption, DescriberError, SpeechDone, VoiceSettings
from describer_daemon.settings.settings import Settings

NAMES = ["a.png", "b.png", "c.png"]


class Speaker:
    """Cannot bring out what names one of `unheard`."""

    def __init__(self, *unheard: str) -> None:
        self.unheard = unheard
        self.heard: list[str] = []
        self.saved: list[str] = []

    def configure(self, voice: VoiceSettings) -> None: ...

    def speak(self, text: str, done: SpeechDone, language: str = "en") -> None:
        if any(name in text for name in self.unheard):
            done(DescriberError(f"I cannot be heard: {text}"))
        else:
            self.heard.append(text)
            done(None)

    def stop(self) -> None: ...

    def save(self, text: str, path: Path) -> None:
        self.saved.append(text)

    def voices(self) -> list[str]:
        return []

    def close(self) -> None: ...


def described(file: str, _: ChildCaptioner) -> Iterable[Described]:
    words = tuple(f"about {file}".split())
    return [Described(file, Caption(words, (-0.1,) * 3, 0.9))]


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "settings_for_command", Settings)
    monkeypatch.setattr(
        module.Options, "work", lambda _, file, captioner: described(file, captioner)
    )


def run(speaker: Speaker, monkeypatch: pytest.MonkeyPatch, *options: str) -> tuple[int, str, str]:
    monkeypatch.setattr(module, "speaker_for_command", lambda _: speaker)
    done = CliRunner().invoke(module.describe, [*options, *NAMES])
    return done.exit_code, done.stdout, done.stderr


def test_all_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    speaker = Speaker()
    status, output, errors = run(speaker, monkeypatch, "--speak")
    assert (status, errors) == (0, "")
    assert output.splitlines() == [f"{name}: About {name}." for name in NAMES]
    assert speaker.heard == [f"About {name}." for name in NAMES]


def test_after_a_stop_nothing_more_is_heard_and_all_is_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    speaker = Speaker()
    stops: list[Callable[[], None]] = []

    @contextmanager
    def listening(on_stop: Callable[[], None]) -> Iterator[None]:
        stops.append(on_stop)
        yield

    def stopped_at_once(text: str, done: SpeechDone, language: str = "en") -> None:
        speaker.heard.append(text)
        stops[0]()
        done(None)

    monkeypatch.setattr(module.elsewhere, "listening", listening)
    monkeypatch.setattr(speaker, "speak", stopped_at_once)
    status, output, errors = run(speaker, monkeypatch, "--speak")
    assert (status, errors) == (0, "")
    assert speaker.heard == [f"About {NAMES[0]}."]
    assert output.splitlines() == [f"{name}: About {name}." for name in NAMES]


@pytest.mark.parametrize("unheard", [["a.png"], ["b.png"], ["c.png"], NAMES])
def test_what_follows_one_that_cannot_be_heard_is_heard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unheard: list[str]
) -> None:
    speaker = Speaker(*unheard)
    speech = tmp_path / "speech.wav"
    status, output, errors = run(speaker, monkeypatch, "--speak", "--save", str(speech))
    assert status == 1
    assert output.splitlines() == [f"{name}: About {name}." for name in NAMES]
    assert errors.splitlines() == [f"{name}: I cannot be heard: About {name}." for name in unheard]
    assert speaker.heard == [f"About {name}." for name in NAMES if name not in unheard]
    assert speaker.saved == [" ".join(f"About {name}." for name in NAMES)]


def test_without_any_voice_captions_are_printed_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def nobody(_: Settings) -> Speaker:
        raise DescriberError("I have no way to speak here.")

    monkeypatch.setattr(module, "speaker_for_command", nobody)
    done = CliRunner().invoke(module.describe, ["--speak", *NAMES])
    assert done.exit_code == 1
    assert done.stderr == "I have no way to speak here.\n"
    assert done.stdout.splitlines() == [f"{name}: About {name}." for name in NAMES]
    done = CliRunner().invoke(module.describe, ["--save", str(tmp_path / "speech.wav"), *NAMES])
    assert (done.exit_code, done.stdout) == (1, "")  # nothing of what was asked for can be had


def test_what_cannot_be_described_is_heard_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: module.Options, file: str, captioner: ChildCaptioner) -> Iterable[Described]:
        if file == "b.png":
            return [Described(file, None, "I cannot read b.png.")]
        return described(file, captioner)

    monkeypatch.setattr(module.Options, "work", failing)
    speaker = Speaker()
    status, _, errors = run(speaker, monkeypatch, "--speak")
    assert (status, errors) == (1, "b.png: I cannot read b.png.\n")
    assert speaker.heard == ["About a.png.", "I cannot read b.png.", "About c.png."]


@pytest.mark.parametrize("options", [[], ["--speak"]])
def test_who_chose_no_picture_hears_how_to(
    monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    speaker = Speaker()
    monkeypatch.setattr(module, "speaker_for_command", lambda _: speaker)
    done = CliRunner().invoke(module.describe, options)
    assert done.exit_code == 2
    assert "Missing argument 'FILES...'." in done.stderr
    assert speaker.heard == ([module._NOTHING_CHOSEN] if options else [])
