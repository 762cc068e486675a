"""`describer setup` and the permission to see the screen: the real portal and its real store."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from describer_daemon import APP_ID
from describer_daemon.capture import portal
from describer_daemon.capture.screen_desktop import DesktopScreen
from describer_daemon.cli import setup
from describer_daemon.cli.main import main
from describer_daemon.core.ports import DescriberError
from describer_daemon.desktop import permission_store as store
from describer_daemon.desktop.screen_permission import ASKS
from tests.desktop.fixtures_portal import FakeDesktop, writes


@pytest.fixture
def desktop(
    compositor: None, portal_desktop: FakeDesktop, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> FakeDesktop:
    """A Wayland desktop whose screen only the portal gives; its picture goes to Pictures."""
    only = ("describer_daemon.capture.screen_desktop:DesktopScreen",)
    monkeypatch.setattr(setup, "SCREENS", only)  # grim would wait for this compositor's answer
    sandbox.joinpath("Pictures").mkdir()
    portal_desktop.give = writes(sandbox / "Pictures" / "a.png")
    return portal_desktop


def describer(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def told(result: Result) -> str:
    """What was said of the screen."""
    lines = result.output.splitlines()
    return "".join(line for line in lines if line.startswith("Screen: ") and line != ASKS)


def test_it_asks_once_again_after_a_refusal_and_is_undone(
    desktop: FakeDesktop, sandbox: Path
) -> None:
    assert told(describer("setup", "--dry-run")).startswith("Screen: would be added")
    assert desktop.asked == []
    desktop.allowed = False
    refused = describer("setup")
    assert refused.exit_code == 1
    assert told(refused) == (
        "Screen: failed. You did not allow pictures of the screen, so the describer cannot "
        "describe it. To be asked again, run: describer setup."
    )
    assert store.answers() == {"": "no"}
    desktop.allowed = True
    with pytest.raises(portal.RefusedError, match="To allow it, run: describer setup"):
        portal.grab()  # the desktop remembers
    done = describer("setup")
    assert done.exit_code == 0, done.output
    assert ASKS in done.output.splitlines()
    assert told(done) == "Screen: added, the permission to take pictures of the screen"
    assert store.answers() == {"": "yes", APP_ID: "yes"}
    assert list(sandbox.joinpath("Pictures").iterdir()) == []
    desktop.allowed, before = False, len(desktop.asked)
    assert portal.grab()[:4] == b"\x89PNG"  # and nobody was asked
    again = describer("setup")
    assert told(again).startswith("Screen: there already")
    assert ASKS not in again.output
    assert len(desktop.asked) == before + 1
    assert told(describer("setup", "--undo")).startswith("Screen: removed")
    assert (store.answers(), store.noted()) == ({}, frozenset())
    assert told(describer("setup", "--undo")) == ""


def test_what_the_person_allowed_without_us_is_left(desktop: FakeDesktop) -> None:
    store.allow(APP_ID)
    assert told(describer("setup")).startswith("Screen: left as it is.")
    describer("setup", "--undo")
    assert store.answers() == {APP_ID: "yes"}
    assert desktop.asked == []


def test_a_desktop_that_refuses_without_asking_is_told_apart(desktop: FakeDesktop) -> None:
    """As GNOME does when the terminal has not the focus."""
    store.allow("")
    desktop.give = lambda: 2
    refused = told(describer("setup"))
    assert "without asking you. Run this again in a terminal that has the focus" in refused
    desktop.give = lambda: "file:///nowhere/a.png"
    assert told(describer("setup")).startswith("Screen: failed. ")
    assert store.answers() == {"": "yes"}


def test_where_no_portal_is_needed_nobody_is_asked(
    desktop: FakeDesktop, sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert DesktopScreen.needs_permission()
    program = sandbox / "bin" / "gnome-screenshot"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "GNOME")
    assert not DesktopScreen.needs_permission()
    monkeypatch.delenv("WAYLAND_DISPLAY")
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "fake")
    assert not DesktopScreen.needs_permission()


def test_without_a_store_it_is_told(sandbox: Path) -> None:
    with pytest.raises(DescriberError, match="inside a desktop session"):
        store.answers()
    assert setup.screen_steps(undo=True) == []
