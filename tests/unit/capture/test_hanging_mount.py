"""A copied file on a mount that does not answer costs one sentence, and nobody else's answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from describer_daemon.capture import clipboard_text, copied_files
from describer_daemon.cli import inputs
from describer_daemon.core import deadlines
from describer_daemon.core.ports import DescriberError, Outcome, Picture, Verb
from tests import hanging_mount
from tests.hanging_mount import GETATTR, LOOKUP, OPEN, READ, HangingMount
from tests.unit.core.room import LONG, Room, until

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
SENTENCE = "The copied file does not answer. Is its disk or network there?"
STEPS = pytest.mark.parametrize("at", [LOOKUP, GETATTR, OPEN, READ])


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
    until(lambda: not any(deadlines._left_behind.values()), "the calls that hung")


class FromText:
    """A clipboard that holds a text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def grab(self) -> Picture:
        return clipboard_text.from_text(self.text)


@STEPS
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


@STEPS
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


@pytest.mark.parametrize("at", [READ])
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


@STEPS
def test_a_named_file(mount: HangingMount) -> None:
    with pytest.raises(DescriberError, match="Nothing came from"):
        inputs.read_bytes(str(mount.path))
    assert mount.asked.is_set()
