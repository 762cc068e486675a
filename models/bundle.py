"""A bundle: the folder that holds one trained captioner, whole and checked."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.decoding import Search
from models.preprocess import Preprocessing
from models.vocabulary import Vocabulary

FORMAT = 1
CONFIG = "config.json"
VOCABULARY = "vocabulary.json"
CARD = "MODEL_CARD.md"
WEIGHTS = "weights.safetensors"
ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
PARTS = (VOCABULARY, CARD, WEIGHTS, ENCODER, DECODER)
SHIPPED = Path(__file__).parent / "bundles" / "flickr8k"


class BundleError(ValueError):
    """A bundle that must not be used: the message names the part and what is wrong."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Confidence = 1 / (1 + exp(-(slope * m + offset))), m the mean log-probability a token.

    `sure` and `medium` are the least confidences of a plain and of a hedged caption.
    """

    slope: float = 1.0
    offset: float = 0.0
    sure: float = 0.6
    medium: float = 0.3


@dataclass(frozen=True, slots=True)
class Config:
    """`grid` is (rows, columns) of the attention maps; `files` has each part's SHA-256."""

    architecture: Mapping[str, Any]
    preprocessing: Preprocessing
    search: Search
    calibration: Calibration
    grid: tuple[int, int]
    files: Mapping[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def save(self, folder: Path) -> None:
        """Write config.json for the parts that are in `folder` now."""
        files = {part: digest(folder / part) for part in PARTS}
        table = dataclasses.asdict(dataclasses.replace(self, files=files))
        text = json.dumps(table, indent=2) + "\n"
        (folder / CONFIG).write_text(text, encoding="utf-8")


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(folder: Path) -> tuple[Config, Vocabulary]:
    """Check every part of a bundle and read its plain ones.

    Raises BundleError for a part that is missing, extra, changed or does not fit.
    """
    if not folder.is_dir():
        raise BundleError(f"There is no captioner bundle at {folder}.")
    present = {path.name for path in folder.iterdir()}
    missing = sorted({CONFIG, *PARTS} - present)
    extra = sorted(present - {CONFIG, *PARTS})
    if missing:
        raise BundleError(f"The captioner bundle lacks {', '.join(missing)}.")
    if extra:
        raise BundleError(f"The captioner bundle holds files it should not: {', '.join(extra)}.")
    config = _config(folder / CONFIG)
    for part in PARTS:
        if digest(folder / part) != config.files.get(part):
            raise BundleError(f"The captioner bundle's {part} is damaged or from another bundle.")
    try:
        return config, Vocabulary.load(folder / VOCABULARY)
    except ValueError as error:
        raise BundleError(f"The captioner bundle's {VOCABULARY} cannot be used: {error}.") from error


def _config(path: Path) -> Config:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        if table["format"] != FORMAT:
            raise BundleError(
                f"The captioner bundle has format {table['format']}; this program reads {FORMAT}."
            )
        preprocessing = dict(table["preprocessing"])
        for key in ("mean", "std"):
            preprocessing[key] = tuple(preprocessing[key])
        rows, columns = table["grid"]
        return Config(
            architecture=table["architecture"],
            preprocessing=Preprocessing(**preprocessing),
            search=Search(**table["search"]),
            calibration=Calibration(**table["calibration"]),
            grid=(int(rows), int(columns)),
            files=table["files"],
        )
    except BundleError:
        raise
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise BundleError(f"The captioner bundle's {CONFIG} cannot be read: {error!r}.") from error
