"""One describer a person and display: never does a key on one describe another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from describer_daemon import displays, processes
from describer_daemon.core.ports import DescriberError
from describer_daemon.service import control, unix_socket
from describer_daemon.service.control import ControlServer
from describer_daemon.service.transport import AlreadyRunningError
from describer_daemon.virtual.display import VirtualDisplay
from tests.desktop.fixtures_daemon import RunningDaemon
from tests.desktop.fixtures_display import own_number, wait_until

Serve = Callable[[str], ControlServer]


@pytest.fixture
def serve(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Serve on a display of this name, which answers with it."""
    begun: list[ControlServer] = []

    def start(name: str) -> ControlServer:
        on(monkeypatch, name)
        server = ControlServer(lambda *_: {"display": name})
        server.start()
        begun.append(server)
        return server

    yield start
    for server in begun:
        server.stop()


def on(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("DISPLAY", name) if name else monkeypatch.delenv("DISPLAY", raising=False)


def test_each_display_has_its_own(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(":501")
    serve(":502")
    for name, display in ((":501", ":501"), (":502", ":502"), (":501.0", ":501")):
        on(monkeypatch, name)
        assert control.send("status")["display"] == display
    with pytest.raises(AlreadyRunningError):
        serve(":502.0")


def test_on_a_third_display_none_of_them_is_asked(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(":501")
    on(monkeypatch, ":503")
    monkeypatch.setattr(displays, "answers", lambda: True)
    with pytest.raises(DescriberError) as caught:
        control.send("screen")
    assert caught.value.spoken == (
        "The describer runs on another display, not on this one. Start it here with: describer run."
    )


def test_without_a_display_the_only_one_is_asked(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = serve(":501")
    on(monkeypatch, "")
    assert control.send("status")["display"] == ":501"
    serve(":502")
    on(monkeypatch, "")
    with pytest.raises(DescriberError, match="Several describers run"):
        control.send("status")
    first.stop()
    assert control.send("status")["display"] == ":502"


def test_the_name_of_a_display_that_has_ended_is_no_display(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a terminal multiplexer that is older than the session."""
    serve(":501")
    on(monkeypatch, f":{own_number()}")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-7")
    assert control.send("status")["display"] == ":501"


def test_one_that_was_there_before_any_display_serves_the_one_that_comes(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve("")
    on(monkeypatch, ":501")
    assert control.send("status")["display"] == ""
    server.adopt_display()
    server.adopt_display()
    assert control.send("status")["display"] == ""
    with pytest.raises(AlreadyRunningError):
        serve(":501")
    assert serve(":502")
    server.stop()
    assert serve(":501")  # so its lock was given back
    left = unix_socket.runtime_folder(create=False).glob("*.sock")
    assert len([one for one in left if not one.is_symlink()]) == 2


def test_in_a_wayland_session_the_compositor_is_the_display(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":501")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-1")
    assert displays.key() == ":501"  # nobody answers there
    monkeypatch.setattr(displays, "listens", lambda _: True)
    assert displays.key() == f"wayland {sandbox}/run/wayland-1"


def test_on_a_second_display_a_second_describer_starts(
    daemon: RunningDaemon, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And both tell the keys that they hold, each on its own display."""
    first = control.send("status")
    with VirtualDisplay((640, 480), own_number()) as second:
        monkeypatch.setenv("DISPLAY", second.name)
        output = sandbox / "printed"
        with output.open("wb") as file:
            running = processes.start(
                [*processes.python("describer_daemon.cli.main"), "run"],
                stdout=file,
                env={
                    **daemon.sound.environment,
                    "DESCRIBER_CONFIG": str(daemon.settings),
                    "DISPLAY": second.name,
                },
            )
        try:
            wait_until(lambda: b"Keys:" in output.read_bytes(), "it did not start")
            here = control.send("status")
            assert here["pid"] == running.pid != first["pid"]
            assert here["keys"] == first["keys"]
            assert all(key.encode() in output.read_bytes() for key in here["keys"].values())
        finally:
            processes.end(running)
