"""The filter's program on either machine: its numbers are the kernel's, and what it answers."""

from __future__ import annotations

import ctypes
import platform
import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from describer_daemon.captioner import seccomp
from tests.unit.captioner.test_sandbox_calls import HEADERS, SOMETIMES, harmless, kernel_calls

PID = 4711
ALLOWED, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # include/uapi/linux/audit.h


def verdict(machine: str, number: int, *arguments: int, architecture: int = 0) -> int:
    """What the kernel would answer: its filter language as far as it is used."""
    looked, place = 0, 0
    steps = [struct.unpack("=HBBI", step) for step in seccomp.program(machine, PID)]
    data = {0: number, 4: architecture or AUDIT[machine]}
    for index in range(6):
        argument = arguments[index] if index < len(arguments) else 0
        data[16 + 8 * index], data[20 + 8 * index] = argument & 0xFFFFFFFF, argument >> 32
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


@pytest.fixture(params=AUDIT)
def machine(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if not Path(HEADERS[name]).is_file():
        pytest.skip("the kernel's headers are not installed")
    return name


def test_whatever_the_kernel_has_and_nobody_needs_is_denied(machine: str) -> None:
    known = kernel_calls(machine)
    heard = {
        name: verdict(machine, number)
        for name, number in known.items()
        if name not in harmless() | set(SOMETIMES)
    }
    assert len(heard) > 200
    assert set(heard.values()) == {EPERM, ENOSYS}
    assert heard["clone3"] == heard["openat2"] == ENOSYS
    assert heard["execve"] == heard["socket"] == heard["kill"] == EPERM


def test_all_that_are_allowed_exist_on_the_machine(machine: str) -> None:
    known = {number: name for name, number in kernel_calls(machine).items()}
    column = list(AUDIT).index(machine)
    ours = {name: numbers[column] for name, numbers in seccomp.CALLS.items()}
    ours |= {name: row[0][column] for name, row in seccomp.checked_calls(PID).items()}
    assert {
        name: number for name, number in ours.items() if number and known.get(number) != name
    } == {}


# as strace shows them of captioning, finding, OCR and every format, with glibc 2.36
NEEDED = [
    "mmap",
    "munmap",
    "read",
    "futex",
    "brk",
    "readlinkat",
    "newfstatat",
    "sched_yield",
    "lseek",
    "fstat",
    "close",
    "write",
    "pselect6",
    "madvise",
    "rt_sigprocmask",
    "getdents64",
    "mprotect",
    "set_robust_list",
    "exit",
    "sched_getaffinity",
    "pread64",
    "rt_sigaction",
    "faccessat",
    "exit_group",
    "clock_nanosleep",
    "getrandom",
    "uname",
    "getcwd",
    "getpid",
]
# what other C libraries make of the same: glibc before 2.33, since 2.35, musl
NEEDED_ELSEWHERE = [
    "readv",
    "writev",
    "statx",
    "rseq",
    "restart_syscall",
    "clock_gettime",
    "gettid",
    "mremap",
]
ONLY_X86 = ["stat", "lstat", "access", "readlink", "getdents", "poll", "select", "time"]


@pytest.mark.parametrize("name", [*NEEDED, *NEEDED_ELSEWHERE, *ONLY_X86])
def test_what_is_needed_is_allowed(machine: str, name: str) -> None:
    known = kernel_calls(machine)
    if machine == "aarch64" and name in ONLY_X86:
        assert name not in known  # it has but the younger ones
    else:
        assert verdict(machine, known[name], -1 & 0xFFFFFFFF) == ALLOWED


@pytest.mark.parametrize(
    ("name", "allowed", "denied"),
    [
        ("openat", [(0, 0, 0), (0, 0, 0o2000000)], [(0, 0, 1), (0, 0, 0o1000), (0, 0, 0o102)]),
        ("clone", [(0x3D0F00,), (0x7D0F00,)], [(0x11,), (0x103D0F00,), (0x10000,), (0x3D0F80,)]),
        ("tgkill", [(PID, 1, 6)], [(PID + 1, PID, 6), (0,), (1,)]),
        (
            "prlimit64",
            [(0, 7, 0, 99), (0, 2, 99, 0)],
            [(0, 7, 99), (0, 7, 1 << 32), (PID, 2, 0), (1, 2, 99), (0, 4, 99, 99)],
        ),
        ("fcntl", [(0, 1), (9, 1030)], [(0, 8), (0, 6), (0, 1024), (0, 1031)]),
        ("ioctl", [(0, 0x5401), (1, 0x5451)], [(0, 0x5412), (0, 0x40086602), (0, 0x8901)]),
        ("prctl", [(15,), (16,)], [(4, 1), (1, 9), (0x59616D61,)]),
        ("membarrier", [(8,), (16,), (0,)], [(1,), (2,), (32,)]),
    ],
)
def test_arguments_decide(
    machine: str,
    name: str,
    allowed: Sequence[tuple[int, ...]],
    denied: Sequence[tuple[int, ...]],
) -> None:
    number = kernel_calls(machine)[name]
    assert {verdict(machine, number, *arguments) for arguments in allowed} == {ALLOWED}
    assert {verdict(machine, number, *arguments) for arguments in denied} == {EPERM}


def test_other_tables_of_numbers(machine: str) -> None:
    read = kernel_calls(machine)["read"]
    assert verdict(machine, read) == ALLOWED
    for foreign in (0x40000003, 0x40000028, *(AUDIT[name] for name in AUDIT if name != machine)):
        assert verdict(machine, read, architecture=foreign) == KILL  # of 32 bits, for one
    assert verdict(machine, 0x40000000 + read) == ENOSYS  # x32


def test_it_is_as_long_as_the_kernel_takes(machine: str) -> None:
    assert len(seccomp.program(machine, PID)) < 4096


def test_a_machine_without_numbers_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not seccomp.restrict_calls(ctypes.CDLL(None))
