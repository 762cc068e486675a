"""The usual keys are free on every desktop; one that is taken all the same has a stand-in."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from describer_daemon.core.ports import Hotkey, Verb
from describer_daemon.hotkeys.names import keys_refused, parse_hotkey
from describer_daemon.hotkeys.usual import Taking, other_keys, usual_key, usual_keys
from tests.unit.hotkeys.desktop_keys import TAKEN

USUAL = usual_keys("linux")
ALL = [key for verb in USUAL for key in (USUAL[verb], *other_keys(verb, "linux"))]


class Desktop:
    """A listener on a desktop that has some keys, and a keyboard that lacks some."""

    def __init__(self, taken: str = "", missing: str = "") -> None:
        self._taken, self._missing = taken.split(), missing.split()
        self.held: dict[Verb, str] = {}

    def start(self, keys: Mapping[Verb, Hotkey]) -> None:
        taken = [(verb, key) for verb, key in keys.items() if str(key) in self._taken]
        missing = [(verb, key) for verb, key in keys.items() if str(key) in self._missing]
        if taken or missing:
            raise keys_refused(taken, missing)
        self.held = {verb: str(key) for verb, key in keys.items()}


@pytest.mark.parametrize("desktop", TAKEN)
def test_no_desktop_takes_a_usual_key_or_a_stand_in(desktop: str) -> None:
    theirs = set(TAKEN[desktop].split())
    assert "ctrl+alt+d" in theirs or desktop not in ("Xfce 4.18", "MATE 1.26", "LXDE 0.99")
    assert not theirs & {str(key) for key in ALL}


def test_orca_which_does_not_look_at_super_has_none_either() -> None:
    without = {str(Hotkey(key.modifiers - {"super"}, key.key)) for key in ALL}
    assert not without & set(TAKEN["Orca 43"].split())


def test_all_keys_differ_and_can_be_written_in_the_settings() -> None:
    assert len(set(ALL)) == len(ALL) == 21
    assert [parse_hotkey(str(key)) for key in ALL] == ALL


def test_only_what_nobody_can_do_without_and_more_have_usual_keys() -> None:
    named = {"screen", "clipboard", "text", "repeat", "copy", "stop", "more"}
    for platform in ("linux", "win32", "darwin"):
        assert {verb.value for verb in usual_keys(platform)} == named
    assert usual_key(Verb.WHERE, "linux") is None
    assert other_keys(Verb.WHERE, "linux") == ()


def test_where_super_and_alt_end_programs_it_is_ctrl_and_alt() -> None:
    for platform in ("win32", "darwin"):
        assert str(usual_key(Verb.STOP, platform)) == "ctrl+alt+s"
        assert other_keys(Verb.STOP, platform) == ()


def test_all_that_are_free_are_taken() -> None:
    desktop, taking = Desktop(), Taking(USUAL)
    assert taking.start(desktop.start)
    assert desktop.held == {verb: str(key) for verb, key in USUAL.items()}
    assert taking.refused is None
    assert taking.replaced == ""


def test_one_that_is_taken_is_replaced_and_it_is_said() -> None:
    desktop, taking = Desktop("alt+super+i"), Taking(USUAL)
    assert taking.start(desktop.start)
    assert desktop.held[Verb.SCREEN] == "ctrl+alt+super+i"
    assert list(desktop.held) == list(USUAL)
    assert taking.refused is None
    assert taking.replaced == (
        "The key alt+super+i is already taken by another program, so ctrl+alt+super+i serves."
    )


def test_several_are_replaced_as_far_as_needed() -> None:
    desktop = Desktop("alt+super+i ctrl+alt+super+i alt+super+q")
    taking = Taking(USUAL)
    assert taking.start(desktop.start)
    assert desktop.held[Verb.SCREEN] == "ctrl+shift+super+i"
    assert taking.replaced == (
        "The keys alt+super+i and alt+super+q are already taken by other programs, "
        "so ctrl+shift+super+i and ctrl+alt+super+q serve."
    )


def test_when_all_are_taken_it_is_refused_with_the_key_that_was_wanted() -> None:
    desktop = Desktop("alt+super+i ctrl+alt+super+i ctrl+shift+super+i")
    taking = Taking(USUAL)
    assert taking.start(desktop.start)
    assert Verb.SCREEN not in desktop.held
    assert taking.refused is not None
    assert taking.refused.spoken == (
        "The key alt+super+i is already taken by another program. Choose another in the settings."
    )


def test_a_persons_own_key_is_never_replaced() -> None:
    desktop, taking = Desktop("f9"), Taking({**USUAL, Verb.SCREEN: parse_hotkey("f9")})
    assert taking.start(desktop.start)
    assert Verb.SCREEN not in desktop.held
    assert taking.replaced == ""
    assert taking.refused is not None
    assert "f9 is already taken" in taking.refused.spoken


def test_a_stand_in_never_takes_a_persons_own_key() -> None:
    own = {**USUAL, Verb.STOP: parse_hotkey("ctrl+alt+super+i")}
    desktop, taking = Desktop("alt+super+i"), Taking(own)
    assert taking.start(desktop.start)
    assert desktop.held[Verb.STOP] == "ctrl+alt+super+i"
    assert desktop.held[Verb.SCREEN] == "ctrl+shift+super+i"


def test_a_letter_that_the_keyboard_lacks_is_told_as_missing() -> None:
    desktop, taking = Desktop(missing="alt+super+y"), Taking(USUAL)
    assert taking.start(desktop.start)
    assert taking.refused is not None
    assert "alt+super+y is not on this keyboard" in taking.refused.spoken


def test_without_any_key_nothing_is_held() -> None:
    assert not Taking({}).start(Desktop().start)
