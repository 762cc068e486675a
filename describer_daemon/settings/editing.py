"""Changing one value in a person's settings file: every other letter of it stays."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import tomllib
from contextlib import suppress
from pathlib import Path

from describer_daemon.core.i18n import _
from describer_daemon.settings.file import SettingsError, as_toml

_VALUE = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s#"']+)"""


def put(path: Path, table: str, key: str, value: object) -> None:
    """Write `key = value` into the part [table] of the file, which is there.

    Raises SettingsError, with the line to be written by hand, where that cannot be done safely.
    """
    line = f"{key} = {as_toml(value)}"
    by_hand = _("Please write {line} into the part [{table}] of {path}.").format(
        line=line, table=table, path=path
    )
    try:
        old = path.read_bytes().decode("utf-8")
        new = changed(old, table, key, line)
    except (OSError, ValueError) as error:
        raise SettingsError(by_hand, detail=repr(error)) from error
    if new == old:
        return
    try:
        _replace(path.resolve(), new.encode("utf-8"))
    except OSError as error:
        raise SettingsError(by_hand, detail=repr(error)) from error


def changed(text: str, table: str, key: str, line: str) -> str:
    """The text with `line` for the key. Raises ValueError when more than that would change."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""  # editors on Windows put it first
    body = text.removeprefix(mark)
    ending = "\r\n" if "\r\n" in body else "\n"
    wanted = tomllib.loads(body)
    wanted.setdefault(table, {})[key] = tomllib.loads(line)[key]
    new = _with_line(body, table, key, line, ending)
    if tomllib.loads(new) != wanted:
        raise ValueError(f"{table}.{key} is not set by a line of its own")
    return mark + new


def _with_line(text: str, table: str, key: str, line: str, ending: str) -> str:
    name = rf"^[ \t]*\[[ \t]*{table}[ \t]*\][ \t]*(?:#[^\n]*)?\r?(?:\n|\Z)"
    heading = re.search(name, text, re.MULTILINE)
    if heading is None:
        gap = ending * (1 if text.endswith("\n") or not text else 2)
        return f"{text}{gap if text else ''}[{table}]{ending}{line}{ending}"
    begin = heading.end()
    following = re.compile(r"^[ \t]*\[", re.MULTILINE).search(text, begin)
    end = following.start() if following else len(text)
    part = text[begin:end]
    there = re.search(rf"^([ \t]*){key}[ \t]*=[ \t]*{_VALUE}", part, re.MULTILINE)
    if there is None:
        if not text[:begin].endswith("\n"):
            line = ending + line
        return f"{text[:begin]}{line}{ending}{text[begin:]}"
    return f"{text[:begin]}{part[: there.start()]}{there[1]}{line}{part[there.end() :]}{text[end:]}"


def _replace(path: Path, data: bytes) -> None:
    """Put it in place at once, with the rights that the file had. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        shutil.copymode(path, temporary)
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
