"""Plain tables, as TOML and JSON give them, into dataclasses, strictly."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

Made = TypeVar("Made")


def make(kind: type[Made], table: object, where: str) -> Made:
    """Make the dataclass `kind` of a table; lists become tuples.

    Raises ValueError, beginning with `where`, that names the key which is unknown, missing
    or of the wrong kind.
    """
    given = table if isinstance(table, Mapping) else None
    if given is None:
        raise ValueError(f"{where}: there must be a table here, not {table!r}")
    hints = typing.get_type_hints(kind)
    unknown, known = sorted(set(given) - set(hints)), sorted(hints)
    if unknown:
        raise ValueError(f"{where}: unknown {', '.join(unknown)}; known: {', '.join(known)}")
    values = {}
    for key, value in given.items():
        values[key] = tuple(value) if isinstance(value, list) else value
        if not _fits(values[key], hints[key]):
            raise ValueError(f"{where}: {key} cannot be {value!r}")
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error


def _fits(value: object, hint: Any) -> bool:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return value in parts
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if parts[-1] is Ellipsis:
            return all(_fits(item, parts[0]) for item in value)
        return len(value) == len(parts) and all(map(_fits, value, parts))
    if hint is float:  # a whole number is as good
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or hint)
