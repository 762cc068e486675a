"""The folder of a picture finder: its network, and config.json with limits and the network's hash.

The folder that ships may be damaged on its way to a person or on their disk. A network with some
thousand bytes turned loads without an error, and finds one picture as large as the screen.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from models.finder.limits import Limits
from models.runtime.bundle import BundleError, digest, unusable
from models.runtime.tables import make

SHIPPED = Path(__file__).parents[1] / "bundles" / "finder"
NETWORK, CONFIG = "finder.onnx", "config.json"
_MOST_PIXELS = 4096.0  # of the shorter side that a picture must have


def read(folder: Path) -> Limits:
    """Check the parts of a finder. Raises BundleError for one that is missing or damaged."""
    try:
        table = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        limits = make(Limits, table["limits"], f"{CONFIG}, limits")
        _check(limits)
        expected = table["files"][NETWORK]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise unusable(CONFIG, detail=f"{folder}: {error!r}") from error
    found = digest(folder / NETWORK)
    if found != expected:
        differs = f"{folder / NETWORK} has SHA-256 {found}, not {expected}"
        raise BundleError(
            "The picture finder's {part} is damaged. Please install the describer again.",
            differs,
            part=NETWORK,
        )
    return limits


def write(folder: Path, limits: Limits) -> None:
    """Write config.json for the network that is in `folder` now."""
    table = {"limits": dataclasses.asdict(limits), "files": {NETWORK: digest(folder / NETWORK)}}
    (folder / CONFIG).write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


def _check(limits: Limits) -> None:
    """Raises ValueError for limits with which everything, or nothing, would be a picture."""
    for each in dataclasses.fields(limits):
        most = _MOST_PIXELS if each.name == "side" else 1.0
        if not 0.0 < getattr(limits, each.name) <= most:  # not a number is none of these either
            raise ValueError(f"{each.name} must be above 0 and at most {most:g}")
