"""Child processes that end, with all that they started."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.fuzz.trial import descriptors
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


@pytest.fixture(params=["group", "process", "no"])
def handles(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the kernel gives handles on: groups (6.9), single processes (5.3), nothing."""

    def refuse(handle: int, number: int, info: None, flags: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    known: str = request.param
    if known == "no":
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    elif known == "process":
        monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
    elif not groups_have_handles():
        pytest.skip("this kernel has no handles on groups")
    return known


def groups_have_handles() -> bool:
    if not hasattr(os, "pidfd_open"):
        return False
    child = subprocess.Popen(["true"], start_new_session=True)
    handle = os.pidfd_open(child.pid)
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL, None, 4)
    except OSError:
        return False
    finally:
        os.close(handle)
        child.wait()
    return True


@posix
@pytest.mark.usefixtures("handles")
def test_who_has_the_number_of_one_that_was_reaped_is_spared() -> None:
    last = Path("/proc/sys/kernel/ns_last_pid")
    if not os.access(last, os.W_OK):
        pytest.skip("only root may choose a process's number")
    for _ in range(200):
        child = processes.start(["true"])
        assert child.wait(20) == 0
        last.write_text(str(child.pid - 1), encoding="ascii")
        other = subprocess.Popen(["sleep", "60"], start_new_session=True)
        try:
            if other.pid == child.pid:
                processes.end(child)
                with pytest.raises(subprocess.TimeoutExpired):
                    other.wait(0.2)
                return
        finally:
            other.kill()
            other.wait()
    pytest.fail("no process got the number of the one before")


@posix
def test_what_one_that_was_reaped_has_left_is_ended(handles: str) -> None:
    child = processes.start(["sh", "-c", "sleep 60 & echo $!"], stdout=subprocess.PIPE)
    with processes.pipe(child.stdout) as output:
        left = int(output.readline())
    assert child.wait(20) == 0
    try:
        processes.end(child)
        if handles == "group":
            until(lambda: state(left) in ("Z", ""))
        else:  # nothing says that the group is still its own
            assert state(left) not in ("Z", "")
    finally:
        if state(left) not in ("Z", ""):
            os.kill(left, signal.SIGKILL)


@posix
@pytest.mark.usefixtures("handles")
def test_what_one_that_nobody_waited_for_has_left_is_ended() -> None:
    child = processes.start(["sh", "-c", "sleep 60 & echo $!"], stdout=subprocess.PIPE)
    with processes.pipe(child.stdout) as output:
        left = int(output.readline())
    until(lambda: state(child.pid) == "Z")
    processes.end(child, timeout=20)
    assert child.returncode == 0
    until(lambda: state(left) in ("Z", ""))


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="there are no handles")
def test_handles_go_with_their_processes() -> None:
    before = descriptors()
    for _ in range(5):
        processes.run(["true"], timeout=20, what="The tool")
        processes.end(processes.start(["sleep", "60"]), timeout=20)
    assert descriptors() <= before  # what others left may be collected meanwhile


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


def test_a_device_that_lacks_is_no_missing_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file or directory", "/dev/null")

    monkeypatch.setattr(processes, "start", lacking)
    with pytest.raises(DescriberError, match=r"The program true cannot be started\."):
        processes.start_tool(["true"])
    monkeypatch.undo()
    with pytest.raises(DescriberError, match="The program none is missing"):
        processes.start_tool(["none"])


def test_the_end_waits_once_for_all_that_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    started = [processes.start([sys.executable, "-c", "input()"]) for _ in range(3)]
    waits: list[float] = []

    def deaf(_process: object, timeout: float) -> None:
        waits.append(timeout)
        time.sleep(min(timeout, 0.2))
        raise subprocess.TimeoutExpired("", timeout)

    monkeypatch.setattr(processes, "_kill", lambda _: None)
    monkeypatch.setattr(subprocess.Popen, "wait", deaf)
    monkeypatch.setattr(subprocess.Popen, "poll", lambda _: None)
    processes.end_all(timeout=0.2)
    monkeypatch.undo()
    assert len(waits) >= 3
    assert sum(waits) < 0.2 * len(waits)
    for process in started:
        processes.end(process)
