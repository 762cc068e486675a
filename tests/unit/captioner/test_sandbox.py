"""The captioner's process: what it may no longer do, tried from inside it."""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from describer_daemon.captioner import protocol, sandbox
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.core.ports import DescriberError, Encoded
from tests.unit.proc import LONG, PROC

ROOT = Path(sandbox.__file__).parents[2]
# the real process, but for one more kind of message
ATTEMPTING = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from describer_daemon.captioner import child

class Attempting(child.Service):
    def answer(self, head, body):
        if head["op"] != "attempt":
            return super().answer(head, body)
        try:
            exec(head["code"], {{}})
        except BaseException as error:
            error.__traceback__ = None  # which holds all that was allocated
            return {{"failed": f"{{type(error).__name__}}: {{error}}"}}, b""
        return {{"failed": ""}}, b""

child.Service = Attempting
child.main()
"""
CALL = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
if libc.{}({}) < 0:
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""
DENIED = {
    "an IPv4 socket": "import socket; socket.socket(socket.AF_INET)",
    "an IPv6 socket": "import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
    "a look at a name": "import socket; socket.create_connection(('localhost', 80))",
    "a local socket": "import socket; socket.socket(socket.AF_UNIX)",
    "a pair of sockets": "import socket; socket.socketpair()",
    "io_uring": CALL.format("syscall", "425, 1, ctypes.create_string_buffer(120)"),
    "writing": "open({victim!r}, 'w')",
    "appending": "open({victim!r}, 'a')",
    "cutting off": "import os; os.truncate({victim!r}, 0)",
    "a new file": "open({victim!r} + '2', 'w')",
    "a file in shared memory": "open('/dev/shm/describer-test', 'w')",
    "a new folder": "import os; os.mkdir({victim!r} + '3')",
    "a link": "import os; os.symlink('/etc/passwd', {victim!r} + '4')",
    "removing": "import os; os.unlink({victim!r})",
    "renaming": "import os; os.rename({victim!r}, {victim!r} + '5')",
    "another mode": "import os; os.chmod({victim!r}, 0o777)",
    "another time": "import os; os.utime({victim!r}, (0, 0))",
    "another owner": "import os; os.chown({victim!r}, os.getuid(), os.getgid())",
    "a program": "import subprocess; subprocess.run(['true'])",
    "becoming a program": "import os; os.execv('/bin/true', ['true'])",
    "starting a program": "import os; os.posix_spawn('/bin/true', ['true'], {{}})",
    "a process": "import os; os.fork()",
    "a signal": "import os; os.kill(os.getppid(), 0)",
    "tracing": CALL.format("ptrace", "16, os.getppid(), 0, 0"),
    "reading another's memory": CALL.format("process_vm_readv", "os.getppid(), 0, 0, 0, 0, 0"),
    "a handle on another": "import os; os.pidfd_open(os.getppid())",
    "another's limits": "import os, resource; resource.prlimit(os.getppid(), 4)",
    "a namespace": CALL.format("unshare", "0x10000000"),
    "1 GB": "bytearray(1 << 30)",
    "1 GB bit by bit": "[bytes([n]) * (1 << 20) for n in range(250) for _ in range(5)]",
}


SAMPLE = Encoded((ROOT / "describer_daemon/assets/sample.jpg").read_bytes())


@pytest.fixture(scope="module")
def inside(tiny_bundle: Path) -> Iterator[ChildCaptioner]:
    """A captioner that has captioned: all that is loaded late is there."""
    captioner = ChildCaptioner(tiny_bundle, timeout=LONG)
    captioner._command[captioner._command.index("-c") + 1] = ATTEMPTING
    captioner.describe(SAMPLE)
    yield captioner
    captioner.close()


@dataclass(frozen=True)
class Attempt:
    """A request of this test's own: see `ATTEMPTING`."""

    code: str

    def encode(self) -> tuple[protocol.Head, bytes]:
        return {"op": "attempt", "code": self.code}, b""


def failure(captioner: ChildCaptioner, code: str) -> str:
    reply, _ = captioner._ask(Attempt(code))
    return str(reply["failed"])


@pytest.mark.parametrize("what", DENIED)
def test_it_fails(inside: ChildCaptioner, tmp_path: Path, what: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    before = victim.stat()
    failed = failure(inside, DENIED[what].format(victim=str(victim)))
    assert re.match(r"PermissionError|MemoryError|gaierror", failed), failed
    assert victim.read_text() == "untouched"
    after = victim.stat()
    assert (after.st_mode, after.st_uid, after.st_size, after.st_mtime_ns) == (
        before.st_mode,
        before.st_uid,
        before.st_size,
        before.st_mtime_ns,
    )
    assert list(tmp_path.iterdir()) == [victim]
    if failed.startswith("MemoryError"):  # the daemon, too, goes on with another process then
        inside.close()
        inside.describe(SAMPLE)


@pytest.mark.parametrize(
    "code",
    [
        "open('/etc/hostname').read()",
        "bytearray(100 << 20)",
        "import threading; t = threading.Thread(target=print); t.start(); t.join()",
    ],
)
def test_what_captioning_needs_works(inside: ChildCaptioner, code: str) -> None:
    assert failure(inside, code) == ""


def test_the_kernel_says_so_too(inside: ChildCaptioner) -> None:
    assert inside._child is not None
    process = PROC / str(inside._child.pid)
    status = (process / "status").read_text(encoding="utf-8")
    assert re.search(r"^NoNewPrivs:\s1$", status, re.MULTILINE)
    assert re.search(r"^Seccomp:\s2$", status, re.MULTILINE)
    limits = (process / "limits").read_text(encoding="utf-8")
    assert re.search(r"Max core file size +0 ", limits)
    data = re.search(r"Max data size +(\d+)", limits)
    assert data is not None
    assert int(data[1]) < 1 << 30
    assert int((process / "coredump_filter").read_text(encoding="ascii"), 16) == 0
    assert inside.confined() == (
        "its process takes only so much memory, can change no file, "
        "can reach no network and no other program"
    )


def test_a_system_without_any_of_it_says_so(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner = ChildCaptioner(tiny_bundle)
    monkeypatch.setattr(captioner, "_ask", lambda *_: ({"ok": True, "confined": []}, b""))
    assert captioner.confined() == "its process is not confined on this system"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert sandbox.confine() == ()


def test_a_captioner_that_refuses_still_refuses_in_words(inside: ChildCaptioner) -> None:
    with pytest.raises(DescriberError, match=r"^This is not a picture"):
        inside.describe(Encoded(b"dear diary"))


def verdict(machine: str, architecture: int, number: int, argument: int = 0) -> int:
    """What the kernel would answer: its filter language as far as it is used."""
    looked, place = 0, 0
    steps = [struct.unpack("=HBBI", step) for step in sandbox._program(machine)]
    data = {0: number, 4: architecture, 16: argument}
    while True:
        code, if_true, if_false, value = steps[place]
        place += 1
        match code:
            case 0x20:
                looked = data[value]
            case 0x15:
                place += if_true if looked == value else if_false
            case 0x35:
                place += if_true if looked >= value else if_false
            case 0x45:
                place += if_true if looked & value else if_false
            case 0x06:
                return value


ALLOWED, EPERM, ENOSYS = 0x7FFF0000, 0x50001, 0x50026


@pytest.mark.parametrize("machine", sandbox._MACHINES)
def test_the_filter_on_either_machine(machine: str) -> None:
    column, here, _, clone, clone3, tgkill, prlimit = sandbox._MACHINES[machine]
    for numbers in sandbox._DENIED.values():
        number = numbers[column]
        assert number is None or verdict(machine, here, number) == EPERM
    read, openat = ((0, 257), (63, 56))[column]
    for number in (read, openat):
        assert verdict(machine, here, number) == ALLOWED
    assert verdict(machine, 0x40000003, read) == EPERM  # 32 bits: other numbers
    assert verdict(machine, here, 0x40000000 + read) == EPERM
    assert verdict(machine, here, clone, 0x11) == EPERM
    assert verdict(machine, here, clone, 0x3D0F00) == ALLOWED  # as threads are made
    assert verdict(machine, here, clone3) == ENOSYS
    for number, own in ((tgkill, sandbox.os.getpid()), (prlimit, 0)):
        assert verdict(machine, here, number, own) == ALLOWED
        assert verdict(machine, here, number, 1) == EPERM


HEADERS = ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h")


@pytest.mark.parametrize(("column", "header"), list(enumerate(HEADERS)))
def test_the_numbers_are_the_kernels(column: int, header: str) -> None:
    path = Path(header)
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    known = {
        name: int(number)
        for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", text, re.MULTILINE)
    }
    ours = {name: numbers[column] for name, numbers in sandbox._DENIED.items()}
    names = ("seccomp", "clone", "clone3", "tgkill", "prlimit64")
    ours |= dict(zip(names, sandbox._MACHINES[("x86_64", "aarch64")[column]][2:], strict=True))
    wrong = {
        name: number
        for name, number in ours.items()
        if number is not None and known.get(name, number) != number
    }
    assert not wrong
    assert known or column == 0  # the second one is on every machine that runs these tests
