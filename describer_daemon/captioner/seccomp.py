"""The list of system calls that the captioner's process may still make, as a program for seccomp.

What is not listed is denied, and it depends neither on a path nor on anything else in memory,
which another thread could change after the look. ADR 0037 tells how the list was made.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

_SET_MODE_FILTER, _ALL_THREADS = 1, 1

# the kernel's packet-filter language
LOAD, JUMP_EQUAL, JUMP_ABOVE, JUMP_BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, ARGUMENT = 0, 4, 16  # where it finds them; an argument has 8 bytes
ALLOW, DENY, ABSENT, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000  # EPERM, ENOSYS

# Calls from here on are younger than Linux 5.1, and have one number everywhere. Whoever makes
# them must go on without, so that is what an unlisted one hears: the C library makes a thread by
# clone when clone3 is absent, whose flags are out of the filter's sight, and opens by openat
# when openat2 is. What becomes a call after this was written falls under it, too, as do the
# numbers of x32, x86-64's second table, which begins far above.
_SINCE_5_1 = 424

Numbers = tuple[int | None, int | None]
# name: number on x86-64 and on 64-bit ARM; None where there is no such call
CALLS: Mapping[str, Numbers] = {
    # look at files, and read them
    "read": (0, 63), "readv": (19, 65), "pread64": (17, 67), "lseek": (8, 62), "close": (3, 57),
    "stat": (4, None), "lstat": (6, None), "fstat": (5, 80), "newfstatat": (262, 79),
    "statx": (332, 291), "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439),
    "readlink": (89, None), "readlinkat": (267, 78), "getdents": (78, None),
    "getdents64": (217, 61), "getcwd": (79, 17),
    # answer: the only descriptors that can be written to are our own two pipes
    "write": (1, 64), "writev": (20, 66),
    # wait
    "select": (23, None), "pselect6": (270, 72), "poll": (7, None), "ppoll": (271, 73),
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "restart_syscall": (219, 128),
    # its own memory
    "mmap": (9, 222), "munmap": (11, 215), "mprotect": (10, 226), "mremap": (25, 216),
    "madvise": (28, 233), "brk": (12, 214),
    # its own threads and signals
    "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293), "exit": (60, 93),
    "exit_group": (231, 94), "gettid": (186, 178), "getpid": (39, 172), "getppid": (110, 173),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "getcpu": (309, 168),
    "sched_getparam": (143, 121), "sched_getscheduler": (145, 120),
    "sched_get_priority_max": (146, 125), "sched_get_priority_min": (147, 126),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    # what time it is, who and where we are
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "gettimeofday": (96, 169),
    "time": (201, None), "getrusage": (98, 165), "uname": (63, 160), "sysinfo": (99, 179),
    "getrandom": (318, 278), "getrlimit": (97, 163), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
}  # fmt: skip


class Condition(NamedTuple):
    """Of an argument (its lower half, unless `high`): that it is one of `values`, or has none of
    `bits`."""

    argument: int
    values: Sequence[int] = ()
    bits: int = 0
    high: bool = False


Conditions = Sequence[Condition]
_WRITING = 0o1 | 0o2 | 0o100 | 0o1000  # O_WRONLY, O_RDWR, O_CREAT, O_TRUNC; O_TMPFILE needs one
# A thread as glibc asks for one, and as musl does: all that a process is made of is shared, and
# nothing that belongs to a process of its own.
_THREADS = (0x003D0F00, 0x007D0F00)
_RLIMIT_DATA = 2


def checked_calls(pid: int) -> Mapping[str, tuple[Numbers, Sequence[Conditions]]]:
    """→ by name, the numbers of a call that is allowed only when all of one row holds."""
    return {
        "open": ((2, None), [[Condition(1, bits=_WRITING)]]),
        "openat": ((257, 56), [[Condition(2, bits=_WRITING)]]),
        "clone": ((56, 220), [[Condition(0, _THREADS)]]),
        # to end ourselves
        "tgkill": ((234, 131), [[Condition(0, [pid])]]),
        # our own limits: to read each, to set that of memory
        "prlimit64": (
            (302, 261),
            [
                [Condition(0, [0]), Condition(2, [0]), Condition(2, [0], high=True)],
                [Condition(0, [0]), Condition(1, [_RLIMIT_DATA])],
            ],
        ),
        # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC: neither locks nor leases
        # on others' files, nor F_SETOWN, which sends signals to others
        "fcntl": ((72, 25), [[Condition(1, (0, 1, 2, 3, 4, 1030))]]),
        # TCGETS, TCGETS2 and TIOCGWINSZ ask a terminal, FION- and FIOCLEX are close-on-exec
        "ioctl": ((16, 29), [[Condition(1, (0x5401, 0x802C542A, 0x5413, 0x5450, 0x5451))]]),
        # the name of a thread: PR_SET_NAME, PR_GET_NAME
        "prctl": ((157, 167), [[Condition(0, (15, 16))]]),
        # wide registers (AMX): ARCH_GET_XCOMP_SUPP, ARCH_GET_XCOMP_PERM, ARCH_REQ_XCOMP_PERM
        "arch_prctl": ((158, None), [[Condition(0, (0x1021, 0x1022, 0x1023))]]),
        # musl, to load a library while there are threads: of our own process alone
        "membarrier": ((324, 283), [[Condition(0, (0, 8, 16))]]),
    }


# machine: its column above, its name for the kernel, its number of the call `seccomp`
MACHINES = {"x86_64": (0, 0xC000003E, 317), "aarch64": (1, 0xC00000B7, 277)}


def restrict_calls(libc: ctypes.CDLL) -> bool:
    """Allow this process, in all its threads and for good, the listed calls alone. → whether.

    Needs NO_NEW_PRIVS. A call that is denied fails like one that is not permitted (EPERM) or that
    the kernel does not know (ENOSYS): a library that makes one goes on with less. One by another
    processor's table kills: no library does that.
    """
    machine = platform.machine()
    if machine not in MACHINES or sys.maxsize < 2**32 or sys.byteorder != "little":
        return False
    instructions = program(machine, os.getpid())
    code = ctypes.create_string_buffer(b"".join(instructions))
    header = ctypes.create_string_buffer(
        struct.pack("@HP", len(instructions), ctypes.addressof(code))
    )
    seccomp = MACHINES[machine][2]
    return bool(libc.syscall(seccomp, _SET_MODE_FILTER, _ALL_THREADS, header) == 0)


def program(machine: str, pid: int) -> list[bytes]:
    """The filter for the process `pid` on a machine: instructions for the kernel."""
    column, architecture, _ = MACHINES[machine]
    instructions = [
        instruction(LOAD, ARCHITECTURE),
        instruction(JUMP_EQUAL, architecture, 1),
        instruction(RETURN, KILL),
        instruction(LOAD, NUMBER),
    ]
    for numbers in CALLS.values():
        number = numbers[column]
        if number is not None:
            instructions += [
                instruction(JUMP_EQUAL, number, 0, 1),
                instruction(RETURN, ALLOW),
            ]
    for numbers, alternatives in checked_calls(pid).values():
        number = numbers[column]
        if number is not None:
            steps = [step for conditions in alternatives for step in _alternative(conditions)]
            instructions.append(instruction(JUMP_EQUAL, number, 0, len(steps) + 1))
            instructions += [*steps, instruction(RETURN, DENY)]
    return [
        *instructions,
        instruction(JUMP_ABOVE, _SINCE_5_1, 0, 1),
        instruction(RETURN, ABSENT),
        instruction(RETURN, DENY),
    ]


def _alternative(conditions: Conditions) -> Iterator[bytes]:
    """Allow if all of it holds, else go on behind these instructions."""
    lengths = [1 + max(1, len(condition.values)) for condition in conditions]
    for index, condition in enumerate(conditions):
        yield instruction(LOAD, ARGUMENT + 8 * condition.argument + 4 * condition.high)
        past = sum(lengths[index + 1 :]) + 1
        if condition.bits:
            yield instruction(JUMP_BITS, condition.bits, past)
        for left, value in zip(
            reversed(range(len(condition.values))), condition.values, strict=True
        ):
            yield instruction(JUMP_EQUAL, value, left, 0 if left else past)
    yield instruction(RETURN, ALLOW)


def instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One step: of a jump, how many steps to leave out in either case."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
