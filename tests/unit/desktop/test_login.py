"""The start at login of Windows and macOS, with the registry and launchd's folder replaced."""

from __future__ import annotations

import plistlib
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from describer_daemon import APP_ID
from describer_daemon.cli.main import main
from describer_daemon.core.ports import DescriberError
from describer_daemon.desktop import login, login_windows
from describer_daemon.desktop.login_windows import APPROVED, RUN, VALUE, RunEntry
from describer_daemon.desktop.steps import State

OFF = "Off: the describer does not start at login. To change that: describer autostart on.\n"


class Registry:
    """See `login_windows.Registry`; what there is, by key and value."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, str], str | bytes] = {}
        self.refuses = False

    def read(self, key: str, value: str) -> str | bytes | None:
        return self.values.get((key, value))

    def write(self, key: str, value: str, text: str) -> None:
        if self.refuses:
            raise PermissionError(13, "access is denied")
        self.values[key, value] = text

    def delete(self, key: str, value: str) -> None:
        if self.refuses:
            raise PermissionError(13, "access is denied")
        del self.values[key, value]


@pytest.fixture
def registry(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Windows, with a Python in a folder whose name has a space."""
    registry = Registry()
    scripts = sandbox / "Program Files"
    scripts.mkdir()
    for name in ("python.exe", "pythonw.exe"):
        (scripts / name).touch()
    monkeypatch.setattr(login_windows, "_registry", lambda: registry)
    monkeypatch.setattr(sys, "executable", str(scripts / "python.exe"))
    monkeypatch.setattr(sys, "platform", "win32")
    return registry


@pytest.fixture
def agents(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """macOS; → where launchd looks."""
    (sandbox / "Library").mkdir()
    monkeypatch.setattr(sys, "platform", "darwin")
    return sandbox / "Library/LaunchAgents"


def typed(*command: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, command)
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture(params=["registry", "agents"])
def system(request: pytest.FixtureRequest) -> object:
    return request.getfixturevalue(request.param)


def test_on_twice_off_twice(system: object) -> None:
    assert typed("autostart", "status") == OFF
    for _ in range(2):
        assert typed("autostart", "on").startswith("The describer starts with your next login, by ")
        assert typed("autostart", "status").startswith("On: the describer starts at login by ")
    for _ in range(2):
        assert typed("autostart", "off") == "The describer no longer starts at login.\n"
        assert typed("autostart", "status") == OFF


def test_setup_is_the_start_at_login_alone(system: object) -> None:
    done = typed("setup")
    assert [line for line in done.splitlines() if "Start at login" in line] == [
        done.splitlines()[0]
    ]
    assert login.step().state() is State.PRESENT
    typed("setup")
    assert "Start at login" in typed("setup", "--undo")
    assert login.step().state() is State.ABSENT


def test_there_is_no_systemd(system: object) -> None:
    assert typed("autostart", "on", "--systemd", code=1) == (
        "There is no systemd here. Please try: describer autostart on.\n"
    )
    assert typed("autostart", "status") == OFF


def test_windows_is_given_a_short_line_without_a_console(registry: Registry, sandbox: Path) -> None:
    login.turn_on(systemd=False)
    program = sandbox / "Program Files" / "pythonw.exe"
    assert registry.values == {(RUN, VALUE): f'"{program}" -P -m describer_daemon run'}
    program.unlink()
    assert login.step().state() is State.OUTDATED
    login.step().do()
    assert "python.exe" in str(registry.values[RUN, VALUE])


def test_what_the_person_switched_off_in_windows_is_off(registry: Registry) -> None:
    login.turn_on(systemd=False)
    for noted, begins in ((b"\x03" + bytes(11), "Off: it is switched off"), (b"\x02", "On: ")):
        registry.values[APPROVED, VALUE] = noted
        assert login.status().startswith(begins)


def test_somebody_elses_value_is_left_alone(registry: Registry) -> None:
    registry.values[RUN, VALUE] = r"C:\other.exe"
    for act in (lambda: login.turn_on(systemd=False), login.turn_off):
        with pytest.raises(DescriberError, match="to have ours, delete that"):
            act()
    assert registry.values == {(RUN, VALUE): r"C:\other.exe"}


def test_a_registry_that_refuses_and_a_path_too_long_are_sentences(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.refuses = True
    for act in (RunEntry().do, RunEntry().undo):
        with pytest.raises(DescriberError, match=r"^Windows refused to change what starts"):
            act()
    registry.refuses = False
    monkeypatch.setattr(sys, "executable", "C:/" + 250 * "x" + "/python.exe")
    with pytest.raises(DescriberError, match="whose path is as long"):
        login.turn_on(systemd=False)
    assert not registry.values


def test_launchd_is_given_an_agent(agents: Path) -> None:
    path = Path(login.turn_on(systemd=False))
    assert path == agents / f"{APP_ID}.plist"
    wanted = plistlib.loads(path.read_bytes())
    assert wanted["Label"] == APP_ID
    assert wanted["RunAtLoad"] is True
    assert wanted["ProgramArguments"][-1] == "run"
    path.write_bytes(path.read_bytes().replace(b"Aqua", b"Background"))
    with pytest.raises(DescriberError, match="Somebody else made or changed"):
        login.turn_off()
    assert path.exists()
    path.unlink()
    login.turn_on(systemd=False)
    login.turn_off()
    assert not agents.exists()
