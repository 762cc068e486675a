"""`describer doctor` prints its lines below each other, in a language of longer words, too."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from describer_daemon.cli import doctor
from describer_daemon.core import i18n


@pytest.mark.parametrize("code", ["en", "es"])
def test_what_works_and_what_does_not_stand_in_one_column(
    monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    checks = [doctor.Check("one", "works", ""), doctor.Check("two", "", "is broken")]
    monkeypatch.setattr(doctor, "examine", lambda: checks)
    with i18n.spoken_in(code):
        result = CliRunner().invoke(doctor.doctor)
    works, broken = result.output.splitlines()
    assert works.index("one") == broken.index("two")
    assert works.index("works") == broken.index("is broken")
    assert result.exit_code == 1
