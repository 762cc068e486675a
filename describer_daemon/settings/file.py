"""A commented TOML file and a dataclass, each read from and written as the other.

The fields of the dataclass are the only table of settings: each carries its comment and its
rule (see `setting`), which make the file, its validation and the error messages.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from describer_daemon.core import i18n
from describer_daemon.core.ports import DescriberError, Hotkey, Rectangle
from describer_daemon.hotkeys.names import parse_hotkey

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
_LONGEST_TEXT = 200
_LARGEST_COORDINATE = 32767
_MOST_SEARCHED = 500_000  # letters: to tell the lines of a file made to last takes no longer
_MOST_ORIGINS = 20
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#*,\"\\]+")
_MOST_PROBLEMS = 20  # are logged


class SettingsError(DescriberError):
    """The settings file cannot be used; the sentence names the key, the line and the cure."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What a value may be.

    `allowed` completes "use …". `read` turns the file's value into the program's and raises
    ValueError when it is refused, with a sentence if it knows better than `allowed`.
    `in_comment` tells whether the file repeats `allowed` above the key.
    """

    allowed: str
    read: Callable[[object], object]
    in_comment: bool = True


def setting(default: object, rule: Rule, comment: str) -> Any:
    """A dataclass field that is one key of the file; `default` is written as in the file."""
    return field(
        default_factory=lambda: rule.read(default), metadata={"rule": rule, "comment": comment}
    )


def table(kind: type, name: str, comment: str) -> Any:
    """A dataclass field that is the table [name] of the file, with the settings of `kind`."""
    return field(default_factory=kind, metadata={"kind": kind, "name": name, "comment": comment})


def whole(low: int, high: int) -> Rule:
    """A whole number, bounds included."""
    return Rule(f"a whole number from {low} to {high}", lambda value: _whole(value, low, high))


def yes_no() -> Rule:
    """A TOML boolean."""

    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError
        return value

    return Rule("true or false", read)


def one_of(*names: str) -> Rule:
    """One of a few words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in names:
            raise ValueError
        return value

    return Rule(_either(names), read)


def language_code() -> Rule:
    """The code of a language that there is a catalogue for, or "" for the session's."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in ("", *i18n.languages()):
            raise ValueError
        return value

    codes = ", ".join(f'"{code}"' for code in i18n.languages())
    return Rule(f'{codes}, or "" for that of the session', read)


def line_of_text(allowed: str) -> Rule:
    """One line of printable text."""
    return Rule(allowed, _line)


def origins() -> Rule:
    """A list of who may ask from inside a browser, as browsers write it (RFC 6454)."""

    def read(value: object) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) > _MOST_ORIGINS:
            raise ValueError
        lines = tuple(map(_line, value))
        if not all(map(_ORIGIN.fullmatch, lines)):
            raise ValueError
        return lines

    return Rule('a list such as ["moz-extension://…"], or [] for none', read)


def full_path(allowed: str) -> Rule:
    """A path that does not depend on where the program was started, or "" for None."""

    def read(value: object) -> Path | None:
        text = _line(value)
        if not text:
            return None
        try:
            path = Path(text).expanduser()
        except RuntimeError:  # "~nobody"
            raise ValueError from None
        if not path.is_absolute():
            raise ValueError
        return path

    return Rule(allowed, read)


def hotkey() -> Rule:
    """A key with its modifiers, or "" for None."""

    def read(value: object) -> Hotkey | None:
        if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
            raise ValueError
        return parse_hotkey(value) if value.strip() else None

    return Rule('a key such as "alt+super+i", or "" for none', read, in_comment=False)


def size() -> Rule:
    """[width, height] in pixels."""

    def read(value: object) -> tuple[int, int]:
        if not isinstance(value, list) or len(value) != 2:
            raise ValueError
        width, height = (_whole(number, 16, _LARGEST_COORDINATE) for number in value)
        return width, height

    return Rule(f"[width, height] in pixels, each from 16 to {_LARGEST_COORDINATE}", read)


def region(*names: str) -> Rule:
    """A named region, or [left, top, width, height] in pixels."""

    def read(value: object) -> str | Rectangle:
        if isinstance(value, str) and value in names:
            return value
        if not isinstance(value, list) or len(value) != 4:
            raise ValueError
        # Monitors left of or above the first one have negative places on some desktops.
        left, top = (_whole(n, -_LARGEST_COORDINATE, _LARGEST_COORDINATE) for n in value[:2])
        width, height = (_whole(n, 1, _LARGEST_COORDINATE) for n in value[2:])
        return Rectangle(left, top, width, height)

    return Rule(f"{_either((*names, ''))}[left, top, width, height] in pixels", read)


def as_toml(value: object) -> str:
    """A setting's value as the file has it."""
    match value:
        case None:
            return '""'
        case bool():
            return "true" if value else "false"
        case Rectangle():
            return f"[{value.left}, {value.top}, {value.width}, {value.height}]"
        case list() | tuple():
            return f"[{', '.join(as_toml(item) for item in value)}]"
        case str() | Path() | Hotkey():
            return json.dumps(str(value), ensure_ascii=False)
    return str(value)


def entries(settings: DataclassInstance) -> Iterator[tuple[str, str, object, Rule, str]]:
    """(table, key, value, rule, comment) of every setting, in the order of the file."""
    for part in fields(settings):
        values = getattr(settings, part.name)
        for item in fields(values):
            rule, comment = item.metadata["rule"], item.metadata["comment"]
            yield part.metadata["name"], item.name, getattr(values, item.name), rule, comment


def commented(settings: DataclassInstance, heading: str) -> str:
    """The whole text of the file for these settings."""
    comments = {part.metadata["name"]: part.metadata["comment"] for part in fields(settings)}
    lines = [f"# {line}" for line in heading.splitlines()]
    current = ""
    for name, key, value, rule, comment in entries(settings):
        if name != current:
            current = name
            lines += ["", f"# {comments[name]}", f"[{name}]"]
        lines.append(f"# {comment}: {rule.allowed}." if rule.in_comment else f"# {comment}.")
        lines.append(f"{key} = {as_toml(value)}")
    return "\n".join(lines) + "\n"


class SettingsFile:
    """One text, read once; gathers every problem before it complains."""

    def __init__(self, text: str, name: str) -> None:
        """Raises SettingsError when `text` is not TOML; `name` is the file's, for the ear."""
        self._lines = text.split("\n")
        self._name = name
        self._problems: list[tuple[int, str]] = []
        self._searched = 0
        try:
            self._document: Mapping[str, Any] = tomllib.loads(text)
        except RecursionError as error:
            raise SettingsError(f"{name} has too many brackets inside each other.") from error
        except ValueError as error:  # a number of 5000 digits is no TOMLDecodeError
            raise SettingsError(self._syntax(str(error)), detail=str(error)) from error

    def read(self, kind: type[T]) -> T:
        """The settings of the dataclass `kind`; problems are kept until `check`."""
        known = {part.metadata["name"]: part for part in fields(kind)}
        tables: dict[str, object] = {}
        for name, values in self._document.items():
            if name not in known:
                self.complain((name,), self._unknown(name, known))
            elif not isinstance(values, dict):
                self.complain((name,), f"{name} must be a part with its own heading, [{name}].")
            else:
                part = known[name]
                tables[part.name] = self._read_table(name, values, part.metadata["kind"])
        return kind(**tables)

    def complain(self, path: tuple[str, ...], sentence: str) -> None:
        """Note a problem with the table or key at `path`."""
        number = self._line_of(path)
        where = f"{self._name} line {number}" if number else self._name
        self._problems.append((number, f"{where}: {sentence}"))

    def refuse(self, name: str, key: str, cure: str) -> None:
        """Note that the value of a key is not allowed; `cure` is a clause or sentences."""
        value = _shown(self._document[name][key])
        self.complain((name, key), f"{name}.{key} = {value} is not allowed{cure}")

    def has(self, name: str, key: str) -> bool:
        """Whether the file itself sets this key."""
        return key in self._document.get(name, {})

    def check(self) -> None:
        """Raises SettingsError for the first problem in the file, with all of them as detail."""
        if not self._problems:
            return
        last = len(self._lines) + 1
        ordered = sorted((number or last, sentence) for number, sentence in self._problems)
        sentences = [sentence for _, sentence in ordered]
        more = len(sentences) - 1
        also = f" There {'is' if more == 1 else 'are'} {more} more." if more else ""
        raise SettingsError(sentences[0] + also, detail=" ".join(sentences[:_MOST_PROBLEMS]))

    def _read_table(
        self, name: str, values: Mapping[str, object], kind: type[DataclassInstance]
    ) -> object:
        known = {item.name: item.metadata["rule"] for item in fields(kind)}
        read: dict[str, object] = {}
        for key, value in values.items():
            if key not in known:
                nearest = _nearest(key, known)
                hint = f" Did you mean {name}.{nearest}?" if nearest else _choice(known)
                self.complain((name, key), f"There is no setting {name}.{_short(key)}.{hint}")
                continue
            try:
                read[key] = known[key].read(value)
            except ValueError as error:
                better = f". {error}" if str(error) else f"; use {known[key].allowed}."
                self.refuse(name, key, better)
        return kind(**read)

    def _unknown(self, name: str, known: Mapping[str, Field[Any]]) -> str:
        if not isinstance(self._document[name], dict):
            for part, spec in known.items():
                if name in {item.name for item in fields(spec.metadata["kind"])}:
                    return f"{name} belongs below the heading [{part}]."
        nearest = _nearest(name, known)
        hint = f" Did you mean [{nearest}]?" if nearest else _choice(known)
        return f"There is no part [{_short(name)}].{hint}"

    def _line_of(self, path: tuple[str, ...]) -> int:
        """The line, from 1, where a key or table is set; 0 when that cannot be told.

        tomllib gives no places. But the line searched is the last one whose text before it
        is still a document without the path; later ones have it, or cut a value in two.
        """
        if self._searched > _MOST_SEARCHED:
            return 0
        for index in reversed(range(len(self._lines))):
            if path[-1] not in self._lines[index]:
                continue
            text = "\n".join(self._lines[:index])
            self._searched += len(text)
            if self._searched > _MOST_SEARCHED:
                return 0
            try:
                before: object = tomllib.loads(text)
            except (ValueError, RecursionError):
                continue
            for step in path:
                before = before.get(step) if isinstance(before, dict) else None
            if before is None:
                return index + 1
        return 0

    def _syntax(self, message: str) -> str:
        found = re.search(r"\(at line (\d+), column \d+\)", message)
        number = found[1] if found else str(max(1, len(self._lines)))
        if not found and "end of document" not in message:
            return f"{self._name} cannot be read: it has a number that is too long."
        cause = _short(message.partition(" (at ")[0], 100)  # it may name a thousand keys
        return f"{self._name} line {number} cannot be read: {cause}."


def _whole(value: object, low: int, high: int) -> int:
    # TOML's true is Python's 1: a bool is an int here, but not for a person.
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise ValueError
    return value


def _line(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or not value.isprintable():
        raise ValueError
    return value.strip()


def _either(names: tuple[str, ...]) -> str:
    quoted = [f'"{name}"' if name else "" for name in names]
    return f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _nearest(name: str, known: Mapping[str, object]) -> str:
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.5)), "")


def _choice(known: Mapping[str, object]) -> str:
    return f" Known are {', '.join(known)}."


def _short(text: str, most: int = 40) -> str:
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= most else f"{line[:most]}…"


def _shown(value: object) -> str:
    try:
        return _short(as_toml(value))
    except (ValueError, RecursionError):  # Python does not print a number of 5000 digits
        return "…"
