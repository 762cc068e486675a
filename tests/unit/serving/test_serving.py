"""The local door: who may come in gets what is wanted, who may not gets nothing, all in time."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from benchmarks.fuzz import run as fuzz
from benchmarks.fuzz.served import Requests
from describer_daemon.captioner.client import ChildCaptioner, ClosedError, TimedOutError
from describer_daemon.cli import serve
from describer_daemon.cli.files import Described
from describer_daemon.core.ports import DescriberError, Encoded
from describer_daemon.service import unix_socket
from describer_daemon.serving import doors, server, wire
from describer_daemon.serving.doors import Door
from describer_daemon.serving.server import Limits, Server
from tests.unit.alt_text import making
from tests.unit.cli.test_files import photo

LONG = 60.0
USUAL = Limits()
REPOSITORY = Path(__file__).parents[3]
Reply = tuple[int, dict[str, str], bytes]


class Client:
    """Speaks to a door as curl would, with the token unless told otherwise."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.host = door.address.removeprefix("http://") if door.token_file else "localhost"

    def connect(self) -> socket.socket:
        connection = socket.socket(self.door.listener.family, socket.SOCK_STREAM)
        connection.settimeout(LONG)
        connection.connect(self.door.listener.getsockname())
        return connection

    def ask(
        self, method: str, target: str, body: bytes | Iterator[bytes] = b"", **fields: str | None
    ) -> Reply:
        """A field that is None is left out."""
        connection = http.client.HTTPConnection("localhost")
        connection.sock = self.connect()
        named: dict[str, str | None] = {"Host": self.host}
        if self.door.gate.token:
            named["Authorization"] = f"Bearer {self.door.gate.token}"
        named |= {name.replace("_", "-"): value for name, value in fields.items()}
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in named.items():
            if value is not None:
                connection.putheader(name, value)
        if isinstance(body, bytes):
            if body:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body or None)
        else:
            connection.putheader("Transfer-Encoding", "chunked")
            connection.endheaders(body, encode_chunked=True)
        answer = connection.getresponse()
        reply = answer.status, {**dict(answer.getheaders())}, answer.read()
        connection.close()
        return reply


def echo(data: bytes) -> tuple[int, bytes]:
    return 200, json.dumps({"file": "-", "size": len(data)}).encode()


@contextmanager
def serving(
    door: Door,
    answer: server.Answer = echo,
    limits: Limits = USUAL,
) -> Iterator[Client]:
    running = Server(door.listener, door.gate, answer, limits)
    running.start()
    try:
        yield Client(door)
    finally:
        running.stop()
        running.stop()


@pytest.fixture(params=["unix", "port"])
def door(request: pytest.FixtureRequest, sandbox: Path) -> Iterator[Door]:
    opened = doors.unix() if request.param == "unix" else doors.port(0)
    with opened as door:
        yield door


@pytest.fixture
def port(sandbox: Path) -> Iterator[Door]:
    with doors.port(0, frozenset({"moz-extension://abc"})) as door:
        yield door


@pytest.fixture
def unix(sandbox: Path) -> Iterator[Door]:
    with doors.unix() as door:
        yield door


def test_what_is_asked_for_is_answered(door: Door) -> None:
    with serving(door, limits=Limits(largest=1000)) as client:
        assert client.ask("GET", "/health")[0::2] == (200, b'{"ok": true}\n')
        assert json.loads(client.ask("POST", "/describe", b"x" * 1000)[2])["size"] == 1000
        chunks = iter([b"a" * 400, b"b" * 600])
        assert json.loads(client.ask("POST", "/describe", chunks)[2])["size"] == 1000


# method, target, body, fields → status
REFUSED: list[tuple[str, str, bytes, dict[str, str | None], int]] = [
    ("HEAD", "/health", b"", {}, 405),
    ("OPTIONS", "/describe", b"", {}, 405),
    ("OPTIONS", "*", b"", {}, 405),
    ("PUT", "/describe", b"x", {}, 405),
    ("GET", "/describe", b"", {}, 405),
    ("POST", "/health", b"x", {}, 405),
    ("GET", "/", b"", {}, 404),
    ("POST", "/describe/", b"x", {}, 404),
    ("POST", "/describe?x", b"x", {}, 404),
    ("POST", "//describe", b"x", {}, 404),
    ("POST", "/../describe", b"x", {}, 404),
    ("POST", "/%64escribe", b"x", {}, 404),
    ("GET", "/../../etc/passwd", b"", {}, 404),
    ("GET", "/health", b"x", {}, 400),
    ("POST", "/describe", b"", {}, 411),
    ("POST", "/describe", b"x" * 1001, {}, 413),
    ("POST", "/describe", b"x", {"Expect": "200-ok"}, 417),
    ("POST", "/describe", b"x", {"Origin": "http://evil.example"}, 403),
    ("POST", "/describe", b"x", {"Origin": "null"}, 403),
    ("GET", "/health", b"", {"Host": None}, 400),
]
OF_A_PORT: list[tuple[str, str, bytes, dict[str, str | None], int]] = [
    ("GET", "/health", b"", {"Host": "evil.example"}, 421),
    ("GET", "/health", b"", {"Host": "127.0.0.1"}, 421),
    ("GET", "/health", b"", {"Host": "localhost:1"}, 421),
    ("POST", "/describe", b"x", {"Authorization": None}, 401),
    ("POST", "/describe", b"x", {"Authorization": "Bearer "}, 401),
    ("POST", "/describe", b"x", {"Authorization": "Bearer \xe9"}, 401),
    ("POST", "/describe", b"x", {"Authorization": "Basic $TOKEN"}, 401),
    ("POST", "/describe", b"x", {"Authorization": "Bearer $TOKENx"}, 401),
    ("POST", "/describe", b"x", {"Authorization": "$TOKEN"}, 401),
    ("GET", "/health", b"", {"Authorization": None}, 401),
    ("GET", "/nothing", b"", {"Authorization": None}, 401),  # not even what there is is told
]


def refused(client: Client, rows: list[Any]) -> list[tuple[Any, int]]:
    """Rows that were not answered as they should have been, with their status."""
    wrong = []
    for method, target, body, fields, status in rows:
        given = {
            name: value and value.replace("$TOKEN", client.door.gate.token)
            for name, value in fields.items()
        }
        found, headers, content = client.ask(method, target, body, **given)
        told = method == "HEAD" or set(json.loads(content)) == {"error"}
        if found != status or headers["Connection"] != "close" or not told:
            wrong.append(((method, target, fields), found))
    return wrong


def test_what_is_not_allowed_is_refused_and_nothing_seen(door: Door) -> None:
    seen: list[bytes] = []

    def note(data: bytes) -> tuple[int, bytes]:
        seen.append(data)
        return echo(data)

    with serving(door, note, Limits(largest=1000)) as client:
        assert refused(client, REFUSED + (OF_A_PORT if door.token_file else [])) == []
        assert seen == []
        assert client.ask("POST", "/describe", b"x")[0] == 200
        assert seen == [b"x"]


def test_an_extension_that_is_allowed_may_ask_and_gets_no_word_for_pages(port: Door) -> None:
    with serving(port) as client:
        status, headers, _ = client.ask("GET", "/health", Origin="moz-extension://abc")
        assert status == 200
        assert not [name for name in headers if name.lower().startswith("access-control")]
        assert client.ask("GET", "/health", Origin="moz-extension://abcd")[0] == 403
        assert (
            client.ask("GET", "/health", Host=client.host.replace("127.0.0.1", "LOCALHOST"))[0]
            == 200
        )


def test_another_persons_program_is_refused(unix: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unix_socket, "peer", lambda _: (1, os.geteuid() + 1))
    with serving(unix) as client:
        assert client.ask("GET", "/health")[0] == 403


def test_only_its_owner_gets_to_socket_and_token(door: Door) -> None:
    folder = unix_socket.runtime_folder(create=False)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.lstat().st_mode) == 0o600
    if door.token_file is not None:
        assert door.token_file.read_text(encoding="ascii") == f"{door.gate.token}\n"
        assert len(door.gate.token) >= 43  # 256 bits
        assert door.listener.getsockname()[0] == "127.0.0.1"


def test_nothing_is_left_and_two_do_not_serve(door: Door) -> None:
    again = doors.port(0) if door.token_file else doors.unix()
    with pytest.raises(DescriberError, match="serves already"), again:
        pass


@pytest.mark.parametrize("kind", ["link", "file"])
def test_a_trap_in_the_place_of_socket_or_token_is_not_followed(sandbox: Path, kind: str) -> None:
    folder, victim = unix_socket.runtime_folder(create=True), sandbox / "victim"
    victim.write_bytes(b"precious")
    for name in ("serve.sock", "serve.token"):
        if kind == "link":
            (folder / name).symlink_to(victim)
        else:
            (folder / name).write_bytes(b"stale")
    with doors.unix() as one, doors.port(0) as other:
        assert other.token_file is not None
        assert not other.token_file.is_symlink()
        with serving(one) as client:
            assert client.ask("GET", "/health")[0] == 200
    assert victim.read_bytes() == b"precious"
    assert sorted(path.name for path in folder.iterdir()) == ["serve-port.lock", "serve.lock"]


def test_a_port_that_is_taken_is_told(port: Door) -> None:
    number = port.listener.getsockname()[1]
    (unix_socket.runtime_folder(create=False) / "serve-port.lock").unlink()
    with pytest.raises(DescriberError, match=f"Port {number} cannot be had"), doors.port(number):
        pass


def test_connections_stay_and_requests_may_come_at_once(unix: Door) -> None:
    one = b"POST /describe HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
    last = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with serving(unix) as client, client.connect() as connection:
        connection.sendall(one * 3 + last)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.count(b"HTTP/1.1 200 OK") == 4
    assert answer.count(b"Connection: keep-alive") == 3


def test_who_waits_to_be_told_is_told_only_when_it_may(unix: Door) -> None:
    head = (
        b"POST /describe HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    )
    with serving(unix, limits=Limits(largest=10)) as client:
        with client.connect() as connection:
            connection.sendall(head % 2)
            assert connection.recv(4096) == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.sendall(b"ab")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
        with client.connect() as connection:
            connection.sendall(head % 11)
            assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


class Held:
    """An answer that comes when it is let go; how many are asked at once."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.now = self.most = 0

    def __call__(self, data: bytes) -> tuple[int, bytes]:
        self.now += 1
        self.most = max(self.most, self.now)
        self.go.wait(LONG)
        self.now -= 1
        return echo(data)


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_picture_at_a_time_few_wait_and_the_rest_are_sent_away(unix: Door) -> None:
    held, replies = Held(), list[int]()
    with serving(unix, held, Limits(waiting=2)) as client:

        def ask() -> None:
            replies.append(client.ask("POST", "/describe", b"x")[0])

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        until(lambda: replies.count(503) == 3)
        assert client.ask("GET", "/health")[0] == 200  # it can still be asked how it is
        held.go.set()
        for thread in threads:
            thread.join(LONG)
    assert sorted(replies) == [200] * 3 + [503] * 3
    assert held.most == 1


def test_so_many_connections_and_no_more(unix: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "IDLE_TIMEOUT", 4.0)
    with serving(unix) as client, ExitStack() as stack:
        idle = [stack.enter_context(client.connect()) for _ in range(server._MAX_CONNECTIONS)]
        with client.connect() as one_more:
            assert one_more.recv(100).startswith(b"HTTP/1.1 503 ")
        assert [connection.recv(100) for connection in idle] == [b""] * len(
            idle
        )  # their time is up
        assert client.ask("GET", "/health")[0] == 200


def test_what_fails_inside_is_told_and_serving_goes_on(unix: Door) -> None:
    def failing(data: bytes) -> tuple[int, bytes]:
        raise ValueError(data)

    with serving(unix, failing) as client:
        for _ in range(3):
            status, _, body = client.ask("POST", "/describe", b"secret")
            assert status == 500
            assert b"secret" not in body
        assert client.ask("GET", "/health")[0] == 200


def test_hundreds_of_hostile_requests(tmp_path: Path) -> None:
    tally = fuzz.run(Requests, "requests", 3, range(200), tmp_path)
    assert (tally.tried, tally.mishandled, tally.left_open) == (200, [], 0)
    assert tally.accepted


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DescriberError("This is not a picture."), 422),
        (TimedOutError("Too slow."), 504),
        (ClosedError("Ended."), 503),
    ],
)
def test_failures_have_their_status(error: DescriberError, status: int) -> None:
    class Failing(making.Quick):
        def describe(self, *_: object) -> Any:
            raise error

    found, body = serve.answer(b"x", Failing())
    assert (found, json.loads(body)) == (status, {"file": "-", "error": error.spoken})


# From here on the real command, in a process of its own.


@pytest.fixture
def settings(sandbox: Path, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = sandbox / "settings.toml"
    text = f"[captioner]\nbundle = {json.dumps(str(tiny_bundle))}\ntimeout_seconds = 90\n"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("DESCRIBER_CONFIG", str(path))
    return path


@contextmanager
def command(*options: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The real command, and the lines that it tells when it serves."""
    with subprocess.Popen(
        [sys.executable, "-m", "describer_daemon", "serve", *options],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process, [process.stdout.readline() for _ in range(2 if options else 1)]
        finally:
            process.kill()


def internet_sockets(process: int) -> set[str]:
    """Local addresses of the process's own sockets of the internet family, as the kernel tells."""
    links = set()
    for path in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed just now
            links.add(str(path.readlink()))
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
        rows = Path(f"/proc/{process}/net/{table}").read_text(encoding="ascii").splitlines()[1:]
        found |= {row.split()[1] for row in rows if f"socket:[{row.split()[9]}]" in links}
    return found


EXAMPLE = (REPOSITORY / "docs/serve.md").read_text(encoding="utf-8")


def test_the_example_gets_what_describe_prints(
    settings: Path, sandbox: Path, tiny_bundle: Path
) -> None:
    code = EXAMPLE.partition("```python\n")[2].partition("```")[0]
    assert len(code.splitlines()) <= 10
    (sandbox / "photo.png").write_bytes(photo(1))
    with command() as (process, [line]):
        assert line == (
            f"Serving on {unix_socket.runtime_folder(create=False) / 'serve.sock'}, for you alone. "
            "Ctrl+C ends it.\n"
        )
        asked = [sys.executable, "-c", code, str(sandbox / "photo.png")]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=LONG * 2, check=True)
        assert internet_sockets(process.pid) == set()
        process.send_signal(signal.SIGTERM)
        assert process.wait(LONG) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    captioner = ChildCaptioner(tiny_bundle, timeout=90)
    expected = json.loads(Described("-", captioner.describe(Encoded(photo(1)))).as_json())
    captioner.close()
    told = json.loads(done.stdout)
    assert told.keys() == expected.keys()
    assert told["caption"] == expected["caption"]
    assert not (unix_socket.runtime_folder(create=False) / "serve.sock").exists()


def test_a_port_is_opened_on_this_machine_alone_and_the_token_is_not_told_to_a_log(
    settings: Path,
) -> None:
    with command("--port", "0") as (process, [line, kept]):
        token = unix_socket.runtime_folder(create=False) / "serve.token"
        assert kept == f"The token is kept in {token} until then.\n"
        assert line.startswith("Serving on http://127.0.0.1:")
        assert token.read_text(encoding="ascii").strip() not in line + kept
        number = int(line.partition("127.0.0.1:")[2].partition(",")[0])
        assert internet_sockets(process.pid) == {f"0100007F:{number:04X}"}
        process.send_signal(signal.SIGINT)
        assert process.wait(LONG) == 0
    assert not token.exists()
