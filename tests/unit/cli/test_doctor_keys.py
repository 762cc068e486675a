"""`describer doctor` claims no keys that nobody holds."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

import pytest

from describer_daemon.cli import doctor
from describer_daemon.core.ports import DescriberError, Verb
from describer_daemon.service import control
from describer_daemon.settings.settings import Bindings, Settings

NOBODY = DescriberError("I have no way to listen for keys here.")


def examined(
    monkeypatch: pytest.MonkeyPatch, *, keys: Mapping[str, str], backend: bool, desktop: bool
) -> str:
    """What is said where a describer runs with these keys."""

    def require(*_: Any) -> Any:
        if not backend:
            raise NOBODY
        return types.SimpleNamespace(name="portal")

    monkeypatch.setattr(doctor.backends, "require", require)
    monkeypatch.setattr(control, "send", lambda *_, **__: {"keys": keys})
    monkeypatch.setattr(doctor, "have_desktops_keys", lambda: desktop)
    monkeypatch.setattr(doctor, "why_none", lambda: "I have no keys here: none.")
    check = doctor._try("keyboard", lambda: doctor._keyboard(Settings()))
    return check.problem or check.result


def test_what_is_held_is_told_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for keys, backend, desktop, said in (
        ({"screen": "Meta+I"}, True, False, "the describer that runs holds the keys Meta+I"),
        ({}, True, False, "The describer that runs holds no keys. See: describer status."),
        ({}, False, True, "the desktop's own shortcuts start the describer"),
    ):
        assert examined(monkeypatch, keys=keys, backend=backend, desktop=desktop) == said
    without = examined(monkeypatch, keys={}, backend=False, desktop=False)
    assert without.startswith("I have no keys here: none. You can bind `describer trigger screen`")


def test_who_wants_no_keys_lacks_none(monkeypatch: pytest.MonkeyPatch) -> None:
    switched_off = dict.fromkeys((verb.setting for verb in Verb), None)
    none = Settings(bindings=Bindings(**switched_off))
    check = doctor._try("keyboard", lambda: doctor._keyboard(none))
    assert check.result == "the settings want no keys"
