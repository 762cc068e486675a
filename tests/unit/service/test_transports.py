"""A Unix socket and a named pipe carry the same protocol, with the same limits and time-outs.

The pipe's calls of Windows are replaced by ones in memory: see `pipes`.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from describer_daemon.core.ports import DescriberError
from describer_daemon.service import control, instance, named_pipe
from describer_daemon.service.control import MAX_REQUEST, ControlServer
from describer_daemon.service.named_pipe import NamedPipes
from describer_daemon.service.shutdown import ShutdownEvent
from describer_daemon.service.transport import AlreadyRunningError, Connection, Transport
from describer_daemon.service.unix_socket import UnixSockets
from tests.unit.service.pipes import NAME, FakePipes, Machine, failure

LONG = 20.0  # seconds until a test gives up


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture(params=["socket", "pipe"])
def way(
    request: pytest.FixtureRequest,
    sandbox: Path,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
) -> Transport:
    chosen: Transport = NamedPipes(FakePipes(machine))
    if request.param == "socket":
        chosen = UnixSockets()
    monkeypatch.setattr(control, "this_system", lambda: chosen)
    return chosen


class Daemon:
    """A server whose answers a test can hold back."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.reply: Mapping[str, object] = {"sentence": "A dog on grass."}
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.server = ControlServer(self._handle)

    def _handle(self, verb: str, wait: bool) -> Mapping[str, object]:
        self.asked.append((verb, wait))
        if wait:
            self.may_answer.wait(LONG)
        if verb == "copy":
            raise DescriberError("There is nothing to copy.")
        if verb == "repeat":
            raise KeyError("a defect")
        return self.reply


@pytest.fixture
def daemon(way: Transport) -> Iterator[Daemon]:
    daemon = Daemon()
    daemon.server.start()
    yield daemon
    daemon.may_answer.set()
    daemon.server.stop()
    until(lambda: not any(t.name.startswith("control") for t in threading.enumerate()))


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def answered(connection: Connection, data: bytes = b"") -> dict[str, object]:
    """Send anything at all, and read what has to be one line with one JSON object."""
    connection.settimeout(LONG)
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it had heard enough
        connection.sendall(data)
    reply = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            reply += piece
    assert reply.endswith(b"\n")
    read = json.loads(reply)
    assert isinstance(read, dict)
    return read


BUSY = {"ok": False, "sentence": "The describer is busy. Please try again."}
NO_JSON = "The request is not a line of JSON."


def test_what_is_asked_is_answered(daemon: Daemon) -> None:
    assert control.send("screen") == {"ok": True, "sentence": "A dog on grass."}
    assert control.send("status", wait=True)["ok"]
    assert daemon.asked == [("screen", False), ("status", True)]
    assert control.send("copy") == {"ok": False, "sentence": "There is nothing to copy."}
    assert control.send("repeat")["sentence"] == (
        "Something went wrong in the describer. Its log says more."
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x80\x04K\x01.\n", NO_JSON),  # a pickle is bytes like others
        (b"\n", NO_JSON),
        (b'{"verb": "dance"}\n', "There is no such verb. Known are screen,"),
        (b"x" * (MAX_REQUEST + 1), "The message is too long."),
        (b"x" * (3 * named_pipe.BUFFER), "The message is too long."),
        (b'{"verb": "screen"', "The request came too slowly."),
    ],
    ids=["a pickle", "nothing", "a verb", "long", "longer than the pipe", "half a line"],
)
def test_what_is_no_request_is_told_so(
    daemon: Daemon, way: Transport, data: bytes, sentence: str
) -> None:
    with way.connect(LONG) as connection:
        assert str(answered(connection, data)["sentence"]).startswith(sentence)
    assert not daemon.asked
    assert control.send("stop")["ok"]


def test_a_long_answer_comes_whole(daemon: Daemon) -> None:
    daemon.reply = {"sentence": "dog " * 100_000}
    assert control.send("screen")["sentence"] == "dog " * 100_000


def test_an_answer_that_is_too_long_is_refused(daemon: Daemon) -> None:
    daemon.reply = {"sentence": "x" * (1 << 20)}
    with pytest.raises(DescriberError, match="too long"):
        control.send("screen")


def test_a_line_may_come_in_pieces_but_not_for_ever(daemon: Daemon, way: Transport) -> None:
    """The time is for the whole line: a byte now and then does not lengthen it."""
    with way.connect(LONG) as quick, way.connect(LONG) as slow:
        for byte in b'{"verb": "screen"}':
            quick.sendall(bytes([byte]))
        assert answered(quick, b"\n")["ok"]
        began = time.monotonic()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() - began < 10:
                slow.sendall(b" ")
                time.sleep(0.1)
        assert answered(slow)["sentence"] == "The request came too slowly."
    assert daemon.asked == [("screen", False)]


def test_who_is_gone_again_or_does_not_read_disturbs_nobody(daemon: Daemon, way: Transport) -> None:
    way.connect(LONG).close()
    with way.connect(LONG) as leaving:
        leaving.sendall(b'{"verb": "screen"}\n')
    with way.connect(LONG) as deaf:
        deaf.sendall(b'{"verb": "screen"}\n')
        until(lambda: len(daemon.asked) == 2)
        assert control.send("stop")["ok"]


def test_a_crowd_is_told_to_wait(daemon: Daemon, way: Transport) -> None:
    daemon.may_answer.clear()
    with contextlib.ExitStack() as stack:
        crowd = []
        for _ in range(16):
            crowd.append(connection := stack.enter_context(way.connect(LONG)))
            connection.sendall(b'{"verb": "screen", "wait": true}\n')
        until(lambda: len(daemon.asked) == 16)
        assert control.send("status") == BUSY
        daemon.may_answer.set()
        assert all(answered(connection)["ok"] for connection in crowd)
    until(lambda: control.send("status")["ok"])


def test_one_at_a_time_and_the_next_when_it_has_ended(daemon: Daemon) -> None:
    second = ControlServer(lambda *_: {})
    for _ in range(2):
        with pytest.raises(AlreadyRunningError) as caught:
            second.start()
        assert caught.value.spoken == "The describer is running already."
    assert control.send("screen")["ok"]
    daemon.server.stop()
    second.start()
    assert control.send("quit") == {"ok": True}
    second.adopt_display()  # it has no other one
    second.stop()
    second.stop()


def test_none_that_runs_is_told_with_the_cure(way: Transport) -> None:
    with pytest.raises(DescriberError) as caught:
        control.send("screen")
    assert caught.value.spoken == "The describer is not running. Start it with: describer run."
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_a_server_that_does_not_answer_is_told(daemon: Daemon) -> None:
    daemon.may_answer.clear()
    with pytest.raises(DescriberError, match=r"^The describer did not answer\. "):
        control.send("screen", wait=True, timeout=0.2)


def test_the_end_waits_for_nobody(daemon: Daemon, way: Transport) -> None:
    """Neither for who says nothing, nor for an answer that is on its way."""
    daemon.may_answer.clear()
    with way.connect(LONG) as silent, way.connect(LONG) as waiting:
        waiting.sendall(b'{"verb": "screen", "wait": true}\n')
        until(lambda: daemon.asked)
        daemon.server.stop()
        silent.settimeout(LONG)
        with contextlib.suppress(ConnectionResetError):
            while silent.recv(4096):
                pass
    with pytest.raises(DescriberError, match="not running"):
        control.send("status")


def test_from_its_own_answer_it_can_end(way: Transport) -> None:
    server = ControlServer(lambda *_: (server.stop(), {"sentence": "Bye."})[1])
    server.start()
    assert control.send("quit")["sentence"] == "Bye."
    with pytest.raises(DescriberError, match="not running"):
        control.send("status")


def test_a_second_start_asks_the_first(daemon: Daemon) -> None:
    class Second:
        def run(self, ready: Callable[[], None]) -> None:
            ControlServer(lambda *_: {}).start()

    assert not instance.serve_or_ask(Second(), lambda: None, ShutdownEvent())
    assert daemon.asked == [("screen", False)]


def pipe(machine: Machine, person: str = "me") -> NamedPipes:
    return NamedPipes(FakePipes(machine, person))


def served(machine: Machine, person: str = "me") -> ControlServer:
    server = ControlServer(lambda *_: {}, pipe(machine, person))
    server.start()
    return server


def test_a_pipe_lets_nobody_else_in(machine: Machine) -> None:
    server = served(machine)
    with pytest.raises(DescriberError, match="is not yours"):
        control.send("screen", way=pipe(machine, "another"))
    with pytest.raises(AlreadyRunningError):
        served(machine, "another")
    assert control.send("screen", way=pipe(machine))["ok"]
    server.stop()


def test_a_pipe_that_a_thief_has_made_is_asked_nothing(machine: Machine) -> None:
    """It was made before any describer was started, and would let its victim in."""
    server = served(machine, "thief")
    with pytest.raises(AlreadyRunningError):
        served(machine)
    with pytest.raises(DescriberError, match=r"^The describer that runs here is not yours"):
        control.send("screen", way=pipe(machine))
    server.stop()
    assert len(machine.closed) == len(machine.ends)


def test_without_memory_for_another_instance_it_goes_on_later(machine: Machine) -> None:
    server = served(machine)
    machine.limit = 1
    with pytest.raises(DescriberError):
        control.send("status", timeout=LONG, way=pipe(machine))
    machine.limit = 255
    until(lambda: machine.named(NAME))
    assert control.send("status", way=pipe(machine))["ok"]
    server.stop()
    assert len(machine.closed) == len(machine.ends)


def test_a_name_that_was_taken_meanwhile_is_not_served(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipes = FakePipes(machine)
    listener = NamedPipes(pipes).listen()
    FakePipes(machine).open(NAME)
    monkeypatch.setattr(pipes, "is_ours", lambda _: False)
    with pytest.raises(PermissionError):
        listener.accept()
    listener.close()
    assert not [one for one in machine.instances if one.server.is_open]


def test_an_instance_that_fails_is_replaced(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipes = FakePipes(machine)
    server = ControlServer(lambda *_: {}, NamedPipes(pipes))
    works, failed = pipes.accept, threading.Event()

    def fails(handle: int) -> named_pipe.Operation:
        if not failed.is_set():
            failed.set()
            raise failure(1450)
        return works(handle)

    monkeypatch.setattr(pipes, "accept", fails)
    server.start()
    assert failed.wait(LONG)
    assert control.send("status", way=pipe(machine))["ok"]
    server.stop()
    assert sorted(machine.closed) == sorted(machine.ends)


def test_too_many_at_the_door_are_told_to_try_again(machine: Machine) -> None:
    listener = pipe(machine).listen()  # nobody accepts
    with pipe(machine).connect(LONG), pytest.raises(DescriberError, match="is busy"):
        control.send("status", timeout=0.2, way=pipe(machine))
    listener.close()


def test_other_errors_of_windows_are_sentences(machine: Machine) -> None:
    pipes = FakePipes(machine)
    for error, sentence in (
        (failure(1450), "I cannot take requests from other programs."),
        (PermissionError(13, "denied"), "The describer is running already."),
    ):

        def refuse(name: str, *, first: bool, error: OSError = error) -> int:
            raise error

        pipes.create = refuse  # type: ignore[method-assign]  # as this test wants it
        with pytest.raises(DescriberError) as caught:
            NamedPipes(pipes).listen()
        assert caught.value.spoken.startswith(sentence)
    served(machine).stop()

    def odd(name: str) -> int:
        raise failure(53)

    pipes.open = odd  # type: ignore[method-assign]  # as this test wants it
    with pytest.raises(DescriberError, match="left without an answer"):
        control.send("status", way=NamedPipes(pipes))


def test_who_came_and_left_before_it_was_looked_at_is_no_end(machine: Machine) -> None:
    listener = pipe(machine).listen()
    pipe(machine).connect(LONG).close()
    with listener.accept() as gone:  # type: ignore[union-attr]  # it was not told to end
        assert gone.recv(1) == b""
    listener.end()
    assert listener.accept() is None
    listener.close()


def test_a_connection_that_is_shut_or_closed_stays_so(machine: Machine) -> None:
    listener = pipe(machine).listen()
    with pipe(machine).connect(LONG) as connection:
        connection.shutdown()
        assert connection.recv(1) == b""
        with pytest.raises(BrokenPipeError):
            connection.sendall(b"x")
        connection.close()
    connection.shutdown()
    listener.close()
    assert machine.closed == [*dict.fromkeys(machine.closed)]


@pytest.mark.parametrize("ends", [True, False])
def test_whoever_waits_for_the_end_of_a_pipes_server_has_it(machine: Machine, ends: bool) -> None:
    server = served(machine)
    if ends:
        threading.Timer(0.1, machine.server_ended.set).start()
    waits: list[Callable[[float], bool]] = []
    with contextlib.ExitStack() as stack:
        reply = control.send(
            "quit",
            on_connect=lambda one, way: waits.append(way.watch_end(one, stack)),
            way=pipe(machine),
        )
        assert reply["ok"]
        assert waits[0](LONG if ends else 0.05) is ends
    server.stop()
    assert len(machine.closed) == len(machine.ends) + 1  # the process's handle, too
