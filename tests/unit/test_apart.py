"""What may hang is done by a child that is left behind: its bytes, its sentences, its end."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from describer_daemon import apart, conversation, mounts, processes
from describer_daemon.capture import clipboard_text, copied_files
from describer_daemon.capture.copied_files import NoPictureError
from describer_daemon.core.ports import DescriberError
from tests.unit.core.room import until

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9000
LATE = DescriberError("It is late.")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="it serves POSIX systems")


@pytest.fixture
def all_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No path is on a disk of this computer."""
    monkeypatch.setattr(mounts, "is_local", lambda _: False)


@pytest.mark.usefixtures("all_elsewhere")
def test_files_from_elsewhere_are_read_and_refused_as_those_from_here(tmp_path: Path) -> None:
    photo, text = tmp_path / "a photo\n\udcff.png", tmp_path / "a.txt"
    photo.write_bytes(PNG)
    text.write_text("some text", encoding="utf-8")
    assert copied_files.read_file(photo).data == PNG
    for path, told in (
        (text, "The copied file is not a picture."),
        (tmp_path, "The clipboard holds a folder, not a picture."),
        (tmp_path / "none", "The copied file is not there any more."),
    ):
        with pytest.raises(NoPictureError) as error:
            copied_files.read_file(path)
        assert error.value.spoken == told


@pytest.mark.usefixtures("all_elsewhere")
def test_paths_in_a_text_are_looked_for_elsewhere(tmp_path: Path) -> None:
    photo = tmp_path / "a photo.png"
    photo.write_bytes(PNG)
    for text in (str(photo), f"'{photo}'", str(photo).replace(" ", "\\ ")):
        assert clipboard_text.from_text(text).data == PNG
    with pytest.raises(NoPictureError, match="holds text"):
        clipboard_text.from_text(f"{photo} and more")


def test_a_child_that_breaks_off_is_a_sentence() -> None:
    with pytest.raises(DescriberError) as error:
        apart.call("tests.no_such_module", late=LATE, silence=30)
    assert error.value.spoken == "A part of the describer broke off. Please try again."
    assert "ModuleNotFoundError" in error.value.detail


def script(text: str) -> list[str]:
    return [sys.executable, "-c", f"import sys, time; {text}"]


def test_both_sides_may_say_more_than_a_pipe_holds() -> None:
    process = processes.start_tool(
        script("sys.stdout.buffer.write(sys.stdin.buffer.read()); sys.stderr.write('e' * 200_000)"),
        stdin=-1,
    )
    finished = conversation.converse(process, PNG, silence=60)
    assert (finished.code, finished.output, finished.errors) == (0, PNG, b"e" * 200_000)
    processes.close_pipes(process)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("time.sleep(600)", conversation.SilentError),
        ("sys.stdout.close(); import os; os.close(1); time.sleep(600)", conversation.SilentError),
        ("print('x' * 5000)", conversation.TooMuchError),
        ("[print('x', flush=True) or time.sleep(0.01) for _ in range(60_000)]",
         conversation.SilentError),
    ],
)  # fmt: skip
def test_silence_and_babble_have_an_end(text: str, error: type[Exception]) -> None:
    process = processes.start_tool(script(text))
    longest = 3 if "range" in text else 60
    with pytest.raises(error):
        conversation.converse(process, silence=2, longest=longest, limit=4000)
    processes.leave(process)
    processes.close_pipes(process)
    until(lambda: process.poll() is not None, "it was not ended")


def test_who_does_not_listen_is_heard_all_the_same() -> None:
    process = processes.start_tool(script("print('no')"), stdin=-1)
    assert conversation.converse(process, PNG, silence=60).output == b"no\n"
    processes.close_pipes(process)
