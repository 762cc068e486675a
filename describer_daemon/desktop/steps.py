"""Steps of setting up: each can be looked at, done and undone, as often as one likes."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from describer_daemon.core.i18n import N_, _
from describer_daemon.core.ports import DescriberError
from describer_daemon.core.reasons import reason


class State(enum.Enum):
    """How a step stands. Only what is ours is ever changed: what is KEPT is left as it is."""

    ABSENT = enum.auto()
    PRESENT = enum.auto()
    OUTDATED = enum.auto()  # ours, but of another version or of one that was installed elsewhere
    KEPT = enum.auto()  # somebody else made it or changed it, or it is still in use


class Leftover(Protocol):
    """What can only be taken away. `name`, marked by `N_`, and `where` are words for the person."""

    @property
    def name(self) -> str:
        """What it is, as "Menu entry"."""

    @property
    def where(self) -> str:
        """Where it is, or for what is KEPT the reason and the cure."""

    def state(self) -> State:
        """How it stands now. Raises DescriberError when that cannot be told."""

    def undo(self) -> str:
        """Take it away; → advice for the person, or "". Raises DescriberError.

        Called when it is PRESENT or OUTDATED.
        """


class Step(Leftover, Protocol):
    """One thing that setting up does."""

    def do(self) -> str:
        """Do it; → advice for the person, or "". Raises DescriberError.

        Called when it is ABSENT or OUTDATED.
        """


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one step, as a line for the person."""

    line: str
    failed: bool = False


_DOING = {
    # Translators: {name} is "Menu entry" or another part of setting up, {where} where it is
    State.ABSENT: (N_("{name}: added, {where}"), N_("{name}: would be added, {where}")),
    State.OUTDATED: (N_("{name}: renewed, {where}"), N_("{name}: would be renewed, {where}")),
    State.PRESENT: (N_("{name}: there already, {where}"), N_("{name}: there already, {where}")),
}
_UNDOING = {
    State.ABSENT: (N_("{name}: nothing to remove"), N_("{name}: nothing to remove")),
    State.OUTDATED: (N_("{name}: removed, {where}"), N_("{name}: would be removed, {where}")),
    State.PRESENT: (N_("{name}: removed, {where}"), N_("{name}: would be removed, {where}")),
}
# Translators: {name} is "Menu entry" or another part of setting up, {error} a whole sentence
_FAILED = N_("{name}: failed. {error}")
_REFUSED = N_("The system refused something: {reason}.")
_REFUSED_WITH = N_("The system refused something with {file}: {reason}.")


def set_up(steps: Sequence[Step], *, dry: bool = False) -> Iterator[Outcome]:
    """Do each step that is not done; one that fails does not stop the rest. `dry`: only tell."""
    for step in steps:
        wanted = (State.ABSENT, State.OUTDATED)
        yield _outcome(step, step.do, wanted, _DOING, dry)


def undo(steps: Sequence[Leftover], *, dry: bool = False) -> Iterator[Outcome]:
    """Undo each step that is done, the last one first; otherwise as `set_up`."""
    for step in reversed(steps):
        wanted = (State.PRESENT, State.OUTDATED)
        yield _outcome(step, step.undo, wanted, _UNDOING, dry)


def _outcome(
    step: Leftover,
    act: Callable[[], str],
    wanted: tuple[State, ...],
    words: dict[State, tuple[str, str]],
    dry: bool,
) -> Outcome:
    name = _(step.name)
    try:
        state = step.state()
        where = step.where
        advice = act() if state in wanted and not dry else ""
    except DescriberError as error:
        return Outcome(_(_FAILED).format(name=name, error=error.spoken), failed=True)
    except OSError as error:
        pattern = _REFUSED_WITH if error.filename else _REFUSED
        told = _(pattern).format(file=error.filename, reason=reason(error))
        return Outcome(_(_FAILED).format(name=name, error=told), failed=True)
    if state is State.KEPT:
        # Translators: {where} is the reason, a whole sentence
        return Outcome(_("{name}: left as it is. {where}").format(name=name, where=where))
    line = _(words[state][dry]).format(name=name, where=where)
    return Outcome(f"{line}. {advice}" if advice else line)
