"""Run a program that can open no internet socket, where no network namespace may be made.

`python -m tests.desktop.offline PROGRAM …`: the kernel answers its socket(AF_INET), and that of
all that it starts, with EPERM, as it does in the captioner's process with every socket.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import subprocess
import sys

from describer_daemon.captioner import seccomp as kernel

_INTERNET = (2, 10)  # AF_INET and AF_INET6
_SOCKET = {"x86_64": 41, "aarch64": 198}  # the call's number
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2


def program() -> list[bytes]:
    """The filter: nothing but those two is denied."""
    allow, deny = (kernel.instruction(kernel.RETURN, what) for what in (kernel.ALLOW, kernel.DENY))
    steps = [
        kernel.instruction(kernel.LOAD, kernel.NUMBER),
        kernel.instruction(kernel.JUMP_EQUAL, _SOCKET[platform.machine()], 1),
        allow,
        kernel.instruction(kernel.LOAD, kernel.ARGUMENT),
    ]
    for family in _INTERNET:
        steps += [kernel.instruction(kernel.JUMP_EQUAL, family, 0, 1), deny]
    return [*steps, allow]


def main() -> None:
    """Run the program that the command line names, and end as it does."""
    libc = ctypes.CDLL(None, use_errno=True)
    steps = program()
    code = ctypes.create_string_buffer(b"".join(steps))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    assert libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0) == 0
    sys.exit(subprocess.call(sys.argv[1:]))


if __name__ == "__main__":
    main()
