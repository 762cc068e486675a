"""`describer setup`: done, told, done again, undone; in another home nothing is left or lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from describer_daemon.cli import streams
from describer_daemon.cli.main import main

STEPS = {
    "Icon", "Menu entry", "Open with, Describe picture", "Start at login", "Completion in bash",
    "Manual",
}  # fmt: skip


def describer(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def lines(result: Result) -> dict[str, str]:
    """What was told of each step."""
    told = (line.partition(": ") for line in result.output.splitlines())
    return {name: rest for name, _, rest in told if name in STEPS or name == "Log"}


def tree(home: Path) -> dict[str, bytes]:
    """All files of a home, and the folders that are there."""
    return {
        str(path.relative_to(home)): path.read_bytes() if path.is_file() else b""
        for path in home.rglob("*")
    }


@pytest.fixture
def home(sandbox: Path) -> Path:
    """One with something of its owner's in each of the folders."""
    for place in (".config/autostart", ".local/share/applications", ".local/share/man/man1"):
        folder = sandbox / place
        folder.mkdir(parents=True)
        folder.joinpath("other.desktop").write_text(
            "[Desktop Entry]\nType=Application\nName=Other\nExec=true\nMimeType=image/png;\n",
            encoding="utf-8",
        )
    sandbox.joinpath(".local/share/applications/mimeinfo.cache").write_text(
        "[MIME Cache]\nimage/png=other.desktop;\n", encoding="utf-8"
    )
    return sandbox


def test_done_twice_and_undone_it_leaves_a_home_as_it_was(home: Path) -> None:
    before = tree(home)
    first = describer("setup")
    assert first.exit_code == 0, first.output
    assert lines(first).keys() == STEPS
    assert all(told.startswith("added, ") for told in lines(first).values())
    assert "On: the describer starts at login by " in first.output
    after = tree(home)
    assert before.items() - after.items() <= {
        (".local/share/applications/mimeinfo.cache", b"[MIME Cache]\nimage/png=other.desktop;\n")
    }
    second = describer("setup")
    assert second.exit_code == 0
    assert all(told.startswith("there already, ") for told in lines(second).values())
    assert tree(home) == after
    undone = describer("setup", "--undo")
    assert undone.exit_code == 0
    assert {name for name, told in lines(undone).items() if told.startswith("removed, ")} == STEPS
    assert tree(home) == before
    again = describer("setup", "--undo")
    assert set(lines(again).values()) == {"nothing to remove"}


def test_a_rehearsal_changes_nothing(home: Path) -> None:
    before = tree(home)
    told = describer("setup", "--dry-run")
    assert all(line.startswith("would be added, ") for line in lines(told).values())
    assert tree(home) == before
    describer("setup")
    after = tree(home)
    told = describer("setup", "--undo", "--dry-run")
    assert "would be removed, " in lines(told)["Manual"]
    assert tree(home) == after


def test_settings_stay_and_the_log_goes(home: Path) -> None:
    describer("settings")
    settings = home / ".config/describer/settings.toml"
    log = home / ".local/state/describer/log/describer.log"
    log.parent.mkdir(parents=True)
    log.touch()
    describer("setup")
    undone = describer("setup", "--undo")
    assert lines(undone)["Log"].startswith("removed, ")
    assert settings.exists()
    assert not log.parents[1].exists()


def test_one_step_that_fails_costs_no_other(home: Path) -> None:
    (home / ".local/share/icons").write_text("in the way", encoding="utf-8")
    done = describer("setup")
    assert done.exit_code == 1
    assert lines(done)["Icon"].startswith("failed. ")
    rest = {name: told for name, told in lines(done).items() if name != "Icon"}
    assert all(told.startswith("added, ") for told in rest.values())


def test_with_sudo_it_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ann")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    before = tree(home)
    refused = describer("setup")
    assert refused.exit_code == 1
    assert "without sudo" in refused.output
    assert tree(home) == before


def test_autostart_is_switched_on_off_and_told(home: Path) -> None:
    for command, answer in (
        ("status", "Off: "),
        ("on", "The describer starts with your next login, by "),
        ("status", "On: "),
        ("off", "The describer no longer starts"),
        ("status", "Off: "),
    ):
        told = describer("autostart", command)
        assert told.exit_code == 0
        assert told.output.startswith(answer)
    refused = describer("autostart", "on", "--systemd")
    if refused.exit_code != 0:  # where there is no systemd of this person's
        assert refused.output == (
            "There is no systemd for this person here. Please try: describer autostart on.\n"
        )


def test_what_cannot_be_printed_stops_no_step(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_text: str) -> None:
        raise streams.OutputError(28, "No space left on device")

    monkeypatch.setattr(streams, "line", full)
    result = describer("setup")
    assert result.exit_code == 1
    assert home.joinpath(".local/share/man/man1/describer.1").is_file()


def test_a_place_where_nobody_may_look_stops_no_other_step(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exists = Path.exists

    def closed(path: Path) -> bool:
        if path.match("zsh/site-functions/*"):
            raise PermissionError(13, "Permission denied", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", closed)  # as Python does, but for root
    assert describer("setup").exit_code == 0
    assert home.joinpath(".local/share/man/man1/describer.1").is_file()
