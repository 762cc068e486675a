"""Each system call that the kernel has is tried from inside the captioner's process.

The calls are the kernel's own list, and which of them may be left to a process that a picture took
over was thought of here, by what they do: neither comes from the filter.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.core.ports import Encoded
from tests.unit.captioner.inside import LIBC, SAMPLE, attempting, result
from tests.unit.proc import PROC

MACHINE = os.uname().machine
HEADERS = {
    "x86_64": "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
    "aarch64": "/usr/include/asm-generic/unistd.h",
}
# What may be left to a process: it learns what it knows or could read anyway, and changes nothing
# but itself. All others must be denied whatever their arguments are.
HARMLESS = {
    "it reads files, and asks what is where": """
        read readv pread64 preadv preadv2 lseek close stat lstat fstat newfstatat statx access
        faccessat faccessat2 readlink readlinkat getdents getdents64 getcwd statfs fstatfs""",
    "it writes to a descriptor that it was given": "write writev",
    "it waits": """
        select pselect6 poll ppoll nanosleep clock_nanosleep pause restart_syscall futex""",
    "it arranges its own memory": "mmap munmap mprotect mremap madvise brk mincore",
    "it ends, or starts a thread to run": """
        exit exit_group set_robust_list rseq set_tid_address sched_yield""",
    "it handles signals that it gets": "rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack",
    "it asks who it is": """
        gettid getpid getppid getuid geteuid getgid getegid getrlimit getrusage""",
    "it asks what time it is, what machine this is, how threads are scheduled, for chance": """
        clock_gettime clock_getres gettimeofday time times uname sysinfo getrandom getcpu
        sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max
        sched_get_priority_min""",
}
# What is harmless with some arguments only: see the tests below.
SOMETIMES = [
    "open",
    "openat",
    "clone",
    "tgkill",
    "prlimit64",
    "fcntl",
    "ioctl",
    "prctl",
    "arch_prctl",
    "membarrier",
]
EPERM, ENOSYS = 1, 38
MOST = 8192  # calls in a message

pytestmark = pytest.mark.skipif(not PROC.is_dir() or MACHINE not in HEADERS, reason="no filter")


def harmless() -> set[str]:
    return {name for names in HARMLESS.values() for name in names.split()}


def kernel_calls(machine: str) -> dict[str, int]:
    """By name, the number of each call in the header that the kernel comes with."""
    path = Path(HEADERS[machine])
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    numbers = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", text, re.MULTILINE)
    renamed = {"fstatat": "newfstatat"}  # as the header itself calls it, where there is no older
    return {renamed.get(name, name): int(number) for name, number in numbers}


@pytest.fixture(scope="module")
def inside(tiny_bundle: Path) -> Iterator[ChildCaptioner]:
    captioner = attempting(tiny_bundle)
    captioner.describe(Encoded(SAMPLE))
    yield captioner
    captioner.close()


@pytest.fixture(scope="module")
def numbers() -> dict[str, int]:
    known = kernel_calls(MACHINE)
    if not known:
        pytest.skip("the kernel's headers are not installed")
    assert len(known) > 290
    return known


def errors(captioner: ChildCaptioner, calls: list[tuple[int, ...]]) -> list[int]:
    """The error number of each call, a number with its arguments; 0 where it succeeds."""
    heard: list[int] = []
    for start in range(0, len(calls), MOST):
        code = f"""{LIBC}
result = []
for number, *arguments in {calls[start : start + MOST]!r}:
    done = libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
    result.append(ctypes.get_errno() if done == -1 else 0)
"""
        heard += result(captioner, code)
    return heard


def test_every_other_call_of_the_kernel_is_denied(
    inside: ChildCaptioner, numbers: dict[str, int]
) -> None:
    names = [name for name in numbers if name not in harmless() | set(SOMETIMES)]
    assert len(names) > 220
    # no call can do anything with arguments like these, were it allowed
    denied = errors(inside, [(numbers[name], *[-1] * 6) for name in names])
    assert {
        name: error
        for name, error in zip(names, denied, strict=True)
        if error not in (EPERM, ENOSYS)
    } == {}


def test_a_number_that_the_header_does_not_know_is_absent(
    inside: ChildCaptioner, numbers: dict[str, int]
) -> None:
    later = [*range(max(numbers.values()) + 1, 1000), 0x7FFFFFFF]
    x32 = [0x40000000 + number for number in range(600)]
    assert set(errors(inside, [(number, *[-1] * 6) for number in [*later, *x32]])) == {ENOSYS}


def test_what_libraries_have_an_older_way_for_is_absent(inside: ChildCaptioner) -> None:
    clone3, openat2, fchmodat2, mseal = 435, 437, 452, 462
    assert set(errors(inside, [(n, *[-1] * 6) for n in (clone3, openat2, fchmodat2, mseal)])) == {
        ENOSYS
    }


def test_files_are_opened_to_be_read_alone(inside: ChildCaptioner, numbers: dict[str, int]) -> None:
    flags = [1 << bit for bit in range(31)]
    flags += [one | other for one in flags for other in (0o1, 0o2, 0o3, 0o20200000)]
    # no folder and no path: what is let through is a bad address, or a bad descriptor
    ways = [("openat", (-1, 0)), ("open", (0,))]
    for name, where in ways:
        if name not in numbers:
            continue
        for flag, error in zip(
            flags,
            errors(inside, [(numbers[name], *where, flag, 0) for flag in flags]),
            strict=True,
        ):
            changes = flag & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            assert (error == EPERM) == bool(changes), oct(flag)


def test_a_process_is_not_a_thread(inside: ChildCaptioner, numbers: dict[str, int]) -> None:
    thread = 0x003D0F00  # strace shows it for glibc's pthread_create
    flags = [0, 0x11, 0x4111, 0x01200011, 0x00010000, *(thread ^ 1 << bit for bit in range(32))]
    flags.remove(thread | 0x00400000)  # CLONE_DETACHED, which musl still sets, says nothing
    assert set(errors(inside, [(numbers["clone"], flag, 0, 0, 0, 0) for flag in flags])) == {EPERM}


def test_signals_go_to_itself_alone(inside: ChildCaptioner, numbers: dict[str, int]) -> None:
    assert inside._child is not None
    own = inside._child.pid
    others = [0, 1, -1, os.getpid(), own + (1 << 32) - 1]
    assert set(errors(inside, [(numbers["tgkill"], pid, pid, 0) for pid in others])) == {EPERM}
    assert errors(inside, [(numbers["tgkill"], own, own, 0)]) == [0]


def test_limits_are_its_own_and_only_that_of_memory_is_set(
    inside: ChildCaptioner, numbers: dict[str, int]
) -> None:
    assert inside._child is not None
    call, memory, address = numbers["prlimit64"], 2, 8
    set_ones = [(call, 0, kind, address, 0) for kind in range(16) if kind != memory]
    high = [(call, 0, kind, address << 32, 0) for kind in range(16) if kind != memory]
    others = [(call, pid, memory, 0, 0) for pid in (1, os.getpid(), inside._child.pid)]
    assert set(errors(inside, [*set_ones, *high, *others])) == {EPERM}
    assert set(errors(inside, [(call, 0, kind, 0, 0) for kind in range(16)])) == {0}


@pytest.mark.parametrize(
    ("name", "place", "tried", "expected"),
    [
        # duplicate, close-on-exec, flags: no lock, no lease, no owner, no size of a pipe
        ("fcntl", 1, range(1100), {0, 1, 2, 3, 4, 1030}),
        # ask a terminal, close-on-exec; the first is of the way that glibc asks since 2.42
        ("ioctl", 1, [0x802C542A, *range(1 << 16)], {0x802C542A, 0x5401, 0x5413, 0x5450, 0x5451}),
        # the name of a thread
        ("prctl", 0, [*range(300), 0x53564D41, 0x59616D61], {15, 16}),
        # wide registers
        (
            "arch_prctl",
            0,
            [*range(0x1000, 0x1030), *range(0x5000, 0x5010)],
            {*range(0x1021, 0x1024)},
        ),
        # a barrier for the threads of this process, which must be registered first
        ("membarrier", 0, [16, *range(1 << 11)], {0, 8, 16}),
    ],
)
def test_commands_that_are_let_through(
    inside: ChildCaptioner,
    numbers: dict[str, int],
    name: str,
    place: int,
    tried: range | list[int],
    expected: set[int],
) -> None:
    if name not in numbers:
        # 64-bit ARM never had the older ones, and what is not there cannot be let through
        pytest.skip("this processor or kernel has no such call")
    # what is let through fails at a descriptor or an address that there is not, or does nothing
    calls = [(numbers[name], *[-1] * place, value, *[0] * (4 - place)) for value in tried]
    heard = zip(tried, errors(inside, calls), strict=True)
    let_through = {value for value, error in heard if error != EPERM}
    assert let_through == expected
