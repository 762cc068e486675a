"""Many files at a time: each gets its line in its turn, whoever was quicker."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from describer_daemon import processes
from describer_daemon.captioner import pool
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.captioner.pool import PREFETCH, CaptionerPool
from describer_daemon.cli.files import Described
from describer_daemon.core.ports import DescriberError
from tests import threads
from tests.unit.cli.test_files import (
    BAD,
    LONG,
    Command,
    describer,
    interruptible,
    photo,
    posix,
)

__all__ = ["describer", "interruptible"]  # fixtures


def described(file: str) -> Described:
    return Described(file, None, f"Nothing in {file}.")


@pytest.fixture
def pair(tiny_bundle: Path) -> Iterator[CaptionerPool]:
    captioners = CaptionerPool(
        lambda threads: ChildCaptioner(tiny_bundle, threads=threads, timeout=LONG), 2
    )
    yield captioners
    captioners.close()


def test_results_come_in_the_order_of_the_files(pair: CaptionerPool) -> None:
    later = threading.Event()

    def work(file: str, _: ChildCaptioner) -> list[Described]:
        if file == "first":
            assert later.wait(LONG)  # the second is begun, and done, before the first is
        else:
            later.set()
        return [described(file)]

    steps: list[None] = []
    files = [
        each.file
        for each in pair.map(work, ["first", "second", "third"], lambda: steps.append(None))
    ]
    assert files == ["first", "second", "third"]
    assert len(steps) == 3


@pytest.mark.parametrize("room", [0, 1])
def test_a_system_with_few_threads_has_few_workers(
    pair: CaptionerPool, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    start, started = threading.Thread.start, []

    def start_some(thread: threading.Thread) -> None:
        started.append(thread)
        with threads.none_left() if len(started) > room else contextlib.nullcontext():
            start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    done = pair.map(lambda file, _: [described(file)], ["one", "two", "three"])
    if room:
        assert [each.file for each in done] == ["one", "two", "three"]
    else:
        with pytest.raises(DescriberError, match="too much to do just now"):
            next(done)


def test_few_files_are_begun_before_their_turn(pair: CaptionerPool) -> None:
    taken: list[str] = []

    def names() -> Iterator[str]:
        for number in range(100):
            taken.append(str(number))
            yield str(number)

    results = pair.map(lambda file, _: [described(file)], names())
    for number in range(3):
        assert next(results).file == str(number)
        assert len(taken) == PREFETCH * 2 + number
    results.close()
    assert len(taken) == PREFETCH * 2 + 2


def test_what_goes_wrong_is_raised_in_its_turn(pair: CaptionerPool) -> None:
    def work(file: str, _: ChildCaptioner) -> list[Described]:
        if file == "b":
            raise ValueError(file)
        return [described(file)]

    results = pair.map(work, "abc")
    assert next(results).file == "a"
    with pytest.raises(ValueError, match="b"):
        next(results)


def test_the_processors_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "processors", lambda: 4)
    for files, count in ((1, 1), (31, 1), (32, 2), (1000, 4)):
        assert pool.worker_count(files) == count
    monkeypatch.setattr(processes, "processors", lambda: 64)
    assert pool.worker_count(1000) == pool.MAX_WORKERS
    threads_given: list[int] = []

    def make(threads: int) -> ChildCaptioner:
        threads_given.append(threads)
        return ChildCaptioner(threads=threads)

    CaptionerPool(make, 8).close()
    assert threads_given == [8] * 8


def test_two_at_a_time_say_what_one_says(describer: Command) -> None:
    names = ["gone.png"]
    for number, (name, (data, _)) in enumerate(BAD.items()):
        (describer.folder / name).write_bytes(data)
        (describer.folder / f"{number}.png").write_bytes(photo(number))
        names += [name, f"{number}.png"]
    for options in ([], ["--find"]):
        alone = describer.run("describe", *options, "--jobs", "1", *names)
        assert alone[0] == 1
        assert describer.run("describe", *options, "--jobs", "2", *names) == alone
    status, output, errors = describer.run("describe", "--json", "--jobs", "2", *names)
    assert (status, errors) == (1, "")
    lines = [json.loads(line) for line in output.splitlines()]
    assert [line["file"] for line in lines] == names
    assert [line["file"] for line in lines if "error" in line] == [
        name for name in names if name in BAD or name == "gone.png"
    ]


@posix
@pytest.mark.parametrize("lines", [1, 9])  # at the ninth, standard input is being read
def test_control_c_ends_all_of_them(describer: Command, interruptible: None, lines: int) -> None:
    (describer.folder / "photo.png").write_bytes(photo(1))
    with describer.start(
        "describe", "--jobs", "2", *["photo.png"] * 9, "-", stdin=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            for _ in range(lines):
                assert process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            # both captioners' processes share this pipe
            assert process.stderr.read().strip() == b"Aborted!"
            assert process.wait(LONG) == 1
        finally:
            process.kill()


@posix
@pytest.mark.parametrize("lines_are_seen", [False, True])
def test_a_bar_is_drawn_where_the_lines_are_not_seen(
    describer: Command, lines_are_seen: bool
) -> None:
    import pty  # there is none on Windows

    (describer.folder / "photo.png").write_bytes(photo(1))
    ours, theirs = pty.openpty()
    command = [*processes.python("describer_daemon.cli.main"), "describe", "photo.png", "gone.png"]
    with subprocess.Popen(
        command,
        cwd=describer.folder,
        env=describer.environment,
        stderr=theirs,
        stdout=theirs if lines_are_seen else subprocess.DEVNULL,
    ) as process:
        os.close(theirs)
        output = b""
        try:
            while data := os.read(ours, 4096):
                output += data
        except OSError:
            output += b""  # Linux tells so that nobody writes any more
        assert process.wait(LONG) == 1
    os.close(ours)
    assert b"There is no file gone.png." in output
    assert (b"2/2" in output) is not lines_are_seen
