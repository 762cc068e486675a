"""Messages to the control socket that are none end in one sentence each; so do far too many."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

import pytest

from benchmarks.fuzz import run as fuzz
from benchmarks.fuzz.messages import Messages
from describer_daemon.core.ports import DescriberError
from describer_daemon.service import control, unix_socket


def test_hundreds_of_hostile_messages(tmp_path: Path) -> None:
    tally = fuzz.run(Messages, "messages", 3, range(400), tmp_path)
    assert tally.tried == 400
    assert tally.accepted
    assert tally.mishandled == []
    assert not tally.left_open


def test_where_no_more_may_wait_the_describer_is_busy(sandbox: Path) -> None:
    path = str(unix_socket.runtime_folder(create=True) / "control.sock")
    with contextlib.ExitStack() as stack:
        crowded = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        crowded.bind(path)
        crowded.listen(0)
        waiting = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        waiting.connect(path)
        with pytest.raises(DescriberError, match=r"busy\. Please try again\."):
            control.send("status")
