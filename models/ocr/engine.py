"""The text in a picture, line by line: RapidOCR, an extra, on the captioner's ONNX Runtime.

Its networks, PaddleOCR's small detector and recogniser, come inside its wheel.
"""

from __future__ import annotations

import base64
import hashlib
import math
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from models.ocr.reading_order import Box

LEAST_CONFIDENCE = 0.6  # what is less sure is mostly a texture or an icon, or not to be understood
MOST_PIXELS = 8_300_000  # a 4K screen; more than that is a camera's, with letters large enough
BAND_PIXELS = 2_200_000  # looked at in one go: a full-HD screen, for the sake of memory
OVERLAP = 96  # pixels that two bands share: no line of usual text is taller
_UNSURE = 3.0  # pixels by which two looks at one line may differ


@dataclass(frozen=True, slots=True)
class OcrLine:
    """One line of text and where it is; `confidence` is in 0..1."""

    text: str
    confidence: float
    box: Box


class DamagedError(ValueError):
    """A network that is not as its wheel had it."""


class OcrEngine:
    """Reads one picture after another; made by `load`."""

    def __init__(self, rapidocr: Any) -> None:
        self._rapidocr = rapidocr

    def recognise(self, image: Image.Image) -> tuple[OcrLine, ...]:
        """All lines of an RGB image that are sure enough, in no particular order."""
        scale = min(1.0, math.sqrt(MOST_PIXELS / (image.width * image.height)))
        if scale < 1.0:
            size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            image = image.resize(size, Image.Resampling.BICUBIC, reducing_gap=3.0)
        lines: list[OcrLine] = []
        cuts = bands(image.width, image.height)
        for number, (top, bottom) in enumerate(cuts):
            # a line belongs to the band that its middle is in; both have it whole
            first = top + OVERLAP / 2 - _UNSURE if number else 0.0
            last = bottom - OVERLAP / 2 + _UNSURE if number < len(cuts) - 1 else math.inf
            for line in self._lines(image.crop((0, top, image.width, bottom)), top):
                if first <= line.box.middle <= last and not _known(line, lines):
                    lines.append(line)
        return tuple(
            OcrLine(line.text, line.confidence, line.box.scaled(1 / scale)) for line in lines
        )

    def recognise_some(
        self, image: Image.Image, wanted: Callable[[Sequence[Box]], Sequence[Box]]
    ) -> tuple[OcrLine, ...]:
        """Those lines of an RGB image that `wanted` chooses of the boxes of all of them.

        To read a line takes longer than to find it. The image is not divided: it shall be small.
        """
        found = self._rapidocr(_bgr(image), use_det=True, use_rec=False)
        boxes = [] if found.boxes is None else [_box(corners) for corners in found.boxes]
        lines = []
        for box in wanted(boxes):
            sides = math.floor(box.left), math.floor(box.top), math.ceil(box.right)
            cut = image.crop((*sides, math.ceil(box.bottom)))
            read = self._rapidocr(_bgr(cut), use_det=False, use_rec=True)
            for text, confidence in zip(read.txts or (), read.scores or (), strict=True):
                if text.strip() and confidence >= LEAST_CONFIDENCE:
                    lines.append(OcrLine(text.strip(), float(confidence), box))
        return tuple(lines)

    def _lines(self, image: Image.Image, top: int) -> list[OcrLine]:
        """What RapidOCR reads in a band that begins at `top`."""
        # RapidOCR remembers what it was told in the call before
        found = self._rapidocr(_bgr(image), use_det=True, use_rec=True)
        if found.boxes is None or found.txts is None:
            return []
        lines = []
        for corners, text, confidence in zip(found.boxes, found.txts, found.scores, strict=True):
            if text.strip():
                box = _box(corners)
                box = Box(box.left, box.top + top, box.right, box.bottom + top)
                lines.append(OcrLine(text.strip(), float(confidence), box))
        return lines


def _bgr(image: Image.Image) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


def _box(corners: np.ndarray) -> Box:
    """Around the four corners of a line, which may be slanted."""
    left, top = (float(value) for value in np.min(corners, axis=0))
    right, bottom = (float(value) for value in np.max(corners, axis=0))
    return Box(left, top, right, bottom)


def load(threads: int | None = None) -> OcrEngine:
    """`threads` defaults to the processors that this process may use.

    Raises ImportError when RapidOCR is not installed, FileNotFoundError when its networks
    are not beside it: it would fetch them, and nothing here asks another machine for anything.
    Raises DamagedError for a network that is not the one that was installed.
    """
    from models.runtime.engines.onnx import processors, quiet

    quiet()
    rapidocr, make = _imported()
    beside = Path(rapidocr.__file__).parent / "models"
    return OcrEngine(
        make(
            params={
                "Global.log_level": "critical",  # it logs that there is no text
                "Global.text_score": LEAST_CONFIDENCE,
                # screens are never upside down, and it costs time on every line
                "Global.use_cls": False,
                "Global.max_side_len": MOST_PIXELS,  # that is, `bands` decides
                "Det.limit_type": "max",  # and nothing is enlarged
                "Det.limit_side_len": MOST_PIXELS,
                "Det.model_path": str(_network(beside, "det")),
                "Rec.model_path": str(_network(beside, "rec")),
                "Rec.rec_batch_num": 1,  # long lines side by side take much memory
                "EngineConfig.onnxruntime.intra_op_num_threads": threads or processors(),
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
    )


def _imported() -> tuple[Any, Any]:
    """RapidOCR's module and class, with no socket opened.

    It imports a library for downloads, which at once binds one to see whether there is IPv6.
    """
    before, socket.has_ipv6 = socket.has_ipv6, False
    try:
        import rapidocr

        return rapidocr, rapidocr.RapidOCR  # which is imported only now
    finally:
        socket.has_ipv6 = before


def bands(width: int, height: int) -> list[tuple[int, int]]:
    """Top and bottom of the bands that a picture is read in, each sharing OVERLAP with the next."""
    tallest = max(BAND_PIXELS // width, 3 * OVERLAP)
    if height <= tallest:
        return [(0, height)]
    count = math.ceil((height - OVERLAP) / (tallest - OVERLAP))
    step = (height - OVERLAP) / count
    return [(round(number * step), round((number + 1) * step) + OVERLAP) for number in range(count)]


def _known(line: OcrLine, lines: list[OcrLine]) -> bool:
    """Whether the line was read already, in the band above."""
    x, y = (line.box.left + line.box.right) / 2, line.box.middle
    return any(
        other.box.left <= x <= other.box.right and other.box.top <= y <= other.box.bottom
        for other in lines
    )


def _network(folder: Path, task: str) -> Path:
    found = sorted(folder.glob(f"*_{task}_*.onnx"))
    if not found:
        raise FileNotFoundError(f"no network for {task!r} in {folder}")
    _check(found[-1])
    return found[-1]


def _check(network: Path) -> None:
    """Compare with the SHA-256 that pip noted of the wheel; other installers may note none.

    Raises DamagedError.
    """
    try:
        files = metadata.distribution("rapidocr").files or ()
    except metadata.PackageNotFoundError:
        return
    ending = ("rapidocr", "models", network.name)
    for file in files:
        if file.parts[-3:] == ending and file.hash is not None and file.hash.mode == "sha256":
            with network.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").digest()
            if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != file.hash.value:
                raise DamagedError(f"{network} is not as it was installed")
