"""What is promised is what holds, on a kernel of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from describer_daemon.captioner import promises
from tests.unit.captioner.inside import attempting, failure, older
from tests.unit.proc import PROC

ALL = ("can change no file", "can reach no network and no other program")


@pytest.mark.parametrize(
    ("in_force", "sentence"),
    [
        (
            ["memory", "landlock 7", "seccomp"],
            "its process takes only so much memory, can change no file, can reach no network and "
            "no other program (Landlock 7, seccomp)",
        ),
        (
            ["memory", "seccomp"],
            "its process takes only so much memory, can change no file, can reach no network; "
            "but it could read what other programs have in memory, for this kernel has no "
            "Landlock (seccomp)",
        ),
        (
            ["landlock 3"],
            "its process can write to no file; but it could change modes and times of files and "
            "reach the network and other programs, for there is no seccomp filter here "
            "(Landlock 3)",
        ),
        (
            ["landlock 2"],
            "its process can make and remove no file; but it could empty files and reach the "
            "network and other programs, for there is no seccomp filter here (Landlock 2)",
        ),
        (
            ["memory"],
            "its process takes only so much memory; but it could change files and reach the "
            "network and other programs, for there is no seccomp filter here",
        ),
        ([], "its process is not confined on this system"),
        (["landlock", "landlock x", "magic"], "its process is not confined on this system"),
    ],
)
def test_what_is_told(in_force: list[str], sentence: str) -> None:
    assert promises.told(in_force) == sentence


EMPTY = "import os; os.truncate({!r}, 0)"
SOCKET = "import socket; socket.socket(socket.AF_UNIX)"
LOOK = "import os; open(f'/proc/{os.getppid()}/mem', 'rb').close()"


@pytest.mark.skipif(not PROC.is_dir(), reason="Linux has all of this")
@pytest.mark.parametrize(
    ("landlock", "seccomp", "told", "possible"),
    [
        (3, True, ", ".join(ALL), set()),
        (2, True, ", ".join(ALL), set()),
        (1, True, ", ".join(ALL), set()),
        (0, True, "can reach no network; but it could read what other programs have", {LOOK}),
        (3, False, "can write to no file; but it could change modes", {SOCKET}),
        (2, False, "can make and remove no file; but it could empty files", {SOCKET, EMPTY}),
        (0, False, "so much memory; but it could change files", {SOCKET, EMPTY, LOOK}),
    ],
)
def test_each_kind_of_kernel_has_what_is_told_of_it(
    tiny_bundle: Path,
    tmp_path: Path,
    landlock: int,
    seccomp: bool,
    told: str,
    possible: set[str],
) -> None:
    victim = tmp_path / "victim"
    captioner = attempting(tiny_bundle, older(landlock, seccomp=seccomp))
    try:
        assert told in captioner.confined()
        for code in (EMPTY, SOCKET, LOOK):
            victim.write_text("untouched")
            failed = failure(captioner, code.format(str(victim)) if code is EMPTY else code)
            if code not in possible:
                assert failed.startswith("PermissionError")
            elif code is not LOOK:  # which the kernel's settings may deny everybody
                assert failed == ""
            emptied = code is EMPTY and code in possible
            assert victim.read_text() == ("" if emptied else "untouched")
    finally:
        captioner.close()
