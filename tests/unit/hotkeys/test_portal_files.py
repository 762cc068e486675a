"""A portal that was made for another desktop gives no keys here, whatever it promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from describer_daemon.hotkeys import portal_bus
from describer_daemon.hotkeys.portal import PortalHotkeys
from describer_daemon.hotkeys.portal_files import only_of_strangers

KEYS = "org.freedesktop.impl.portal.GlobalShortcuts"
KDE = f"[portal]\nInterfaces=org.freedesktop.impl.portal.Access;{KEYS}\nUseIn=KDE\n"
GNOME = "[portal]\nInterfaces=org.freedesktop.impl.portal.Screenshot;\nUseIn=gnome\n"
NEW_GNOME = f"[portal]\nInterfaces=org.freedesktop.impl.portal.Access;{KEYS};\nUseIn=gnome\n"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desktop with GNOME's portal and KDE's."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DESKTOP_PORTAL_DIR", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_DIRS"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    tmp_path.joinpath("gnome.portal").write_text(GNOME)
    tmp_path.joinpath("kde.portal").write_text(KDE)
    return tmp_path


@pytest.mark.parametrize(
    ("desktop", "strange"),
    [("GNOME", True), ("ubuntu:GNOME", True), ("sway", True), ("KDE", False), ("", False)],
)
def test_a_portal_is_for_the_desktops_that_it_names(
    data: Path, monkeypatch: pytest.MonkeyPatch, desktop: str, strange: bool
) -> None:
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", desktop)
    assert only_of_strangers(KEYS) is strange


def test_what_cannot_be_told_is_no_stranger(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "GNOME")
    data.joinpath("broken.portal").write_bytes(b"\xff no [portal]")
    assert only_of_strangers(KEYS)
    assert not only_of_strangers("org.freedesktop.impl.portal.Unheard")
    data.joinpath("gnome.portal").write_text(NEW_GNOME)
    assert not only_of_strangers(KEYS)


def test_where_a_file_chooses_the_portals_it_is_believed(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "GNOME")
    chosen = data / "config" / "xdg-desktop-portal" / "gnome-portals.conf"
    chosen.parent.mkdir(parents=True)
    chosen.write_text("[preferred]\ndefault=gnome;gtk;\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(data / "config"))
    assert not only_of_strangers(KEYS)


def test_such_a_portal_is_passed_over_with_the_cure(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KDE's answers on GNOME, too: keys were promised that never came."""
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "GNOME")
    monkeypatch.setattr("describer_daemon.displays.wayland_unavailable_reason", lambda: "")
    monkeypatch.setattr(portal_bus, "has_shortcuts", lambda: True)
    assert PortalHotkeys.unavailable_reason() == (
        "the desktop's portal has no global shortcuts; run: describer keys install"
    )
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "KDE")
    assert PortalHotkeys.unavailable_reason() == ""
