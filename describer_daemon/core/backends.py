"""The one chooser of back-ends: the first that is available, and why the others are not.

Each room with back-ends lists its own in `candidates`, as "module:Class".
"""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

log = logging.getLogger(__name__)

AUTO = "auto"  # no one in particular is wanted


class Backend(Protocol):
    """What every back-end class offers the chooser."""

    name: str

    @classmethod
    def unavailable_reason(cls) -> str:
        """Why it cannot be used on this desktop, with the cure; "" when it can."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The class that was chosen (None without any) and (name, reason) of those skipped."""

    backend: Any
    skipped: tuple[tuple[str, str], ...]


def resolve(reference: str) -> type[Backend]:
    """Import "module:Class"."""
    module, __, name = reference.partition(":")
    return cast("type[Backend]", getattr(importlib.import_module(module), name))


def choose(
    candidates: Sequence[str], wanted: str = AUTO, *, than: str = "", without: str = ""
) -> Choice:
    """Take the first candidate that is available, the one named `wanted` before all others.

    Only those preferred to the one named `than` are asked, if one is, and never the one named
    `without`. Raises DescriberError when nobody has the name `wanted`.
    """
    skipped: list[tuple[str, str]] = []
    for backend in _ranked(candidates, wanted, skipped):
        if backend.name == than:
            break
        if backend.name == without:
            continue
        reason = _reason(backend)
        if not reason:
            log.info("selected %s (skipped: %s)", backend.name, skipped or "none")
            return Choice(backend, tuple(skipped))
        skipped.append((backend.name, reason))
    return Choice(None, tuple(skipped))


def require(
    candidates: Sequence[str],
    purpose: str,
    wanted: str = AUTO,
    *,
    than: str = "",
    without: str = "",
) -> Any:
    """Like `choose`, but raise DescriberError with every reason when none is available.

    `purpose` is "see the screen", marked by `N_`.
    """
    choice = choose(candidates, wanted, than=than, without=without)
    if choice.backend is None:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in choice.skipped)
        raise DescriberError(
            # Translators: {purpose} is "see the screen" or "read the clipboard", {reasons} are
            # names of programs with what is the matter with each
            _("I have no way to {purpose} here. {reasons}.").format(
                purpose=_(purpose), reasons=reasons
            ),
            detail=reasons,
        )
    return choice.backend


def why_not(candidates: Sequence[str], wanted: str) -> str:
    """Why the one named `wanted` cannot serve now; "" when it can, and for "auto"."""
    for backend in _ranked(candidates, wanted, []):
        if backend.name == wanted:
            return _reason(backend)
    return ""


def _ranked(
    candidates: Sequence[str], wanted: str, skipped: list[tuple[str, str]]
) -> Iterator[type[Backend]]:
    """The candidates in the order of preference; who cannot be loaded goes to `skipped`."""
    references = list(candidates)
    if wanted != AUTO:
        named = {}
        for reference in candidates:
            with contextlib.suppress(ImportError):
                named[resolve(reference).name] = reference
        if wanted not in named:
            raise DescriberError(
                _("There is no back-end named {wanted}. Known: {names}.").format(
                    wanted=wanted, names=", ".join(named)
                )
            )
        references.sort(key=lambda reference: reference != named[wanted])
    for reference in references:
        try:
            backend = resolve(reference)
        except ImportError as error:
            skipped.append(
                (reference.rpartition(":")[2], _("cannot be loaded: {error}").format(error=error))
            )
        else:
            yield backend


def _reason(backend: type[Backend]) -> str:
    try:
        return backend.unavailable_reason()
    except Exception as error:  # one that cannot even tell must not cost the others
        log.exception("%s could not tell whether it is available", backend.name)
        return _("it failed: {error}").format(error=error)
