"""The settings file where a disk, an editor or a person does something rare."""

from __future__ import annotations

import dataclasses
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from describer_daemon.core.ports import DescriberError, Rectangle
from describer_daemon.settings.answering import stamp
from describer_daemon.settings.file import SettingsError
from describer_daemon.settings.settings import (
    Settings,
    describe_settings,
    load,
    write_default,
)
from describer_daemon.settings.watcher import SettingsWatcher

LONG = 20.0  # seconds until a test gives up


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def refused(path: Path, text: str) -> SettingsError:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load(path)
    return caught.value


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# Files may have sixteen bytes: what is written beyond fails, as on a full disk.
FULL_DISK = """
import resource, sys
from pathlib import Path
from describer_daemon.settings.settings import SettingsError, write_default
limit = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (16, limit[1]))
try:
    write_default(Path(sys.argv[1]))
except SettingsError as error:
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    print(error.spoken, error.detail, sep="\\n")
"""


def test_a_disk_that_is_full_leaves_nothing_behind(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == [
        f"The settings file cannot be written. Please look at the folder {path.parent}.",
        "[Errno 27] File too large",
    ], done.stderr
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("gone", [False, True])
def test_a_file_that_cannot_be_put_in_place_leaves_nothing_behind(
    path: Path, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    def refuse(temporary: Path, target: Path) -> None:
        assert temporary.name.startswith(".settings.toml.")
        assert temporary.parent == target.parent
        if gone:  # somebody tidied up
            temporary.unlink()
        raise PermissionError(13, "not here")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse)
        with pytest.raises(SettingsError) as caught:
            write_default(path)
    assert caught.value.detail == "[Errno 13] not here"
    assert list(path.parent.iterdir()) == []
    # no folder for temporary files is needed either
    monkeypatch.setattr(tempfile, "tempdir", str(path.parent / "gone"))
    write_default(path)
    assert load(path) == Settings()


def test_the_folder_of_the_settings_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_default(tmp_path / "new" / "settings.toml")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_a_file_that_cannot_be_read_is_told(path: Path) -> None:
    path.touch()
    with pytest.raises(SettingsError) as caught:
        load(path / "settings.toml")  # its folder is a file
    assert caught.value.spoken == "settings.toml cannot be read. Please check who may read it."
    assert caught.value.detail == str(caught.value.__cause__) != ""


def test_the_largest_file_is_taken_and_no_larger_one(path: Path) -> None:
    largest = b"[speech]\nrate = 90\n#".ljust(64 * 1024, b"x")
    path.write_bytes(largest)
    assert load(path).voice.rate == 90
    path.write_bytes(largest + b"x")
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert caught.value.spoken == "settings.toml is too large. It may have 64 kilobytes."


def test_what_is_no_text_is_told_with_its_line(path: Path) -> None:
    path.write_bytes(b"[speech]\n\nvoice = '\xff'\n")
    with pytest.raises(SettingsError) as caught:
        load(path)
    assert caught.value.spoken == (
        "settings.toml line 3 is not UTF-8 text. Please save the file as UTF-8."
    )
    assert caught.value.detail == str(caught.value.__cause__) != ""


def test_the_description_has_a_line_for_each_setting(path: Path) -> None:
    lines = describe_settings(Settings(), path).splitlines()
    assert lines[0] == f"The settings file is {path}"
    assert 'keys.screen = "alt+super+i"; a key such as "alt+super+i", or "" for none' in lines
    assert "speech.volume = 100; a whole number from 0 to 100" in lines
    assert "sounds.earcon = true; true or false" in lines


def test_the_whole_file_as_it_is_written_first(path: Path) -> None:
    write_default(path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith(
        "# The settings of the describer.\n"
        "# Save this file, and the running describer takes the change up at once.\n"
        "# A line that is missing has its default value. Lines that begin with # are comments.\n"
        "\n"
        '# Keys that work everywhere; "" is no key. '
        "For a usual one that is taken, another serves.\n"
        "[keys]\n"
        "# Describe the picture on the screen.\n"
        'screen = "alt+super+i"\n'
    )
    assert "\n\n# How captions are spoken.\n[speech]\n# Who speaks; orca has " in text
    assert text.endswith('or "error".\nlevel = "info"\n')


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x = " + "[" * 5000, "settings.toml has too many brackets inside each other."),
        ("x = " + "9" * 5000, "settings.toml cannot be read: it has a number that is too long."),
        ("[speech]\nrate = [1", "settings.toml line 2 cannot be read: Unclosed array."),
        (
            "[unheard-of]\n",
            "settings.toml line 1: There is no part [unheard-of]. Known are keys, "
            "speech, capture, clipboard, captioner, sounds, history, tray, serve, log.",
        ),
        (
            "[speech]\nloudspeakers = 1",
            "settings.toml line 2: There is no setting speech.loudspeakers. Known are backend, "
            "voice, rate, volume, language.",
        ),
        (
            "nobody = 1",
            "settings.toml line 1: There is no part [nobody]. Known are keys, "
            "speech, capture, clipboard, captioner, sounds, history, tray, serve, log.",
        ),
        (
            f'[speech]\n"{"x" * 41}" = 1',
            f"settings.toml line 2: There is no setting speech.{'x' * 40}…. Known are backend, "
            "voice, rate, volume, language.",
        ),
        (
            '[speech]\n"rate\\n" = 1',
            "settings.toml: There is no setting speech.rate . Did you mean speech.rate?",
        ),
        (
            "[speech]\nvolume = 0x" + "f" * 5000,
            "settings.toml line 2: speech.volume = … is not allowed; "
            "use a whole number from 0 to 100.",
        ),
        (
            "[captioner]\nstart = 'later'",
            'settings.toml line 2: captioner.start = "later" is not allowed; '
            'use "first use" or "at start".',
        ),
        (
            "[log]\nlevel = 'loud'",
            'settings.toml line 2: log.level = "loud" is not allowed; '
            'use "debug", "info", "warning" or "error".',
        ),
        (
            "[capture]\npointer_box = [800]",
            "settings.toml line 2: capture.pointer_box = [800] is not allowed; "
            "use [width, height] in pixels, each from 16 to 32767.",
        ),
        (
            "[captioner]\nbundle = 'over/here'",
            'settings.toml line 2: captioner.bundle = "over/here" is not allowed; use a name '
            'that `describer captioner list` shows, a full path, or "" for the one that ships.',
        ),
        (
            "[sounds]\nearcon = 'yes'",
            'settings.toml line 2: sounds.earcon = "yes" is not allowed; use true or false.',
        ),
        (
            '[speech]\nnote = """\nrate = 1\n"""\nrate = 1',
            "settings.toml line 2: There is no setting speech.note. Did you mean speech.rate? "
            "There is 1 more.",
        ),
        (
            '[speech]\nvoice = """\nvolume = 1"""\nvolume = 900\nrate = 1',
            "settings.toml line 4: speech.volume = 900 is not allowed; "
            "use a whole number from 0 to 100. There is 1 more.",
        ),
        (
            '[keys]\nscreen = "super+alt+c"',
            'settings.toml line 2: keys.screen = "super+alt+c" is not allowed; '
            "keys.clipboard has the same key already.",
        ),
        (
            "[keys]\nscreen = 'ctrl+alt'",
            'settings.toml line 2: keys.screen = "ctrl+alt" is not allowed. '
            "A key is missing after the modifiers. Write it as in alt+super+i.",
        ),
    ],
)
def test_what_is_wrong_is_told_in_full(path: Path, text: str, sentence: str) -> None:
    assert refused(path, text).spoken == sentence


def test_all_problems_are_in_the_detail_in_the_order_of_the_file(path: Path) -> None:
    error = refused(path, "[log]\nlevel = 1\n[speech]\nrate = 1\nvolume = 101\n")
    assert error.spoken.endswith(" There are 2 more.")
    assert [part.partition(":")[0] for part in error.detail.split("settings.toml ")[1:]] == [
        "line 2",
        "line 4",
        "line 5",
    ]


@pytest.mark.parametrize(
    ("table", "written", "wanted"),
    [
        ("speech", "rate = 80\nvolume = 0", {"rate": 80, "volume": 0}),
        ("speech", "rate = 450\nvolume = 100", {"rate": 450, "volume": 100}),
        ("capture", "pointer_box = [16, 32767]", {"pointer_box": (16, 32767)}),
        (
            "capture",
            "region = [-32767, 32767, 1, 32767]",
            {"region": Rectangle(-32767, 32767, 1, 32767)},
        ),
        ("speech", f"voice = '{'x' * 200}'", {"voice": "x" * 200}),
        ("keys", "screen = '  '", {"screen": None}),
        ("speech", "voice = '  '", {"voice": ""}),
        (
            "captioner",
            "bundle = '~/models'\ntimeout_seconds = 300\nbeam = 10",
            {"bundle": Path("~/models"), "timeout_seconds": 300, "beam": 10},
        ),
        ("captioner", "timeout_seconds = 1\nbeam = 0", {"timeout_seconds": 1, "beam": 0}),
    ],
)
def test_bounds_are_inside(path: Path, table: str, written: str, wanted: dict[str, object]) -> None:
    path.write_text(f"[{table}]\n{written}", encoding="utf-8")
    loaded, usual = load(path), Settings()
    field = {"keys": "bindings"}.get(table, table)
    wanted = {
        name: value.expanduser() if isinstance(value, Path) else value
        for name, value in wanted.items()
    }
    # this, and nothing else
    changed = dataclasses.replace(getattr(usual, field), **wanted)
    assert loaded == dataclasses.replace(usual, **{field: changed})
    for name, value in wanted.items():
        assert getattr(getattr(loaded, field), name) == value


@pytest.mark.parametrize(
    "text",
    [
        "[speech]\nrate = 79",
        "[speech]\nrate = 451",
        "[speech]\nvolume = -1",
        "[capture]\npointer_box = [15, 16]",
        "[capture]\npointer_box = [16, 32768]",
        "[capture]\nregion = [-32768, 0, 1, 1]",
        "[capture]\nregion = [0, 32768, 1, 1]",
        "[capture]\nregion = [0, 0, 1, 0]",
        "[capture]\nregion = [0, 0, 1, 32768]",
        f"[keys]\nscreen = '{'x' * 201}'",
        "[speech]\nbackend = '  '",
        "[speech]\nbackend = 'espeek'",
    ],
)
def test_just_outside_the_bounds_is_refused(path: Path, text: str) -> None:
    assert " is not allowed" in refused(path, text).spoken


def test_who_watches_an_unchanged_file_hears_nothing(path: Path) -> None:
    write_default(path)
    heard: list[object] = []
    watcher = SettingsWatcher(path, heard.append, heard.append, interval=0.02)
    watcher.start()
    try:
        time.sleep(0.6)  # many looks, and longer than a change takes to settle
        assert heard == []
        os.utime(path)  # saved, though nothing in it is other than before
        until(lambda: heard)
        assert heard == [Settings()]
    finally:
        watcher.stop()


def test_a_save_after_the_first_look_is_not_lost(path: Path) -> None:
    write_default(path)
    before = stamp(path)
    assert load(path) == Settings()
    path.write_text("[speech]\nrate = 200\n", encoding="utf-8")
    heard: list[object] = []
    watcher = SettingsWatcher(path, heard.append, heard.append, since=before, interval=0.02)
    watcher.start()
    try:
        until(lambda: heard)
        assert heard == [load(path)] != [Settings()]
    finally:
        watcher.stop()


def test_a_change_that_is_taken_back_is_none(path: Path) -> None:
    heard: list[object] = []
    watcher = SettingsWatcher(path, heard.append, heard.append, interval=0.02)
    watcher.start()
    try:
        for _ in range(3):
            path.touch()
            time.sleep(0.1)  # less than a change takes to settle
            path.unlink()
            time.sleep(0.1)
        time.sleep(0.4)
        assert heard == []
    finally:
        watcher.stop()


def test_a_watcher_may_be_stopped_at_any_time(path: Path) -> None:
    heard: list[Settings] = []
    errors: list[DescriberError] = []
    never = SettingsWatcher(path, heard.append, errors.append, interval=0.02)
    never.stop()

    def stop_there(new: Settings) -> None:
        watcher.stop()
        heard.append(new)

    watcher = SettingsWatcher(path, stop_there, errors.append, interval=0.02)
    watcher.start()
    write_default(path)
    until(lambda: heard)
    until(lambda: not any(thread.name == "settings" for thread in threading.enumerate()))
    path.write_text("[speech]\nrate = 90\n", encoding="utf-8")
    time.sleep(0.4)
    assert (heard, errors) == ([Settings()], [])


def test_an_error_that_cannot_be_told_does_not_end_the_watch(path: Path) -> None:
    heard: list[object] = []

    def fail(error: DescriberError) -> None:
        heard.append(error.spoken)
        raise OSError("a defect")

    write_default(path)
    watcher = SettingsWatcher(path, heard.append, fail, interval=0.02)
    watcher.start()
    try:
        path.unlink()
        until(lambda: len(heard) == 1)
        write_default(path)
        until(lambda: len(heard) == 2)
    finally:
        watcher.stop()
    assert heard == ["settings.toml is gone. I keep the settings until it is back.", Settings()]


@pytest.mark.parametrize("folder", [False, True], ids=["file", "folder"])
def test_a_link_to_what_is_not_mounted_yet_is_left_alone_and_taken_up(
    tmp_path: Path, folder: bool
) -> None:
    mounted = tmp_path / "dotfiles"
    path = tmp_path / "config" / "settings.toml"
    if folder:
        path.parent.symlink_to(mounted)
    else:
        path.parent.mkdir()
        path.symlink_to(mounted / "settings.toml")
    write_default(path)
    with pytest.raises(SettingsError, match="is a link to a place that is not there"):
        load(path)
    heard: list[object] = []
    watcher = SettingsWatcher(
        path, heard.append, lambda error: heard.append(error.spoken), interval=0.01
    )
    watcher.start()
    try:
        mounted.mkdir()
        (mounted / "settings.toml").write_text("[speech]\nrate = 222\n")
        until(lambda: heard)
    finally:
        watcher.stop()
    assert [settings.speech.rate for settings in heard if isinstance(settings, Settings)] == [222]
    assert (path.parent if folder else path).is_symlink()
    write_default(path)
    assert load(path).speech.rate == 222


def test_what_somebody_else_makes_meanwhile_is_not_replaced(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tempfile.mkstemp

    def interrupted(**options: object) -> tuple[int, str]:
        path.write_text("[speech]\nrate = 333\n")
        return made(**options)  # type: ignore[call-overload,no-any-return]

    monkeypatch.setattr(tempfile, "mkstemp", interrupted)
    write_default(path)
    assert load(path).speech.rate == 333
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["loop", "self"])
def test_links_that_lead_in_circles_are_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "settings.toml"
    path.symlink_to(path if kind == "self" else tmp_path / "other")
    if kind == "loop":
        (tmp_path / "other").symlink_to(path)
    write_default(path)
    assert path.is_symlink()
    with pytest.raises(SettingsError):
        load(path)
