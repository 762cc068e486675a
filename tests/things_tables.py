"""A table of things in a language that nobody speaks, whose forms tell what was taken from it."""

from __future__ import annotations

from pathlib import Path

from models.captioning.kinds import kinds

HEADING = "kind\tone\ttwo\tseveral\tseen_one\tseen_two\tseen_several\twords"


def lines() -> list[str]:
    """For a dog "un dog", "du dog", "mult dog", as an object "un dogn", … ; found by "dog"."""
    forms = "{0}\tun {0}\tdu {0}\tmult {0}\tun {0}n\tdu {0}n\tmult {0}n\t{0}, {0}s"
    return [HEADING, *(forms.format(kind.name) for kind in kinds())]


def write(folder: Path, language: str) -> None:
    """The table, and one of a single tag."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{language}.tsv"
    path.write_text("\n".join(lines()) + "\n", encoding="utf-8")
    tags = "name\tsaid\tseen\na tripod\tun tripod\tun tripodn\n"
    (folder / f"{language}.tags.tsv").write_text(tags, encoding="utf-8")
