"""OCR in the captioner's process: loaded with the first picture whose text is wanted."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from describer_daemon.captioner import memory
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError

if TYPE_CHECKING:
    from PIL import Image

    from models.ocr.engine import OcrEngine, OcrLine
    from models.ocr.reading_order import Box


class Reader:
    """Reads the lines of images, one image after the other."""

    def __init__(self, threads: int | None) -> None:
        """`threads` None is one a processor."""
        self._threads = threads
        self._engine: OcrEngine | None = None

    @property
    def is_installed(self) -> bool:
        """Whether there is any use in asking."""
        return self._engine is not None or importlib.util.find_spec("rapidocr") is not None

    def recognise(self, image: Image.Image) -> Sequence[OcrLine]:
        """The lines of an RGB image, in no particular order.

        Raises DescriberError when OCR is not installed, incomplete or damaged.
        """
        engine = self._load()
        with memory.raised_limit(memory.OCR_ALLOWANCE):
            return engine.recognise(image)

    def recognise_some(
        self, image: Image.Image, wanted: Callable[[Sequence[Box]], Sequence[Box]]
    ) -> Sequence[OcrLine]:
        """Those lines of a small RGB image that `wanted` chooses of the boxes of all of them.

        Raises DescriberError like `recognise`.
        """
        engine = self._load()
        with memory.raised_limit(memory.OCR_ALLOWANCE):
            return engine.recognise_some(image, wanted)

    def _load(self) -> OcrEngine:
        if self._engine is None:
            from models.ocr.engine import DamagedError, load

            try:
                with memory.outside_limit():
                    self._engine = load(self._threads)
            except ImportError as error:
                raise DescriberError(
                    _("Reading text needs one more package. Please install describer[text]."),
                    detail=repr(error),
                ) from error
            except FileNotFoundError as error:
                raise DescriberError(
                    _(
                        "The package that reads text is incomplete. "
                        "Please install describer[text] again."
                    ),
                    detail=str(error),
                ) from error
            except DamagedError as error:
                raise DescriberError(
                    _(
                        "The package that reads text is damaged. "
                        "Please install describer[text] again."
                    ),
                    detail=str(error),
                ) from error
        return self._engine
