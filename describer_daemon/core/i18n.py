"""The person's language: gettext's catalogues of all that is said and printed (ADR 0054).

A sentence is written in English where it is needed and translated there, `_("Copied.")`; values are
put in afterwards, `_("{name} is not there.").format(name=name)`, so that another language may put
them in another place. What is defined once for all, such as a constant of a module, is only marked
by `N_`, and translated by `_` where it is said: the language may change while the describer runs.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import gettext

ENGLISH = "en"  # what the sentences in the code are written in
DOMAIN = "describer"
LOCALE = Path(__file__).resolve().parent.parent / "locale"
_meanwhile: ContextVar[str] = ContextVar("language", default="")
_VARIABLE = "DESCRIBER_LANGUAGE"  # by which child processes know what `use` was told


def mark(message: str) -> str:
    """Mark a sentence for translation; `_` translates it later."""
    return message


N_ = mark  # as it is called wherever gettext is, and by what extracts the sentences


def _(message: str) -> str:
    """The sentence in the language in use, in English where the catalogue lacks it."""
    catalogue = _catalogue(language())
    return message if catalogue is None or not message else catalogue.gettext(message)


def ngettext(one: str, many: str, number: int) -> str:
    """The sentence for that number, by the plural rules of the language in use."""
    catalogue = _catalogue(language())
    if catalogue is None:
        return one if number == 1 else many
    return catalogue.ngettext(one, many, number)


def pgettext(context: str, message: str) -> str:
    """Like `_`, for words that mean several things: `context` tells which."""
    catalogue = _catalogue(language())
    return message if catalogue is None else catalogue.pgettext(context, message)


def in_each_language(message: str) -> dict[str, str]:
    """A message that `N_` marked, in each language but English that has it, by the code."""
    found = {
        code: catalogue.gettext(message)
        for code in _translated()
        if (catalogue := _catalogue(code))
    }
    return {code: text for code, text in found.items() if text != message}


def use(name: str = "") -> str:
    """Take a language, "" for the session's, for this process and those that it starts.

    → the code of the one that is in use now: English where there is no catalogue for `name`.
    """
    chosen = _nearest([name]) if name else session_language()
    os.environ[_VARIABLE] = chosen
    return chosen


def language() -> str:
    """The code of the language in use: "en", "de"."""
    return _meanwhile.get() or os.environ.get(_VARIABLE) or session_language()


@contextlib.contextmanager
def spoken_in(code: str) -> Iterator[None]:
    """Have another language in use for these lines, in this thread alone.

    So that a sentence is all of one language where a part of it cannot be had in the person's.
    """
    before = _meanwhile.set(code)
    try:
        yield
    finally:
        _meanwhile.reset(before)


def languages() -> tuple[str, ...]:
    """The codes of all languages that there is a catalogue for, English first."""
    return ENGLISH, *_translated()


def session_language(environment: Mapping[str, str] = os.environ) -> str:
    """The first of the session's languages that there is a catalogue for; English without one.

    As gettext has it: LC_ALL, LC_MESSAGES or LANG say which, LANGUAGE may name others before it,
    and the locale "C" is English whatever LANGUAGE says.
    """
    variables = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next(filter(None, map(environment.get, variables)), None) or _system_language()
    if _code(locale) in ("", "c", "posix"):
        return ENGLISH
    return _nearest([*environment.get("LANGUAGE", "").split(":"), locale])


def _nearest(names: list[str]) -> str:
    for name in filter(None, names):
        for code in (_code(name).partition("@")[0], _code(name).partition("_")[0]):
            if code in languages():
                return code
    return ENGLISH


def _code(locale: str) -> str:
    """ "de_AT.UTF-8" → "de_at"."""
    return locale.partition(".")[0].replace("-", "_").lower()


def _system_language() -> str:
    """Windows and macOS set no variable."""
    if sys.platform not in ("win32", "darwin"):
        return ""
    import locale

    return locale.getlocale()[0] or ""


@functools.cache
def _translated() -> tuple[str, ...]:
    return tuple(sorted(path.parts[-3] for path in LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")))


@functools.cache
def _catalogue(code: str) -> gettext.NullTranslations | None:
    """None for English: who speaks it does not wait for gettext."""
    if code == ENGLISH:
        return None
    import gettext

    return gettext.translation(DOMAIN, LOCALE, [code], fallback=True)
