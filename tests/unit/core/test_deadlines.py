"""A call that hangs holds up nobody: it has a deadline, and what it gives later is nobody's."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from describer_daemon.core import deadlines
from describer_daemon.core.ports import DescriberError
from tests import threads
from tests.unit.core.room import until

LATE = DescriberError("It did not answer.")


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """What hangs until the test ends."""
    event = threading.Event()
    yield event
    event.set()


def test_the_result_and_the_error_come_through() -> None:
    assert deadlines.within(lambda: 7, LATE, silence=20) == 7
    with pytest.raises(ZeroDivisionError):
        deadlines.within(lambda: 1 // 0, LATE, silence=20)


def test_a_call_that_hangs_is_left_behind(hanging: threading.Event) -> None:
    with pytest.raises(DescriberError, match="It did not answer"):
        deadlines.within(lambda: hanging.wait(60), LATE, silence=0.1, kind="a")
    assert deadlines.within(lambda: 7, LATE, silence=20, kind="a") == 7


def test_one_that_gets_on_is_waited_for_and_so_is_one_around_it() -> None:
    def slow() -> str:
        for _ in range(8):
            time.sleep(0.1)
            deadlines.moved()
        return "done"

    def around() -> str:
        return deadlines.within(slow, LATE, silence=0.6)

    assert deadlines.within(around, LATE, silence=0.6) == "done"
    with pytest.raises(DescriberError):
        deadlines.within(slow, LATE, silence=20, longest=0.2)


def test_what_nobody_wants_any_more_is_left(
    hanging: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "_GRACE", 0.1)
    with pytest.raises(deadlines.LeftError):
        deadlines.within(lambda: hanging.wait(60), LATE, silence=60, wanted=lambda: False)


def test_threads_do_not_heap_up(hanging: threading.Event) -> None:
    calls: list[int] = []

    def hang() -> None:
        calls.append(1)
        hanging.wait(60)

    for _ in range(5):
        with pytest.raises(DescriberError):
            deadlines.within(hang, LATE, silence=0.1, kind="heap", most=2)
    assert len(calls) == 2
    assert deadlines.within(lambda: 7, LATE, silence=20, kind="other", most=2) == 7
    hanging.set()
    until(lambda: not deadlines._left_behind["heap"])
    assert deadlines.within(lambda: 7, LATE, silence=20, kind="heap", most=2) == 7


def test_without_a_thread_the_work_is_done_all_the_same() -> None:
    with threads.none_left():
        assert deadlines.within(lambda: 7, LATE, silence=20) == 7
