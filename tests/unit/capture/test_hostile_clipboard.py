"""Clipboards made to do harm end in a picture or in one sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.fuzz import run as fuzz
from benchmarks.fuzz.clipboards import Clipboards
from benchmarks.fuzz.trial import descriptors
from describer_daemon.capture import clipboard, copied_files
from describer_daemon.core.ports import DescriberError


def test_an_address_need_not_be_utf8(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    path.write_bytes(b"\x89PNG and more")
    address = os.fsencode(f"file://{path}")
    found = clipboard.picture(["text/uri-list"], {"text/uri-list": address}.__getitem__)
    assert found.data == path.read_bytes()


def test_a_data_address_need_not_be_utf8() -> None:
    offered = {"TEXT": b"data:image/png;base64,\xe9\xe9"}
    with pytest.raises(DescriberError, match="broken"):
        clipboard.picture(list(offered), offered.__getitem__)


def test_a_copied_folder_leaves_nothing_open(tmp_path: Path) -> None:
    before = descriptors()
    for _ in range(50):
        with pytest.raises(DescriberError, match="folder"):
            copied_files.read_file(tmp_path)
    assert descriptors() <= before  # what others left may be collected meanwhile


def test_hundreds_of_hostile_clipboards(tmp_path: Path) -> None:
    tally = fuzz.run(Clipboards, "clipboard", 3, range(150), tmp_path)
    assert tally.tried == 150
    assert tally.accepted
    assert tally.mishandled == []
    assert not tally.left_open
