"""Asking another program something while the screen is grabbed: neither waits for the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_GRACE = 0.06  # seconds for an answer that is not there when the grab has ended


def asked(question: Callable[[], T | None]) -> Callable[[], T | None]:
    """Ask in a thread of its own. → what gives the answer, a moment later at most; else None.

    The question must not raise. One that hangs is left behind: its answer is only a hint.
    """
    answers: list[T | None] = []
    thread = threading.Thread(
        target=lambda: answers.append(question()), name="meanwhile", daemon=True
    )
    try:
        thread.start()
    except RuntimeError:  # the system has none left
        return lambda: None

    def answer() -> T | None:
        thread.join(_GRACE)
        return answers[0] if answers else None

    return answer
