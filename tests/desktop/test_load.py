"""Requests as fast as keys and programs can send them: each gets one answer."""

from __future__ import annotations

from benchmarks import load
from describer_daemon.cli.demo import SAMPLE


def test_no_request_is_lost() -> None:
    found = load.run(SAMPLE, 300, clients=10, seed=1)
    assert sum(part.asked + part.keys for part in found.parts) == 300
    for part in found.parts:
        assert part.lost == 0, load.table(found)
        assert part.agrees, load.table(found)
        assert part.asked == part.answered + part.stale + part.stops
    assert found.zombies == 0
