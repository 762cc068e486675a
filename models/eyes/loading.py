"""One way to load a captioner, whoever made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.captioner import load as load_own
from models.eyes.captioner import load as load_foreign
from models.eyes.checked import CheckedCaptioner
from models.eyes.folder import layout
from models.eyes.limits import read_limits
from models.runtime.bundle import SHIPPED, BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from models.captioner import Captioner, EngineName
    from models.eyes.folder import Detail


def load(
    folder: Path,
    engine: EngineName = "onnx",
    threads: int | None = None,
    detail: Detail = "brief",
    variant: str | None = None,
    judging: bool = False,
) -> Captioner | CheckedCaptioner:
    """Load the captioner in a folder: a bundle of ours, or a published one of a known layout,
    which is checked by the bundle that ships. `detail`, `variant` and `judging`
    (see `CheckedCaptioner`) are for the latter.

    Raises BundleError naming what is missing or cannot be used.
    """
    if not (folder / "config.json").is_file() or layout(folder) == "bundle":
        return load_own(folder, engine, threads)
    if engine != "onnx":
        raise BundleError(
            "This captioner is published for the onnx engine only. Please choose that engine."
        )
    foreign = load_foreign(folder, threads, variant)
    return CheckedCaptioner(
        foreign, load_own(SHIPPED, engine, threads), read_limits(folder), detail, judging
    )
