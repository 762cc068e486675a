"""The folder of the control socket and its lock: whose it is, where it is, what is in the way."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from describer_daemon.core.ports import DescriberError
from describer_daemon.service import unix_socket
from describer_daemon.service.control import ControlServer, send


def nothing(verb: str, wait: bool) -> Mapping[str, object]:
    return {}


def test_a_place_that_is_taken_by_something_else_is_told(sandbox: Path) -> None:
    folder = unix_socket.runtime_folder(create=True)
    (folder / "control.sock").mkdir()
    with pytest.raises(DescriberError) as caught:
        ControlServer(nothing).start()
    assert caught.value.spoken == (
        f"I cannot take requests from other programs. Please look at {folder}."
    )
    assert caught.value.detail == str(caught.value.__cause__) != ""
    (folder / "control.sock").rmdir()
    server = ControlServer(nothing)
    server.start()  # so the lock was given back
    assert send("status") == {"ok": True}
    server.stop()


def test_a_lock_that_leads_elsewhere_is_not_followed(sandbox: Path) -> None:
    folder = unix_socket.runtime_folder(create=True)
    (folder / "lock").symlink_to(sandbox / "elsewhere")
    with pytest.raises(DescriberError) as caught:
        ControlServer(nothing).start()
    assert caught.value.spoken == f"I cannot lock the file {folder / 'lock'}."
    assert caught.value.detail == str(caught.value.__cause__) != ""
    assert not (sandbox / "elsewhere").exists()


@pytest.mark.parametrize("named", ["", "relative/folder"])
def test_a_runtime_folder_is_a_full_path_or_the_usual_one(
    monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    usual = Path("/run/user") / str(os.geteuid())
    monkeypatch.setenv("XDG_RUNTIME_DIR", named)
    assert list(unix_socket._runtime_parents()) == [usual]
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/somewhere")
    assert list(unix_socket._runtime_parents()) == [Path("/somewhere"), usual]


def test_a_runtime_folder_that_is_not_there_is_passed_over(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unix_socket, "_runtime_parents", lambda: iter([sandbox / "gone"]))
    monkeypatch.setattr(tempfile, "tempdir", str(sandbox))
    name = f"describer-{os.geteuid()}"
    monkeypatch.setattr(unix_socket, "_SHARED", ())  # one of ours may be there
    with pytest.raises(FileNotFoundError) as missing:
        unix_socket.runtime_folder(create=False)
    assert missing.value.args == (sandbox / name,)
    assert unix_socket.runtime_folder(create=True) == sandbox / name
    monkeypatch.setattr(unix_socket, "_SHARED", ("/tmp",))  # noqa: S108 - nothing is made there
    monkeypatch.setattr(tempfile, "tempdir", str(sandbox / ("x" * 100)))  # too long for a socket
    nobody = 4_000_123_456  # so that the folder cannot be there
    monkeypatch.setattr(os, "geteuid", lambda: nobody)
    with pytest.raises(FileNotFoundError) as missing:
        unix_socket.runtime_folder(create=False)
    assert missing.value.args == (Path("/", "tmp", f"describer-{nobody}"),)


def test_a_folder_of_others_is_told_with_the_cure(sandbox: Path) -> None:
    folder = sandbox / "run" / "describer"
    folder.mkdir()
    folder.chmod(0o770)
    with pytest.raises(DescriberError) as caught:
        unix_socket.runtime_folder(create=True)
    assert caught.value.spoken == (
        f"The folder {folder} is not private to you. Please remove it, "
        "or set XDG_RUNTIME_DIR to a folder of your own."
    )
    folder.rmdir()
    folder.touch()
    with pytest.raises(DescriberError) as caught:
        unix_socket.runtime_folder(create=True)
    assert caught.value.spoken == f"I cannot use the folder {folder}."
    assert caught.value.detail == str(caught.value.__cause__) != ""


def test_without_a_runtime_folder_named_the_usual_one_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    assert list(unix_socket._runtime_parents()) == [Path("/run/user") / str(os.geteuid())]


def test_the_longest_path_that_a_socket_may_have_is_used(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = sandbox / "run" / "describer"
    monkeypatch.setattr(unix_socket, "_MAX_PATH", len(os.fsencode(folder / "control.sock")))
    assert unix_socket.runtime_folder(create=True) == folder
