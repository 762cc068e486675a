"""The folder that holds one language's translator, whole and checked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.captioning.vocabulary import SPECIALS
from models.runtime.bundle import BundleError
from models.runtime.tables import as_table, make

FORMAT = 1
CONFIG, CARD, PIECES = "config.json", "MODEL_CARD.md", "pieces.json"
WEIGHTS, ENCODER, DECODER = "weights.safetensors", "encoder.onnx", "decoder.onnx"
PARTS = (CARD, PIECES, WEIGHTS, ENCODER, DECODER)
SHIPPED = Path(__file__).parents[1] / "translators"
_MOST_BEAM, _MOST_LENGTH = 64, 4096


@dataclass(frozen=True, slots=True)
class Config:
    """`language` is what is translated to ("de"); `longest`, how many pieces a sentence may have;
    `beam` and `length_penalty` as `models.captioning.decoding.SearchConfig` has them;
    `architecture` as `models.networks.translators.make_translator`; `files` has each part's
    SHA-256."""

    language: str
    architecture: dict[str, Any]
    longest: int = 100
    beam: int = 4
    length_penalty: float = 1.4
    files: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT

    def __post_init__(self) -> None:
        if not (1 <= self.beam <= _MOST_BEAM and 2 <= self.longest <= _MOST_LENGTH):
            raise ValueError(f"beam is 1 to {_MOST_BEAM}, longest 2 to {_MOST_LENGTH}")
        if self.format != FORMAT:
            raise ValueError(f"format {self.format}, not {FORMAT}")
        if not abs(self.length_penalty) <= _MOST_BEAM:
            raise ValueError(f"length_penalty is at most {_MOST_BEAM}")

    def save(self, folder: Path) -> None:
        """Write config.json for the parts that are in `folder` now."""
        files = {part: _digest(folder / part) for part in PARTS}
        text = json.dumps(as_table(self) | {"files": files}, indent=2) + "\n"
        (folder / CONFIG).write_text(text, encoding="utf-8")


def available() -> tuple[str, ...]:
    """The languages whose translators are installed, in alphabetical order."""
    return tuple(sorted(path.parent.name for path in SHIPPED.glob(f"*/{CONFIG}")))


def read(folder: Path) -> tuple[Config, list[str], list[str]]:
    """Check every part → config, and the pieces of English and of the other language.

    Raises BundleError for a part that is missing, damaged or does not fit.
    """
    if not folder.is_dir():
        raise BundleError(
            "There is no translator at {folder}. Install the describer again.", folder=folder
        )
    try:
        table = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        config = make(Config, table, CONFIG)
    except (OSError, ValueError, RecursionError) as error:
        raise unusable(CONFIG, error) from error
    for part in PARTS:
        if not (folder / part).is_file() or _digest(folder / part) != config.files.get(part):
            raise unusable(part)
    try:
        pieces = json.loads((folder / PIECES).read_text(encoding="utf-8"))
        source, target = (_pieces(pieces[side]) for side in ("source", "target"))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise unusable(PIECES, error) from error
    return config, source, target


def write_pieces(source: list[str], target: list[str], folder: Path) -> None:
    """Write both lists of pieces."""
    text = json.dumps({"source": source, "target": target}, ensure_ascii=False, indent=0)
    (folder / PIECES).write_text(text + "\n", encoding="utf-8")


def unusable(part: str, why: object = "") -> BundleError:
    """The error for a part that cannot be used; it may be spoken, `why` is for the log."""
    return BundleError(
        # Translators: {part} is a file's name
        "The translator's {part} is missing or damaged. Install the describer again.",
        str(why),
        part=part,
    )


def _pieces(given: object) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(piece, str) for piece in given):
        raise ValueError("pieces are a list of strings")
    if tuple(given[: len(SPECIALS)]) != SPECIALS:
        raise ValueError(f"pieces begin with {', '.join(SPECIALS)}")
    return given


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unusable(path.name, error) from error
