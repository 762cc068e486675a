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

from describer_daemon.captioner import sandbox as kernel

_INTERNET = (2, 10)  # AF_INET and AF_INET6


def program() -> list[bytes]:
    """The filter: nothing but those two is denied."""
    column, *_ = kernel._MACHINES[platform.machine()]
    number = kernel._DENIED["socket"][column]
    assert number is not None
    allow, deny = (kernel._bpf(kernel._RETURN, what) for what in (kernel._ALLOW, kernel._DENY))
    steps = [
        kernel._bpf(kernel._LOAD, kernel._NUMBER),
        kernel._bpf(kernel._JUMP_EQUAL, number, 1),
        allow,
        kernel._bpf(kernel._LOAD, kernel._ARGUMENT),
    ]
    for family in _INTERNET:
        steps += [kernel._bpf(kernel._JUMP_EQUAL, family, 0, 1), deny]
    return [*steps, allow]


def main() -> None:
    """Run the program that the command line names, and end as it does."""
    libc = ctypes.CDLL(None, use_errno=True)
    steps = program()
    code = ctypes.create_string_buffer(b"".join(steps))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    assert libc.prctl(kernel._PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, header, 0, 0) == 0
    sys.exit(subprocess.call(sys.argv[1:]))


if __name__ == "__main__":
    main()
