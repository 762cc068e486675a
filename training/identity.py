"""What a file in a work folder was made of, so that it is used again only for the same.

An identity is a table of plain values: what was asked for as it is, what was read as a digest. It
lies in the file or in a note beside it. An entry that a file lacks is younger than the file, whose
maker is believed then, and a line says so.
"""

from __future__ import annotations

import ast
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

Identity = dict[str, Any]

_DIGEST = 64  # hexadecimal digits of SHA-256
_TOLD = 3  # differences that are worth a line


class OtherIdentityError(ValueError):
    """A file in the work folder was made of something else than what is wanted now."""


def plain(identity: Mapping[str, Any]) -> Identity:
    """The identity as it comes back from a file: tuples are lists there."""
    table: Identity = json.loads(json.dumps(identity))
    return table


def differences(kept: Mapping[str, Any], wanted: Mapping[str, Any], where: str = "") -> list[str]:
    """What of an identity is not as it is wanted, each in words; none for the same.

    Entries that the kept one lacks altogether do not count: see `unknown`.
    """
    found = []
    for key in dict.fromkeys([*wanted, *kept]):
        if key not in kept and not where:
            continue
        old, new = kept.get(key), wanted.get(key)
        if old == new:
            continue
        name = f"{where}{key}"
        if isinstance(old, dict) and isinstance(new, dict):
            found += differences(old, new, f"{name}, ")
        elif _is_short(old) and _is_short(new):
            found.append(f"{name} was {_said(old)} and is {_said(new)}")
        else:
            found.append(f"{name}: not the same")
    return found


def unknown(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The entries that an older file lacks."""
    return [key for key in wanted if key not in kept]


def trust(path: Path, what: Iterable[str] = ()) -> None:
    """Say that a file is believed to be of the same, though it cannot tell of all."""
    named = ", ".join(what)
    of = f" of {named}" if named else ""
    tqdm.write(f"{path} was made before identities{of} were kept: taken on trust")


def refuse(path: Path, found: list[str], kind: str) -> None:
    """Raise OtherIdentityError, if there are differences: they, and the cure."""
    if found:
        raise OtherIdentityError(
            f"{path} belongs to {kind}: {told(found)}. "
            f"Give another work folder, or delete {path.name}."
        )


def told(found: list[str]) -> str:
    """The first of the differences."""
    more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return "; ".join(found[:_TOLD]) + more


def read(path: Path) -> Identity | None:
    """The identity in a note; None without one, or when a kill has left it unreadable."""
    if not path.is_file():
        return None
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return table if isinstance(table, dict) else {}


def write(path: Path, identity: Mapping[str, Any]) -> None:
    """Keep an identity in a note; a kill leaves the old one or the new one, whole."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(identity, sort_keys=True), encoding="utf-8")
    part.replace(path)


def of_values(*values: Any) -> str:
    """Digest of what `json` can write."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def of_arrays(*arrays: NDArray[Any]) -> str:
    """Digest of shapes, types and bytes."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype.str}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def of_tensors(table: Mapping[str, Tensor]) -> str:
    """Digest of a state dict: names and values."""
    digest = hashlib.sha256()
    add_tensors(digest, table)
    return digest.hexdigest()


def add_tensors(digest: hashlib._Hash, table: Mapping[str, Tensor]) -> None:
    """Have a digest be of these, too."""
    for name, value in sorted(table.items()):
        same = value.cpu().contiguous() + 0  # a moving average turns -0 into 0
        digest.update(name.encode() + same.numpy().tobytes())


def of_files(paths: Iterable[Path]) -> str:
    """Digest of names, sizes and times of change: at once, for what can be made again."""
    return of_values([[path.name, *(stamp(path) or ())] for path in paths])


def of_contents(paths: Iterable[Path]) -> str:
    """Digest of names and contents, in this order; of a missing file, that it is missing."""
    names = list(paths)
    with ThreadPoolExecutor() as pool:
        return of_values([path.name for path in names], list(pool.map(_content, names)))


def of_code(*modules: str) -> str:
    """Digest of modules' code as Python reads it: comments and layout do not count."""
    sources = []
    for name in modules:
        found = find_spec(name)
        path = Path(found.origin) if found and found.origin else None
        if path is not None and path.is_file():
            sources.append(ast.unparse(ast.parse(path.read_bytes())))
    return of_values(modules, sources)


def stamp(path: Path) -> list[int] | None:
    """Size and time by which a file is known to be unchanged; None when it is missing."""
    try:
        about = path.stat()
    except OSError:
        return None
    return [about.st_size, about.st_mtime_ns]


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return "missing"


def _is_short(value: object) -> bool:
    """Whether a person can make something of it: a digest, nobody can."""
    if isinstance(value, dict | list):
        return False
    return not (isinstance(value, str) and len(value) == _DIGEST)


def _said(value: object) -> str:
    return "not given" if value is None else str(value)
