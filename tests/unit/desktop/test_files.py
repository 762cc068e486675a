"""Files of ours: known again, renewed, removed; what somebody else wrote is never touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from describer_daemon.core.ports import DescriberError
from describer_daemon.desktop.files import KEY, ROFF, XML, Comment, OwnedFile, is_ours, sealed
from describer_daemon.desktop.steps import State

TEXT = "[Desktop Entry]\nName=Ours\nExec=ours run\n"


def owned(base: Path, text: str = TEXT) -> OwnedFile:
    return OwnedFile("Thing", base, "some/where/thing.desktop", lambda: text, KEY)


@pytest.mark.parametrize("comment", [KEY, ROFF, XML, Comment()])
def test_a_seal_fits_until_somebody_changes_the_file(comment: Comment) -> None:
    content = sealed(TEXT, comment)
    assert is_ours(content)
    assert not is_ours(content.replace(b"ours run", b"ours walk"))
    assert not is_ours(content + b"More=yes\n")
    assert not is_ours(TEXT.encode())


def test_a_desktops_switch_and_order_are_no_change() -> None:
    head, *rest = sealed(TEXT, KEY).splitlines()
    for switch in (b"Hidden=true", b"X-GNOME-Autostart-enabled=false"):
        assert is_ours(b"\n".join([head, switch, *sorted(rest), b""]))


def test_done_twice_undone_twice_it_leaves_the_tree_as_it_was(tmp_path: Path) -> None:
    file = owned(tmp_path)
    assert file.state() is State.ABSENT
    for _ in range(2):
        file.do()
        assert file.state() is State.PRESENT
        assert [path.name for path in file.path.parent.iterdir()] == ["thing.desktop"]
    assert file.path.read_bytes() == sealed(TEXT, KEY)
    for _ in range(2):
        file.undo()
        assert file.state() is State.ABSENT
    assert not list(tmp_path.iterdir())
    assert tmp_path.is_dir()


def test_what_others_keep_beside_it_stays(tmp_path: Path) -> None:
    other = tmp_path / "some" / "other"
    other.parent.mkdir()
    other.write_text("others", encoding="utf-8")
    file = owned(tmp_path)
    file.do()
    file.undo()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [other]
    assert not file.path.parent.exists()


def test_another_versions_file_is_outdated_and_renewed(tmp_path: Path) -> None:
    owned(tmp_path, TEXT.replace("run", "walk")).do()
    file = owned(tmp_path)
    assert file.state() is State.OUTDATED
    file.do()
    assert file.state() is State.PRESENT


def changed(path: Path) -> None:
    path.write_bytes(sealed(TEXT, KEY).replace(b"run", b"run --verbose"))


def foreign(path: Path) -> None:
    path.write_text("somebody's\n", encoding="utf-8")


def link(path: Path) -> None:
    target = path.with_name("target")
    target.write_bytes(sealed(TEXT, KEY))
    path.symlink_to(target)


def dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [changed, foreign, link, dangling, folder])
def test_what_is_not_ours_is_kept(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]  # one of the five above
    file = owned(tmp_path)
    file.path.parent.mkdir(parents=True)
    make(file.path)
    assert file.state() is State.KEPT
    assert str(file.path) in file.where
    assert "move that away" in file.where


def test_a_folder_that_takes_nothing_is_told_with_its_cause(tmp_path: Path) -> None:
    (tmp_path / "some").write_text("a file is in the way", encoding="utf-8")
    with pytest.raises(DescriberError, match="cannot be written: ") as caught:
        owned(tmp_path).do()
    assert str(tmp_path / "some/where/thing.desktop") in caught.value.spoken


def test_a_link_to_where_nobody_may_look_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = owned(tmp_path)
    file.path.parent.mkdir(parents=True)
    file.path.symlink_to(tmp_path / "closed")

    def closed(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", closed)  # as Python does, but for root
    with pytest.raises(DescriberError, match=r"cannot be read: Permission denied\."):
        file.state()


def test_a_link_to_what_is_not_there_for_now_is_left_alone(tmp_path: Path) -> None:
    file = owned(tmp_path)
    file.path.parent.mkdir(parents=True)
    file.path.symlink_to(tmp_path / "dotfiles" / "thing.desktop")
    assert file.state() is State.KEPT
    assert file.path.is_symlink()
