"""Inputs made to do harm: what one of them does is not laid at another one's door."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from benchmarks.fuzz.bundles import Bundles
from benchmarks.fuzz.trial import Ending, Sample


def test_an_attempt_that_hangs_spoils_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = Sample("unchanged", b'{"parts": {}, "signed": false}')
    hangs, may_end = threading.Event(), threading.Event()
    seen: list[set[str]] = []

    def forked(_kind: Bundles, folder: Path) -> Ending:
        if not hangs.is_set():
            hangs.set()
            may_end.wait()
        seen.append({path.name for path in folder.iterdir()})
        return Ending("said", accepted=False)

    monkeypatch.setattr(Bundles, "_forked", forked)
    with Bundles() as kind:
        first = threading.Thread(target=kind.attempt, args=(sample, False))
        first.start()
        hangs.wait()
        assert kind.attempt(sample, thorough=False).sentence == "said"
        may_end.set()
        first.join()
    assert len(seen) == 2
    assert seen[0] == seen[1]
    assert "config.json" in seen[0]
