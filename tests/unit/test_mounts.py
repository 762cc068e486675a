"""Which paths lead to what may never answer: told by the kernel's table and by links alone."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from describer_daemon import mounts

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the table is Linux's")

TABLE = """\
20 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
21 20 0:5 / {folder}/nas rw shared:1 master:2 - nfs4 server:/share rw
22 20 0:6 / {folder}/nas\\040two rw - fuse.sshfs host: rw
23 21 8:2 / {folder}/nas/disk rw - ext4 /dev/sdb1 rw
24 20 0:7 / {folder}/auto rw - autofs systemd-1 rw
25 24 8:3 / {folder}/auto rw - ext4 /dev/sdc1 rw
26 20 0:8 / {folder}/stick rw - vfat /dev/sdd1 rw
27 26 0:9 / {folder}/stick rw - fuseblk /dev/sdd1 rw
28 20 0:9 / {folder}/disk rw - xfs /dev/sde1 rw
a line that is none of its kind
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of which a table says that others are mounted on it."""
    folder = tmp_path.resolve()
    table = folder / "mountinfo"
    table.write_text(TABLE.format(folder=folder), encoding="utf-8")
    monkeypatch.setattr(mounts, "_TABLE", table)
    for name in ("nas", "nas two", "auto", "stick", "disk"):
        folder.joinpath(name).mkdir()
    links = {
        "to the nas": "nas/photo.png",
        "to a link": "to the nas",
        "full": f"{folder}/nas two",
        "round": "round",
        "home": "../" + folder.name,
        "dangling": "nothing/there",
    }
    for name, target in links.items():
        folder.joinpath(name).symlink_to(target)
    return folder


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("photo.png", True),
        ("disk/photo.png", True),
        ("nas/photo.png", False),
        ("nas", False),
        ("nas two/a/b", False),
        ("nastwo/photo.png", True),  # begins with the same letters
        ("nas/disk/photo.png", False),  # on the way the server is asked
        ("auto/photo.png", False),
        ("stick/photo.png", False),  # the upper one of two
        ("disk/../nas/photo.png", False),
        ("disk/./../photo.png", True),
        ("to the nas", False),
        ("to a link", False),
        ("full/photo.png", False),
        ("home/nas/photo.png", False),
        ("home/photo.png", True),
        ("round", True),  # who opens it is told so
        ("dangling", True),
        ("a\0b", True),
    ],
)
def test_a_path(folder: Path, name: str, local: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert mounts.is_local(f"{folder}/{name}") is local
    monkeypatch.chdir(folder)
    assert mounts.is_local(name) is local


def test_without_a_table_nothing_is_known(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "_TABLE", folder / "nothing")
    assert mounts.is_local(folder / "nas")


def test_what_is_open_is_known_by_its_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryFile() as file:
        told = Path(f"/proc/self/fdinfo/{file.fileno()}").read_text(encoding="ascii")
        number = told.partition("mnt_id:")[2].split()[0]
        for kind, local in (("nfs", False), ("xfs", True)):
            table = Path(tempfile.mkdtemp()) / "mountinfo"
            table.write_text(f"{number} 1 8:1 / / rw - {kind} a rw\n", encoding="ascii")
            monkeypatch.setattr(mounts, "_TABLE", table)
            assert mounts.is_open_locally(file.fileno()) is local
    read, write = os.pipe()
    assert mounts.is_open_locally(read)
    os.close(read)
    os.close(write)
    assert mounts.is_open_locally(read)
