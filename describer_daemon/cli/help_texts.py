"""Help in the person's language: gettext knows nothing of docstrings, so each command is given its.

A text is put together of paragraphs, which are translated one by one. Examples are translated
without the commands in them, which stay, and without click's mark, a control character that
editors of catalogues cannot show.
"""

from __future__ import annotations

_AS_IT_STANDS = "\b"  # click wraps no paragraph that begins with it


def page(*paragraphs: str) -> str:
    """The help of a command, of its paragraphs and examples."""
    return "\n\n".join(paragraphs)


def examples(*lines: tuple[str, str] | str, width: int = 0) -> str:
    """A paragraph of commands, some of them with what they do in a column at `width`."""
    shown = [
        line if isinstance(line, str) else f"{line[0]:{max(width, len(line[0]) + 1)}s}{line[1]}"
        for line in lines
    ]
    return "\n".join([_AS_IT_STANDS, *shown])
