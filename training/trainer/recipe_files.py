"""Where recipes are, and the tables of those that build on others.

A page may build on another: `extends` names a recipe of this folder, or a file beside the page.
Tables are merged key by key, and everything else is replaced, the list of stages as a whole.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

RECIPES = Path(__file__).parents[1] / "recipes"


def find_recipe(name: str) -> Path:
    """Find a recipe by its name in this folder, or by its path when it ends in .toml.

    Raises ValueError with the known names.
    """
    path = Path(name) if name.endswith(".toml") else RECIPES / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
        raise ValueError(f"there is no recipe {name}; known: {known}")
    return path


def beside(name: str, path: Path) -> Path:
    """Find the recipe that the one in `path` calls by this name."""
    return find_recipe(str(path.parent / name) if name.endswith(".toml") else name)


def inherited(path: Path, heirs: tuple[Path, ...]) -> dict[str, Any]:
    """Read a page and, below it, those that it extends. `heirs` were read on the way to it."""
    if path.resolve() in heirs:
        names = " → ".join(each.name for each in (*heirs, path))
        raise ValueError(f"{path.name}: it extends itself: {names}")
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path.name}: {error}") from error
    if "extends" not in table:
        return table
    base = table.pop("extends")
    if not isinstance(base, str):
        raise ValueError(f"{path.name}: extends cannot be {base!r}")
    try:
        found = beside(base, path)
    except ValueError as error:
        raise ValueError(f"{path.name}: extends: {error}") from error
    return _merged(inherited(found, (*heirs, path.resolve())), table)


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Put one table on another: tables inside are merged in turn, all else is replaced."""
    both = {
        key: _merged(base[key], value)
        if isinstance(value, dict) and isinstance(base.get(key), dict)
        else value
        for key, value in changes.items()
    }
    return base | both
