"""Who a program is to the desktop's portals, which remember permissions by that name."""

from __future__ import annotations

import pytest

from describer_daemon.desktop.screen_permission import name_by


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        ("app-gnome-org.gnome.Console-1234.scope", "org.gnome.Console"),
        ("app-org.describer.Describer@autostart.service", "org.describer.Describer"),
        ("app-firefox-123.scope", "firefox"),
        (r"app-gnome-my\x2dterm-12.scope", "my-term"),
        ("app-flatpak-org.x.Y.service", "org.x.Y"),
        ("vte-spawn-1b2c.scope", ""),
        ("session-2.scope", ""),
        ("describer.service", ""),
        ("", ""),
    ],
)
def test_the_name_is_read_out_of_the_systemd_unit(unit: str, name: str) -> None:
    assert name_by(unit) == name
