"""The settings file: what it says is what is used, and what is wrong with it is said."""

from __future__ import annotations

import dataclasses
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from describer_daemon.core.ports import DescriberError, Hotkey, Rectangle, Verb, VoiceSettings
from describer_daemon.settings.file import SettingsError, SettingsFile, as_toml, entries
from describer_daemon.settings.settings import (
    Settings,
    describe_settings,
    load,
    settings_path,
    write_default,
)
from describer_daemon.settings.watcher import SettingsWatcher

# The folder is shared by the examples on purpose: each writes the whole file anew.
shared_folder = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def refused(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(path)
    return caught.value.spoken


def test_first_run_writes_a_commented_private_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "settings.toml"
    write_default(path)
    text = path.read_text(encoding="utf-8")
    assert load(path) == Settings()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]  # nothing temporary is left
    lines = text.splitlines()
    for _, key, value, rule, comment in entries(Settings()):
        above = lines[lines.index(f"{key} = {as_toml(value)}") - 1]
        assert above.startswith(f"# {comment}")
        assert not rule.in_comment or rule.allowed in above


def test_a_file_that_is_there_is_left_alone(path: Path) -> None:
    path.write_text("[speech]\nrate = 300\n")
    write_default(path)
    assert load(path).voice.rate == 300


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="cannot be written"):
        write_default(tmp_path / "file" / "settings.toml")


def test_missing_file_and_empty_file_are_the_defaults(path: Path) -> None:
    assert load(path) == Settings()
    path.touch()
    assert load(path) == Settings()


def test_every_value_reaches_its_place(path: Path) -> None:
    path.write_text(
        """\
[keys]
screen = "Shift+Ctrl+F9"
copy = ""
[speech]
voice = "en-gb"
rate = 450
volume = 0
[capture]
region = [-1920, 0, 640, 480]
pointer_box = [100, 50]
find = false
[captioner]
start = "at start"
bundle = "/models/mine"
beam = 10
[sounds]
failure = false
[log]
level = "debug"
"""
    )
    loaded = load(path)
    assert loaded.keys[Verb.SCREEN] == Hotkey(frozenset({"ctrl", "shift"}), "f9")
    assert Verb.COPY not in loaded.keys
    assert loaded.keys[Verb.STOP] == Hotkey(frozenset({"super", "alt"}), "q")
    assert loaded.voice == VoiceSettings("en-gb", 450, 0)
    assert loaded.region == Rectangle(-1920, 0, 640, 480)
    assert loaded.capture.pointer_box == (100, 50)
    assert not loaded.capture.find
    assert loaded.captioner.start == "at start"
    assert loaded.captioner.bundle == Path("/models/mine")
    path.write_text('[captioner]\nbundle = "florence-2"\n', encoding="utf-8")
    assert load(path).captioner.bundle == Path("florence-2")  # the name of one that was added
    assert loaded.captioner.beam == 10
    assert loaded.sounds.earcon
    assert not loaded.sounds.failure
    assert loaded.log.level == "debug"


def test_windows_editors_add_a_mark_and_other_line_ends(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf[speech]\r\nrate = 90\r\n")
    assert load(path).voice.rate == 90


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "# a comment about rate\n[speech]\nvolume = 50 # rate\nrate = 900",
            "settings.toml line 4: speech.rate = 900 is not allowed; "
            "use a whole number from 80 to 450.",
        ),
        (
            "[capture]\nregion = [\n 1,\n 2,\n]\n",
            "settings.toml line 2: capture.region = [1, 2] is not allowed; "
            'use "window", "pointer", "screen" or [left, top, width, height] in pixels.',
        ),
        (
            "[speech]\nrat = 100",
            "settings.toml line 2: There is no setting speech.rat. Did you mean speech.rate?",
        ),
        (
            "\n[speach]\nrate = 100",
            "settings.toml line 2: There is no part [speach]. Did you mean [speech]?",
        ),
        ("rate = 100", "settings.toml line 1: rate belongs below the heading [speech]."),
        (
            '[keys]\nclipboard = "super+alt+i"',
            'settings.toml line 2: keys.clipboard = "super+alt+i" is not allowed; '
            "keys.screen has the same key already.",
        ),
        (
            '[keys]\nstop = "alt+ctrl+F5"\nscreen = "ctrl+alt+f5"',
            'settings.toml line 2: keys.stop = "alt+ctrl+F5" is not allowed; '
            "keys.screen has the same key already.",
        ),
        ("[speech]\nrate = ", "settings.toml line 2 cannot be read: Invalid value."),
        (
            "speech = 3",
            "settings.toml line 1: speech must be a part with its own heading, [speech].",
        ),
        (
            "[speech]\nrate = 10\n[captioner]\nbeam = 11",
            "settings.toml line 2: speech.rate = 10 is not allowed; "
            "use a whole number from 80 to 450. There is 1 more.",
        ),
    ],
)
def test_an_error_names_line_value_and_cure(path: Path, text: str, sentence: str) -> None:
    assert refused(path, text) == sentence


@pytest.mark.parametrize(
    "text",
    [
        "[speech]\nrate = true",
        "[speech]\nrate = 180.0",
        "[speech]\nbackend = ''",
        "[speech]\nvoice = 'two\\nlines'".replace("'", '"'),
        f"[speech]\nvoice = '{'x' * 201}'",
        "[sounds]\nearcon = 1",
        "[tray]\nshow = 'yes'",
        "[capture]\nregion = [0, 0, 0, 10]",
        "[capture]\npointer_box = [800, true]",
        "[captioner]\nbundle = 'relative/path'",
        "[captioner]\nbundle = '~nobody-of-this-name/x'",
        "[keys]\nscreen = 5",
        "[keys]\nscreen = 'ctrl+'",
        "[[speech]]\nrate = 100",
        "x = " + "9" * 5000,
        "[speech]\nrate = 0x" + "f" * 5000,
        "x = " + "[" * 5000,
        "[capture]\nregion = " + "[" * 150 + "]" * 150,
    ],
)
def test_refused(path: Path, text: str) -> None:
    sentence = refused(path, text)
    assert sentence.startswith("settings.toml ")
    assert len(sentence) < 400


def test_what_is_no_text_file_is_said(path: Path) -> None:
    path.write_bytes(b"[speech]\nvoice = '\xff'")
    with pytest.raises(SettingsError, match=r"line 2 is not UTF-8"):
        load(path)
    path.write_bytes(b"#" * 70_000)
    with pytest.raises(SettingsError, match="too large"):
        load(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(SettingsError, match="is not a file"):
        load(path)


def test_description_marks_what_was_changed(path: Path) -> None:
    path.write_text("[speech]\nrate = 200")
    lines = describe_settings(load(path), path).splitlines()
    assert str(path) in lines[0]
    assert len(lines) == 1 + len(list(entries(Settings())))
    assert [line for line in lines if "usually" in line] == [
        "speech.rate = 200 (usually 180); a whole number from 80 to 450"
    ]


def test_the_environment_names_the_file(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setenv("DESCRIBER_CONFIG", str(path))
    assert settings_path() == path
    monkeypatch.delenv("DESCRIBER_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(path.parent))
    assert settings_path() == path.parent / "describer" / "settings.toml"


def test_settings_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().speech.rate = 3  # type: ignore[misc]


names = [f"{table}.{key}" for table, key, *_ in entries(Settings())]
values = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20).map(as_toml),
    st.sampled_from(['""', '"window"', '"auto"', '"ctrl+alt+d"', "1979-05-27", "{ a = 1 }"]),
    st.lists(st.integers(-9, 99_999), max_size=5),
)
assignments = st.lists(st.tuples(st.sampled_from([*names, "speech", "x.y"]), values), max_size=4)


@shared_folder
@given(data=st.binary(max_size=300))
def test_any_bytes_are_settings_or_an_error(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    settings_or_error(path)


@shared_folder
@given(pairs=assignments)
def test_any_values_are_settings_or_an_error(path: Path, pairs: list[tuple[str, object]]) -> None:
    lines = [f"{name} = {str(value).lower()}" for name, value in pairs]
    path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    settings_or_error(path)


def settings_or_error(path: Path) -> None:
    spoken = "settings.toml "
    try:
        assert isinstance(load(path), Settings)
    except SettingsError as error:
        spoken = error.spoken
    assert spoken.startswith("settings.toml ")
    assert spoken.isprintable()


@settings(max_examples=60, deadline=None)
@given(
    rate=st.integers(80, 450),
    voice=st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=50),
    box=st.tuples(st.integers(16, 32767), st.integers(16, 32767)),
    region=st.sampled_from(["window", "screen", Rectangle(-5, 0, 70, 80)]),
)
def test_what_is_written_is_read_back(
    rate: int, voice: str, box: tuple[int, int], region: object
) -> None:
    text = f"[speech]\nrate = {rate}\nvoice = {as_toml(voice)}\n"
    text += f"[capture]\npointer_box = {as_toml(box)}\nregion = {as_toml(region)}"
    file = SettingsFile(text, "settings.toml")
    read = file.read(Settings)
    file.check()
    assert read.voice == VoiceSettings(voice, rate, 100)
    assert (read.capture.pointer_box, read.region) == (box, region)


class Heard:
    """What a watcher called back with."""

    def __init__(self) -> None:
        self.settings: list[Settings] = []
        self.errors: list[DescriberError] = []
        self._more = threading.Condition()

    def change(self, new: Settings) -> None:
        self._add(lambda: self.settings.append(new))

    def error(self, error: DescriberError) -> None:
        self._add(lambda: self.errors.append(error))

    def wait(self, settings: int, errors: int) -> None:
        with self._more:
            assert self._more.wait_for(
                lambda: (len(self.settings), len(self.errors)) == (settings, errors), 20
            ), (self.settings, self.errors)

    def wait_for_rate(self, rate: int) -> None:
        with self._more:
            assert self._more.wait_for(
                lambda: bool(self.settings) and self.settings[-1].voice.rate == rate, 20
            ), self.settings

    def _add(self, append: Callable[[], None]) -> None:
        with self._more:
            append()
            self._more.notify_all()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def watched(path: Path, heard: Heard) -> Iterator[Path]:
    write_default(path)
    watcher = SettingsWatcher(path, heard.change, heard.error, interval=0.02)
    watcher.start()
    yield path
    watcher.stop()
    watcher.stop()
    assert not any(thread.name == "settings" for thread in threading.enumerate())


def rename_over(path: Path, text: str) -> None:
    """Save as vim and gedit do."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_saving_is_enough_whatever_the_editor_does(watched: Path, heard: Heard) -> None:
    watched.write_text("[speech]\nrate = 200")
    heard.wait_for_rate(200)
    rename_over(watched, "[speech]\nrate = 300")
    heard.wait_for_rate(300)
    with watched.open("w") as stream:  # nano truncates, then writes
        time.sleep(0.05)
        stream.write("[speech]\nrate = 400")
    heard.wait_for_rate(400)
    assert not heard.errors


def test_what_is_broken_is_said_once_and_mended_silently(watched: Path, heard: Heard) -> None:
    rename_over(watched, "[speech]\nrate = 900")
    heard.wait(0, 1)
    time.sleep(0.4)  # many more looks at the file
    rename_over(watched, "[speech]\nrate = 90")
    heard.wait(1, 1)
    watched.unlink()
    heard.wait(1, 2)
    watched.mkdir()
    heard.wait(1, 3)
    watched.rmdir()
    heard.wait(1, 4)
    write_default(watched)
    heard.wait(2, 4)
    assert [error.spoken.partition(" ")[2] for error in heard.errors[1:]] == [
        "is gone. I keep the settings until it is back.",
        f"is not a file. Please remove what is at {watched}.",
        "is gone. I keep the settings until it is back.",
    ]


def test_a_callback_that_fails_does_not_end_the_watch(path: Path, heard: Heard) -> None:
    def fail_first(new: Settings) -> None:
        heard.change(new)
        if len(heard.settings) == 1:
            raise KeyError("a defect")

    watcher = SettingsWatcher(path, fail_first, heard.error, interval=0.02)
    watcher.start()
    try:
        write_default(path)
        heard.wait(1, 0)
        rename_over(path, "[speech]\nrate = 200")
        heard.wait(2, 0)
    finally:
        watcher.stop()


def test_a_file_from_before_there_was_a_key_for_more_keeps_its_keys(path: Path) -> None:
    path.write_text('[keys]\nrepeat = "super+alt+m"\n')
    loaded = load(path)
    assert loaded.keys[Verb.REPEAT] == Hotkey(frozenset({"super", "alt"}), "m")
    assert Verb.MORE not in loaded.keys
    path.write_text('[keys]\nrepeat = "super+alt+m"\nmore = "super+alt+m"\n')
    with pytest.raises(SettingsError, match=r"keys\.more = .* keys\.repeat has the same key"):
        load(path)


def test_things_have_no_keys_until_somebody_sets_them(path: Path) -> None:
    assert not {Verb.NEXT_THING, Verb.PREVIOUS_THING, Verb.WHERE} & set(Settings().keys)
    path.write_text('[keys]\nnext_thing = "f8"\nwhere = "shift+f8"\n')
    assert str(load(path).keys[Verb.NEXT_THING]) == "f8"
    assert str(load(path).keys[Verb.WHERE]) == "shift+f8"
