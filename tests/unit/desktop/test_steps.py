"""Steps of setting up: one that fails stops no other, and what is not ours is left alone."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from describer_daemon.core.ports import DescriberError
from describer_daemon.desktop import steps
from describer_daemon.desktop.steps import State


@dataclass
class Step:
    """Notes what is asked of it."""

    now: State = State.ABSENT
    error: str = ""
    advice: str = ""
    name: str = "Thing"
    where: str = "over there"
    calls: list[str] = field(default_factory=list)

    def state(self) -> State:
        return self.now

    def _act(self, what: str, then: State) -> str:
        self.calls.append(what)
        if self.error:
            raise DescriberError(self.error)
        self.now = then
        return self.advice

    def do(self) -> str:
        return self._act("do", State.PRESENT)

    def undo(self) -> str:
        return self._act("undo", State.ABSENT)


DOING = {
    State.ABSENT: (["do"], "Thing: added, over there", "Thing: would be added, over there"),
    State.OUTDATED: (["do"], "Thing: renewed, over there", "Thing: would be renewed, over there"),
    State.PRESENT: ([], "Thing: there already, over there", "Thing: there already, over there"),
    State.KEPT: ([], "Thing: left as it is. over there", "Thing: left as it is. over there"),
}
UNDOING = {
    State.ABSENT: ([], "Thing: nothing to remove", "Thing: nothing to remove"),
    State.OUTDATED: (["undo"], "Thing: removed, over there", "Thing: would be removed, over there"),
    State.PRESENT: (["undo"], "Thing: removed, over there", "Thing: would be removed, over there"),
    State.KEPT: ([], "Thing: left as it is. over there", "Thing: left as it is. over there"),
}


@pytest.mark.parametrize("dry", [False, True])
@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(("run", "table"), [(steps.set_up, DOING), (steps.undo, UNDOING)])
def test_each_state_has_its_act_and_its_line(run, table, state: State, dry: bool) -> None:  # type: ignore[no-untyped-def]  # one of two tables and functions
    step = Step(state)
    calls, done, planned = table[state]
    [outcome] = run([step], dry=dry)
    assert (outcome.line, outcome.failed) == (planned if dry else done, False)
    assert step.calls == ([] if dry else calls)


def test_one_that_fails_does_not_stop_the_rest() -> None:
    some = [Step(), Step(error="It is broken. Mend it."), Step(advice="Now sing")]
    outcomes = list(steps.set_up(some))
    assert [outcome.failed for outcome in outcomes] == [False, True, False]
    assert outcomes[1].line == "Thing: failed. It is broken. Mend it."
    assert outcomes[2].line == "Thing: added, over there. Now sing"


def test_what_was_done_last_is_undone_first() -> None:
    some = [Step(State.PRESENT, name=name) for name in "abc"]
    assert [outcome.line[0] for outcome in steps.undo(some)] == ["c", "b", "a"]


def test_what_the_system_refuses_does_not_stop_the_rest() -> None:
    class Refused(Step):
        def state(self) -> State:
            raise PermissionError(13, "Permission denied", "/closed")

    outcomes = list(steps.set_up([Refused(), Step()]))
    assert [outcome.line for outcome in outcomes] == [
        "Thing: failed. The system refused something with /closed: Permission denied.",
        "Thing: added, over there",
    ]
    assert outcomes[0].failed
