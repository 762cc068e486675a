"""The captioner's own process: pictures in, captions out, over its standard streams.

The only importer of `models/`. Untrusted pictures are decoded here, where a crash or a hang
costs nothing but a restart.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import itertools
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from describer_daemon import frames
from describer_daemon.ports import Caption, DescriberError, Reading, Tag, TextLine

if TYPE_CHECKING:
    from PIL import Image

    from models.captioner import Caption as Seen
    from models.captioner import Captioner, EngineName
    from models.confidence import Calibration
    from models.reader import Line, Reader


class Service:
    """Answers one message after another; loads the model with the first that needs it."""

    def __init__(self, bundle: Path | None, beam: int | None, engine: EngineName) -> None:
        self._bundle, self._beam, self._engine = bundle, beam, engine
        self._captioner: Captioner | None = None
        self._reader: Reader | None = None

    def answer(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """→ the reply and its body, which is a PNG when the captioner was to illustrate.

        Whatever goes wrong becomes {"error": sentence, "detail": text}.
        """
        try:
            if head["op"] == "load":
                self._load()
                return {"ok": True}, b""
            if head["op"] == "read":
                return dataclasses.asdict(self._read(head, body)), b""
            caption, heatmap = self._describe(head, body)
            return dataclasses.asdict(caption), heatmap
        except DescriberError as error:
            return {"error": error.spoken, "detail": error.detail}, b""
        except MemoryError:
            return {"error": "This picture needs more memory than there is.", "detail": ""}, b""
        except Exception:  # the daemon must get an answer to every message
            return {"error": "The captioner failed on this picture.",
                    "detail": traceback.format_exc()}, b""

    def _describe(self, head: dict[str, Any], body: bytes) -> tuple[Caption, bytes]:
        from describer_daemon import pictures

        image = _image(head, body)
        found = pictures.finding(image)
        if found:
            return Caption((), (), 1.0, finding=found), b""
        captioner = self._load()
        how = captioner.config.search
        if self._beam is not None:
            how = dataclasses.replace(how, beam=self._beam)
        seen = captioner.describe(image, how)
        caption = _judged(seen, captioner.config.calibration)
        return caption, _drawn(image, seen, caption) if head["op"] == "illustrate" else b""

    def _read(self, head: dict[str, Any], body: bytes) -> Reading:
        from describer_daemon import pictures

        image = _image(head, body, whole=True)
        found = pictures.finding(image)
        return Reading((), found) if found else _arranged(self._load_reader().read(image))

    def _load_reader(self) -> Reader:
        if self._reader is None:
            from models.reader import load

            try:
                self._reader = load()
            except ImportError as error:
                raise DescriberError("Reading text needs one more package. "
                                     "Please install describer[text].",
                                     detail=repr(error)) from error
            except FileNotFoundError as error:
                raise DescriberError("The package that reads text is incomplete. "
                                     "Please install describer[text] again.",
                                     detail=str(error)) from error
        return self._reader

    def _load(self) -> Captioner:
        if self._captioner is None:
            from models.bundle import SHIPPED, BundleError
            from models.captioner import load

            try:
                self._captioner = load(self._bundle or SHIPPED, self._engine)
            except BundleError as error:
                raise DescriberError(str(error), detail="see describer doctor") from error
            except ImportError as error:
                extra = "[torch]" if self._engine == "torch" else ""
                raise DescriberError(f"The {self._engine} engine is not installed. "
                                     f"Please install describer{extra}.",
                                     detail=repr(error)) from error
        return self._captioner


def _image(head: dict[str, Any], body: bytes, *, whole: bool = False) -> Image.Image:
    """The RGB image of a message; see `pictures.from_encoded` for `whole`."""
    from describer_daemon import pictures
    from models.preprocess import upright_rgb

    if head["kind"] == "pixels":
        return pictures.from_pixels(head["width"], head["height"], head["layout"], body)
    return upright_rgb(pictures.from_encoded(body, whole=whole))


def _arranged(found: Sequence[Line]) -> Reading:
    """Lines in any order → paragraphs in the order of reading."""
    from models import reading_order

    lines = [found[place] for place in reading_order.order([line.box for line in found])]
    counts = reading_order.paragraphs([line.box for line in lines], [line.text for line in lines])
    each = (TextLine(line.text, line.confidence, round(line.box.left), round(line.box.top),
                     round(line.box.width), round(line.box.height)) for line in lines)
    return Reading(tuple(tuple(itertools.islice(each, count)) for count in counts))


def _judged(seen: Seen, limits: Calibration) -> Caption:
    return Caption(
        seen.words, seen.log_probabilities, seen.confidence,
        "sure" if seen.confidence >= limits.sure
        else "medium" if seen.confidence >= limits.medium else "unsure",
        tags=tuple(Tag(tag.name, tag.probability, tag.probability >= limits.tag)
                   for tag in seen.tags),
    )


def _drawn(image: Image.Image, seen: Seen, caption: Caption) -> bytes:
    from models import heatmap

    stream = io.BytesIO()
    heatmap.draw(image, seen.words, seen.attention, caption.text).save(stream, "PNG")
    return stream.getvalue()


def main() -> None:
    """Serve until the daemon closes our standard input."""
    parser = argparse.ArgumentParser(description="The describer's captioner process.")
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--beam", type=int)
    parser.add_argument("--engine", choices=("onnx", "torch"), default="onnx")
    options = parser.parse_args()
    # keep the reply stream to ourselves: a library that prints must not garble it
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    service = Service(options.bundle, options.beam, options.engine)
    while (message := frames.read(sys.stdin.buffer)) is not None:
        frames.write(replies, *service.answer(*message))


if __name__ == "__main__":
    main()
