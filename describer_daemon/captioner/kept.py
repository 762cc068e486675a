"""What the captioner's process keeps of the picture that it described last, for a while.

It is small: no more than OCR may look at in one go, and nothing is computed before it is wanted.
"""

from __future__ import annotations

import io
import time
import traceback
from dataclasses import replace
from typing import IO, TYPE_CHECKING

from describer_daemon.captioner import memory
from describer_daemon.captioner.reading import Reader
from describer_daemon.core.details import FORGOTTEN, Details, Side
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import DescriberError, OcrResult, Rectangle

if TYPE_CHECKING:
    from PIL import Image

KEPT_FOR = 300.0  # seconds since it was described, or last asked about
_MOST_PIXELS = 1_200_000  # of what is kept, and read: nobody should have to wait long for OCR
_EDGE = 2  # pixels by which a box may miss the edge of what was looked at
_SIDES: tuple[Side, ...] = ("left", "top", "right", "bottom")


class Kept:
    """One picture: its pixels, reduced, and what was found in it."""

    def __init__(self, image: Image.Image, details: Details) -> None:
        """`image` is RGB, all of the picture that `details` are of; both are this one's now."""
        self._image, self._details = image, details
        self._measured = False
        self._last_used = time.monotonic()

    def reduce(self) -> None:
        """Give away the pixels that nobody will look at; of a page of text the top stays."""
        width, height = self._image.size
        if width * height <= _MOST_PIXELS:
            return
        if self._details.finding in ("text", "none"):
            self._image = self._image.crop((0, 0, width, min(height, _MOST_PIXELS // width)))
        else:
            scale = (_MOST_PIXELS / (width * height)) ** 0.5
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            self._image = self._image.resize(size, reducing_gap=2.0)

    def seconds_left(self) -> float:
        """Until it is to be forgotten."""
        return self._last_used + KEPT_FOR - time.monotonic()

    def details(self) -> Details:
        """Everything but the text, which `read` adds. Raises DescriberError when it is too old."""
        if self.seconds_left() <= 0:
            raise DescriberError(_(FORGOTTEN))
        self._last_used = time.monotonic()
        if not self._measured and self._details.finding != "black":
            from describer_daemon.captioner import results

            self._details = results.measured(self._details, self._image)
        self._measured = True
        return self._details

    def read(self, reader: Reader) -> OcrResult:
        """Its text, read but once, in pixels of what is kept. Raises DescriberError as OCR does."""
        from describer_daemon.captioner import results

        text = self._details.text
        if text is None:
            text = OcrResult(())
            if self._details.finding not in ("black", "plain"):
                text = results.in_reading_order(reader.recognise(self._image))
            self._details = replace(self._details, text=text)
        return text

    def png(self) -> bytes:
        """The pixels that are kept. Raises DescriberError when they are too old."""
        self.details()
        self.reduce()
        file = io.BytesIO()
        self._image.save(file, "PNG", compress_level=3)
        return file.getvalue()

    @property
    def size(self) -> tuple[int, int]:
        """Pixels across and down that are kept."""
        return self._image.width, self._image.height


class Keeper:
    """Keeps one picture: the last, until the next is decoded or it has grown old."""

    def __init__(self, reader: Reader, *, keep: bool, words: bool) -> None:
        """Nothing is kept without `keep`; with `words` the text of every picture is read."""
        self._reader, self._keep, self._words = reader, keep, words
        self._kept: Kept | None = None

    def keep(
        self, image: Image.Image, details: Details, *, labelled: bool = False
    ) -> OcrResult | None:
        """`image` is RGB. → the first lines of its text, if they are wanted and it has much.

        Of what is `labelled`, a chart, the labels are told instead.
        """
        from describer_daemon.captioner import results

        picture = Kept(image, details)
        if self._keep:
            self._kept = picture
        if not self._words or labelled or not self._reader.is_installed:
            return None
        picture.reduce()
        try:
            return results.much_text(picture.read(self._reader), picture.size)
        except Exception:  # an ornament must not cost the caption; the text key tells why
            traceback.print_exc()
            return None

    def labels(self, image: Image.Image) -> tuple[str, ...]:
        """Of a chart: → its title and axes; none where text reading is not installed or fails.

        What it has beside them is not read: who waits for a sentence must not wait for that.
        """
        from describer_daemon.captioner import chart_labels

        if not self._reader.is_installed:
            return ()
        try:
            return chart_labels.chart_labels(image, self._reader.recognise_some)
        except Exception:  # an ornament must not cost the sentence; the text key tells why
            traceback.print_exc()
            return ()

    def recall(self, *, read: bool) -> Details:
        """See `details.RecallingCaptioner`."""
        if self._kept is None:
            raise DescriberError(_(FORGOTTEN))
        details = self._kept.details()
        if read and self._reader.is_installed:
            self._kept.read(self._reader)
            details = self._kept.details()
        return replace(details, readable=self._reader.is_installed)

    def png(self) -> bytes:
        """See `details.RecallingCaptioner.picture`."""
        if self._kept is None:
            raise DescriberError(_(FORGOTTEN))
        return self._kept.png()

    def settle(self) -> None:
        """Do what neither a reply nor the voice after it shall wait for."""
        if self._kept is not None:
            self._kept.reduce()

    def forget(self) -> None:
        """Keep nothing any more."""
        self._kept = None

    def wait(self, requests: IO[bytes]) -> None:
        """Return when a request comes; forget the picture when it is time before that."""
        if self._kept is not None and not memory.arrives(requests, self._kept.seconds_left()):
            self.forget()
            memory.trim()


def cut_sides(box: Rectangle, whole: Rectangle) -> tuple[Side, ...]:
    """The sides at which a picture may go on beyond what was looked at: those where it touches
    the edge, unless it does so at the opposite one, too, for then it most likely just fills it."""
    touches = (
        box.left <= whole.left + _EDGE,
        box.top <= whole.top + _EDGE,
        box.left + box.width >= whole.left + whole.width - _EDGE,
        box.top + box.height >= whole.top + whole.height - _EDGE,
    )
    return tuple(
        side for at, side in enumerate(_SIDES) if touches[at] and not touches[(at + 2) % 4]
    )
