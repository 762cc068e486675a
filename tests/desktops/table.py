"""The table at the end of `./check --desktops`: desktops, parts, and key → the sentence."""

from __future__ import annotations

import pytest

PARTS = ("key", "screen", "focus", "clipboard", "voice", "autostart")

_cells: dict[tuple[str, str], str] = {}
_times: dict[str, tuple[float, float]] = {}
_notes: list[str] = []
_lately: list[tuple[float, float]] = []


def part(name: str) -> pytest.MarkDecorator:
    """Mark a test as the one of this part."""
    return pytest.mark.part(name)


def note(text: str) -> None:
    """By what means it works, which the table tells."""
    _notes.append(text)


def time(first: float, median: float) -> None:
    """Milliseconds from the key to the the sentence."""
    _lately.append((first, median))


def take(item: pytest.Item, outcome: str) -> None:
    """Write down how a test of a part ended."""
    mark = item.get_closest_marker("part")
    callspec = getattr(item, "callspec", None)
    if mark is None or callspec is None:
        return
    desktop, note = callspec.params["desktop"], "; ".join(_notes)
    _cells[desktop, mark.args[0]] = f"works: {note}" if outcome == "passed" else outcome
    if outcome == "passed" and _lately:
        _times[desktop] = _lately[-1]
    _notes.clear()
    _lately.clear()


def lines() -> list[str]:
    """The table, in Markdown."""
    desktops = list(dict.fromkeys(desktop for desktop, _ in _cells))
    if not desktops:
        return []
    rows = [["", *desktops], ["---"] * (len(desktops) + 1)]
    rows += [[part, *(_cells.get((one, part), "not run") for one in desktops)] for part in PARTS]
    for place, name in enumerate(("first press", "median of the next five")):
        times = [f"{_times[one][place]:.0f} ms" if one in _times else "" for one in desktops]
        rows.append([f"key → sentence, {name}", *times])
    return ["| " + " | ".join(row) + " |" for row in rows]
