"""Whether a path leads to a file system that may stop answering, found out without asking it.

Whoever asks a dead one, be it by `stat` or `statfs`, waits for it. Of FUSE that wait has no end
that anybody could bring about: not even SIGKILL ends it. So the kernel's own table of mounts is
asked, and links are followed only as long as they lie here.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

_TABLE = Path("/proc/self/mountinfo")  # see proc(5)
_HERE = frozenset((
    "adfs", "affs", "apfs", "bcachefs", "befs", "bfs", "btrfs", "cgroup", "cgroup2", "configfs",
    "cramfs", "debugfs", "devpts", "devtmpfs", "ecryptfs", "efivarfs", "efs", "erofs", "exfat",
    "ext2", "ext3", "ext4", "f2fs", "hfs", "hfsplus", "hpfs", "hugetlbfs", "iso9660", "jffs2",
    "jfs", "minix", "mqueue", "msdos", "nilfs2", "nsfs", "ntfs", "ntfs3", "omfs", "overlay",
    "pipefs", "proc", "pstore", "ramfs", "reiser4", "reiserfs", "rootfs", "securityfs",
    "selinuxfs", "sockfs", "squashfs", "sysfs", "sysv", "tmpfs", "tracefs", "ubifs", "udf",
    "ufs", "vfat", "xfs", "zfs", "zonefs",
))  # fmt: skip
_KILLABLE = frozenset((  # who waits for these can at least be killed
    "9p", "afs", "ceph", "cifs", "gfs2", "lustre", "nfs", "nfs4", "ocfs2", "smb3",
))  # fmt: skip
_ESCAPED = re.compile(rb"\\([0-7]{3})")
_MOST_LINKS = 40  # as the kernel has it


@dataclass(frozen=True, slots=True)
class _Mount:
    number: int
    parent: int
    place: str
    kind: str


_Table = dict[tuple[int, str], _Mount]  # by the mount below, 0 for none, and the place on it


def is_local(path: str | os.PathLike[str]) -> bool:
    """Whether all that this path leads through is on this computer's own disks or in its memory.

    True, too, where that cannot be known, as on other systems than Linux.
    """
    return _is_all(path, _HERE)


def ends_when_killed(path: str | os.PathLike[str]) -> bool:
    """Whether who waits for what this path leads to can be killed: nothing on its way is FUSE."""
    return _is_all(path, _HERE | _KILLABLE)


def _is_all(path: str | os.PathLike[str], kinds: frozenset[str]) -> bool:
    mounts = _mounts()
    if not mounts:
        return True
    try:
        ahead = [os.fspath(path)]
        if not ahead[0].startswith("/"):
            ahead.append(str(Path.cwd()))
        return _stays_on(kinds, ahead, _by_place(mounts))
    except (OSError, ValueError):  # there is no such folder, or the name has a zero byte
        return True


def is_open_locally(descriptor: int) -> bool:
    """`is_local` for what is open already under this number."""
    try:
        told = Path(f"/proc/self/fdinfo/{descriptor}").read_text(encoding="ascii", errors="replace")
    except OSError:
        return True
    number = re.search(r"^mnt_id:\s*(\d+)$", told, re.MULTILINE)
    found = [mount for mount in _mounts() if number and mount.number == int(number[1])]
    return all(mount.kind in _HERE for mount in found)  # pipes and sockets are on no mount


def _by_place(mounts: list[_Mount]) -> _Table:
    # the root of a chroot, which need not be a mount's own place, is not in the table
    numbers = {mount.number for mount in mounts}
    return {
        (mount.parent if mount.parent in numbers else 0, mount.place): mount for mount in mounts
    }


def _stays_on(kinds: frozenset[str], ahead: list[str], mounts: _Table) -> bool:
    """`ahead` are the parts of a path that are still to go, the next one last."""
    parts = [part for path in ahead for part in reversed(path.split("/"))]
    place, links = "/", 0
    while parts:
        part = parts.pop()
        if part in ("", "."):
            continue
        if part == "..":
            place = place.rpartition("/")[0] or "/"
            continue
        above, place = place, f"{place.rstrip('/')}/{part}"
        if not _is_on(kinds, place, mounts):
            return False
        try:
            target = str(Path(place).readlink())
        except OSError:  # no link, or nothing at all
            continue
        links += 1
        if links > _MOST_LINKS:
            return True  # whoever opens it is told so
        parts += reversed(target.split("/"))
        place = "/" if target.startswith("/") else above
    return True


def _is_on(kinds: frozenset[str], place: str, mounts: _Table) -> bool:
    """Whether every mount on the way to this place, which has no links, is of these kinds."""
    current, way = 0, ""
    for part in ["", *place.strip("/").split("/")]:
        way = f"{way}/{part}" if way != "/" else f"/{part}"
        while (above := mounts.get((current, way))) is not None and above.number != current:
            if above.kind not in kinds:
                return False
            current = above.number
    return True


def _mounts() -> list[_Mount]:
    """The table of mounts; [] where there is none."""
    if sys.platform != "linux":
        return []
    try:
        lines = _TABLE.read_bytes().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        fields, _, rest = line.partition(b" - ")
        columns, kind = fields.split(b" "), rest.partition(b" ")[0]
        if len(columns) < 5 or not (columns[0].isdigit() and columns[1].isdigit()):
            continue
        place = _ESCAPED.sub(lambda octal: bytes([int(octal[1], 8) & 255]), columns[4])
        name = kind.decode("ascii", "replace")
        found.append(_Mount(int(columns[0]), int(columns[1]), os.fsdecode(place), name))
    return found
