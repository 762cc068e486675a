"""The chooser of back-ends, over modules made here."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from describer_daemon.capture.candidates import CLIPBOARDS, SCREENS
from describer_daemon.core import backends
from describer_daemon.core.ports import DescriberError
from describer_daemon.hotkeys.candidates import HOTKEYS
from describer_daemon.settings.file import entries
from describer_daemon.settings.settings import Settings
from describer_daemon.speech.candidates import SPEAKERS

REPOSITORY = Path(__file__).parents[3]
HERE = "back_ends_for_the_test"
Make = Callable[[str, str], str]


@pytest.fixture
def make() -> Iterator[Make]:
    """`make(name, reason)` → a reference to a back-end of that name."""
    module = ModuleType(HERE)
    sys.modules[HERE] = module

    def add(name: str, reason: str) -> str:
        kind = type(
            name.title(), (), {"name": name, "unavailable_reason": classmethod(lambda _: reason)}
        )
        setattr(module, kind.__name__, kind)
        return f"{HERE}:{kind.__name__}"

    yield add
    del sys.modules[HERE]


def test_the_first_that_does_not_refuse_serves(make: Make) -> None:
    candidates = [make("one", "no display"), make("two", ""), make("three", "")]
    choice = backends.choose(candidates)
    assert choice.backend.name == "two"
    assert choice.skipped == (("one", "no display"),)
    assert backends.require(candidates, "see").name == "two"


def test_one_that_cannot_be_loaded_is_refused_like_others(make: Make) -> None:
    choice = backends.choose([f"{HERE}_missing:Nobody", make("two", "")])
    assert choice.backend.name == "two"
    [(name, reason)] = choice.skipped
    assert name == "Nobody"
    assert reason.startswith("cannot be loaded: ")


def test_the_one_that_is_wanted_comes_first_and_others_stand_in(make: Make) -> None:
    candidates = [make("one", ""), make("two", ""), make("three", "")]
    assert backends.choose(candidates, "three") == backends.Choice(
        backends.resolve(candidates[2]), ()
    )
    refusing = [make("one", "no sound"), make("two", "not here"), make("three", "")]
    choice = backends.choose(refusing, "two")
    assert choice.backend.name == "three"
    assert choice.skipped == (("two", "not here"), ("one", "no sound"))
    assert backends.why_not(refusing, "two") == "not here"
    assert backends.why_not(refusing, "three") == backends.why_not(refusing, "auto") == ""


def test_only_better_ones_are_asked_and_one_may_be_left_out(make: Make) -> None:
    candidates = [make("one", "no display"), make("two", ""), make("three", "")]
    assert backends.choose(candidates, than="one") == backends.Choice(None, ())
    assert backends.choose(candidates, than="two").skipped == (("one", "no display"),)
    assert backends.choose(candidates, than="three").backend.name == "two"
    assert backends.choose(candidates, "three", than="three") == backends.Choice(None, ())
    assert backends.choose(candidates, "three", than="two").backend.name == "three"
    assert backends.choose(candidates, without="two").backend.name == "three"


def test_a_name_that_nobody_has_is_told_with_those_there_are(make: Make) -> None:
    with pytest.raises(DescriberError, match=r"named tow\. Known: one, two\.$"):
        backends.choose([make("one", ""), make("two", "")], "tow")


def test_settings_may_name_every_voice_and_no_other() -> None:
    known = ["auto", *(backends.resolve(reference).name for reference in SPEAKERS)]
    [rule] = [rule for _, key, _, rule, _ in entries(Settings()) if key == "backend"]
    assert [rule.read(name) for name in known] == known
    assert rule.allowed == f"{', '.join(map(json.dumps, known[:-1]))} or {json.dumps(known[-1])}"


def test_when_all_refuse_every_reason_is_told(make: Make) -> None:
    candidates = [make("one", "no display"), make("two", "no sound")]
    assert backends.choose(candidates).backend is None
    with pytest.raises(DescriberError) as caught:
        backends.require(candidates, "see the screen")
    assert caught.value.spoken == (
        "I have no way to see the screen here. one: no display; two: no sound."
    )


@pytest.mark.parametrize(
    "reference",
    [*HOTKEYS, *SCREENS, *CLIPBOARDS, *SPEAKERS],
)
def test_every_back_end_can_be_asked(reference: str) -> None:
    backend = backends.resolve(reference)
    assert backend.name
    assert isinstance(backend.unavailable_reason(), str)


def test_every_back_end_is_held_apart_from_the_others() -> None:
    pages = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    [contract] = [
        one for one in pages["tool"]["importlinter"]["contracts"] if one["type"] == "independence"
    ]
    candidates = (*HOTKEYS, *SCREENS, *CLIPBOARDS, *SPEAKERS)
    assert {reference.partition(":")[0] for reference in candidates} == {*contract["modules"]}


def test_names_of_back_ends_are_distinct() -> None:
    for candidates in (HOTKEYS, SCREENS, CLIPBOARDS, SPEAKERS):
        names = [backends.resolve(reference).name for reference in candidates]
        assert len(set(names)) == len(names)


def test_nobody_to_choose_from() -> None:
    assert backends.choose([]) == backends.Choice(None, ())
