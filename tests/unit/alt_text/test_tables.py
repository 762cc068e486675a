"""A table keeps whole rows, whatever the names are, and nobody else's file is touched."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from describer_daemon.alt_text import tables
from describer_daemon.alt_text.tables import Table
from describer_daemon.core.ports import DescriberError

NAMES = [
    "a.jpg",
    "a\nb",
    "a\\nb",
    "=1+1",
    "./=1+1",
    "\x1b[31m",
    '"',
    "a,b",
    "\udcff",
    "\u00e4",
    "-x",
]


def filled(path: Path, *files: str) -> None:
    table = Table(path)
    for file in files:
        if not table.has(file):
            table.add(file, "A dog.", 0.91239, True, "proposed")
    table.close()


def test_odd_names_are_told_from_each_other_and_obeyed_by_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    filled(path, *NAMES)
    whole = path.read_bytes()
    assert len({tables.shown(name) for name in NAMES}) == len(NAMES) - 1  # ./=1+1 is =1+1
    rows = list(csv.reader(whole.decode().splitlines()))
    assert rows[0] == list(tables.COLUMNS)
    assert rows[1] == ["a.jpg", "A dog.", "0.9124", "yes", "proposed"]
    assert not [row for row in rows if row[0][0] in "=-+@"]
    assert not [line for line in whole.decode().split("\r\n") if line and not line.isprintable()]
    filled(path, *NAMES)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("cut", range(0, 90, 4))
def test_a_row_that_was_cut_off_is_made_again(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "t.csv"
    files = ["one,", "two\n", "three"]
    filled(path, *files)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut])
    filled(path, *files)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("content", [b"x", b"file,text\r\n", b"\x89PNG\r\n\x1a\n", b"file,alt\n"])
def test_a_file_of_somebody_elses_stays(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(DescriberError, match="no table of mine"):
        Table(path)
    assert path.read_bytes() == content


def test_two_do_not_write_at_once(tmp_path: Path) -> None:
    first = Table(tmp_path / "t.csv")
    with pytest.raises(DescriberError, match="Another describer"):
        Table(tmp_path / "t.csv")
    first.close()
    first.close()
    Table(tmp_path / "t.csv").close()


@pytest.mark.parametrize("path", ["/dev/full", "/", "/nowhere/t.csv"])
def test_what_is_no_file_is_refused(path: str) -> None:
    with pytest.raises(DescriberError):
        Table(Path(path))


def test_an_authors_text_is_no_formula(tmp_path: Path) -> None:
    table = Table(tmp_path / "t.csv")
    table.add("a", "=HYPERLINK()\r\n\x1b", None, None, "author")
    table.close()
    assert b"a,'=HYPERLINK() \\x1b,,,author\r\n" in (tmp_path / "t.csv").read_bytes()
