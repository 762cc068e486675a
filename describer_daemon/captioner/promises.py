"""What a person may rely on, given what `sandbox` found in their kernel."""

from __future__ import annotations

import re
from collections.abc import Collection

_LANDLOCK = re.compile(r"landlock (\d{1,4})")
_TRUNCATE = 3  # the version of Landlock that first knows of emptying a file


def told(in_force: Collection[str]) -> str:
    """What `sandbox.confine` returned → what the process cannot do, and what it still could."""
    version = max(
        (int(found[1]) for found in map(_LANDLOCK.fullmatch, in_force) if found), default=0
    )
    cannot, could = _limits(version, "seccomp" in in_force)
    if "memory" in in_force:
        cannot.insert(0, "takes only so much memory")
    by = [f"Landlock {version}"] * (version > 0) + ["seccomp"] * ("seccomp" in in_force)
    if not cannot:
        return "its process is not confined on this system"
    means = f" ({', '.join(by)})" if by else ""
    rest = f"; but it could {' and '.join(could)}" if could else ""
    return f"its process {', '.join(cannot)}{rest}{means}"


def _limits(landlock: int, seccomp: bool) -> tuple[list[str], list[str]]:
    """→ what the process cannot do, and what is missing from that."""
    if seccomp and landlock:
        return ["can change no file", "can reach no network and no other program"], []
    if seccomp:  # /proc is a matter of files, whose names are out of the filter's sight
        return (
            ["can change no file", "can reach no network"],
            ["read what other programs have in memory, for this kernel has no Landlock"],
        )
    others = "reach the network and other programs, for there is no seccomp filter here"
    if landlock >= _TRUNCATE:
        return ["can write to no file"], ["change modes and times of files", others]
    if landlock:
        return ["can make and remove no file"], ["empty files", others]
    return [], ["change files", others]
