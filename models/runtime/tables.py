"""Plain tables, as TOML and JSON give them, into dataclasses, strictly, and back.

The key of a field is its name, or what its metadata have under "key": names in the code follow
the terms of the field of study, while files that exist keep their keys.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Made = TypeVar("Made")


def make(kind: type[Made], table: object, where: str) -> Made:
    """Make the dataclass `kind` of a table; lists become tuples.

    Raises ValueError, beginning with `where`, that names the key which is unknown, missing
    or of the wrong kind.
    """
    given = table if isinstance(table, Mapping) else None
    if given is None:
        raise ValueError(f"{where}: there must be a table here, not {table!r}")
    hints, names = typing.get_type_hints(kind), _names(kind)
    unknown, known = sorted(set(given) - set(names)), sorted(names)
    if unknown:
        raise ValueError(f"{where}: unknown {', '.join(unknown)}; known: {', '.join(known)}")
    values = {}
    for key, value in given.items():
        fitting = tuple(value) if isinstance(value, list) else value
        if not _fits(fitting, hints[names[key]]):
            raise ValueError(f"{where}: {key} cannot be {fitting!r}")
        values[names[key]] = fitting
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        reason = str(error)
        for key, name in names.items():  # Python tells of a missing field by its name
            reason = reason.replace(f"'{name}'", f"'{key}'")
        raise ValueError(f"{where}: {reason}") from error


def as_table(value: DataclassInstance) -> dict[str, Any]:
    """The table that `make` would make a dataclass of; dataclasses inside become tables, too."""
    return {key: _plain(getattr(value, name)) for key, name in _names(type(value)).items()}


def _names(kind: type[Any]) -> dict[str, str]:
    """Key in a table → name of the field."""
    return {each.metadata.get("key", each.name): each.name for each in dataclasses.fields(kind)}


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return as_table(value)
    if isinstance(value, list | tuple):
        return type(value)(map(_plain, value))
    return value


def _fits(value: object, hint: Any) -> bool:
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return value in parts
    if origin is UnionType:
        return any(_fits(value, part) for part in parts)
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
