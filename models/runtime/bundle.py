"""A bundle: the folder that holds one trained captioner, whole and checked."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.captioning.caption_store import CaptionStore
from models.captioning.confidence import COMPARED, OWN, Calibration
from models.captioning.decoding import SearchConfig
from models.captioning.kinds import kinds
from models.captioning.preprocess import Preprocessing
from models.captioning.things import THING_SIGNALS
from models.captioning.vocabulary import Vocabulary
from models.runtime.tables import as_table, make

FORMAT = 2
CONFIG = "config.json"
VOCABULARY = "vocabulary.json"
CARD = "MODEL_CARD.md"
WEIGHTS = "weights.safetensors"
ENCODER, DECODER = "encoder.onnx", "decoder.onnx"
CONSENSUS = "consensus.npz"
PARTS = (VOCABULARY, CARD, WEIGHTS, ENCODER, DECODER, CONSENSUS)
PICTURES = ("reliability.png", "risk_coverage.png")  # of the card; a bundle works without them
_MOST, _STEEPEST = 1000, 100
_LONGEST = 200  # letters
_LARGEST = 4096  # pixels
_NESTED = "it has too many brackets inside each other"
SHIPPED = Path(__file__).parents[1] / "bundles" / "everyday"


class BundleError(ValueError):
    """A bundle that must not be used: the message names the part and what is wrong.

    The message may be spoken: a `pattern` with its `values`, so that whoever speaks another
    language can translate it. `detail` is for the log: what was expected, and what is there.
    """

    def __init__(self, pattern: str, detail: str = "", **values: object) -> None:
        self.pattern, self.values = pattern, values
        self.detail = detail
        super().__init__(self.told())

    def told(self, translate: Callable[[str], str] = str) -> str:
        """The message, its pattern as `translate` has it."""
        pattern = translate(self.pattern)
        return pattern.format(**self.values) if self.values else pattern


@dataclass(frozen=True, slots=True)
class Config:
    """`grid` is (rows, columns) of the attention maps; `files` has each part's SHA-256.

    `origin` tells of the training for the model card: its `hours` on so many `cores`, and how
    many `unlabelled` pictures were in it.
    """

    architecture: dict[str, Any]
    preprocessing: Preprocessing
    search: SearchConfig
    calibration: Calibration
    grid: tuple[int, int]
    files: dict[str, str] = field(default_factory=dict)
    origin: dict[str, float] = field(default_factory=dict)
    format: int = FORMAT

    def save(self, folder: Path) -> None:
        """Write config.json for the parts that are in `folder` now."""
        files = {part: digest(folder / part) for part in PARTS}
        table = as_table(dataclasses.replace(self, files=files))
        text = json.dumps(table, indent=2) + "\n"
        (folder / CONFIG).write_text(text, encoding="utf-8")


def digest(path: Path) -> str:
    """SHA-256 of a part, in hexadecimals. Raises BundleError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unusable(path.name) from error


def read(folder: Path) -> tuple[Config, Vocabulary, CaptionStore]:
    """Check every part of a bundle and read its plain ones.

    Raises BundleError for a part that is missing, extra, changed or does not fit.
    """
    if not folder.is_dir():
        raise BundleError("There is no captioner bundle at {folder}.", folder=folder)
    _check_parts(folder)
    config = _config(folder / CONFIG)
    for part in PARTS:
        if digest(folder / part) != config.files.get(part):
            raise BundleError(
                # Translators: {part} is a file's name
                "The captioner bundle's {part} is damaged or from another bundle.",
                part=part,
            )
    try:
        vocabulary = Vocabulary.load(folder / VOCABULARY)
    except RecursionError as error:
        raise unusable(VOCABULARY, _NESTED) from error
    except (OSError, ValueError) as error:
        raise unusable(VOCABULARY, error) from error
    try:
        store = CaptionStore.load(folder / CONSENSUS)
    except (OSError, ValueError) as error:
        raise unusable(CONSENSUS, error) from error
    known = (
        OWN
        | (COMPARED if len(store) else set())
        | (THING_SIGNALS if "objects" in config.architecture else set())
    )
    calibration = config.calibration
    if unknown := sorted({*calibration.weights, *calibration.familiar} - known):
        raise unusable(CONFIG, f"calibration: there is no signal {unknown[0]}")
    return config, vocabulary, store


def _check_parts(folder: Path) -> None:
    present = {path.name for path in folder.iterdir()}
    missing = sorted({CONFIG, *PARTS} - present)
    extra = sorted(present - {CONFIG, *PARTS, *PICTURES})
    if missing:
        raise BundleError("The captioner bundle lacks {files}.", files=", ".join(missing))
    if extra:
        raise BundleError(
            "The captioner bundle holds files it should not: {files}.",
            files=_line(", ".join(extra)),
        )
    for part in (CONFIG, *PARTS):
        if not (folder / part).is_file():  # a pipe would never end, nor would some devices
            raise unusable(part, "it is no file")


def unusable(part: str, why: object = "", detail: str = "") -> BundleError:
    """Make the error for a part that cannot be read or does not fit the others.

    It may be spoken: a library's own long message belongs in its cause instead.
    """
    reason = _line(why.strerror if isinstance(why, OSError) else why)
    if not reason:
        # Translators: {part} is a file's name
        return BundleError("The captioner bundle's {part} cannot be used.", detail, part=part)
    return BundleError(
        # Translators: {part} is a file's name, {reason} is English, for who made the bundle
        "The captioner bundle's {part} cannot be used: {reason}.",
        detail,
        part=part,
        reason=reason,
    )


def _line(text: object) -> str:
    """A short line for the ear: a bundle may bring names of any length and any characters."""
    line = "".join(letter if letter.isprintable() else " " for letter in str(text))
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _config(path: Path) -> Config:
    try:
        table = json.loads(
            path.read_text(encoding="utf-8"), parse_constant=_finite, parse_float=_finite
        )
        found = table.get("format") if isinstance(table, dict) else None
        if found == FORMAT:
            for key, kind in (
                ("preprocessing", Preprocessing),
                ("search", SearchConfig),
                ("calibration", Calibration),
            ):
                table[key] = make(kind, table.get(key), key)
            return _sensible(make(Config, table, CONFIG))
    except RecursionError as error:
        raise unusable(CONFIG, _NESTED) from error
    except (OSError, ValueError) as error:
        raise unusable(CONFIG, error) from error
    has = _line(repr(found))
    raise BundleError(
        "The captioner bundle has format {has}; this program reads {format}.",
        has=has,
        format=FORMAT,
    )


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{number} is no number to reckon with")
    return value


def _sensible(config: Config) -> Config:
    """Raises ValueError for what would take for ever, or what nothing can be computed with."""
    search, calibration = config.search, config.calibration
    if max(search.beam_size, search.max_words, search.neighbours) > _MOST:
        raise ValueError(f"search: beam, max_words and neighbours are at most {_MOST}")
    if abs(search.length_penalty) > _STEEPEST:
        raise ValueError(f"search: length_penalty is at most {_STEEPEST}")
    if not all(
        type(weight) in (int, float)
        for weight in (*calibration.weights.values(), *calibration.familiar.values())
    ):
        raise ValueError("calibration: a weight is no number")
    if len(calibration.object_offsets) not in (0, len(kinds())):
        raise ValueError(f"calibration: object_offsets must be {len(kinds())} numbers, or none")
    sees = config.preprocessing
    if min(sees.std) <= 0 or max(sees.size, sees.shorter_side) > _LARGEST:
        raise ValueError(
            f"preprocessing: std must be above 0, size and shorter_side at most {_LARGEST}"
        )
    if min(config.grid) < 1:
        raise ValueError("grid must be at least 1 by 1")
    return config
