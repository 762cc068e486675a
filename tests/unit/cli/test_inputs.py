"""Whatever can be read to its end is read, and nothing is waited for without an end."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from describer_daemon.cli import inputs
from describer_daemon.core.ports import DescriberError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")

DATA = b"\x89PNG" + bytes(range(256)) * 4000
SHOW = "import sys; from describer_daemon.cli import inputs; \
sys.stdout.buffer.write(inputs.read_bytes(sys.argv[1]))"


def told(name: object) -> str:
    with pytest.raises(DescriberError) as error:
        inputs.read_bytes(str(name))
    return error.value.spoken


@contextlib.contextmanager
def written(data: bytes) -> Iterator[int]:
    """The end of a pipe from which the data comes, and then the end."""
    reader, writer = os.pipe()
    os.set_inheritable(reader, True)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), os.fdopen(writer, "wb") as file:
            file.write(data)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    yield reader
    os.close(reader)
    thread.join(20)


@pytest.mark.parametrize("folder", ["/dev/fd", "/proc/self/fd"])
def test_what_a_shell_hands_over_is_read(folder: str) -> None:
    with written(DATA) as pipe:
        assert inputs.read_bytes(f"{folder}/{pipe}") == DATA


def test_a_file_that_a_shell_has_opened_is_read_from_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(b"head" + DATA)
    with path.open("rb", buffering=0) as file:
        os.set_inheritable(file.fileno(), True)
        file.seek(4)
        assert inputs.read_bytes(f"/dev/fd/{file.fileno()}") == DATA


@pytest.mark.parametrize("name", ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
def test_standard_input_by_every_name(name: str) -> None:
    command = [sys.executable, "-c", SHOW, name]
    done = subprocess.run(command, input=DATA, capture_output=True, check=True, timeout=300)
    assert done.stdout == DATA


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_standard_input_may_be_a_socket_or_one_that_does_not_wait(name: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        command = [sys.executable, "-c", SHOW, name]
        with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE) as process:
            ours.sendall(DATA[:1000])
            ours.shutdown(socket.SHUT_WR)
            assert process.communicate(timeout=300)[0] == DATA[:1000]


def test_a_named_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    thread = threading.Thread(target=pipe.write_bytes, args=(DATA,), daemon=True)
    thread.start()
    assert inputs.read_bytes(str(pipe)) == DATA
    thread.join(20)


def test_a_pipe_from_which_nothing_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "_MAX_SILENCE", 0.2)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    expected = f"Nothing came from {pipe} for 0 seconds. Please check its source."
    assert told(pipe) == expected
    with pipe.open("r+b", buffering=0) as writer:  # somebody has it open, and is silent
        writer.write(b"\x89PNG")
        assert told(pipe) == expected
    reader, writer_end = os.pipe()
    os.set_inheritable(reader, True)
    assert told(f"/dev/fd/{reader}").startswith("Nothing came from")
    os.close(writer_end)


def test_what_has_no_end_is_refused_by_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "MAX_BYTES", 3 << 20)
    with Path("/dev/zero").open("rb", buffering=0) as file:
        os.set_inheritable(file.fileno(), True)
        sentence = told(f"/dev/fd/{file.fileno()}")
    assert sentence == "The file is too large: I take at most 3 mebibytes."
    with written(bytes(4 << 20)) as pipe:
        assert told(f"/dev/fd/{pipe}") == sentence


def test_what_cannot_be_read_has_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(folder, True)
    name = f"/dev/fd/{folder}"
    assert told(name) == f"{name} is a folder, not a picture. Name the files in it."
    os.close(folder)
    assert told("/dev/fd/999999") == "/dev/fd/999999 cannot be read."
    with (tmp_path / "ours").open("wb+") as ours:  # not handed over by anybody
        assert told(f"/dev/fd/{ours.fileno()}") == f"There is no file /dev/fd/{ours.fileno()}."
    assert told("/dev/zero") == "/dev/zero is not an ordinary file."
    assert told("") == "A file's name is empty."
    monkeypatch.setattr(sys, "stdin", None)
    for name in ("-", "/dev/stdin", "/dev/fd/0"):
        assert told(name) == "There is no standard input to read a picture from."
