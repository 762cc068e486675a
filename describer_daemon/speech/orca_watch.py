"""Telling at once that Orca came or went, without ever asking."""

from __future__ import annotations

from collections.abc import Callable

from describer_daemon.service.bus_watch import BusWatch
from describer_daemon.speech.orca_bus import NAMES


class OrcaWatch(BusWatch):
    """Calls back, from its own thread, whenever Orca's service comes or goes."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        super().__init__(NAMES, on_change, "orca")
