"""The control socket: one daemon for each person, and no request that can harm it."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from describer_daemon.core.ports import DescriberError
from describer_daemon.service import control, unix_socket
from describer_daemon.service.control import ControlServer, parse_request, send
from describer_daemon.service.transport import AlreadyRunningError
from tests import threads


@pytest.fixture
def runtime(sandbox: Path) -> Path:
    return sandbox / "run"


class Daemon:
    """A server whose answers a test can hold back."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.server = ControlServer(self.handle)

    def handle(self, verb: str, wait: bool) -> Mapping[str, object]:
        self.asked.append((verb, wait))
        if wait:
            self.may_answer.wait(20)
        if verb == "copy":
            raise DescriberError("There is nothing to copy.")
        if verb == "repeat":
            raise KeyError("a defect")
        return {"sentence": "A dog on grass.", "path": Path("/x")}


@pytest.fixture
def daemon(runtime: Path) -> Iterator[Daemon]:
    daemon = Daemon()
    daemon.server.start()
    yield daemon
    daemon.may_answer.set()
    daemon.server.stop()
    until(lambda: not any(t.name.startswith("control") for t in threading.enumerate()))


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def nothing(verb: str, wait: bool) -> Mapping[str, object]:
    return {}


def connect() -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(20)
    connection.connect(str(unix_socket.runtime_folder(create=False) / "control.sock"))
    return connection


def answer(data: bytes) -> dict[str, object]:
    """Send anything at all, and read what has to be one line with one JSON object."""
    with connect() as connection:
        reply = bytearray()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it had heard enough
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                reply += piece
    assert reply.count(b"\n") == 1
    read = json.loads(reply)
    assert isinstance(read, dict)
    assert isinstance(read["ok"], bool)
    assert isinstance(read["sentence"], str)
    return read


def test_request_and_reply(daemon: Daemon) -> None:
    reply = send("screen")
    assert reply == {"ok": True, "sentence": "A dog on grass.", "path": "/x"}
    assert send("status", wait=True)["ok"]
    assert daemon.asked == [("screen", False), ("status", True)]


def test_failures_are_replies(daemon: Daemon) -> None:
    assert send("copy") == {"ok": False, "sentence": "There is nothing to copy."}
    assert send("repeat")["sentence"].startswith("Something went wrong")
    assert send("dance")["sentence"].startswith("There is no such verb. Known are screen,")
    assert send("stop")["ok"]


def test_only_the_owner_has_access(daemon: Daemon, runtime: Path) -> None:
    folder = runtime / "describer"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "control.sock").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "lock").stat().st_mode) == 0o600


def test_another_person_is_refused(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    path = unix_socket.runtime_folder(create=False) / "control.sock"
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        reply = json.loads(connection.makefile().readline())
    assert reply == {"ok": False, "sentence": "This describer is not yours."}
    assert not daemon.asked


def test_no_daemon_no_answer(runtime: Path) -> None:
    with pytest.raises(DescriberError, match=r"not running\. Start it with: describer run"):
        send("screen")
    assert not (runtime / "describer").exists()


def test_a_stale_socket_is_no_daemon(runtime: Path) -> None:
    """As after kill -9: the socket is there, and nobody listens."""
    code = (
        "import os, signal\n"
        "from describer_daemon.service.control import ControlServer\n"
        "ControlServer(lambda verb, wait: {}).start()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (runtime / "describer" / "control.sock").exists()
    with pytest.raises(DescriberError, match="not running"):
        send("status")
    daemon = Daemon()
    daemon.server.start()
    assert send("screen")["ok"]
    daemon.server.stop()
    assert not (runtime / "describer" / "control.sock").exists()


def test_one_daemon_at_a_time(daemon: Daemon) -> None:
    second = ControlServer(nothing)
    with pytest.raises(AlreadyRunningError, match="running already"):
        second.start()
    second.stop()
    assert send("screen")["ok"]  # the first one is unharmed
    daemon.server.stop()
    second.start()
    assert send("quit") == {"ok": True}
    second.stop()
    second.stop()


def test_quit_from_a_handler_is_answered(runtime: Path) -> None:
    server = ControlServer(lambda *_: (server.stop(), {"sentence": "Bye."})[1])
    server.start()
    assert send("quit")["sentence"] == "Bye."
    with pytest.raises(DescriberError, match="not running"):
        send("status")


def test_a_crowd_is_told_to_wait(daemon: Daemon) -> None:
    daemon.may_answer.clear()
    crowd = [connect() for _ in range(16)]
    try:
        for connection in crowd:
            connection.sendall(b'{"verb": "screen", "wait": true}\n')
        until(lambda: len(daemon.asked) == 16)
        assert send("status") == {
            "ok": False,
            "sentence": "The describer is busy. Please try again.",
        }
        daemon.may_answer.set()
        for connection in crowd:
            assert json.loads(connection.makefile().readline())["ok"]
    finally:
        for connection in crowd:
            connection.close()
    until(lambda: send("status")["ok"])


def test_a_system_without_threads_is_only_busy(daemon: Daemon) -> None:
    with threads.none_left():
        for _ in range(20):  # more than may be served at once: none of them may keep its place
            assert send("status") == {
                "ok": False,
                "sentence": "The describer is busy. Please try again.",
            }
    crowd = [connect() for _ in range(16)]
    for connection in crowd:
        connection.sendall(b'{"verb": "screen"}\n')
    for connection in crowd:
        with connection:
            assert json.loads(connection.makefile().readline())["ok"]


def test_a_silent_client_is_sent_away_and_holds_nobody_up(
    daemon: Daemon,
) -> None:
    with connect() as silent:
        silent.sendall(b'{"verb": ')
        assert send("screen")["ok"]
        assert json.loads(silent.makefile().readline())["sentence"] == (
            "The request came too slowly."
        )


def test_a_client_that_drips_is_sent_away(daemon: Daemon) -> None:
    """The time is for the whole line: a byte now and then does not lengthen it."""
    with connect() as slow:
        began = time.monotonic()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for byte in b'{"verb": "screen"' + b" " * 200:
                slow.sendall(bytes([byte]))
                if select.select([slow], [], [], 0.1)[0]:
                    break
        assert json.loads(slow.makefile().readline())["sentence"] == "The request came too slowly."
        assert time.monotonic() - began < 10
    assert not daemon.asked


def test_a_client_that_does_not_read_holds_nobody_up(daemon: Daemon) -> None:
    deaf = [connect() for _ in range(8)]
    try:
        for connection in deaf:
            connection.sendall(b'{"verb": "screen"}\n')
        assert send("status")["ok"]
    finally:
        for connection in deaf:
            connection.close()


def test_a_hundred_silent_clients_hold_the_door_only_for_moments(daemon: Daemon) -> None:
    crowd: list[socket.socket] = []
    try:
        crowd += (connect() for _ in range(100))
        turned_away = [json.loads(one.makefile().readline())["sentence"] for one in crowd[16:]]
        assert set(turned_away) == {"The describer is busy. Please try again."}
        until(lambda: send("status")["ok"])  # though the sixteen are still connected
    finally:
        for connection in crowd:
            connection.close()
    assert threading.active_count() <= 20


def test_a_door_with_no_room_in_front_of_it_is_a_sentence(
    runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the daemon was stopped (SIGSTOP) and others have asked it before."""
    (runtime / "describer").mkdir(mode=0o700)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        listener.bind(str(runtime / "describer" / "control.sock"))
        listener.listen(0)
        stack.enter_context(connect())
        with pytest.raises(DescriberError, match=r"^The describer is busy\."):
            send("status")


def test_a_link_in_the_place_of_the_socket_leads_nowhere(runtime: Path) -> None:
    folder = runtime / "describer"
    folder.mkdir(mode=0o700)
    victim = runtime / "victim"
    victim.write_text("untouched")
    (folder / "control.sock").symlink_to(victim)
    daemon = Daemon()
    daemon.server.start()
    assert send("screen")["ok"]
    assert stat.S_ISSOCK((folder / "control.sock").lstat().st_mode)
    daemon.server.stop()
    assert victim.read_text() == "untouched"
    assert stat.S_IMODE(victim.stat().st_mode) != 0o600


def test_a_folder_in_the_place_of_the_socket_is_told(runtime: Path) -> None:
    (runtime / "describer" / "control.sock").mkdir(parents=True)
    (runtime / "describer").chmod(0o700)
    server = ControlServer(nothing)
    with pytest.raises(DescriberError, match=r"^I cannot take requests from other programs\."):
        server.start()
    (runtime / "describer" / "control.sock").rmdir()
    server.start()  # and the lock was given back
    server.stop()


@pytest.mark.parametrize("trick", ["link", "folder"])
def test_a_lock_that_is_no_file_is_told_and_its_aim_is_untouched(runtime: Path, trick: str) -> None:
    folder = runtime / "describer"
    folder.mkdir(mode=0o700)
    victim = runtime / "victim"
    if trick == "link":
        (folder / "lock").symlink_to(victim)
    else:
        (folder / "lock").mkdir()
    with pytest.raises(DescriberError, match=r"^I cannot lock the file "):
        ControlServer(nothing).start()
    assert not victim.exists()


def test_a_pipe_in_the_place_of_the_lock_holds_nobody_up(runtime: Path) -> None:
    (runtime / "describer").mkdir(mode=0o700)
    os.mkfifo(runtime / "describer" / "lock")
    server = ControlServer(nothing)
    server.start()
    assert send("screen")["ok"]
    server.stop()


def test_no_umask_opens_the_door(runtime: Path) -> None:
    before = os.umask(0)
    try:
        server = ControlServer(nothing)
        server.start()
    finally:
        os.umask(before)
    folder = runtime / "describer"
    modes = [
        stat.S_IMODE(one.lstat().st_mode)
        for one in (folder, folder / "control.sock", folder / "lock")
    ]
    server.stop()
    assert modes == [0o700, 0o600, 0o600]


KNOCK = """
import contextlib, socket, sys
door = socket.socket(socket.AF_UNIX)
door.settimeout(20)
try:
    door.connect(sys.argv[1])
    with contextlib.suppress(BrokenPipeError):  # refused before it has asked
        door.sendall(b'{"verb": "screen"}\\n')
    print(door.makefile().readline(), end="")
except PermissionError:
    print("no entry")
"""


def test_another_person_gets_no_answer_even_through_an_open_door(
    daemon: Daemon, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First as it is, then with every mode on the way opened, which takes the owner's own hand."""
    folder = runtime / "describer"
    knock = [sys.executable, "-c", KNOCK, str(folder / "control.sock")]
    root = os.geteuid() == 0
    if root:
        knock = [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "/usr/bin/python3",
            *knock[1:],
        ]

    def answered() -> str:
        return subprocess.run(knock, capture_output=True, text=True, timeout=60, check=True).stdout

    if root:
        runtime.parent.chmod(0o755)
        assert answered() == "no entry\n"
    for place, mode in ((runtime, 0o755), (folder, 0o755), (folder / "control.sock", 0o666)):
        place.chmod(mode)
    if not root:  # nobody else can be had: so the daemon is somebody else
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert json.loads(answered()) == {"ok": False, "sentence": "This describer is not yours."}
    assert not daemon.asked


def test_a_client_that_leaves_early_is_forgotten(daemon: Daemon) -> None:
    daemon.may_answer.clear()
    with connect() as connection:
        connection.sendall(b'{"verb": "screen", "wait": true}\n')
        until(lambda: daemon.asked)
    daemon.may_answer.set()
    assert send("status")["ok"]


def test_stop_does_not_wait_for_a_slow_answer(daemon: Daemon) -> None:
    daemon.may_answer.clear()
    failed: list[DescriberError] = []

    def ask() -> None:
        try:
            send("screen", wait=True)
        except DescriberError as error:
            failed.append(error)

    client = threading.Thread(target=ask)
    client.start()
    until(lambda: daemon.asked)
    began = time.monotonic()
    daemon.server.stop()
    assert time.monotonic() - began < 10
    client.join(20)
    assert failed[0].spoken.startswith("The describer left without an answer.")


def test_no_answer_in_time(daemon: Daemon) -> None:
    daemon.may_answer.clear()
    with pytest.raises(DescriberError, match="did not answer"):
        send("screen", wait=True, timeout=0.1)


@pytest.mark.parametrize("length", [200, 90])
def test_long_paths_and_missing_folders_fall_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    """The fallback is taken by both sides; a long TMPDIR is passed over as well."""
    long = tmp_path / ("x" * length)
    long.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    monkeypatch.setattr(unix_socket, "_runtime_parents", lambda: iter([long]))
    monkeypatch.setattr(unix_socket.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(unix_socket, "_MAX_PATH", len(str(long)))
    folder = unix_socket.runtime_folder(create=True)
    assert folder == tmp_path / f"describer-{os.geteuid()}"
    assert folder == unix_socket.runtime_folder(create=False)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_others_may_write_to_is_refused(runtime: Path) -> None:
    folder = runtime / "describer"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(DescriberError, match="is not private to you"):
        ControlServer(nothing).start()
    with pytest.raises(DescriberError, match="is not private to you"):
        send("status")
    folder.rmdir()
    folder.symlink_to(runtime.parent)
    with pytest.raises(DescriberError, match="is not private to you"):
        ControlServer(nothing).start()
    folder.unlink()
    folder.touch()
    with pytest.raises(DescriberError, match="I cannot use the folder"):
        ControlServer(nothing).start()


def test_a_runtime_folder_of_others_is_passed_over(
    runtime: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    runtime.chmod(0o777)
    monkeypatch.setattr(unix_socket.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(unix_socket, "_runtime_parents", lambda: iter([runtime]))
    assert unix_socket.runtime_folder(create=True).parent == tmp_path


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"\x00\xff\n",
        b"[" * 4000,
        b"9" * 4500 + b"\n",
        b'{"verb": "screen"' + b" " * 4100 + b"}\n",
        b'{"verb": ["screen"]}\n',
        b'{"verb": "screen", "wait": 1}\n',
        b'{"verb": "screen", "path": "/etc"}\n',
        b'{"wait": true}\n',
        b'"screen"\n',
        b"null\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_garbage_gets_an_error(daemon: Daemon, data: bytes) -> None:
    assert answer(data)["ok"] is False
    assert not daemon.asked


in_one_run = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9) | st.sampled_from(control.VERBS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["verb", "wait", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@in_one_run
@given(data=st.binary(max_size=5000) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_message_gets_one_json_line(daemon: Daemon, data: bytes) -> None:
    answer(data + b"\n")


@settings(max_examples=200, deadline=None)
@given(value=json_values)
def test_a_request_is_a_known_verb_or_refused(value: object) -> None:
    try:
        verb, wait = parse_request(json.dumps(value).encode())
    except DescriberError:
        return
    assert value in ({"verb": verb}, {"verb": verb, "wait": wait})
    assert verb in control.VERBS
