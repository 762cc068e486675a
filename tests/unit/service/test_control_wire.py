"""The control socket byte by byte, from both ends: pieces, lengths, and peers that misbehave."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from describer_daemon.core.ports import DescriberError
from describer_daemon.service import control, unix_socket
from describer_daemon.service.control import MAX_REQUEST, ControlServer, send
from describer_daemon.service.transport import AlreadyRunningError

LONG = 20.0  # seconds until a test gives up
STATUS = b'{"verb": "status"}'


class Daemon:
    """A real server; its answer is `reply`."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.reply: Mapping[str, object] = {"sentence": "A dog on grass."}
        self.server = ControlServer(self._handle)

    def _handle(self, verb: str, wait: bool) -> Mapping[str, object]:
        self.asked.append((verb, wait))
        return self.reply


@pytest.fixture
def daemon(sandbox: Path) -> Iterator[Daemon]:
    daemon = Daemon()
    daemon.server.start()
    yield daemon
    daemon.server.stop()


def nothing(verb: str, wait: bool) -> Mapping[str, object]:
    return {}


@contextlib.contextmanager
def connected() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(LONG)
        connection.connect(str(unix_socket.runtime_folder(create=False) / "control.sock"))
        yield connection


def answer(connection: socket.socket) -> dict[str, object]:
    line = connection.makefile("rb").readline()
    assert line.endswith(b"\n")
    read = json.loads(line)
    assert isinstance(read, dict)
    return read


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_request_may_come_in_pieces(daemon: Daemon) -> None:
    with connected() as connection:
        for piece in (STATUS[:5], STATUS[5:9], STATUS[9:] + b"\n"):
            connection.sendall(piece)
            time.sleep(0.05)
        assert answer(connection) == {"ok": True, "sentence": "A dog on grass."}
    assert daemon.asked == [("status", False)]


def test_what_follows_the_first_line_is_not_looked_at(daemon: Daemon) -> None:
    with connected() as connection:
        connection.sendall(STATUS + b'\n{"verb": "quit"}\n')
        assert answer(connection)["ok"]
    assert daemon.asked == [("status", False)]


def test_the_longest_request_is_taken_and_no_longer_one(daemon: Daemon) -> None:
    longest = STATUS[:-1] + b" " * (MAX_REQUEST - len(STATUS)) + STATUS[-1:]
    with connected() as connection:
        connection.sendall(longest)
        connection.shutdown(socket.SHUT_WR)
        assert answer(connection)["ok"]
    with connected() as connection:
        connection.sendall(b" " + longest)
        assert answer(connection) == {"ok": False, "sentence": "The message is too long."}
    assert daemon.asked == [("status", False)]


def test_who_drips_is_sent_away_like_who_is_silent(daemon: Daemon) -> None:
    """The time is for the whole line: each byte would come soon enough."""
    with connected() as connection:
        dripping = True

        def drip() -> None:
            with contextlib.suppress(OSError):
                while dripping:
                    connection.sendall(b" ")
                    time.sleep(0.1)

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            reply = answer(connection)
        finally:
            dripping = False
            thread.join(LONG)
    assert reply == {"ok": False, "sentence": "The request came too slowly."}


def test_a_reply_may_be_large(daemon: Daemon) -> None:
    daemon.reply = {"sentence": "dog " * 50_000}
    assert send("status")["sentence"] == daemon.reply["sentence"]


def test_who_does_not_read_the_reply_holds_nobody(daemon: Daemon) -> None:
    daemon.reply = {"sentence": "dog " * 500_000}  # more than a socket holds
    with connected() as connection:
        connection.sendall(STATUS + b"\n")
        until(lambda: daemon.asked)
        until(lambda: not daemon.server._connections)


def test_nothing_is_kept_of_those_who_were_served(daemon: Daemon) -> None:
    for _ in range(5):
        send("status")
    until(lambda: not daemon.server._connections)


def test_on_a_system_that_cannot_tell_whose_it_is_the_folder_keeps_others_out(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(unix_socket.socket, "SO_PEERCRED")
    assert send("status")["ok"]


def test_short_patience_is_enough_for_a_quick_answer(daemon: Daemon) -> None:
    assert send("status", timeout=0.9)["ok"]


class Noting(socket.socket):
    """A real socket that notes how long it is told to wait."""

    waits: list[float | None]

    def settimeout(self, value: float | None) -> None:
        self.waits.append(value)
        super().settimeout(value)


@pytest.mark.parametrize(("wait", "patience"), [(False, 5.0), (True, 120.0)])
def test_who_waits_for_the_outcome_is_more_patient(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, wait: bool, patience: float
) -> None:
    monkeypatch.setattr(Noting, "waits", [], raising=False)
    with monkeypatch.context() as patched:
        patched.setattr(unix_socket.socket, "socket", Noting)
        assert send("status", wait=wait)["ok"]
    assert Noting.waits[0] == patience
    assert None not in Noting.waits


@pytest.fixture
def impostor(sandbox: Path) -> Iterator[socket.socket]:
    """A socket where the daemon's would be; who asks it waits in its queue."""
    folder = unix_socket.runtime_folder(create=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(folder / "control.sock"))
        listener.listen()
        yield listener


def served(listener: socket.socket, *pieces: bytes, then: float = 0.0) -> threading.Thread:
    """Answer one request in pieces, however wrong they are."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(MAX_REQUEST)
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(then)

    thread = threading.Thread(target=serve)
    thread.start()
    return thread


def refused(**options: float) -> DescriberError:
    with pytest.raises(DescriberError) as caught:
        send("status", **options)
    return caught.value


@pytest.mark.parametrize("reply", [b"3\n", b"null\n", b'["ok"]\n'])
def test_an_answer_that_is_no_object_makes_no_sense(impostor: socket.socket, reply: bytes) -> None:
    thread = served(impostor, reply)
    assert refused().spoken == ("The describer's answer makes no sense. Please start it again.")
    thread.join(LONG)


@pytest.mark.parametrize("reply", [b"", b"\n", b'{"ok": tr', b"\xff\n"])
def test_half_an_answer_is_none(impostor: socket.socket, reply: bytes) -> None:
    thread = served(impostor, reply)
    error = refused()
    thread.join(LONG)
    assert error.spoken == "The describer left without an answer. Its log says more."
    assert error.detail == str(error.__cause__) != ""


def test_an_answer_may_come_in_pieces(impostor: socket.socket) -> None:
    thread = served(impostor, b'{"ok":', b" true}", b"\n", then=0.05)
    assert send("status") == {"ok": True}
    thread.join(LONG)


def test_a_daemon_that_hangs_is_told_of(impostor: socket.socket) -> None:
    error = refused(timeout=0.1)
    assert error.spoken == "The describer did not answer. Please start it again."
    assert error.detail == str(error.__cause__) != ""


def test_a_daemon_that_drips_is_told_of(impostor: socket.socket) -> None:
    thread = served(impostor, *[b" "] * 40, then=0.02)
    assert refused(timeout=0.3).spoken == "The describer did not answer. Please start it again."
    thread.join(LONG)


def test_no_daemon_is_told_with_the_cure(sandbox: Path) -> None:
    error = refused()
    assert error.spoken == "The describer is not running. Start it with: describer run."
    assert error.detail == str(error.__cause__) != ""


def test_an_answer_counts_though_nobody_read_the_question(
    impostor: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy daemon answers and leaves, perhaps before the request was sent."""

    class Late(socket.socket):
        def connect(self, address: str) -> None:
            super().connect(address)
            connection, _ = impostor.accept()
            with connection:
                connection.sendall(b'{"ok": false}\n')

    monkeypatch.setattr(unix_socket.socket, "socket", Late)
    assert send("status") == {"ok": False}


def test_the_second_daemon_is_told_so(daemon: Daemon) -> None:
    with pytest.raises(AlreadyRunningError) as caught:
        ControlServer(nothing).start()
    assert caught.value.spoken == "The describer is running already."
    assert caught.value.detail == str(caught.value.__cause__) != ""


FEW_FILES = """
import os, resource, sys
from describer_daemon.service.control import ControlServer
server = ControlServer(lambda verb, wait: {"sentence": verb})
server.start()
most = max(map(int, os.listdir("/proc/self/fd"))) + 3
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
print("ready", flush=True)
sys.stdin.read()
server.stop()
"""


def test_a_daemon_that_may_open_no_more_files_answers_when_it_may(sandbox: Path) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", FEW_FILES], stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.readline() == "ready\n"
        with contextlib.ExitStack() as silent:
            for _ in range(8):
                silent.enter_context(connected())
            reply = send("status", timeout=LONG)
        _, errors = daemon.communicate(timeout=LONG)
    assert reply == {"ok": True, "sentence": "status"}
    assert "Too many open files" in errors
    assert daemon.returncode == 0


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (b"dance", "The request is not a line of JSON."),
        (b"[" * 100_000, "The request is not a line of JSON."),
        (b"3", 'A request has a "verb" and perhaps "wait", and nothing else.'),
        (
            b'{"verb": "stop", "x": 1}',
            'A request has a "verb" and perhaps "wait", and nothing else.',
        ),
        (
            b"{}",
            f"There is no such verb. Known are {', '.join(control.VERBS)}.",
        ),
        (b'{"verb": "stop", "wait": 1}', '"wait" is either true or false.'),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(request_: bytes, sentence: str) -> None:
    with pytest.raises(DescriberError) as caught:
        control.parse_request(request_)
    assert caught.value.spoken == sentence


def test_nobody_waits_unless_told_to() -> None:
    assert control.parse_request(STATUS) == ("status", False)


def test_a_socket_that_somebody_removed_does_not_disturb_the_end(daemon: Daemon) -> None:
    (unix_socket.runtime_folder(create=False) / "control.sock").unlink()
    daemon.server.stop()
    daemon.server.start()
    assert send("status")["ok"]
