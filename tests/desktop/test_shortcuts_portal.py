"""Keys under Wayland: through the real portal, from a desktop behind it that gives or refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from describer_daemon import APP_ID
from describer_daemon.core import backends
from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.hotkeys import portal as portal_hotkeys
from describer_daemon.hotkeys.candidates import HOTKEYS
from describer_daemon.hotkeys.names import parse_hotkey
from describer_daemon.hotkeys.portal import PortalHotkeys, trigger
from describer_daemon.hotkeys.usual import usual_keys
from describer_daemon.listening import KEYS_CAME, Listening
from tests.desktop.fixtures_display import wait_until
from tests.desktop.fixtures_shortcuts import Portal, ShortcutsDesktop

KEYS = usual_keys()
HELD = {verb: f"ALT+LOGO+{key.key}" for verb, key in KEYS.items()}


@pytest.fixture
def listener() -> Iterator[PortalHotkeys]:
    made = PortalHotkeys()
    yield made
    made.stop()


def test_a_key_is_written_as_the_desktops_want_it() -> None:
    assert trigger(parse_hotkey("super+alt+i")) == "ALT+LOGO+i"
    assert trigger(parse_hotkey("ctrl+shift+pageup")) == "CTRL+SHIFT+Prior"


def test_the_desktop_gives_the_keys_and_tells_of_them(
    portal: Portal, desktop: ShortcutsDesktop, listener: PortalHotkeys
) -> None:
    assert PortalHotkeys.unavailable_reason() == ""
    assert backends.choose(HOTKEYS).backend is PortalHotkeys
    heard: list[Verb] = []
    listener.start(KEYS, heard.append)
    assert listener.held() == HELD
    desktop.press("screen")
    desktop.press("no verb of ours")
    desktop.press("stop")
    wait_until(lambda: heard == [Verb.SCREEN, Verb.STOP], "a key was not heard")
    listener.stop()
    assert listener.held() == {}
    assert not listener.is_alive()
    wait_until(lambda: "Close" in desktop.called, "the keys were not given back")


def test_keys_that_the_person_chose_there_are_the_ones_that_are_held(
    portal: Portal, desktop: ShortcutsDesktop, listener: PortalHotkeys
) -> None:
    listener.start(KEYS, print)
    desktop.change(screen="Meta+F1", stop="")
    wait_until(lambda: listener.held() == {Verb.SCREEN: "Meta+F1"}, "the change was not seen")


def test_another_portal_gets_the_keys_again(
    portal: Portal, desktop: ShortcutsDesktop, listener: PortalHotkeys
) -> None:
    heard: list[Verb] = []
    listener.start(KEYS, heard.append)
    portal.end()
    wait_until(lambda: listener.held() == {}, "keys that nobody holds are claimed")
    portal.start()
    wait_until(lambda: listener.held() == HELD, "the keys did not come back")
    desktop.press("repeat")
    wait_until(lambda: heard == [Verb.REPEAT], "the key was not heard")


def test_a_desktop_that_starts_its_own_part_anew_gives_the_keys_again(
    portal: Portal, desktop: ShortcutsDesktop, session_bus: str, listener: PortalHotkeys
) -> None:
    """The portal itself runs on, and tells nobody."""
    told: list[DescriberError] = []
    heard: list[Verb] = []
    listener.start(KEYS, heard.append, told.append)
    shortcuts = listener._shortcuts
    assert shortcuts is not None
    wait_until(lambda: shortcuts._desktops, "nobody is known behind the portal")
    desktop.end()
    wait_until(lambda: listener.held() == {}, "keys that nobody holds are claimed")
    again = ShortcutsDesktop(session_bus)
    try:
        wait_until(lambda: listener.held() == HELD, "the keys did not come back")
        again.press("repeat")
        wait_until(lambda: heard == [Verb.REPEAT], "the key was not heard")
        assert told == []
        listener.stop()
    finally:
        again.end()


def test_a_portal_that_comes_later_is_asked_for_the_keys(
    portal: Portal, desktop: ShortcutsDesktop
) -> None:
    portal.end()
    said: list[str] = []
    listening = Listening(print, print, said.append)
    listening.listen(KEYS)
    try:
        assert not listening.check()
        assert listening.held() == {}
        assert listening.problem.startswith("I have no keys here: the desktop's portal has no")
        portal.start()
        wait_until(lambda: listening.check() or listening.held() == HELD, "it was not asked")
        assert (said, listening.problem) == ([KEYS_CAME], "")
        assert not listening.check()
        assert said == [KEYS_CAME]
    finally:
        listening.stop()


def test_for_a_key_that_is_taken_the_next_is_asked_for(
    portal: Portal, desktop: ShortcutsDesktop
) -> None:
    desktop.taken = {"ALT+LOGO+i"}
    said: list[str] = []
    errors: list[DescriberError] = []
    listening = Listening(print, errors.append, said.append)
    listening.listen(KEYS)
    try:
        assert listening.held() == {**HELD, Verb.SCREEN: "CTRL+ALT+LOGO+i"}
        assert [one.split(",")[0] for one in said] == [
            "The key alt+super+i is already taken by another program"
        ]
        assert errors == []
    finally:
        listening.stop()


def test_an_empty_list_is_told_and_not_trusted(
    portal: Portal, desktop: ShortcutsDesktop, listener: PortalHotkeys
) -> None:
    desktop.empty = True
    with pytest.raises(DescriberError, match="The desktop gave me no keys"):
        listener.start(KEYS, print)
    assert listener.held() == {}
    assert not listener.is_alive()


def test_shortcuts_without_keys_wait_for_the_person(
    portal: Portal, desktop: ShortcutsDesktop, listener: PortalHotkeys
) -> None:
    """As on Hyprland, where the person's own file has the keys."""
    desktop.taken = set(HELD.values())
    told: list[DescriberError] = []
    listener.start(KEYS, print, told.append)
    assert listener.held() == {}
    assert [error.spoken.split(".")[0] for error in told] == ["The desktop gave me no keys"]
    assert listener.is_alive()


def test_a_refusal_is_told(
    portal: Portal, desktop: ShortcutsDesktop, listener: PortalHotkeys
) -> None:
    desktop.response = 1
    with pytest.raises(DescriberError, match="did not give me the keys"):
        listener.start(KEYS, print)
    assert not listener.is_alive()


def test_a_desktop_that_asks_first_keeps_nobody_waiting(
    portal: Portal,
    desktop: ShortcutsDesktop,
    listener: PortalHotkeys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(portal_hotkeys, "_ANSWER_SECONDS", 1.0)
    desktop.hold = True
    listener.start(KEYS, print)
    assert listener.held() == {}
    wait_until(lambda: "BindShortcuts" in desktop.called, "it was not asked")
    desktop.let_go()
    wait_until(lambda: listener.held() == HELD, "the answer was not taken")


def test_kde_is_asked_twice_in_a_session_each(
    portal: Portal,
    desktop: ShortcutsDesktop,
    listener: PortalHotkeys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CURRENT_DESKTOP", "KDE")
    listener.start(KEYS, print)
    asked = ["CreateSession", "BindShortcuts"]
    assert desktop.called == [*asked, "Close", *asked]
    assert len({session.rpartition("/")[2] for session in desktop.sessions}) == 1
    assert listener.held() == HELD
    heard: list[Verb] = []
    listener.start(KEYS, heard.append)
    desktop.press("copy")
    wait_until(lambda: heard == [Verb.COPY], "the key was not heard")


def test_a_newer_portal_is_told_who_we_are_first(
    front: ShortcutsDesktop, listener: PortalHotkeys
) -> None:
    heard: list[Verb] = []
    listener.start(KEYS, heard.append)
    assert front.called == ["Register", "CreateSession", "BindShortcuts"]
    assert front.app_ids == [APP_ID]
    assert listener.held() == HELD
    front.press("text")
    wait_until(lambda: heard == [Verb.TEXT], "the key was not heard")


def test_without_a_portal_the_cure_is_told(session_bus: str, compositor: None) -> None:
    assert PortalHotkeys.unavailable_reason() == (
        "the desktop's portal has no global shortcuts; run: describer keys install"
    )


def test_where_there_is_no_wayland_nobody_asks(sandbox: object) -> None:
    assert PortalHotkeys.unavailable_reason() == "this is not a Wayland session"
