"""What the process that decodes strangers' pictures gives up: files, sockets, other processes.

Linux alone has all of this; what a system lacks is left out, and `confine` tells what holds.
ADR 0020 has the reasons.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

from describer_daemon.captioner import memory

_PR_SET_NO_NEW_PRIVS = 38

# Landlock: whatever changes a file or a folder (bits 1 and 4 to 12), moves it elsewhere (13), cuts
# it off (14) or commands a device (15); TCP; signals to others and sockets without a path.
# Numbers are the same on every architecture.
_CREATE_RULESET, _RESTRICT_SELF, _VERSION = 444, 446, 1
_WRITING = 1 << 1 | sum(1 << bit for bit in range(4, 13))
_WRITING_SINCE = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # by version of the interface
_TCP, _SCOPES = 0b11, 0b11

# seccomp: a program for the kernel's packet filter looks at each system call's number.
_SET_MODE_FILTER, _ALL_THREADS = 1, 1
_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENT = 0, 4, 16  # where it finds them
_ALLOW, _DENY, _ABSENT = 0x7FFF0000, 0x00050001, 0x00050026  # the latter two: EPERM, ENOSYS
_FOREIGN = 0x40000000  # x86-64 has a second table of numbers from here on
_THREAD = 0x00010000  # clone's flag

# name: number on x86-64 and on 64-bit ARM; None where there is no such call
_DENIED: dict[str, tuple[int | None, int | None]] = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),  # they do what others may not
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "kill": (62, 129), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "chmod": (90, None), "fchmod": (91, 52),
    "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None), "lchown": (94, None),
    "fchown": (93, 55), "fchownat": (260, 54), "setxattr": (188, 5), "utimensat": (280, 88),
    "mount": (165, 40), "unshare": (272, 97), "setns": (308, 268), "bpf": (321, 280),
    "open_by_handle_at": (304, 265), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
}  # fmt: skip
# machine: its column above, its name for the kernel, and seccomp, clone, clone3, tgkill, prlimit64
_MACHINES = {
    "x86_64": (0, 0xC000003E, 317, 56, 435, 234, 302),
    "aarch64": (1, 0xC00000B7, 277, 220, 435, 131, 261),
}


def confine(allowance: int = memory.ALLOWANCE) -> tuple[str, ...]:
    """Give up, for good, what decoding does not need. → which of these three now hold:

    "memory": no more than `allowance` bytes beyond those in use (see `memory`);
    "files": none can be changed, made or removed;
    "system": no socket, no program, no other process can be reached.
    To be called while the process has only one thread; never raises.
    """
    if sys.platform != "linux":
        return ()
    memory.leave_no_core()
    limits = [("memory", memory.limit(allowance))]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        limits += [("files", _change_no_file(libc)), ("system", _filter_calls(libc))]
    return tuple(name for name, holds in limits if holds)


def _change_no_file(libc: ctypes.CDLL) -> bool:
    """By Landlock, with no exception made for any folder."""
    version = libc.syscall(_CREATE_RULESET, None, 0, _VERSION)
    if version < 1:
        return False
    writing = _WRITING | sum(bit for since, bit in _WRITING_SINCE.items() if version >= since)
    rules = struct.pack(
        "=QQQ", writing, _TCP if version >= 4 else 0, _SCOPES if version >= 6 else 0
    )
    handle = libc.syscall(_CREATE_RULESET, rules, len(rules), 0)
    if handle < 0:
        return False
    status: int = libc.syscall(_RESTRICT_SELF, handle, 0)
    os.close(handle)
    return status == 0


def _filter_calls(libc: ctypes.CDLL) -> bool:
    """By seccomp. A call that is denied fails like one that is not permitted."""
    machine = platform.machine()
    if machine not in _MACHINES or sys.maxsize < 2**32 or sys.byteorder != "little":
        return False
    instructions = _program(machine)
    program = ctypes.create_string_buffer(b"".join(instructions))
    header = ctypes.create_string_buffer(
        struct.pack("@HP", len(instructions), ctypes.addressof(program))
    )
    seccomp = _MACHINES[machine][2]
    return bool(libc.syscall(seccomp, _SET_MODE_FILTER, _ALL_THREADS, header) == 0)


def _program(machine: str) -> list[bytes]:
    column, architecture, _, clone, clone3, tgkill, prlimit = _MACHINES[machine]
    instructions = [
        _bpf(_LOAD, _ARCHITECTURE),
        _bpf(_JUMP_EQUAL, architecture, 1),
        _bpf(_RETURN, _DENY),
        _bpf(_LOAD, _NUMBER),
        _bpf(_JUMP_ABOVE, _FOREIGN, 0, 1),
        _bpf(_RETURN, _DENY),
        # its flags are out of sight; the C library falls back to clone
        _bpf(_JUMP_EQUAL, clone3, 0, 1),
        _bpf(_RETURN, _ABSENT),
    ]
    for numbers in _DENIED.values():
        number = numbers[column]
        if number is not None:
            instructions += [_bpf(_JUMP_EQUAL, number, 0, 1), _bpf(_RETURN, _DENY)]
    # a thread, but no process; a signal and a limit for ourselves only
    for number, jump, expected in (
        (clone, _JUMP_BITS, _THREAD),
        (tgkill, _JUMP_EQUAL, os.getpid()),
        (prlimit, _JUMP_EQUAL, 0),
    ):
        instructions += [
            _bpf(_JUMP_EQUAL, number, 0, 4),
            _bpf(_LOAD, _ARGUMENT),
            _bpf(jump, expected, 0, 1),
            _bpf(_RETURN, _ALLOW),
            _bpf(_RETURN, _DENY),
        ]
    return [*instructions, _bpf(_RETURN, _ALLOW)]


def _bpf(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)
