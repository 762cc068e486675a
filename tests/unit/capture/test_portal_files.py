"""The desktop's picture of the screen as a file: wherever it is, and without a home."""

from __future__ import annotations

import pwd
import tempfile
import time
from pathlib import Path

import pytest

from describer_daemon import mounts
from describer_daemon.capture import portal, screenshot_tools
from describer_daemon.core.ports import DescriberError

UNREADABLE = "The desktop took a picture of the screen, but I cannot read it. Please try again."


def test_without_home_and_account_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_number: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    path = tmp_path / "screen.png"
    path.write_bytes(b"picture")
    assert portal._take(path, time.time()) == b"picture"


@pytest.mark.parametrize("uri", ["file://[x/a.png", "file:///a%00b", "https://example.org/a.png"])
def test_an_address_that_is_none(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "_request", lambda *_, **__: uri)
    with pytest.raises(DescriberError) as error:
        portal.grab()
    assert error.value.spoken == UNREADABLE


def test_a_folder_that_may_never_answer_is_asked_by_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a screen \udcff.png"
    monkeypatch.setattr(portal, "_request", lambda *_, **__: path.as_uri())
    monkeypatch.setattr(mounts, "is_local", lambda _: False)
    path.write_bytes(b"picture")
    assert portal.grab() == b"picture"
    path.unlink(missing_ok=True)
    with pytest.raises(DescriberError) as error:
        portal.grab()
    assert error.value.spoken == UNREADABLE


def test_a_full_disk_is_told_of_a_desktops_program(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    with pytest.raises(DescriberError) as error:
        screenshot_tools.Tool("true", frozenset(), (), ()).grab(())
    assert error.value.spoken.startswith("There is no room for a picture of the screen.")
