"""A file system that stops answering, as one on a network does, over the kernel's FUSE protocol.

It needs to be allowed to mount, as root is. The numbers are those of <linux/fuse.h>, protocol 7.31.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

LOOKUP, FORGET, GETATTR, OPEN, READ, INIT, INTERRUPT, BATCH_FORGET = 1, 2, 3, 14, 15, 26, 36, 42
_REQUEST, _REPLY = struct.Struct("<IIQQIIII"), struct.Struct("<IiQ")
_ATTRIBUTES = struct.Struct("<QQQQQQIIIIIIIIII")
_NO_REPLY = (FORGET, INTERRUPT, BATCH_FORGET)
_DIRECT = 1
_FORCE_AND_DETACH = 3
_SIZE = 1 << 20


class HangingMount:
    """One file, "photo.png"; `at` is the request that is never answered, and all after it."""

    def __init__(self, folder: Path, at: int) -> None:
        self.path = folder / "photo.png"
        self.asked = threading.Event()  # for what is not answered
        self._folder, self._at = os.fsencode(folder), at
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._device},rootmode=40000,user_id=0,group_id=0".encode()
        if self._libc.mount(b"test", self._folder, b"fuse", 0, options):
            os.close(self._device)
            raise OSError(ctypes.get_errno(), "mount")
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        if at == READ:
            # The kernel learns that nobody need be asked about a closed file. Else a process that
            # is just started would wait for this thread, and its parent, with the GIL, for it.
            os.close(os.open(self.path, os.O_RDONLY))

    def close(self) -> None:
        """Whoever still waits gets an error; safe to call twice."""
        self._libc.umount2(self._folder, _FORCE_AND_DETACH)
        self._thread.join(20)

    def _serve(self) -> None:
        with contextlib.suppress(OSError), os.fdopen(self._device, "rb"):  # until it is unmounted
            while True:
                request = os.read(self._device, _SIZE + 4096)
                _, kind, unique, node, *_ = _REQUEST.unpack_from(request)
                if kind == self._at:
                    self.asked.set()
                if kind in _NO_REPLY or self.asked.is_set():
                    continue
                answer, error = _answer(kind, node)
                length = _REPLY.size + len(answer)
                os.write(self._device, _REPLY.pack(length, -error, unique) + answer)


def _answer(kind: int, node: int) -> tuple[bytes, int]:
    if kind == INIT:
        head = struct.pack("<IIIIHHIIHH", 7, 31, 0, 0, 0, 0, _SIZE, 1, 0, 0)
        return head.ljust(64, b"\0"), 0
    if kind == LOOKUP:
        return struct.pack("<QQQQII", 2, 0, 0, 0, 0, 0) + _attributes(2), 0
    if kind == GETATTR:
        return struct.pack("<QII", 0, 0, 0) + _attributes(node), 0
    if kind == OPEN:
        return struct.pack("<QII", 1, _DIRECT, 0), 0
    return b"", errno.ENOSYS


def _attributes(node: int) -> bytes:
    mode = stat.S_IFDIR | 0o755 if node == 1 else stat.S_IFREG | 0o644
    return _ATTRIBUTES.pack(node, 5000, 10, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


@contextlib.contextmanager
def mounted(folder: Path, at: int) -> Iterator[HangingMount]:
    """Raises OSError where nothing may be mounted."""
    mount = HangingMount(folder, at)
    try:
        yield mount
    finally:
        mount.close()
