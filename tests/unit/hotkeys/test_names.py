"""Keys as people write them, and what stands for them on a keyboard."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from describer_daemon.core.ports import Hotkey, Verb
from describer_daemon.hotkeys.names import KEYS, MODIFIERS, keys_refused, parse_hotkey
from describer_daemon.hotkeys.pynput import _Tracker
from describer_daemon.hotkeys.x11 import _RepeatFilter
from describer_daemon.hotkeys.x11_keyboard import Keyboard

A, B = parse_hotkey("ctrl+alt+a"), parse_hotkey("f9")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ctrl+alt+d", "ctrl+alt+d"),
        (" Alt + CONTROL + D ", "ctrl+alt+d"),
        ("cmd+shift+Print_Screen", "shift+super+print"),
        ("win+pg_up", "super+pageup"),
        ("F12", "f12"),
        ("ctrl+ctrl+1", "ctrl+1"),
        ("option+Esc", "alt+escape"),
        ("Pause", "pause"),
    ],
)
def test_ways_to_write_a_key(written: str, meant: str) -> None:
    assert str(parse_hotkey(written)) == meant


@settings(deadline=None)
@given(st.sets(st.sampled_from(MODIFIERS)), st.sampled_from(sorted(KEYS)))
def test_what_is_written_is_read_again(modifiers: set[str], key: str) -> None:
    hotkey = Hotkey(frozenset({"ctrl", *modifiers}), key)
    assert parse_hotkey(str(hotkey)) == hotkey


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("", "Write a key, such as alt+super+i"),
        ("+", "Write a key"),
        ("ctrl+", "A key is missing after the modifiers"),
        ("ctrl+alt", "A key is missing after the modifiers"),
        ("hyper+d", 'I know no modifier "hyper". Use ctrl, alt, shift or super'),
        ("d+ctrl", 'I know no modifier "d"'),
        ("ctrl+foo", 'I know no key "foo". Use a letter, a digit, f1 to f24, space, tab'),
        ("ctrl+ä", "I know no key"),
        ("ctrl+f25", "I know no key"),
        ("d", "The key d is needed for typing. Add ctrl, alt or super"),
        ("shift+space", "The key shift+space is needed for typing"),
    ],
)
def test_what_is_wrong_is_said(written: str, sentence: str) -> None:
    with pytest.raises(ValueError, match="^" + sentence.replace("+", r"\+")):
        parse_hotkey(written)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_wrong_text_is_a_short_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="I know") as error:
        parse_hotkey(f"{text}+nokey")
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 250


def test_refused_keys_are_named_together() -> None:
    error = keys_refused([(Verb.SCREEN, A)], [(Verb.STOP, B)])
    assert error.spoken == (
        "The key ctrl+alt+a is already taken by another program. "
        "The key f9 is not on this keyboard. Choose others in the settings."
    )
    assert error.verbs == (Verb.SCREEN, Verb.STOP)


def test_repeats_have_one_time_and_presses_two() -> None:
    held = _RepeatFilter()
    assert held.press(40, 100)
    held.release(40, 700)
    assert not held.press(40, 700)
    held.release(40, 740)
    assert not held.press(40, 740)
    assert not held.press(40, 780)  # a server that sends no releases for repeats
    held.release(40, 790)
    assert held.press(40, 791)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_modifier_whose_release_was_never_seen_is_forgotten() -> None:
    heard: list[Verb] = []
    clock = Clock()
    tracker = _Tracker({Verb.SCREEN: A}, heard.append, clock)
    for name in ("+super", "+ctrl", "+alt", "a"):
        tracker.press(name)
    for name in ("a", "+alt", "+ctrl"):
        tracker.release(name)
    assert heard == []
    clock.now = 60.0
    for name in ("+ctrl", "+alt", "a", "a", "a"):
        tracker.press(name)
    assert heard == [Verb.SCREEN]


def keyboard(rows: Mapping[int, tuple[int, ...]]) -> Keyboard:
    keysyms = tuple(rows.get(code, (0, 0, 0, 0)) for code in range(8, 140))
    modifiers = ((50,), (66,), (37,), (64,), (77,), (), (133,), (92,))
    return Keyboard(8, keysyms, modifiers)


USUAL = {
    64: (0xFFE9, 0xFFE7, 0, 0),
    77: (0xFF7F, 0, 0, 0),
    133: (0xFFEB, 0, 0, 0),
    37: (0xFFE3, 0, 0, 0),
}


def test_latin_letters_are_found_in_any_layout() -> None:
    assert keyboard({40: (0x64, 0x44, 0, 0)}).keycodes("d") == (40,)
    second = keyboard({41: (0x6D7, 0x6F7, 0x64, 0x44)})
    assert second.keycodes("d") == (41,)
    assert keyboard({40: (0x6D7, 0x6F7, 0, 0)}).keycodes("d") == (40,)  # by its US place
    assert keyboard({}).keycodes("f20") == ()
    assert keyboard({43: (0x31, 0x21, 0, 0), 87: (0x31, 0, 0, 0)}).keycodes("1") == (43, 87)


def test_masks_and_locks() -> None:
    usual = keyboard(USUAL)
    assert [usual.mask(name) for name in ("shift", "ctrl", "alt", "super")] == [1, 4, 8, 64]
    assert usual.locks() == 2 | 16
    assert sorted(usual.lock_states()) == [0, 2, 16, 18]
    assert usual.modifier_keycode("alt") == 64
    left, right = (0xFFE9, 0, 0, 0), (0xFFEB, 0, 0, 0)
    swapped = keyboard({37: USUAL[37], 133: left, 64: right})
    assert (swapped.mask("alt"), swapped.mask("super")) == (64, 8)
