"""What the captioner's process imports before it gives up the right to write files."""

from __future__ import annotations

import contextlib
import importlib

from describer_daemon.captioner import memory
from describer_daemon.core import i18n
from describer_daemon.core.i18n import _


def import_project_modules(engine: str, *, others: bool = False) -> None:
    """Import them while Python may still write the compiled files: `sandbox` forbids it.

    torch, too: on its way in it asks programs and temporary files where libraries are. `others`
    tells whether a captioner may be somebody else's, whose words need a tokenizer.
    """
    _(memory.TOO_MUCH)  # with the first sentence come all of that language
    for name in (
        "describer_daemon.captioner.image_decoding",
        "describer_daemon.captioner.image_files",
        "describer_daemon.captioner.papers",
        "describer_daemon.captioner.repair",
        "models.captioner",
        "models.captioning.colours",
        "models.captioning.heatmap",
        "models.captioning.languages",
        "models.captioning.sharpness",
        "models.eyes.loading",
        "models.finder.finder",
        "models.ocr.engine",
        "models.ocr.reading_order",
    ):
        importlib.import_module(name)
    if i18n.language() != i18n.ENGLISH:
        importlib.import_module("models.translation")
    if others:
        importlib.import_module("models.eyes.tokens").preload()
    if engine == "torch":
        with contextlib.suppress(Exception):  # it is told when the engine is wanted
            importlib.import_module("models.runtime.engines.torch")
