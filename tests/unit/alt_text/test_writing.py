"""A file is whole or not there, keeps what is its own, and is not written over a change."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from describer_daemon.alt_text import writing
from describer_daemon.core.ports import DescriberError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def without_unnamed_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_linked", lambda *_: False)


@pytest.mark.parametrize("unnamed", [True, False])
def test_a_new_file_is_whole_and_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unnamed: bool
) -> None:
    if not unnamed:
        without_unnamed_files(monkeypatch)
    before = os.umask(0o027)
    try:
        writing.create(tmp_path / "odd\nname", b"x" * 100_000)
    finally:
        os.umask(before)
    assert names(tmp_path) == ["odd\nname"]
    assert (tmp_path / "odd\nname").read_bytes() == b"x" * 100_000
    assert stat.S_IMODE((tmp_path / "odd\nname").stat().st_mode) == 0o640


@pytest.mark.parametrize("unnamed", [True, False])
@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_nothing_that_is_there_is_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unnamed: bool, kind: str
) -> None:
    if not unnamed:
        without_unnamed_files(monkeypatch)
    path = tmp_path / "there"
    make: dict[str, Callable[[], object]] = {
        "file": lambda: path.write_bytes(b"mine"),
        "link": lambda: path.symlink_to(tmp_path / "nowhere"),
        "folder": path.mkdir,
    }
    make[kind]()
    with pytest.raises(FileExistsError):
        writing.create(path, b"x")
    assert names(tmp_path) == ["there"]


def test_mode_and_times_stay(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(b"old")
    path.chmod(0o751)
    os.utime(path, ns=(10**18, 10**18 + 7))
    writing.replace(path, b"new", writing.stamp(path), keep_times=True)
    state = path.stat()
    assert (path.read_bytes(), stat.S_IMODE(state.st_mode)) == (b"new", 0o751)
    assert state.st_mtime_ns == 10**18 + 7
    writing.replace(path, b"newer", writing.stamp(path))
    assert path.stat().st_mtime_ns > 10**18 + 7
    assert names(tmp_path) == ["photo"]


def refused(path: Path, before: writing.Stamp | None = None) -> str:
    content = path.read_bytes()
    with pytest.raises(DescriberError) as caught:
        writing.replace(path, b"new", writing.stamp(path) if before is None else before)
    assert path.read_bytes() == content
    return caught.value.spoken


def test_what_may_not_or_should_not_be_written_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(b"old")
    before = writing.stamp(path)
    path.write_bytes(b"old, but longer")
    assert "was changed meanwhile" in refused(path, before)
    assert "was changed meanwhile" in refused(path, ())
    path.chmod(0o444)
    assert "may not be written to" in refused(path)
    path.chmod(0o644)
    os.link(path, tmp_path / "second")
    assert "has a second name" in refused(path)
    assert names(tmp_path) == ["photo", "second"]


def leftover(path: Path) -> Path:
    """The hidden name beside a file that a killed run would leave."""
    with writing._temporary(path, b"", 0o600) as temporary:
        return temporary


def test_what_a_killed_run_left_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(b"old")
    leftover(path).write_bytes(b"half of something much longer")
    writing.replace(path, b"new", writing.stamp(path))
    assert (names(tmp_path), path.read_bytes()) == (["photo"], b"new")


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "photo"
    path.write_bytes(b"old")
    with writing._temporary(path, b"other", 0o600):
        assert "Another describer" in refused(path)


@pytest.mark.parametrize("kind", ["link", "fifo", "second name"])
def test_a_trap_under_the_hidden_name_is_not_written_to(tmp_path: Path, kind: str) -> None:
    path, victim = tmp_path / "photo", tmp_path / "victim"
    path.write_bytes(b"old")
    victim.write_bytes(b"precious")
    trap = leftover(path)
    if kind == "link":
        trap.symlink_to(victim)
    elif kind == "fifo":
        os.mkfifo(trap)
    else:
        os.link(victim, trap)
    with pytest.raises((DescriberError, OSError)):
        writing.replace(path, b"new", writing.stamp(path))
    assert (victim.read_bytes(), path.read_bytes()) == (b"precious", b"old")
