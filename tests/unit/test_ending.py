"""The end, told by a signal handler at any moment."""

from __future__ import annotations

import itertools
import sys
import threading
from types import FrameType
from typing import Any

import pytest

from describer_daemon.ending import Ending


def test_it_is_over_when_it_was_told_and_stays_so() -> None:
    ending = Ending()
    assert not ending.is_set()
    assert not ending.wait(0.0)
    threading.Timer(0.05, ending.set).start()
    assert ending.wait(20)
    ending.set()
    assert ending.wait(0.0)
    assert ending.wait(0.0)
    assert ending.is_set()


@pytest.mark.parametrize("moment", range(12))
def test_it_may_be_told_between_any_two_lines_of_the_wait(moment: int) -> None:
    """As a signal handler does, which runs on the thread that waits."""
    ending, lines, over = Ending(), itertools.count(), threading.Event()

    def interrupt(frame: FrameType, event: str, argument: Any) -> Any:
        if next(lines) == moment:
            ending.set()
        return interrupt

    def wait() -> None:
        sys.settrace(interrupt)
        while not ending.wait(0.02):
            pass
        sys.settrace(None)
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    assert over.wait(20)
