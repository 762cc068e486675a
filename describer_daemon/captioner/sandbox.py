"""What the process that decodes strangers' pictures gives up: files, sockets, other processes.

Linux alone has all of this; what a system lacks is left out, and `confine` tells what works here.
ADRs 0020 and 0037 have the reasons, `promises` what follows for the person.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path

from describer_daemon.captioner import memory, seccomp

_PR_SET_NO_NEW_PRIVS = 38

# Landlock: whatever changes a file or a folder (bits 1 and 4 to 12), moves it elsewhere (13), cuts
# it off (14) or commands a device (15); TCP; signals to others and sockets without a path.
# Numbers are the same on every architecture.
_CREATE_RULESET, _RESTRICT_SELF, _VERSION = 444, 446, 1
_WRITING = 1 << 1 | sum(1 << bit for bit in range(4, 13))
_WRITING_SINCE = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # by version of the interface
_TCP, _SCOPES = 0b11, 0b11


def confine(allowance: int = memory.ALLOWANCE) -> tuple[str, ...]:
    """Give up, for good, what decoding does not need. → which of these are in force:

    "memory": no more than `allowance` bytes beyond those in use (see `memory`);
    "landlock N": the kernel's Landlock, of that version;
    "seccomp": none but the listed system calls (see `seccomp`).
    To be called while the process has only one thread; never raises.
    """
    if sys.platform != "linux":
        return ()
    memory.leave_no_core()
    memory.be_the_first_to_go()
    in_force = ["memory"] if memory.limit(allowance) else []
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        version = _landlock_version(libc)
        if _change_no_file(libc, version):
            in_force.append(f"landlock {version}")
        if seccomp.restrict_calls(libc):
            in_force.append("seccomp")
    return tuple(in_force)


def _landlock_version(libc: ctypes.CDLL) -> int:
    """→ of the kernel's interface; below 1 when there is none, or it is switched off."""
    return int(libc.syscall(_CREATE_RULESET, None, 0, _VERSION))


def _change_no_file(libc: ctypes.CDLL, version: int) -> bool:
    """By Landlock, with no exception made for any folder. It holds for this thread and those that
    it will start, and so for all only while there is no other."""
    if version < 1 or len(list(Path("/proc/self/task").iterdir())) > 1:
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
