"""When each stage on the way from the key to the voice was reached, for whoever measures it.

At the log's level "debug" only: see `benchmarks/latency.py`, which reads it back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)


def reached(stage: str) -> None:
    """A stage was reached now, on the clock of `time.monotonic`, which all processes share."""
    log.debug("reached %s at %.6f", stage, time.monotonic())


def took(milliseconds: Mapping[str, float]) -> None:
    """Stages of another process took so long."""
    for stage, length in milliseconds.items():
        log.debug("%s took %.3f ms", stage, length)
