"""Why the system refused something is told in the language in use."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from describer_daemon.core import reasons
from describer_daemon.core.reasons import reason


def test_the_usual_ones_are_translated(pseudo_locale: None, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="directory") as caught:
        (tmp_path / "none").read_bytes()
    assert reason(caught.value) == "«No such file or directory»"


def test_others_are_told_as_they_are(pseudo_locale: None) -> None:
    assert reason(OSError(errno.EDOM, "Numerical argument out of domain")) == (
        "Numerical argument out of domain"
    )
    assert reason(OSError("cannot identify image file")) == "cannot identify image file"


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has other words for one of them")
def test_they_are_the_words_of_the_system() -> None:
    assert {os.strerror(number) for number in errno.errorcode} >= set(reasons._USUAL)
