"""The manual page tells of every command and every option, in roff without a fault."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import click
import pytest

from describer_daemon.cli.main import main
from describer_daemon.cli.manual import manual_page

COMMANDS = sorted(main.list_commands(click.Context(main)))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page as man prints it, without a warning."""
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    page = tmp_path_factory.mktemp("man") / "describer.1"
    page.write_text(manual_page(main), encoding="utf-8")
    done = subprocess.run(
        ["groff", "-man", "-ww", "-Kutf8", "-Tutf8", "-P-cbou", "-rLL=200n", str(page)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_it_begins_as_apropos_reads_it() -> None:
    page = manual_page(main)
    assert ".SH NAME\ndescriber \\- Press a key, hear the picture in front of you\n" in page


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_there_with_all_options(shown: str, name: str) -> None:
    assert f"describer {name}" in shown
    command = main.get_command(click.Context(main), name)
    assert command is not None
    options = [
        option for parameter in command.params for option in parameter.opts if option[0] == "-"
    ]
    assert not [option for option in options if option not in shown]


def test_commands_of_commands_are_there(shown: str) -> None:
    assert "describer autostart on [OPTIONS]" in shown
    assert "--systemd" in shown


def test_what_is_shown_can_be_copied_into_a_shell(shown: str) -> None:
    assert "describer describe --json - < photo.png" in shown


def test_a_line_that_looks_like_roff_stays_text(tmp_path: Path) -> None:
    @click.group(help="Short. .TH is no command\n\n\b\n'quoted' C:\\new")
    def program() -> None: ...

    page = manual_page(program, "program")
    assert "\\&.TH is no command\n" in page
    assert "\\&'quoted' C:\\enew\n" in page
