"""The one chooser of back-ends: the first that does not refuse, and why the others did.

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
    def refusal(cls) -> str:
        """Why it cannot serve on this desktop, with the cure; "" when it can."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The class that was chosen (None when all refused) and (name, reason) of those refused."""

    backend: Any
    refused: tuple[tuple[str, str], ...]


def resolve(reference: str) -> type[Backend]:
    """Import "module:Class"."""
    module, _, name = reference.partition(":")
    return cast("type[Backend]", getattr(importlib.import_module(module), name))


def choose(candidates: Sequence[str], wanted: str = "auto") -> Choice:
    """Take the first candidate that does not refuse, or only the one whose name is `wanted`."""
    refused: list[tuple[str, str]] = []
    names: list[str] = []
    for reference in candidates:
        try:
            backend = resolve(reference)
        except ImportError as error:
            refused.append((reference.rpartition(":")[2], f"cannot be loaded: {error}"))
            continue
        names.append(backend.name)
        if wanted not in ("auto", backend.name):
            continue
        try:
            reason = backend.refusal()
        except Exception as error:  # one that cannot even tell must not cost the others
            log.exception("%s could not tell whether it serves", backend.name)
            reason = f"it failed: {error}"
        if not reason:
            log.info("%s serves; refused before it: %s", backend.name, refused or "none")
            return Choice(backend, tuple(refused))
        refused.append((backend.name, reason))
    if wanted != "auto" and wanted not in names:
        raise DescriberError(f"There is no back-end named {wanted}. Known: {', '.join(names)}.")
    return Choice(None, tuple(refused))


def require(candidates: Sequence[str], purpose: str, wanted: str = "auto") -> Any:
    """Like `choose`, but raise DescriberError with every reason when all refused."""
    choice = choose(candidates, wanted)
    if choice.backend is None:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in choice.refused)
        raise DescriberError(f"I have no way to {purpose} here. {reasons}.", detail=reasons)
    return choice.backend
