"""The start at login: one way or the other, never both, and never against the person's will."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from describer_daemon.core.ports import DescriberError
from describer_daemon.desktop import autostart, command, steps
from describer_daemon.desktop.autostart import Autostart
from describer_daemon.desktop.steps import State

# The real systemctl links and unlinks the unit's files; a manager's part is played.
SYSTEMCTL = """#!/bin/sh
echo "$@" >> "$HOME/calls"
case "$*" in
    *enable*|*disable*) test -z "$FAILING" && exec env SYSTEMD_OFFLINE=1 {systemctl} "$@" ;;
    *) exit 0 ;;
esac
"""
needs_systemctl = pytest.mark.skipif(
    not shutil.which("systemctl"), reason="systemd is not installed"
)


@pytest.fixture
def no_systemd(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tools = sandbox / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    return sandbox


@pytest.fixture
def systemd(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tools = sandbox / "tools"
    tools.mkdir()
    tool = tools / "systemctl"
    tool.write_text(SYSTEMCTL.format(systemctl=shutil.which("systemctl")), encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    return sandbox


def tree(home: Path) -> set[str]:
    """All of a home but what the tests themselves keep there."""
    own = {"run", "tools", "calls"}
    return {
        str(path.relative_to(home))
        for path in home.rglob("*")
        if path.relative_to(home).parts[0] not in own
    }


def test_on_twice_off_twice_leaves_nothing(no_systemd: Path) -> None:
    assert autostart.status().startswith("Off: ")
    for _ in range(2):
        path = autostart.turn_on(systemd=False)
        assert path == no_systemd / ".config/autostart/org.describer.Describer.desktop"
        assert autostart.status() == f"On: the describer starts at login by {path}."
    for _ in range(2):
        autostart.turn_off()
        assert autostart.status().startswith("Off: ")
    assert tree(no_systemd) == {".config"}


def test_the_persons_own_folder_for_settings_is_used(
    no_systemd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(no_systemd / "mine"))
    assert autostart.turn_on(systemd=False).parent == no_systemd / "mine/autostart"


def test_without_systemd_it_is_refused_and_nothing_changes(no_systemd: Path) -> None:
    autostart.turn_on(systemd=False)
    before = tree(no_systemd)
    with pytest.raises(DescriberError, match="no systemd"):
        autostart.turn_on(systemd=True)
    assert tree(no_systemd) == before


@needs_systemctl
def test_one_way_replaces_the_other(systemd: Path) -> None:
    entry = autostart.turn_on(systemd=False)
    unit = autostart.turn_on(systemd=True)
    link = unit.parent / "graphical-session.target.wants" / unit.name
    assert link.resolve() == unit
    assert not entry.exists()
    assert autostart.status() == f"On: the describer starts at login by {unit}."
    assert Autostart().state() is State.PRESENT
    autostart.turn_on(systemd=False)
    assert not os.path.lexists(link)
    assert tree(systemd) == {".config", ".config/autostart", str(entry.relative_to(systemd))}


@needs_systemctl
def test_the_unit_goes_even_when_systemd_has_gone(
    systemd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    autostart.turn_on(systemd=True)
    monkeypatch.setenv("PATH", "/nowhere")
    autostart.turn_off()
    assert tree(systemd) == {".config"}


@needs_systemctl
def test_a_unit_that_systemd_refuses_does_not_stay(
    systemd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAILING", "yes")
    with pytest.raises(DescriberError, match="Systemd refused"):
        autostart.turn_on(systemd=True)
    assert tree(systemd) == {".config"}


@needs_systemctl
def test_a_unit_that_was_disabled_elsewhere_is_off(systemd: Path) -> None:
    unit = autostart.turn_on(systemd=True)
    subprocess.run(["systemctl", "--user", "disable", unit.name], check=True, timeout=60)
    assert autostart.status().startswith("Off: ")
    assert "switched off" in Autostart().where


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_accepts_the_unit(sandbox: Path) -> None:
    file = autostart.unit()
    file.do()
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", "--man=no", str(file.path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "describer.service" not in done.stderr


def switched_off(path: Path, line: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + line, encoding="utf-8")


@pytest.mark.parametrize("line", ["Hidden=true\n", "X-GNOME-Autostart-enabled=false\n"])
def test_what_the_desktops_settings_have_switched_off_stays_off(
    no_systemd: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    path = autostart.turn_on(systemd=False)
    switched_off(path, line)
    [outcome] = steps.set_up([Autostart()])
    assert "switched off; on again with: describer autostart on" in outcome.line
    assert autostart.status().startswith("Off: ")
    monkeypatch.setattr(command, "command", lambda: ["/elsewhere/describer"])
    [outcome] = steps.set_up([Autostart()])
    assert outcome.line.startswith("Start at login: renewed")
    assert "Exec=/elsewhere/describer run" in path.read_text(encoding="utf-8")
    assert autostart.status().startswith("Off: ")
    autostart.turn_on(systemd=False)
    assert autostart.status().startswith("On: ")


def test_what_somebody_changed_is_neither_overwritten_nor_removed(no_systemd: Path) -> None:
    path = autostart.turn_on(systemd=False)
    path.write_text(path.read_text(encoding="utf-8").replace(" run", " run -v"), encoding="utf-8")
    before = path.read_bytes()
    for act in (autostart.turn_off, lambda: autostart.turn_on(systemd=False)):
        with pytest.raises(DescriberError, match="move that away"):
            act()
    [outcome] = steps.undo([Autostart()])
    assert outcome.line.startswith("Start at login: left as it is.")
    assert path.read_bytes() == before


@needs_systemctl
def test_who_cannot_have_the_other_way_keeps_the_one(
    systemd: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = autostart.turn_on(systemd=True)
    folder = systemd / ".config/autostart"
    folder.write_text("in the way", encoding="utf-8")
    with pytest.raises(DescriberError, match="cannot be written"):
        autostart.turn_on(systemd=False)
    assert autostart.status() == f"On: the describer starts at login by {before}."
