"""What a copied text means when a picture is wanted."""

from __future__ import annotations

import base64
import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from describer_daemon.capture import clipboard, clipboard_text, copied_files
from describer_daemon.core.ports import DescriberError

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "my photo 100%.png"
    path.write_bytes(PNG)
    return path


def told(text: str) -> str:
    with pytest.raises(DescriberError) as error:
        clipboard_text.from_text(text)
    return error.value.spoken


def test_paths_and_uris(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(photo.parent))
    uri = photo.as_uri()
    for text in (
        str(photo), f"'{photo}'", f'"{photo}"\n', "~/my photo 100%.png", uri, f"{uri}\r\n",
        uri.replace("file://", "file://localhost"), uri.replace("file://", "file:"),
    ):  # fmt: skip
        assert clipboard_text.from_text(text).data == PNG


def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png"))
    path.write_bytes(PNG)
    assert clipboard_text.from_uris(f"file://{tmp_path}/%FF.png").data == PNG
    assert clipboard_text.from_text(str(path)).data == PNG


def test_several_files_mean_the_first_picture(photo: Path, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("words")
    assert clipboard_text.from_uris(f"copy\n{note.as_uri()}\n{photo.as_uri()}").data == PNG
    with pytest.raises(DescriberError, match="The copied file is not a picture"):
        clipboard_text.from_uris(note.as_uri())


@pytest.mark.parametrize("options", ["", ";charset=utf-8", ";name=a.png"])
def test_data_addresses(options: str) -> None:
    body = base64.b64encode(PNG).decode()
    text = f"data:image/png{options};base64,{body}\n"
    assert clipboard_text.from_text(text).data == PNG
    assert clipboard_text.from_text(text.rstrip("=\n")).data == PNG
    safe = f"data:image/png;base64,{base64.urlsafe_b64encode(PNG).decode()}"
    assert clipboard_text.from_text(safe).data == PNG
    quoted = f"data:image/png;base64,{body.replace('+', '%2B').replace('=', '%3D')}"
    assert clipboard_text.from_text(quoted).data == PNG


def test_sentences(tmp_path: Path) -> None:
    text = "The clipboard holds text, not a picture."
    assert told("good morning") == text
    assert told("/no/such/file.png") == text
    assert told("relative/path.png") == text
    assert told("/etc/x\n/etc/y") == text
    assert told("data:text/plain,hello") == text
    assert told("file://another.host/x.png") == text
    assert told("~nobody-of-that-name/x.png") == text
    assert told("  ") == "The clipboard is empty. Copy a picture first."
    assert told("https://example.org/cat.png").startswith("The clipboard holds a web address")
    assert told("file:///no/such/file.png") == "The copied file is not there any more."
    assert told("data:image/png;base64,!!!!").startswith("The picture on the clipboard is broken")
    assert told("data:image/png;base64,").startswith("The picture on the clipboard is broken")
    assert told(str(tmp_path)) == "The clipboard holds a folder, not a picture."
    assert told("file:///%00") == "The copied file cannot be read."


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    assert told(str(pipe)) == "The copied file is not a picture."


@pytest.fixture
def guarded_pipe(tmp_path: Path) -> Iterator[tuple[Path, threading.Event]]:
    """A pipe, and whether anybody opened it to read; a pipe is the device that anyone may make."""
    pipe, opened = tmp_path / "guarded.png", threading.Event()
    os.mkfifo(pipe)

    def wait_for_reader() -> None:
        os.close(os.open(pipe, os.O_WRONLY))
        opened.set()

    guard = threading.Thread(target=wait_for_reader, daemon=True)
    guard.start()
    yield pipe, opened
    os.close(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
    guard.join(20)
    assert opened.is_set()  # so it would have told


def test_what_is_no_ordinary_file_is_never_opened(
    guarded_pipe: tuple[Path, threading.Event],
) -> None:
    pipe, opened = guarded_pipe
    time.sleep(0.05)  # the guard waits by then
    for text in (str(pipe), pipe.as_uri()):
        assert told(text) == "The copied file is not a picture."
    assert not opened.wait(0.1)


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="only Linux can look and open in one")
def test_nor_is_one_that_takes_an_ordinary_files_place(
    guarded_pipe: tuple[Path, threading.Event], photo: Path, tmp_path: Path
) -> None:
    pipe, opened = guarded_pipe
    name, links = tmp_path / "link.png", [tmp_path / "one", tmp_path / "other"]
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            for link, target in zip(links, (pipe, photo), strict=True):
                link.symlink_to(target)
                link.replace(name)

    name.symlink_to(photo)
    swapper = threading.Thread(target=swap, daemon=True)
    swapper.start()
    try:
        for _ in range(3000):
            with contextlib.suppress(DescriberError):
                assert copied_files.read_file(name).data == PNG
    finally:
        ended.set()
        swapper.join(20)
    assert not opened.is_set()


def test_files_that_are_too_large(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copied_files, "LIMIT", 100)
    assert "too large" in told(str(photo))
    assert "too large" in told("data:image/png;base64," + "A" * 1000)


def test_a_sparse_file_far_over_the_limit(photo: Path) -> None:
    os.truncate(photo, 10 * copied_files.LIMIT)
    assert "too large, over 64 megabytes" in told(str(photo))


@settings(deadline=None)
@given(st.text())
def test_any_text_is_answered_and_not_repeated(text: str) -> None:
    with pytest.raises(DescriberError) as error:
        clipboard_text.from_text(f"secret {text}")
    assert "secret" not in error.value.spoken + error.value.detail


@settings(deadline=None)
@given(st.text())
def test_any_uri_is_answered(text: str) -> None:
    with pytest.raises(DescriberError):
        clipboard_text.from_uris("file://" + text)


def test_the_best_type_is_taken() -> None:
    offered = ["TARGETS", "text/html", "image/bmp", "image/jpeg", "image/png"]
    assert clipboard.image_type(offered) == "image/png"
    assert clipboard.image_type(["image/x-icon", "image/tiff"]) == "image/tiff"
    assert clipboard.image_type(["image/svg+xml", "image/x-icon"]) == "image/x-icon"
    assert clipboard.image_type(["image/svg+xml", "UTF8_STRING"]) == ""


def test_files_come_before_their_names() -> None:
    asked: list[str] = []

    def read(kind: str) -> bytes:
        asked.append(kind)
        return b"file:///no/such.png"

    with pytest.raises(DescriberError):
        clipboard.picture(["TARGETS", "UTF8_STRING", "text/uri-list"], read)
    with pytest.raises(DescriberError):
        clipboard.picture(["TARGETS", "STRING", "text/plain; charset=UTF-8"], read)
    assert asked == ["text/uri-list", "text/plain; charset=UTF-8"]
