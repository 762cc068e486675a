"""The licence of every installed package, as its own metadata tells it: name, version, licence.

python scripts/licences.py                    all that is installed
python scripts/licences.py 'describer[text]'  it, and what it needs on this system
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_LONGEST = 60  # letters: some put the whole text into the field


def closure(wanted: Iterable[str]) -> dict[str, Distribution]:
    """What is installed of these and of all that they need. Raises PackageNotFoundError."""
    found: dict[str, Distribution] = {}
    asked: set[tuple[str, str]] = set()
    waiting = [Requirement(text) for text in wanted]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        found[name] = distribution(name)
        for extra in {"", *one.extras}:
            if (name, extra) not in asked:
                asked.add((name, extra))
                waiting += _needed(found[name], extra)
    return found


def _needed(package: Distribution, extra: str) -> list[Requirement]:
    all_of_them = [Requirement(text) for text in package.requires or ()]
    return [
        one for one in all_of_them if one.marker is None or one.marker.evaluate({"extra": extra})
    ]


def licence(package: Distribution) -> str:
    """The expression if there is one, else what was written before there were expressions."""
    about = package.metadata
    told: list[str] = about.get_all("License-Expression") or about.get_all("License") or [""]
    lines = told[0].strip().splitlines()
    if len(lines) == 1:
        return lines[0]
    # some put the whole text into the field: its name is told elsewhere, or in its first line
    names = [
        text.rpartition(" :: ")[2]
        for text in about.get_all("Classifier") or ()
        if text.startswith("License ::")
    ]
    return ", ".join(names) or " ".join(lines)[:_LONGEST] or "not told: please look into it"


def main() -> None:
    wanted = sys.argv[1:]
    try:
        found = (
            closure(wanted)
            if wanted
            else {
                canonicalize_name(package.metadata["Name"]): package for package in distributions()
            }
        )
    except PackageNotFoundError as error:
        sys.exit(f"{error.name} is not installed. Please run this with the Python that has it.")
    for name, package in sorted(found.items()):
        sys.stdout.write(f"{name}\t{package.version}\t{licence(package)}\n")


if __name__ == "__main__":
    main()
