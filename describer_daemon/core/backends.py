"""The one chooser of back-ends: the first that is available, and why the others are not.

Each room with back-ends lists its own in `candidates`, as "module:Class".
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from describer_daemon.core.ports import DescriberError

log = logging.getLogger(__name__)


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
    module, _, name = reference.partition(":")
    return cast("type[Backend]", getattr(importlib.import_module(module), name))


def choose(candidates: Sequence[str], wanted: str = "auto") -> Choice:
    """Take the first candidate that is available, or only the one whose name is `wanted`."""
    skipped: list[tuple[str, str]] = []
    names: list[str] = []
    for reference in candidates:
        try:
            backend = resolve(reference)
        except ImportError as error:
            skipped.append((reference.rpartition(":")[2], f"cannot be loaded: {error}"))
            continue
        names.append(backend.name)
        if wanted not in ("auto", backend.name):
            continue
        try:
            reason = backend.unavailable_reason()
        except Exception as error:  # one that cannot even tell must not cost the others
            log.exception("%s could not tell whether it is available", backend.name)
            reason = f"it failed: {error}"
        if not reason:
            log.info("selected %s (skipped: %s)", backend.name, skipped or "none")
            return Choice(backend, tuple(skipped))
        skipped.append((backend.name, reason))
    if wanted != "auto" and wanted not in names:
        raise DescriberError(f"There is no back-end named {wanted}. Known: {', '.join(names)}.")
    return Choice(None, tuple(skipped))


def require(candidates: Sequence[str], purpose: str, wanted: str = "auto") -> Any:
    """Like `choose`, but raise DescriberError with every reason when none is available."""
    choice = choose(candidates, wanted)
    if choice.backend is None:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in choice.skipped)
        raise DescriberError(f"I have no way to {purpose} here. {reasons}.", detail=reasons)
    return choice.backend
