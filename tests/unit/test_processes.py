"""Child processes that end, with all that they started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from describer_daemon import processes
from describer_daemon.core.ports import DescriberError
from tests.unit.proc import state, until

posix = pytest.mark.skipif(os.name != "posix", reason="process groups are POSIX")


def test_what_a_tool_wrote_is_returned() -> None:
    finished = processes.run(
        [
            sys.executable,
            "-c",
            "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read());"
            "sys.stderr.write('no'); sys.exit(3)",
        ],
        timeout=20,
        what="The tool",
        data=b"\x00\xff" * 100_000,
    )
    assert finished == processes.Finished(3, b"\x00\xff" * 100_000, b"no")


def test_without_data_the_tool_has_no_input() -> None:
    assert processes.run(["cat"], timeout=20, what="The tool").output == b""


def test_the_environment_is_the_one_that_was_given() -> None:
    assert (
        processes.run(
            ["env"], timeout=20, what="The tool", env={"PATH": os.environ["PATH"], "A": "b"}
        ).output.count(b"\n")
        == 2
    )


def test_a_missing_tool_is_a_sentence() -> None:
    with pytest.raises(DescriberError, match=r"^The program no-such-tool is missing"):
        processes.run(["no-such-tool"], timeout=20, what="The tool")


@posix
def test_a_tool_that_is_too_slow_is_ended_with_its_children(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with pytest.raises(DescriberError, match=r"^The clipboard did not answer"):
        processes.run(
            ["sh", "-c", f"sleep 60 & echo $! > {note}; wait"], timeout=1.0, what="The clipboard"
        )
    sleeper = int(note.read_text(encoding="utf-8"))
    until(lambda: state(sleeper) in ("Z", ""))


@posix
def test_a_tool_that_never_reads_is_ended() -> None:
    with pytest.raises(DescriberError, match=r"^The tool did not answer"):
        processes.run(["sleep", "60"], timeout=0.3, what="The tool", data=b"x" * 1_000_000)


@posix
def test_end_takes_descendants_stopped_ones_and_those_that_ignore_signals(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    child = processes.start(
        ["sh", "-c", f"trap '' TERM; sleep 60 & echo $! > {note}.new; mv {note}.new {note}; wait"]
    )
    until(note.exists)
    grandchild = int(note.read_text(encoding="utf-8"))
    os.kill(child.pid, signal.SIGSTOP)
    processes.end(child, timeout=20)
    assert child.returncode == -signal.SIGKILL  # and so it was reaped
    until(lambda: state(grandchild) in ("Z", ""))
    processes.end(child)  # twice is harmless


@posix
def test_a_signal_to_our_own_group_does_not_reach_a_child() -> None:
    child = processes.start(["sleep", "60"])
    try:
        assert os.getpgid(child.pid) == child.pid != os.getpgid(0)
    finally:
        processes.end(child, timeout=20)


def test_our_modules_never_load_from_the_folder_we_are_in(tmp_path: Path) -> None:
    for name in ("json", "models", "PIL", "describer_daemon"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('hijacked')", encoding="utf-8")
    done = subprocess.run(
        [*processes.python("describer_daemon.captioner.child"), "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "captioner" in done.stdout


@posix
def test_at_the_end_all_are_ended_but_those_that_stay() -> None:
    ours = [processes.start(["sleep", "60"]) for _ in range(2)]
    editor = processes.start(["sleep", "60"], stays=True)
    try:
        processes.end_all()
        assert [one.returncode for one in ours] == [-signal.SIGKILL] * 2
        assert editor.poll() is None
    finally:
        processes.end(editor, timeout=20)
