"""A copied file on a mount that does not answer costs one sentence, and nobody else's answer."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from describer_daemon import apart
from describer_daemon.capture import clipboard_text, copied_files
from describer_daemon.cli import inputs
from describer_daemon.core.ports import DescriberError, Outcome, Picture, Verb
from tests import hanging_mount
from tests.hanging_mount import GETATTR, LOOKUP, OPEN, READ, HangingMount
from tests.unit.core.room import LONG, Room, until

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
SENTENCE = "The copied file does not answer. Is its disk or network there?"
STEPS = pytest.mark.parametrize("at", [LOOKUP, GETATTR, OPEN, READ])
A_STEP = pytest.mark.parametrize("at", [READ])


@pytest.fixture
def mount(at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingMount]:
    folder = tmp_path / "mount"
    folder.mkdir()
    monkeypatch.setattr(copied_files, "_MAX_SILENCE", 0.3)
    monkeypatch.setattr(inputs, "_MAX_SILENCE", 0.3)
    with contextlib.ExitStack() as stack:
        try:
            made = stack.enter_context(hanging_mount.mounted(folder, at))
        except OSError as error:
            pytest.skip(f"nothing may be mounted here: {error}")
        yield made
    until(lambda: not apart.hanging(), "the processes that hung")


class FromText:
    """A clipboard that holds a text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def grab(self) -> Picture:
        return clipboard_text.from_text(self.text)


@STEPS
def test_no_thread_of_ours_waits_for_it(mount: HangingMount) -> None:
    before = set(threading.enumerate())
    with pytest.raises(DescriberError, match="does not answer"):
        copied_files.read_file(mount.path)
    assert mount.asked.is_set()
    assert set(threading.enumerate()) <= before
    assert apart.hanging() == 1


@A_STEP
def test_a_copied_file_in_every_writing(mount: HangingMount, tmp_path: Path) -> None:
    here = tmp_path / "here.png"
    here.write_bytes(PNG)
    path, uri = mount.path, mount.path.as_uri()
    ways: list[tuple[Callable[[str], object], str]] = [
        (clipboard_text.from_text, str(path)),
        (clipboard_text.from_text, f"'{path}' {here}"),
        (clipboard_text.from_uris, f"copy\n{uri}\n{here.as_uri()}"),
        (clipboard_text.from_html, f'<img src="{uri}">'),
    ]
    for means, text in ways:
        with pytest.raises(DescriberError) as error:
            means(text)
        assert error.value.spoken == SENTENCE
        assert not isinstance(error.value, copied_files.NoPictureError)
    assert mount.asked.is_set()
    assert clipboard_text.from_text(str(here)).data == PNG


@A_STEP
def test_the_same_key_and_the_others_are_answered(mount: HangingMount) -> None:
    room = Room()
    try:
        source = FromText(str(mount.path))
        room.pipeline.sources = {**room.pipeline.sources, Verb.CLIPBOARD: source}
        for _ in range(5):  # more often than calls may hang
            assert room.answer(Verb.CLIPBOARD) == Outcome(SENTENCE, failed=True)
            assert not room.answer(Verb.SCREEN).failed
    finally:
        room.close()


@A_STEP
def test_the_screen_need_not_wait_till_a_copied_file_is_late(
    mount: HangingMount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copied_files, "_MAX_SILENCE", LONG * 10)
    room = Room()
    try:
        room.pipeline.sources = {
            **room.pipeline.sources, Verb.CLIPBOARD: FromText(str(mount.path))
        }  # fmt: skip
        outcomes = room.ask(Verb.CLIPBOARD)
        assert mount.asked.wait(LONG)
        assert not room.answer(Verb.SCREEN).failed
        assert outcomes == [Outcome("", stale=True)]
    finally:
        mount.close()
        room.close()


DESCRIBE = """
import sys
from describer_daemon.cli import inputs, main
inputs._MAX_SILENCE = 0.3
main.main(["describe", *sys.argv[1:]])
"""


@A_STEP
@pytest.mark.parametrize("by", ["name", "standard input", "link"])
def test_a_command_says_so_and_ends(mount: HangingMount, tmp_path: Path, by: str) -> None:
    link = tmp_path / "link.png"
    link.symlink_to(mount.path)
    name = {"name": str(mount.path), "standard input": "/dev/stdin", "link": str(link)}[by]
    with mount.path.open("rb", buffering=0) as file:  # opened it can be, as by a shell
        done = subprocess.run(
            [sys.executable, "-c", DESCRIBE, name],
            stdin=file, capture_output=True, timeout=300, check=False,
        )  # fmt: skip
    assert mount.asked.is_set()
    assert done.returncode == 1
    assert done.stderr.decode().startswith(f"Nothing came from {name} for 0 seconds.")


SETTINGS = """
import os, sys, threading
from pathlib import Path
from describer_daemon.cli import main
from describer_daemon.settings import answering
from describer_daemon.settings.watcher import SettingsWatcher
answering._MAX_SILENCE = 0.3
path = Path(os.environ["DESCRIBER_CONFIG"])
heard = []
watcher = SettingsWatcher(path, heard.append, heard.append, since=(), interval=0.01)
watcher.start()
watcher.stop()
assert not heard
main.main(sys.argv[1:])
"""


@pytest.mark.parametrize("at", [LOOKUP])
@pytest.mark.parametrize("command", [["settings", "--path"], ["settings"]])
def test_settings_that_do_not_answer_keep_no_command_waiting(
    mount: HangingMount, tmp_path: Path, command: list[str]
) -> None:
    link = tmp_path / "settings.toml"
    link.symlink_to(mount.path)
    done = subprocess.run(
        [sys.executable, "-c", SETTINGS, *command],
        env={**os.environ, "DESCRIBER_CONFIG": str(link)},
        capture_output=True, timeout=300, check=False, text=True,
    )  # fmt: skip
    assert mount.asked.is_set()
    assert "settings.toml does not answer. Until it does, its settings" in done.stderr
    assert done.returncode == len(command) % 2
    assert done.stdout == ("" if done.returncode else f"{link}\n")
    assert link.is_symlink()


OUTPUT = """
import sys
from describer_daemon.cli import outputs
from pathlib import Path
from describer_daemon.core.ports import DescriberError
outputs._MAX_SILENCE = 0.3
here, dead = sys.argv[1:]
for act in (lambda: outputs.require_answer(dead),
            lambda: outputs.is_same(Path(dead), here), lambda: outputs.is_same(Path(here), dead),
            lambda: outputs.write(Path(dead), b"x"),
            lambda: outputs.save(Path(dead), lambda path: path.write_bytes(b"x") and None)):
    try:
        act()
    except DescriberError as error:
        print(error.spoken)
print(outputs.Output().convert(dead, None, None))
"""


ALT = """
import sys
from describer_daemon.cli import main, outputs
outputs._MAX_SILENCE = 0.3
main.main(["alt", *sys.argv[1:]])
"""


@pytest.mark.parametrize("at", [LOOKUP])
@pytest.mark.parametrize("option", [[], ["--csv"]])
def test_alt_text_for_a_dead_mount(mount: HangingMount, option: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALT, *option, str(mount.path), str(mount.path)],
        capture_output=True, timeout=300, check=False, text=True,
    )  # fmt: skip
    assert mount.asked.is_set()
    assert done.returncode == 1
    assert f"{mount.path} does not answer. Is its disk or network there?" in done.stderr


@pytest.mark.parametrize("at", [LOOKUP])
def test_drawings_and_speech_for_a_dead_mount(mount: HangingMount, tmp_path: Path) -> None:
    here = tmp_path / "here.png"
    here.write_bytes(PNG)
    done = subprocess.run(
        [sys.executable, "-c", OUTPUT, str(here), str(mount.path)],
        capture_output=True, timeout=300, check=True, text=True,
    )  # fmt: skip
    late = f"{mount.path} does not answer. Is its disk or network there?"
    assert done.stdout.splitlines() == [late] * 5 + [str(mount.path)]
