"""Messages to the control socket that are none end in one sentence each."""

from __future__ import annotations

from pathlib import Path

from benchmarks.hostile import course
from benchmarks.hostile.messages import Messages


def test_hundreds_of_hostile_messages(tmp_path: Path) -> None:
    tally = course.run(Messages, "messages", 3, range(400), tmp_path)
    assert tally.tried == 400
    assert tally.accepted
    assert tally.mishandled == []
    assert not tally.left_open
