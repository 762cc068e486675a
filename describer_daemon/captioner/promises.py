"""What a person may rely on, given what `sandbox` found in their kernel."""

from __future__ import annotations

import re
from collections.abc import Collection

from describer_daemon.core import phrasing
from describer_daemon.core.i18n import _

_LANDLOCK = re.compile(r"landlock (\d{1,4})")
_TRUNCATE = 3  # the version of Landlock that first knows of emptying a file


def told(in_force: Collection[str]) -> str:
    """What `sandbox.confine` returned → what the process cannot do, and what it still could."""
    version = max(
        (int(found[1]) for found in map(_LANDLOCK.fullmatch, in_force) if found), default=0
    )
    cannot, could = _limits(version, "seccomp" in in_force)
    if "memory" in in_force:
        cannot.insert(0, _("takes only so much memory"))
    by = [f"Landlock {version}"] * (version > 0) + ["seccomp"] * ("seccomp" in in_force)
    if not cannot:
        return _("its process is not confined on this system")
    # Translators: {cannot} is "can change no file, can reach no network", {could} is "empty files"
    rest = _("its process {cannot}; but it could {could}") if could else _("its process {cannot}")
    told = rest.format(cannot=phrasing.in_a_row(cannot), could=phrasing.enumerated(could))
    return f"{told} ({', '.join(by)})" if by else told


def _limits(landlock: int, seccomp: bool) -> tuple[list[str], list[str]]:
    """→ what the process cannot do, and what is missing from that."""
    if seccomp and landlock:
        # Translators: this and what follows stand in "its process {cannot}; but it could {could}"
        return [_("can change no file"), _("can reach no network and no other program")], []
    if seccomp:  # /proc is a matter of files, whose names are out of the filter's sight
        return (
            [_("can change no file"), _("can reach no network")],
            [_("read what other programs have in memory, for this kernel has no Landlock")],
        )
    others = _("reach the network and other programs, for there is no seccomp filter here")
    if landlock >= _TRUNCATE:
        return [_("can write to no file")], [_("change modes and times of files"), others]
    if landlock:
        return [_("can make and remove no file")], [_("empty files"), others]
    return [], [_("change files"), others]
