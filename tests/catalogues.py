"""Catalogues of sentences for tests: what the code says, and what is wrong with a translation."""

from __future__ import annotations

import functools
import io
import re
import string
from collections.abc import Callable
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_keywords
from babel.messages.mofile import write_mo

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "catalogues.sh"
_PERCENT = re.compile(r"%(?:\(\w+\))?[sdr]")
_EDGES = re.compile(r"^(\s*).*?(\s*)$", re.DOTALL)

Key = tuple[str, tuple[str, ...]]
"""The context of a message, and its forms in English."""


@functools.cache
def extracted() -> Catalog:
    """All that the code says, found as `scripts/catalogues.sh` finds it; not to be changed."""
    text = SCRIPT.read_text(encoding="utf-8")
    keywords = parse_keywords(re.findall(r" -k (\S+)", text))
    places = re.search(r'-o "\$template" ([\w ]+)\n', text)
    assert keywords
    assert places
    template = Catalog()
    for place in places[1].split():
        found = extract_from_dir(ROOT / place, keywords=keywords, comment_tags=["Translators:"])
        for _file, _line, message, _comments, context in found:
            template.add(message, context=context)
    return template


def key(message: Message) -> Key:
    """By what gettext finds a message."""
    return message.context or "", forms(message.id)


def forms(text: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """One for each number that makes a difference."""
    return (text,) if isinstance(text, str) else tuple(text)


def problems(catalogue: Catalog, template: Catalog) -> list[str]:
    """What is wrong with a catalogue for what the code says."""
    wanted = {key(message): message for message in template if message.id}
    there = {key(message): message for message in catalogue if message.id}
    found = [f"missing: {one}" for one in wanted.keys() - there.keys()]
    found += [f"said no more: {one}" for one in there.keys() - wanted.keys()]
    for one in wanted.keys() & there.keys():
        found += [f"{problem}: {one}" for problem in _problems(there[one], catalogue.num_plurals)]
    return found


def compiled(catalogue: Catalog) -> bytes:
    """What a program reads."""
    stream = io.BytesIO()
    write_mo(stream, catalogue)
    return stream.getvalue()


def fields(pattern: str) -> set[str]:
    """What is put in; raises ValueError for a brace without the other."""
    named = {name for _, name, _, _ in string.Formatter().parse(pattern) if name is not None}
    return named | set(_PERCENT.findall(pattern))


def _problems(message: Message, plurals: int) -> list[str]:
    english, translated = forms(message.id), forms(message.string)
    if message.fuzzy:
        return ["fuzzy"]
    if not all(translated):
        return ["not translated"]
    if len(translated) != (plurals if len(english) > 1 else 1):
        return ["not all forms"]
    found = []
    every, some = set.intersection(*map(fields, english)), set.union(*map(fields, english))
    for text in translated:
        try:
            if not every <= fields(text) <= some:
                found.append("other values")
        except ValueError:
            found.append("a brace too many")
        if _edges(text) != _edges(english[0]):
            found.append("other blanks at the ends")
        if text.endswith(";") != english[0].endswith(";"):
            found.append("other end of a list")
    return found


def _edges(text: str) -> tuple[str, ...]:
    match = _EDGES.match(text)
    return match.groups() if match else ()


def marked(pattern: str) -> str:
    """A translation by which its parts are told: «I see ⟦{things}⟧.»."""
    return "«" + re.sub(r"({.*?})", r"⟦\1⟧", pattern) + "»"


def unmarked(sentence: str, given: set[str]) -> str:
    """What of a sentence was not translated: all but «…», whose values are translated or `given`.

    "" where all was, or is a number.
    """
    left, before = sentence, ""
    while left != before:
        before = left
        left = _VALUE.sub(lambda value: "" if is_given(value[1], given) else value[0], left)
        left = _TRANSLATED.sub("", left)
    return left.strip()


def is_given(value: str, given: set[str]) -> bool:
    """Whether a value needs no translation, or was translated and is gone already."""
    return not value.strip() or value.replace(".", "").isdigit() or value in given


_VALUE = re.compile(r"⟦([^«»⟦⟧]*)⟧")
_TRANSLATED = re.compile(r"«[^«»⟦⟧]*»")


def widened(pattern: str) -> str:
    """A translation in wide letters, which wrapping and capitals leave alone."""
    return "".join(
        part if part.startswith(("{", "%")) else part.translate(_WIDE)
        for part in re.split(r"({.*?}|%\(\w+\)s)", pattern)
    )


_WIDE = {ord(letter): ord(letter) + 0xFEE0 for letter in string.ascii_letters}


def pseudo(folder: Path, code: str, translate: Callable[[str], str] = marked) -> None:
    """Make a catalogue below a folder of locales that translates all by `translate`."""
    catalogue = Catalog(locale=code)
    for message in extracted():
        if message.id:
            english = forms(message.id)
            many = len(english) > 1
            texts = [translate(text) for text in english]
            texts += texts[-1:] * (catalogue.num_plurals - 2)
            catalogue.add(message.id, texts if many else texts[0], context=message.context)
    path = folder / code / "LC_MESSAGES" / "describer.mo"
    path.parent.mkdir(parents=True)
    path.write_bytes(compiled(catalogue))
