"""While the captioner that somebody chose fails, the one that ships answers, and says so once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from describer_daemon.captioner.client import (
    CancelledError,
    ChildCaptioner,
    ClosedError,
    CrashedError,
    OutOfMemoryError,
    TimedOutError,
)
from describer_daemon.captioner.standing_in import StandingIn
from describer_daemon.core.details import Details
from describer_daemon.core.ports import Caption, DescriberError, Encoded, Rectangle

PICTURE = Encoded(b"")
HERE = Rectangle(0, 0, 1, 1)


class One(ChildCaptioner):
    """Answers with its name, or raises what it is to raise next."""

    def __init__(self, name: str, *errors: DescriberError) -> None:
        super().__init__()
        self.name, self.errors, self.asked, self.loaded = name, list(errors), 0, False

    def describe(self, picture: Any, already_described: Sequence[Rectangle] = ()) -> Caption:
        self.asked += 1
        self.loaded = True
        if self.errors:
            raise self.errors.pop(0)
        return Caption((self.name,), (), 1.0)

    def is_loaded(self) -> bool:
        return self.loaded

    def unload(self) -> None:
        self.loaded = False

    def close(self) -> None:
        self.loaded = False

    def recall(self, *, read: bool = False) -> Details:
        return Details(HERE, others=(self.name,))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TimedOutError("Too slow."), "The captioner that you chose takes too long here."),
        (OutOfMemoryError("Too large."), "The captioner that you chose needs more memory than"),
        (CrashedError("Gone."), "The captioner that you chose broke off."),
    ],
)
def test_one_that_fails_is_stood_in_for(
    error: DescriberError, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    chosen, shipped, heard = One("chosen", error), One("shipped"), []
    both = StandingIn(chosen, shipped, heard.append)
    with caplog.at_level(logging.WARNING):
        assert both.describe(PICTURE).words == ("shipped",)
    assert error.spoken in caplog.text
    assert [each.spoken for each in heard] == [both.trouble]
    assert both.trouble.startswith(told)
    assert both.trouble.endswith("The one that ships answers instead.")
    assert both.recall().others == ("shipped",)  # who saw the picture knows of it
    assert shipped.loaded
    assert both.describe(PICTURE).words == ("chosen",)
    assert not shipped.loaded  # no memory is paid for two
    assert both.trouble == ""
    assert both.recall().others == ("chosen",)


def test_one_that_fails_again_and_again_is_not_waited_for() -> None:
    chosen, shipped = One("chosen", *[TimedOutError("Too slow.")] * 9), One("shipped")
    both = StandingIn(chosen, shipped, lambda _: None)
    for _ in range(5):
        assert both.describe(PICTURE).words == ("shipped",)
    assert chosen.asked == 2
    assert both.trouble


@pytest.mark.parametrize(
    "error", [ClosedError("It ended."), CancelledError("Off."), DescriberError("No picture.")]
)
def test_what_is_no_failure_of_its_own_is_not_stood_in_for(error: DescriberError) -> None:
    chosen, shipped = One("chosen", error), One("shipped")
    both = StandingIn(chosen, shipped, lambda _: None)
    with pytest.raises(type(error), match=error.spoken):
        both.describe(PICTURE)
    assert shipped.asked == 0
    assert both.trouble == ""
    both.cancel()
    both.close()
    assert not both.is_loaded()
