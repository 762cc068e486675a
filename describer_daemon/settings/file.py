"""A commented TOML file and a dataclass, each read from and written as the other.

The fields of the dataclass are the only table of settings: each carries its comment and its
rule (see `setting`), which make the file, its validation and the error messages.
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import Field, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from describer_daemon.core.i18n import N_, _, ngettext
from describer_daemon.core.ports import DescriberError, Hotkey, Rectangle
from describer_daemon.settings import toml_errors
from describer_daemon.settings.rules import Rule

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T", bound="DataclassInstance")
_MOST_SEARCHED = 500_000  # letters: to tell the lines of a file made to last takes no longer
_MOST_PROBLEMS = 20  # are logged
# Translators: {setting} is "speech.rate", {allowed} "a whole number from 80 to 450"
_REFUSED = N_("{setting} = {value} is not allowed; use {allowed}.")
# Translators: {setting} is "speech.rate", {reason} whole sentences that say why, and what to do
_REFUSED_BECAUSE = N_("{setting} = {value} is not allowed. {reason}")


class SettingsError(DescriberError):
    """The settings file cannot be used; the sentence names the key, the line and the cure."""


def setting(default: object, rule: Rule, comment: str) -> Any:
    """A dataclass field that is one key of the file; `default` is written as in the file.

    `comment` is marked by `N_`.
    """
    return field(
        default_factory=lambda: rule.read(default), metadata={"rule": rule, "comment": comment}
    )


def table(kind: type, name: str, comment: str) -> Any:
    """A dataclass field that is the table [name] of the file, with the settings of `kind`.

    `comment` is marked by `N_`.
    """
    return field(default_factory=kind, metadata={"kind": kind, "name": name, "comment": comment})


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
    """(table, key, value, rule, comment) of every setting, in the order of the file.

    The comment is in English, for `_` to translate.
    """
    for part in fields(settings):
        values = getattr(settings, part.name)
        for item in fields(values):
            rule, comment = item.metadata["rule"], item.metadata["comment"]
            yield part.metadata["name"], item.name, getattr(values, item.name), rule, comment


def commented(settings: DataclassInstance, heading: str) -> str:
    """The whole text of the file for these settings, with comments in the language in use."""
    comments = {part.metadata["name"]: part.metadata["comment"] for part in fields(settings)}
    lines = [f"# {line}" for line in heading.splitlines()]
    current = ""
    for name, key, value, rule, comment in entries(settings):
        if name != current:
            current = name
            lines += ["", f"# {_(comments[name])}", f"[{name}]"]
        # Translators: a comment of the settings file, {allowed} is "a whole number from 1 to 5"
        with_rule = _("{comment}: {allowed}.").format(comment=_(comment), allowed=rule.allowed)
        lines.append(f"# {with_rule}" if rule.in_comment else f"# {_(comment)}.")
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
            raise SettingsError(
                # Translators: {file} is "settings.toml"
                _("{file} has too many brackets inside each other.").format(file=name)
            ) from error
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
                self.complain(
                    (name,),
                    _("{name} must be a part with its own heading, [{name}].").format(name=name),
                )
            else:
                part = known[name]
                tables[part.name] = self._read_table(name, values, part.metadata["kind"])
        return kind(**tables)

    def complain(self, path: tuple[str, ...], sentence: str) -> None:
        """Note a problem with the table or key at `path`."""
        number = self._line_of(path)
        # Translators: {file} is "settings.toml", {sentence} a whole one that says what is wrong
        pattern = _("{file} line {number}: {sentence}") if number else _("{file}: {sentence}")
        told = pattern.format(file=self._name, number=number, sentence=sentence)
        self._problems.append((number, told))

    def refuse(self, name: str, key: str, pattern: str, **values: object) -> None:
        """Note that the value of a key is not allowed.

        `pattern` is the sentence in the language in use; {setting}, {value} and the names of
        `values` are put in.
        """
        value = _shown(self._document[name][key])
        told = pattern.format(setting=f"{name}.{key}", value=value, **values)
        self.complain((name, key), told)

    def has(self, name: str, key: str) -> bool:
        """Whether the file itself sets this key."""
        return key in self._document.get(name, {})

    def check(self) -> None:
        """Raises SettingsError for the first problem in the file, with all of them as detail."""
        if not self._problems:
            return
        last = len(self._lines) + 1
        ordered = sorted((number or last, sentence) for number, sentence in self._problems)
        sentences = [sentence for __, sentence in ordered]
        told, more = sentences[0], len(sentences) - 1
        if more:
            # Translators: after a sentence that tells the first mistake in the settings file
            also = ngettext("There is {number} more.", "There are {number} more.", more)
            told = f"{told} {also.format(number=more)}"
        raise SettingsError(told, detail=" ".join(sentences[:_MOST_PROBLEMS]))

    def _read_table(
        self, name: str, values: Mapping[str, object], kind: type[DataclassInstance]
    ) -> object:
        known = {item.name: item.metadata["rule"] for item in fields(kind)}
        read: dict[str, object] = {}
        for key, value in values.items():
            if key not in known:
                missing = _("There is no setting {setting}.").format(
                    setting=f"{name}.{_short(key)}"
                )
                nearest = _nearest(key, known)
                hint = _instead(f"{name}.{nearest}") if nearest else _choice(known)
                self.complain((name, key), f"{missing} {hint}")
                continue
            try:
                read[key] = known[key].read(value)
            except ValueError as error:
                self.refuse(
                    name,
                    key,
                    _(_REFUSED_BECAUSE if str(error) else _REFUSED),
                    allowed=known[key].allowed,
                    reason=error,
                )
        return kind(**read)

    def _unknown(self, name: str, known: Mapping[str, Field[Any]]) -> str:
        if not isinstance(self._document[name], dict):
            for part, spec in known.items():
                if name in {item.name for item in fields(spec.metadata["kind"])}:
                    # Translators: {part} is a heading in the settings file, as it stands there
                    pattern = _("{name} belongs below the heading [{part}].")
                    return pattern.format(name=name, part=part)
        nearest = _nearest(name, known)
        hint = _instead(f"[{nearest}]") if nearest else _choice(known)
        # Translators: a part of the settings file, below its heading, such as [speech]
        missing = _("There is no part [{name}].").format(name=_short(name))
        return f"{missing} {hint}"

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
            return _("{file} cannot be read: it has a number that is too long.").format(
                file=self._name
            )
        cause = toml_errors.translated(message.partition(" (at ")[0])
        # Translators: {cause} is "Unterminated string" or another mistake in the settings file
        pattern = _("{file} line {number} cannot be read: {cause}.")
        # it may name a thousand keys
        return pattern.format(file=self._name, number=number, cause=_short(cause, 100))


def _nearest(name: str, known: Mapping[str, object]) -> str:
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=0.5)), "")


def _instead(nearest: str) -> str:
    # Translators: {name} is a setting or a part of the settings file: "speech.rate", "[speech]"
    return _("Did you mean {name}?").format(name=nearest)


def _choice(known: Mapping[str, object]) -> str:
    # Translators: {names} are settings, or parts of the settings file, that there are
    return _("Known are {names}.").format(names=", ".join(known))


def _short(text: str, most: int = 40) -> str:
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= most else f"{line[:most]}…"


def _shown(value: object) -> str:
    try:
        return _short(as_toml(value))
    except (ValueError, RecursionError):  # Python does not print a number of 5000 digits
        return "…"
