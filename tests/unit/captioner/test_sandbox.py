"""The captioner's process: what it may no longer do, tried from inside, and what it still does."""

from __future__ import annotations

import ctypes
import fcntl
import io
import os
import re
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.fuzz.seeds import seeds
from describer_daemon.captioner import image_decoding, sandbox
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.core.ports import DescriberError, Encoded
from tests.unit.captioner.inside import CALL, LIBC, SAMPLE, attempting, failure, older, result
from tests.unit.captioner.test_image_files import HEIC
from tests.unit.proc import PROC

pytestmark = pytest.mark.skipif(not PROC.is_dir(), reason="Linux has all of this")

SVG = (
    b"<svg xmlns='http://www.w3.org/2000/svg' width='99' height='80'>"
    b"<rect width='50' height='40' fill='red'/><text x='10' y='50'>Hello</text></svg>"
)
X86 = os.uname().machine == "x86_64"
SYSCALL = {  # numbers of those that the C library has no function for, or would not make
    "setxattrat": 463,
    "openat2": 437,
    "open": 2,
    "creat": 85,
    "utime": 132,
    "utimes": 235,
    "futimesat": 261,
    "ioprio_set": 251 if X86 else 30,
    "fchmodat2": 452,
    "io_uring_setup": 425,
    "pidfd_open": 434,
}
PATH = "{victim!r}.encode()"
ON_FILE = "handle = os.open({victim!r}, os.O_RDONLY)\n"
# read and write for everybody: version 2, then tag, rights and whom it is about
ACL = b"\2\0\0\0" + b"".join(
    struct.pack("<HHI", tag, 6, 0xFFFFFFFF) for tag in (0x01, 0x04, 0x10, 0x20)
)
ACL_CALL = f"b'system.posix_acl_access', {ACL!r}, {len(ACL)}, 0"

ON_FILES = {
    "writing": "open({victim!r}, 'w')",
    "appending": "open({victim!r}, 'a')",
    "reading and writing": "open({victim!r}, 'r+')",
    "emptying while one reads": "import os; os.open({victim!r}, os.O_RDONLY | os.O_TRUNC)",
    "cutting off": "import os; os.truncate({victim!r}, 0)",
    "cutting off what is open": LIBC + ON_FILE + "os.ftruncate(handle, 0)",
    "a new file": "open({victim!r} + '2', 'w')",
    "a file without a name": "import os; os.open({folder!r}, os.O_RDWR | os.O_TMPFILE)",
    "a file in shared memory": "open('/dev/shm/describer-test', 'w')",
    "a file in memory": "import os; os.memfd_create('describer-test')",
    "a device": "open('/dev/null', 'w')",
    "a new folder": "import os; os.mkdir({victim!r} + '3')",
    "a pipe with a name": "import os; os.mkfifo({victim!r} + '6')",
    "a link": "import os; os.symlink('/etc/passwd', {victim!r} + '4')",
    "another name": "import os; os.link({victim!r}, {victim!r} + '7')",
    "removing": "import os; os.unlink({victim!r})",
    "renaming": "import os; os.rename({victim!r}, {victim!r} + '5')",
    "another mode": "import os; os.chmod({victim!r}, 0o777)",
    "another mode of what is open": LIBC + ON_FILE + "os.fchmod(handle, 0o666)",
    "another time": "import os; os.utime({victim!r}, (0, 0))",
    "another owner": "import os; os.chown({victim!r}, os.getuid(), os.getgid())",
    "rights by setxattr": CALL.format("setxattr", f"{PATH}, {ACL_CALL}"),
    "rights by lsetxattr": CALL.format("lsetxattr", f"{PATH}, {ACL_CALL}"),
    "rights by fsetxattr": LIBC + ON_FILE + CALL.format("fsetxattr", f"handle, {ACL_CALL}"),
    "no more rights": CALL.format("removexattr", PATH + ", b'user.mine'"),
    "no more rights of a link": CALL.format("lremovexattr", PATH + ", b'user.mine'"),
    "no more rights of what is open": LIBC
    + ON_FILE
    + CALL.format("fremovexattr", "handle, b'user.mine'"),
    "flags of a file": LIBC
    + ON_FILE
    + "import fcntl; fcntl.ioctl(handle, 0x40086602, (0x40).to_bytes(8, 'little'))",
    "a lock": LIBC + ON_FILE + "import fcntl; fcntl.flock(handle, fcntl.LOCK_EX)",
    "a lock of a part": LIBC + ON_FILE + "import fcntl; fcntl.lockf(handle, fcntl.LOCK_SH)",
    "a lease": LIBC + ON_FILE + "import fcntl; fcntl.fcntl(handle, fcntl.F_SETLEASE, 0)",
    "its own core": "open('/proc/self/coredump_filter', 'w').write('0x7f')",
    "its place when memory runs out": "open('/proc/self/oom_score_adj', 'w').write('0')",
}
for _name, _arguments in {
    "openat2": "-100, " + PATH + ", bytes([1]) + bytes(23), 24",  # O_WRONLY
    "setxattrat": "-100, " + PATH + ", 0, b'user.mine', bytes(16), 16",
    "fchmodat2": "-100, " + PATH + ", 0o777, 0",
}.items():
    ON_FILES[_name] = CALL.format("syscall", f"{SYSCALL[_name]}, {_arguments}")
if X86:
    for _name, _arguments in {
        "open": PATH + ", 1",
        "creat": PATH + ", 0o600",
        "utime": PATH + ", bytes(16)",
        "utimes": PATH + ", bytes(32)",
        "futimesat": "-100, " + PATH + ", bytes(32)",
    }.items():
        ON_FILES[_name] = CALL.format("syscall", f"{SYSCALL[_name]}, {_arguments}")

ON_OTHERS = {
    "an IPv4 socket": "import socket; socket.socket(socket.AF_INET)",
    "an IPv6 socket": "import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)",
    "a look at a name": "import socket; socket.create_connection(('localhost', 80))",
    "a local socket": "import socket; socket.socket(socket.AF_UNIX)",
    "a pair of sockets": "import socket; socket.socketpair()",
    "io_uring": CALL.format("syscall", "425, 1, ctypes.create_string_buffer(120)"),
    "a program": "import subprocess; subprocess.run(['true'])",
    "becoming a program": "import os; os.execv('/bin/true', ['true'])",
    "starting a program": "import os; os.posix_spawn('/bin/true', ['true'], {{}})",
    "a process": "import os; os.fork()",
    "a signal": "import os; os.kill(os.getppid(), 0)",
    "a signal by a file": LIBC
    + ON_FILE
    + "import fcntl; fcntl.fcntl(handle, fcntl.F_SETOWN, os.getppid())",
    "tracing": CALL.format("ptrace", "16, os.getppid(), 0, 0"),
    "reading another's memory": CALL.format("process_vm_readv", "os.getppid(), 0, 0, 0, 0, 0"),
    "another's memory as a file": "import os; open(f'/proc/{{os.getppid()}}/mem', 'rb')",
    "another's open files": "import os; open(f'/proc/{{os.getppid()}}/fd/0', 'rb')",
    "a handle on another": "import os; os.pidfd_open(os.getppid())",
    "another's limits": "import os, resource; resource.prlimit(os.getppid(), 4)",
    "another's priority": "import os; os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
    "another's processors": "import os; os.sched_setaffinity(os.getppid(), {{0}})",
    "another's turn at the disk": CALL.format(
        "syscall", f"{SYSCALL['ioprio_set']}, 1, os.getppid(), 3 << 13"
    ),
    "another's scheduling": "import os; os.sched_setscheduler(os.getppid(), 5, os.sched_param(0))",
    "shared memory": CALL.format("shmget", "{key}, 0, 0"),
    "shared memory by number": CALL.format("shmat", "{segment}, 0, 0"),
    "messages": CALL.format("msgget", "0, 0o1600"),
    "semaphores": CALL.format("semget", "0, 1, 0o1600"),
    "a namespace": CALL.format("unshare", "0x10000000"),
    "typing into a terminal": "import fcntl, os; "
    "fcntl.ioctl(os.open({terminal!r}, os.O_RDONLY), 0x5412, b'x')",
    "setting up a terminal": "import os, termios; "
    "handle = os.open({terminal!r}, os.O_RDONLY); "
    "termios.tcsetattr(handle, 0, termios.tcgetattr(handle))",
    "a core": "import resource; resource.setrlimit(resource.RLIMIT_CORE, (1, 1))",
    "a limit of files": "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))",
    "1 GB": "bytearray(1 << 30)",
    "1 GB bit by bit": "[bytes([n]) * (1 << 20) for n in range(250) for _ in range(5)]",
}
REFUSED = (
    r"PermissionError|MemoryError|gaierror|OSError: \[Errno (38|1)\]|"
    r"error: \((1|13), |ValueError: not allowed to raise maximum limit"
)


@pytest.fixture(scope="module")
def inside(tiny_bundle: Path) -> Iterator[ChildCaptioner]:
    """A captioner that has captioned: all that is loaded late is there."""
    captioner = attempting(tiny_bundle)
    captioner.describe(Encoded(SAMPLE))
    yield captioner
    captioner.close()


@pytest.fixture(scope="module", params=[3, 2, 1, -1])
def on_an_older_kernel(
    tiny_bundle: Path, request: pytest.FixtureRequest
) -> Iterator[ChildCaptioner]:
    """With such a Landlock; -1 is none."""
    captioner = attempting(tiny_bundle, older(request.param))
    captioner.warm_up()
    yield captioner
    captioner.close()


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Path]:
    """A file that has to stay as it is, alone in its folder."""
    path = tmp_path / "victim"
    path.write_text("untouched")
    path.chmod(0o600)
    with_attribute = True
    try:
        os.setxattr(path, "user.mine", b"before")
    except OSError:  # a file system that has none
        with_attribute = False
    before = looked_at(path)
    yield path
    assert path.read_text() == "untouched"
    assert looked_at(path) == before
    if with_attribute:
        assert os.getxattr(path, "user.mine") == b"before"
    assert list(tmp_path.iterdir()) == [path]


def looked_at(path: Path) -> tuple[object, ...]:
    seen, flags = path.stat(), bytearray(8)
    with path.open("rb") as file:
        try:
            fcntl.ioctl(file, 0x80086601, flags)  # FS_IOC_GETFLAGS
        except OSError:
            flags = bytearray()
    times = seen.st_mtime_ns, seen.st_ctime_ns
    return seen.st_mode, seen.st_uid, seen.st_gid, seen.st_size, *times, bytes(flags)


@pytest.mark.parametrize("what", ON_FILES)
def test_no_file_is_changed(inside: ChildCaptioner, victim: Path, what: str) -> None:
    code = ON_FILES[what].format(victim=str(victim), folder=str(victim.parent))
    failed = failure(inside, code)
    assert re.match(REFUSED, failed), failed


@pytest.mark.parametrize("what", ON_FILES)
def test_nor_on_an_older_kernel(
    on_an_older_kernel: ChildCaptioner, victim: Path, what: str
) -> None:
    code = ON_FILES[what].format(victim=str(victim), folder=str(victim.parent))
    failed = failure(on_an_older_kernel, code)
    assert re.match(REFUSED, failed), failed


@pytest.fixture(scope="module")
def segment() -> Iterator[tuple[int, int]]:
    """Key and number of System V memory of another process: this one."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    key = 0x44455343 ^ os.getpid()
    number = libc.shmget(key, 4096, 0o1666)
    assert number >= 0
    place = libc.shmat(number, None, 0)
    ctypes.memset(place, 7, 4096)
    yield key, number
    held = ctypes.string_at(place, 4096)
    libc.shmdt(ctypes.c_void_p(place))
    libc.shmctl(number, 0, None)
    assert held == bytes([7]) * 4096


@pytest.fixture(scope="module")
def terminal() -> Iterator[str]:
    ours, theirs = os.openpty()
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("what", ON_OTHERS)
def test_nothing_else_is_reached(
    inside: ChildCaptioner, victim: Path, segment: tuple[int, int], terminal: str, what: str
) -> None:
    before = standing()
    code = ON_OTHERS[what].format(
        victim=str(victim), key=segment[0], segment=segment[1], terminal=terminal
    )
    failed = failure(inside, code)
    assert re.match(REFUSED, failed), failed
    assert standing() == before
    if failed.startswith("MemoryError"):  # the daemon, too, goes on with another process then
        inside._drop()
        inside.describe(Encoded(SAMPLE))


def standing() -> tuple[object, ...]:
    """What another process could do to this one."""
    return os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0), os.sched_getscheduler(0)


@pytest.mark.parametrize(
    "code",
    [
        "open('/etc/hostname').read()",
        "bytearray(100 << 20)",
        "import threading; t = threading.Thread(target=print); t.start(); t.join()",
        "import resource; resource.getrlimit(resource.RLIMIT_NOFILE)",
        "import os, subprocess, sys; assert not sys.stdout.isatty()",
        "import time; time.sleep(0.001)",
    ],
)
def test_what_captioning_needs_works(inside: ChildCaptioner, code: str) -> None:
    assert failure(inside, code) == ""


def decodable() -> list[str]:
    """Seeds of the formats that are read, each with its ways of being written."""
    names = []
    for name, data in seeds().items():
        try:
            image_decoding.from_encoded(data, full=True)
        except DescriberError:
            continue
        names.append(name)
    return names


def test_every_format_is_decoded_as_it_is_outside(inside: ChildCaptioner) -> None:
    names = decodable()
    assert {"PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "ICO", "JPEG2000", "AVIF"} <= {
        name.split()[0] for name in names
    }
    for name in names:
        data = seeds()[name]
        expected = image_decoding.from_encoded(data, full=True)
        with Image.open(io.BytesIO(inside.outline(Encoded(data), ()))) as image:
            assert image.tobytes() == expected.tobytes(), name


@pytest.mark.parametrize("data", [HEIC, SVG], ids=["HEIC", "SVG"])
def test_formats_of_other_packages_are_decoded_too(inside: ChildCaptioner, data: bytes) -> None:
    expected = image_decoding.from_encoded(data, full=True)
    with Image.open(io.BytesIO(inside.outline(Encoded(data), ()))) as image:
        assert image.tobytes() == expected.tobytes()


def test_a_crash_is_a_crash(inside: ChildCaptioner) -> None:
    inside.warm_up()
    child = inside._child
    assert child is not None
    with pytest.raises(DescriberError, match=r"^The captioner broke off"):
        failure(inside, "import os; os.abort()")
    assert child.returncode == -6  # which it needs a signal to itself for


@pytest.mark.skipif(not X86, reason="machine code")
def test_another_processors_table_of_calls_ends_it(inside: ChildCaptioner) -> None:
    inside.warm_up()
    child = inside._child
    assert child is not None
    # mov eax, 5 (open); int 0x80; ret
    code = (
        "import ctypes, mmap\n"
        "page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)\n"
        "page.write(b'\\xb8\\x05\\0\\0\\0\\xcd\\x80\\xc3')\n"
        "place = ctypes.addressof(ctypes.c_char.from_buffer(page))\n"
        "ctypes.CFUNCTYPE(ctypes.c_int)(place)()\n"
    )
    with pytest.raises(DescriberError, match=r"^The captioner broke off"):
        failure(inside, code)
    assert child.returncode in (-31, -11)  # SIGSYS; SIGSEGV where the kernel has no such table


def test_the_kernel_says_so_too(inside: ChildCaptioner) -> None:
    inside.warm_up()
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
    assert (process / "oom_score_adj").read_text(encoding="ascii").strip() == "1000"


def test_a_captioner_that_refuses_still_refuses_in_words(inside: ChildCaptioner) -> None:
    with pytest.raises(DescriberError, match=r"^This is not a picture"):
        inside.describe(Encoded(b"dear diary"))


def test_another_system_has_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert sandbox.confine() == ()


def test_landlock_is_not_claimed_while_there_are_other_threads() -> None:
    code = (
        "import threading; from describer_daemon.captioner import sandbox;"
        "stay = threading.Event(); threading.Thread(target=stay.wait, daemon=True).start();"
        "print(*sandbox.confine())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["memory", "seccomp"]


def test_the_files_that_are_read_may_be_read(inside: ChildCaptioner, victim: Path) -> None:
    assert result(inside, f"result = open({str(victim)!r}).read()") == "untouched"
