"""The captioner's real process, which also tries, from inside, what a test asks it to try."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from describer_daemon.captioner import protocol
from describer_daemon.captioner.client import ChildCaptioner
from tests.unit.proc import LONG

ROOT = Path(protocol.__file__).parents[2]
SAMPLE = (ROOT / "describer_daemon/assets/sample.jpg").read_bytes()
# the real process, but for one more kind of message
_PROGRAM = """
import sys
sys.path.insert(0, {root!r})
from describer_daemon.captioner import child
{before}

class Attempting(child.Service):
    def answer(self, head, body):
        if head["op"] != "attempt":
            return super().answer(head, body)
        names = {{}}
        try:
            exec(head["code"], names)
        except BaseException as error:
            error.__traceback__ = None  # which holds all that was allocated
            return {{"failed": f"{{type(error).__name__}}: {{error}}"}}, b""
        return {{"failed": "", "result": names.get("result")}}, b""

child.Service = Attempting
child.main()
"""
# a kernel with another Landlock (below 1: with none), or without seccomp
_OLDER = """
import ctypes, types
from describer_daemon.captioner import sandbox

class Older:
    def __init__(self, libc):
        self.prctl, self.call = libc.prctl, libc.syscall
    def syscall(self, number, *arguments):
        if number == 444 and arguments[0] is None:
            return {landlock}
        if number in (317, 277) and not {seccomp}:
            return -1
        return self.call(number, *arguments)

CDLL = ctypes.CDLL
sandbox.ctypes = types.SimpleNamespace(CDLL=lambda *_, **__: Older(CDLL(None, use_errno=True)))
"""
LIBC = "import ctypes, os; libc = ctypes.CDLL(None, use_errno=True)\n"
CALL = (
    LIBC
    + """
if libc.{}({}) < 0:
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""
)


def older(landlock: int, *, seccomp: bool = True) -> str:
    """What to do `before` to find oneself on such a kernel."""
    return _OLDER.format(landlock=landlock, seccomp=seccomp)


def attempting(bundle: Path | None, before: str = "", **options: Any) -> ChildCaptioner:
    """A captioner for `failure` and `result`; `before` is done when its process begins."""
    captioner = ChildCaptioner(bundle, timeout=LONG, reading_timeout=LONG, **options)
    program = _PROGRAM.format(root=str(ROOT), before=before)
    child = "describer_daemon.captioner.child"
    options = captioner._command[captioner._command.index(child) + 2 :]  # behind the libraries
    captioner._command = [sys.executable, "-P", "-c", program, *options]
    return captioner


@dataclass(frozen=True)
class Attempt:
    """A request of these tests' own: see `_PROGRAM`."""

    code: str
    reply_limit: ClassVar[tuple[int, int]] = (protocol.MAX_HEAD, 0)

    def encode(self) -> tuple[protocol.Head, bytes]:
        return {"op": "attempt", "code": self.code}, b""


def failure(captioner: ChildCaptioner, code: str) -> str:
    """The error that the code ended with inside, as "Class: text", or ""."""
    reply, _ = captioner._ask(Attempt(code))
    return str(reply["failed"])


def result(captioner: ChildCaptioner, code: str) -> Any:
    """What the code has made its `result` inside."""
    reply, _ = captioner._ask(Attempt(code))
    assert reply["failed"] == ""
    return reply["result"]
