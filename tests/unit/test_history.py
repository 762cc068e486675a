"""The history: words for as long as somebody wants them, in memory or for its owner on the disk."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from describer_daemon.core import remembering
from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.core.remembering import Entry
from describer_daemon.history import History
from describer_daemon.service.history_file import DamagedError, HistoryFile
from tests.unit.core.room import until

NOW = 1_800_000_000.0


def entry(number: int, sentence: str = "") -> Entry:
    return Entry(NOW + number, "screen", sentence or f"Picture {number}.")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history"


@pytest.fixture
def file(folder: Path) -> HistoryFile:
    return HistoryFile(folder)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def history(file: HistoryFile, clock: Clock, told: list[str]) -> Iterator[History]:
    made = History(lambda error: told.append(error.spoken), file, clock)
    yield made
    made.close()
    until(lambda: made._thread is None)


def sentences(history: History) -> list[str]:
    return [each.sentence for each in history.entries()]


def on_disk(file: HistoryFile) -> list[str]:
    return [each.sentence for each in file.read()]


def test_usually_nothing_is_remembered(history: History, folder: Path) -> None:
    history.follow(0, 60, False)
    history.remember(entry(1))
    assert history.entries() == []
    assert history.asked(Verb.PREVIOUS).sentence == remembering.OFF
    assert history._thread is None
    assert not folder.parent.exists()


def test_in_memory_so_many_and_nothing_on_the_disk(history: History, folder: Path) -> None:
    history.follow(3, 0, False)
    for number in range(5):
        history.remember(entry(number))
    assert sentences(history) == ["Picture 2.", "Picture 3.", "Picture 4."]
    assert not folder.parent.exists()


def test_the_one_before_and_the_one_after(history: History) -> None:
    history.follow(9, 0, False)
    assert history.asked(Verb.PREVIOUS).sentence == remembering.NOTHING
    for number in range(3):
        history.remember(entry(number))
    steps = [Verb.NEXT, Verb.PREVIOUS, Verb.PREVIOUS, Verb.PREVIOUS, Verb.NEXT, Verb.NEXT]
    assert [history.asked(verb).sentence for verb in steps] == [
        remembering.NEWEST, "Picture 1.", "Picture 0.", remembering.OLDEST, "Picture 1.",
        "Picture 2.",
    ]  # fmt: skip
    history.remember(entry(3))  # what is new is where one goes back from
    assert history.asked(Verb.PREVIOUS).sentence == "Picture 2."


def test_what_is_old_is_forgotten(history: History, clock: Clock) -> None:
    history.follow(9, 1, False)
    history.remember(entry(0))
    history.remember(entry(40))
    clock.now += 61
    assert sentences(history) == ["Picture 40."]
    clock.now += 60
    assert history.asked(Verb.PREVIOUS).sentence == remembering.NOTHING


def test_what_is_old_goes_from_the_disk_though_nobody_asks(
    history: History, clock: Clock, file: HistoryFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("describer_daemon.history._LONGEST_WAIT", 0.05)
    history.follow(9, 1, True)
    history.remember(entry(0))
    until(lambda: on_disk(file) == ["Picture 0."])
    clock.now += 61
    until(lambda: on_disk(file) == [])


def test_stop_remembering_clears_and_pauses_until_the_settings_change(
    history: History, file: HistoryFile
) -> None:
    history.follow(9, 0, True)
    history.remember(entry(0))
    until(lambda: on_disk(file) == ["Picture 0."])
    assert history.asked(Verb.FORGET).sentence == remembering.FORGOTTEN
    until(lambda: not file.path.exists())
    history.remember(entry(1))
    assert (history.entries(), on_disk(file)) == ([], [])
    history.follow(9, 0, True)  # nothing has changed
    assert history.asked(Verb.PREVIOUS).sentence == remembering.OFF
    history.follow(8, 0, True)
    history.remember(entry(2))
    until(lambda: on_disk(file) == ["Picture 2."])


def test_cleared_it_goes_on(history: History, file: HistoryFile) -> None:
    history.follow(9, 0, True)
    history.remember(entry(0))
    until(lambda: on_disk(file) == ["Picture 0."])
    history.clear()
    history.remember(entry(1))
    until(lambda: on_disk(file) == ["Picture 1."])
    assert sentences(history) == ["Picture 1."]


def test_what_an_earlier_describer_left_is_cleared_though_it_is_off(
    history: History, file: HistoryFile
) -> None:
    file.add([entry(0)], keep=9, since=0)
    history.clear()
    until(lambda: not file.path.exists())


def test_on_the_disk_it_outlives_the_describer(
    file: HistoryFile, clock: Clock, told: list[str]
) -> None:
    first = History(lambda error: told.append(error.spoken), file, clock)
    first.follow(9, 0, True)
    for number in range(3):
        first.remember(entry(number))
    first.close()
    second = History(lambda error: told.append(error.spoken), file, clock)
    second.follow(9, 0, True)
    until(lambda: len(second.entries()) == 3)
    assert second.asked(Verb.PREVIOUS).sentence == "Picture 2."  # nothing was said since
    second.close()
    assert not told


def test_the_file_is_its_owners_alone(file: HistoryFile, folder: Path) -> None:
    before = os.umask(0)
    try:
        folder.mkdir(parents=True, mode=0o777)
        file.add([entry(0)], keep=9, since=0)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"history.jsonl": 0o600, "lock": 0o600}


def test_words_alone_are_written(file: HistoryFile) -> None:
    file.add([entry(0, 'Grüße\u2028\ud800 "quoted"')], keep=9, since=0)
    [line] = file.path.read_text(encoding="ascii").splitlines()
    assert json.loads(line).keys() == {"time", "verb", "sentence", "language"}
    assert on_disk(file) == ['Grüße\u2028\ud800 "quoted"']


@pytest.mark.parametrize(
    "data",
    [
        b"{", b"\xff", b"[]\n", b"{}\n", b"7\n", b"[" * 100_000,
        b'{"time": NaN, "verb": "screen", "sentence": "a", "language": "en"}\n',
        b'{"time": 1, "verb": "format c:", "sentence": "a", "language": "en"}\n',
        b'{"time": 1, "verb": "screen", "sentence": 7, "language": "en"}\n',
        b'{"time": 1, "verb": "screen", "sentence": "a", "language": "en"}\n{"time": 1, "ve',
    ],
)  # fmt: skip
def test_a_damaged_file_is_kept_aside(file: HistoryFile, data: bytes) -> None:
    file.add([entry(0)], keep=9, since=0)
    file.path.write_bytes(data)
    with pytest.raises(DamagedError, match=r"kept as history\.damaged\.1"):
        file.add([entry(1)], keep=9, since=0)
    assert on_disk(file) == ["Picture 1."]
    assert file.path.with_name("history.damaged.1").read_bytes() == data
    file.path.write_bytes(data)
    with pytest.raises(DamagedError, match=r"history\.damaged\.2"):
        file.read()
    file.clear()
    assert [path.name for path in file.path.parent.iterdir()] == ["lock"]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_is_no_file_is_never_followed(file: HistoryFile, tmp_path: Path, kind: str) -> None:
    file.add([entry(0)], keep=9, since=0)
    other = tmp_path / "other"
    other.write_bytes(file.path.read_bytes())
    file.path.unlink()
    if kind == "link":
        file.path.symlink_to(other)
    elif kind == "pipe":
        os.mkfifo(file.path)
    else:
        file.path.mkdir()
    with pytest.raises(DescriberError, match="history"):
        file.add([entry(1)], keep=9, since=0)
    assert b"Picture 1" not in other.read_bytes()


def refused(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told_once_and_costs_nothing_else(
    history: History, file: HistoryFile, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    history.follow(9, 0, True)
    history.remember(entry(0))
    until(lambda: on_disk(file) == ["Picture 0."])
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refused)
        for number in (1, 2):
            history.remember(entry(number))
            until(lambda: len(history._stuck) == number)  # noqa: B023 - is called at once
    assert len(told) == 1
    assert told[0].startswith("The history on the disk cannot be used: No space left on device. ")
    assert sentences(history) == ["Picture 0.", "Picture 1.", "Picture 2."]
    assert on_disk(file) == ["Picture 0."]  # whole, and nothing left beside it
    assert {path.name for path in file.path.parent.iterdir()} == {"history.jsonl", "lock"}
    history.remember(entry(3))
    until(lambda: len(on_disk(file)) == 4)


def test_a_folder_that_cannot_be_made_is_told(
    tmp_path: Path, clock: Clock, told: list[str]
) -> None:
    tmp_path.joinpath("state").write_bytes(b"in the way")
    file = HistoryFile(tmp_path / "state" / "history")
    history = History(lambda error: told.append(error.spoken), file, clock)
    history.follow(9, 0, True)
    history.remember(entry(0))
    until(lambda: bool(told))
    assert "Please look at the folder" in told[0]
    assert sentences(history) == ["Picture 0."]
    history.close()


ADDING = """
import sys
from pathlib import Path
from describer_daemon.core.remembering import Entry
from describer_daemon.service.history_file import HistoryFile
file = HistoryFile(Path(sys.argv[1]))
for number in range(50):
    file.add([Entry(float(number), "screen", f"{sys.argv[2]} {number}")], keep=1000, since=0)
"""


def test_several_describers_lose_nothing(file: HistoryFile, folder: Path) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", ADDING, str(folder), name]) for name in "abc"
    ]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    assert sorted(on_disk(file)) == sorted(f"{name} {n}" for name in "abc" for n in range(50))


def test_a_describer_killed_while_it_writes_leaves_it_whole(
    file: HistoryFile, folder: Path
) -> None:
    for _ in range(5):
        process = subprocess.Popen([sys.executable, "-c", ADDING, str(folder), "a"])
        until(lambda: file.path.exists())
        process.kill()
        process.wait()
        assert file.read()


def test_what_was_remembered_goes_to_the_disk_once_that_is_wanted(
    history: History, file: HistoryFile
) -> None:
    history.follow(9, 0, False)
    history.remember(entry(0))
    history.follow(9, 0, True)
    until(lambda: on_disk(file) == ["Picture 0."])
    assert sentences(history) == ["Picture 0."]


def test_many_threads_at_once(history: History) -> None:
    history.follow(100, 0, False)

    def work(verb: Verb) -> Callable[[], None]:
        def some() -> None:
            for number in range(200):
                history.remember(entry(number))
                history.asked(verb)
                history.clear()

        return some

    threads = [threading.Thread(target=work(verb)) for verb in (Verb.PREVIOUS, Verb.NEXT)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    history.remember(entry(0))
    assert "Picture 0." in sentences(history)
