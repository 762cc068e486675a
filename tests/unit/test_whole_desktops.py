"""`./check --desktops` stands apart, and says what it knows; no desktop is run here."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import pytest_ignore_collect
from tests.desktops import table
from tests.desktops.desktops import DESKTOPS

ROOT = Path(__file__).parents[2]


def shell(script: str) -> subprocess.CompletedProcess[str]:
    whole = f"set -eu; . scripts/setup.sh; . scripts/desktops.sh; {script}"
    return subprocess.run(
        ["bash", "-c", whole], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )


def test_nobody_gets_them_unasked(request: pytest.FixtureRequest) -> None:
    assert request.config.getoption("desktops") == ""
    tests = ROOT / "tests"
    assert pytest_ignore_collect(tests / "desktops", request.config) is True
    assert pytest_ignore_collect(tests / "desktop", request.config) is None


def test_the_script_knows_the_desktops_that_there_are_tests_for() -> None:
    each = 'for one in "${DESKTOPS[@]}"; do desktop_packages $one; echo "$one ${PACKAGES[*]}"; done'
    lines = [line.split() for line in shell(each).stdout.splitlines()]
    assert [name for name, *_ in lines] == list(DESKTOPS)
    for _, *pairs in lines:
        assert pairs
        assert all(command and package for command, _, package in (p.partition(":") for p in pairs))


def test_another_name_is_told_with_those_that_are_known() -> None:
    done = shell("desktop_packages beos")
    assert done.returncode == 1
    assert done.stderr.strip() == ("beos is no desktop that I know: kde gnome xfce mate lxde orca.")


def test_the_table_has_a_row_for_each_part_and_one_column_a_desktop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert table.lines() == []
    monkeypatch.setattr(
        table, "_cells", {("kde", "key"): "works: portal", ("kde", "voice"): "failed"}
    )
    monkeypatch.setattr(table, "_times", {"kde": (1500.4, 900.6)})
    lines = table.lines()
    assert lines[0] == "|  | kde |"
    assert lines[2] == "| key | works: portal |"
    assert lines[6] == "| voice | failed |"
    assert lines[-2:] == [
        "| key → sentence, first press | 1500 ms |",
        "| key → sentence, median of the next five | 901 ms |",
    ]
    assert len(lines) == 2 + len(table.PARTS) + 2
