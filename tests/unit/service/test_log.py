"""The log: private, bounded, and honest about threads that die."""

from __future__ import annotations

import logging
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from describer_daemon.service import log

here = logging.getLogger("describer_daemon.test")


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    levels = [(one, one.level) for one in (logging.getLogger(), logging.getLogger(log._PACKAGE))]
    yield tmp_path
    log._take_down()
    for logger, level in levels:
        logger.setLevel(level)


def test_the_file_is_private_and_has_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    path = log.set_up("warning", console=False)
    assert path == log.log_path()
    here.info("hidden")
    here.warning("seen")
    log.set_level("debug")
    here.debug("seen later")
    logging.getLogger("another.library").info("noise")
    text = path.read_text(encoding="utf-8")
    assert "seen" in text
    assert "seen later" in text
    assert "hidden" not in text
    assert "noise" not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    terminal = capsys.readouterr().err
    assert "seen" in terminal
    assert "seen later" not in terminal


def test_a_second_call_replaces_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    log.set_up("info", console=True)
    path = log.set_up("info", console=True)
    here.info("once")
    assert path is not None
    assert path.read_text().count("once") == 1
    assert capsys.readouterr().err.count("once") == 1


def test_it_stays_small_and_private(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_LARGEST", 1000)
    path = log.set_up("info", console=False)
    assert path is not None
    for number in range(100):
        here.info("line %d", number)
    files = list(path.parent.iterdir())
    assert len(files) == 3
    assert all(file.stat().st_size <= 1000 for file in files)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files)
    assert "line 99" in path.read_text()


def test_a_lax_file_becomes_private() -> None:
    path = log.log_path()
    path.parent.mkdir(parents=True)
    path.touch()
    path.chmod(0o644)
    assert log.set_up("info", console=False) == path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_umask_opens_the_file_or_a_folder_on_its_way(state_folder: Path) -> None:
    before = os.umask(0)
    try:
        path = log.set_up("info", console=False)
    finally:
        os.umask(before)
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ours = [folder for folder in path.parents if state_folder in folder.parents]
    assert len(ours) == 2
    assert all(stat.S_IMODE(folder.stat().st_mode) == 0o700 for folder in ours)


def test_no_file_is_no_error(state_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (state_folder / "describer").touch()  # where a folder should be
    assert log.set_up("info", console=False) is None
    assert "there is no log file" in capsys.readouterr().err


def test_a_dead_thread_is_in_the_log() -> None:
    path = log.set_up("error", console=False)

    def die() -> None:
        raise KeyError("a defect")

    thread = threading.Thread(target=die, name="poor thing")
    thread.start()
    thread.join()
    assert path is not None
    assert "the thread poor thing died" in path.read_text()
    assert "a defect" in path.read_text()


def test_a_link_stays_a_link_and_new_files_begin_beside_its_target(
    state_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_LARGEST", 300)
    path = log.log_path()
    path.parent.mkdir(parents=True)
    target = state_folder / "elsewhere" / "mine.log"
    target.parent.mkdir()
    path.symlink_to(target)  # not there yet: that is fine, its folder is
    log.set_up("info", console=False)
    for number in range(20):
        here.info("line %d", number)
    assert path.is_symlink()
    assert list(path.parent.iterdir()) == [path]
    assert "line 19" in target.read_text()
    assert (target.parent / "mine.log.1").exists()


def test_devices_keep_their_modes_and_pipes_do_not_stop_us(
    state_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = log.log_path()
    path.parent.mkdir(parents=True)
    path.symlink_to("/dev/null")
    before = Path("/dev/null").stat().st_mode
    assert log.set_up("info", console=False) == path
    here.info("nowhere")
    assert Path("/dev/null").stat().st_mode == before
    path.unlink()
    os.mkfifo(path)
    assert log.set_up("info", console=False) is None
    path.unlink()
    path.symlink_to(state_folder / "not mounted" / "log")
    assert log.set_up("info", console=False) is None
    assert path.is_symlink()
    assert "there is no log file" in capsys.readouterr().err


def test_a_message_is_one_line_that_no_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    path = log.set_up("info", console=True)
    hostile = "a\n2026-01-01 CRITICAL\x1b[2J\u202e"
    try:
        int(hostile, base=int("2"))
    except ValueError:
        here.exception("it failed with %s", hostile)
    assert path is not None
    terminal, file = capsys.readouterr().err, path.read_text()
    assert len(terminal.splitlines()) == 1  # the traceback is in the file alone
    assert "Traceback" in file
    for text in (terminal, file):
        assert "a\\n2026-01-01 CRITICAL\\x1b[2J\\u202e" in text
        assert "\x1b" not in text


def test_a_full_disk_is_no_reason_for_tracebacks(
    state_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = log.log_path()
    path.parent.mkdir(parents=True)
    path.symlink_to("/dev/full")
    log.set_up("info", console=False)
    here.warning("it is told on the terminal all the same")
    shown = capsys.readouterr().err
    for handler in logging.getLogger().handlers:
        if isinstance(handler, log._PrivateFile):
            os.dup2(os.open(os.devnull, os.O_WRONLY), handler.stream.fileno())  # or it never closes
    assert "all the same" in shown
    assert "Traceback" not in shown


def test_what_nobody_foresaw_is_in_the_log() -> None:
    assert log.record_failure(KeyError("a defect\x1b"))
    assert "KeyError: 'a defect\\x1b'" in log.log_path().read_text()


def test_without_a_home_there_is_no_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "not/a/full/path")
    assert log.set_up("info", console=False) is None
    assert "I find no home folder for the log." in capsys.readouterr().err
    assert not Path("not").exists()
    assert not log.record_failure(KeyError("a defect"))
