"""The captioner's own process: pictures in, captions out, over its standard streams.

The only importer of `models/`. Untrusted pictures are decoded here, where a crash or a hang
costs nothing but a restart, with bounded memory and without files or sockets (`sandbox`).
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import io
import itertools
import math
import os
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from describer_daemon.captioner import memory, protocol, sandbox, selection
from describer_daemon.core.ports import (
    Aim,
    Caption,
    DescriberError,
    Found,
    Reading,
    Rectangle,
    Tag,
    TextLine,
)

_MOST_SEARCHED = 9_000_000  # pixels, a little more than a 4K screen has

if TYPE_CHECKING:
    from PIL import Image

    from models.captioner import Caption as Seen
    from models.captioner import Captioner, EngineName
    from models.captioning.confidence import Calibration
    from models.captioning.decoding import SearchConfig
    from models.finder.finder import Finder
    from models.ocr.reader import Line, Reader


class Service:
    """Answers one message after another; loads the models with the first that needs them."""

    def __init__(self, bundle: Path | None, beam: int | None, engine: EngineName,
                 find: bool = True, threads: int | None = None) -> None:
        self._bundle, self._beam, self._engine, self._find = bundle, beam, engine, find
        self._threads = threads
        self._captioner: Captioner | None = None
        self._finder: Finder | None = None
        self._reader: Reader | None = None
        self.confined: tuple[str, ...] = ()

    def answer(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """→ the reply and its body, which is a PNG when something was to be drawn.

        Whatever goes wrong becomes {"error": sentence, "detail": text}.
        """
        try:
            if head["op"] == "load":
                self._load()
                if self._find:
                    self._load_finder()
                return {"ok": True, "confined": self.confined}, b""
            if head["op"] == "outline":
                return {"ok": True}, _outlined(head, body)
            if head["op"] == "read":
                return dataclasses.asdict(self._read(head, body)), b""
            return self._describe(head, body)
        except Exception as error:  # the daemon must get an answer to every message
            if memory.is_short(error):  # even if it was taken for a damaged bundle
                return _too_much(repr(error)), b""
            if isinstance(error, DescriberError):
                return {"error": error.spoken, "detail": error.detail}, b""
            return {"error": "The captioner failed on this picture.",
                    "detail": traceback.format_exc()}, b""

    def _describe(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        began = time.perf_counter()
        image, chosen = self._look(head, body)
        looked, heatmap = time.perf_counter(), b""
        if chosen.finding:
            caption = Caption((), (), 1.0, finding=chosen.finding)
        else:
            captioner = self._load()
            config = captioner.config.search
            if self._beam is not None:
                config = dataclasses.replace(config, beam_size=self._beam)
            seen = _seen(captioner, image, config)
            caption = _judged(seen, captioner.config.calibration)
            if head["op"] == "illustrate":
                heatmap = _drawn(captioner.visible(image), seen, caption)
        caption = dataclasses.replace(caption, pictures=chosen.pictures, number=chosen.number)
        milliseconds = {"find": 1e3 * (looked - began),
                        "caption": 1e3 * (time.perf_counter() - looked)}
        return {**dataclasses.asdict(caption), "milliseconds": milliseconds}, heatmap

    def _read(self, head: dict[str, Any], body: bytes) -> Reading:
        from describer_daemon.captioner import image_decoding

        image = _image(head, body, full=True)
        found = image_decoding.finding(image)
        if found:
            return Reading((), found)
        reader = self._load_reader()
        with memory.more(memory.READING):
            return _arranged(reader.read(image))

    def _load_reader(self) -> Reader:
        if self._reader is None:
            from models.ocr.reader import load

            try:
                with memory.apart():
                    self._reader = load(self._threads)
            except ImportError as error:
                raise DescriberError("Reading text needs one more package. "
                                     "Please install describer[text].",
                                     detail=repr(error)) from error
            except FileNotFoundError as error:
                raise DescriberError("The package that reads text is incomplete. "
                                     "Please install describer[text] again.",
                                     detail=str(error)) from error
        return self._reader

    def _look(self, head: dict[str, Any], body: bytes) -> tuple[Image.Image, selection.Chosen]:
        """→ what is to be captioned, cut out, and how it was chosen."""
        from describer_daemon.captioner import image_decoding

        aim, passed = _aim(head), [Rectangle(*box) for box in head.get("passed", ())]
        full = aim is not None or bool(passed)
        image = _image(head, body, full=full)
        blank = image_decoding.finding(image)
        if blank or not self._find:
            return image, selection.Chosen(finding=blank)
        chosen = selection.choose(self._sight(image), aim, passed)
        if chosen.number and not full:  # its boxes must be those of the whole file
            reduced, image = image.size, _image(head, body, full=True)
            if image.size != reduced:
                chosen = selection.choose(self._sight(image), Aim(), passed)
        if chosen.number:
            box = chosen.pictures[chosen.number - 1].box
            image = image.crop((box.left, box.top, box.left + box.width, box.top + box.height))
        return image, chosen

    def _sight(self, image: Image.Image) -> selection.Sight:
        import numpy as np

        finder = self._load_finder()
        # it copies what it is given more than once, and there is a limit of memory
        factor = math.ceil(math.sqrt(image.width * image.height / _MOST_SEARCHED))
        screen = finder.find(np.asarray(image.reduce(factor) if factor > 1 else image))
        found = tuple(
            Found(_enlarged(Rectangle(one.left, one.top, one.width, one.height), factor, image),
                  one.score, one.kind)
            for one in screen.found
        )
        return selection.Sight(found, image.size, screen.interface, screen.text)

    def _load_finder(self) -> Finder:
        if self._finder is None:
            from models.finder.finder import load
            from models.runtime.bundle import BundleError

            try:
                with memory.apart():
                    self._finder = load(threads=self._threads)
            except BundleError as error:
                raise DescriberError(str(error), detail="see describer doctor") from error
        return self._finder

    def _load(self) -> Captioner:
        if self._captioner is None:
            from models.captioner import load
            from models.runtime.bundle import SHIPPED, BundleError

            try:
                with memory.apart():
                    self._captioner = load(self._bundle or SHIPPED, self._engine, self._threads)
            except BundleError as error:
                raise DescriberError(str(error), detail="see describer doctor") from error
            except ImportError as error:
                extra = "[torch]" if self._engine == "torch" else ""
                raise DescriberError(f"The {self._engine} engine is not installed. "
                                     f"Please install describer{extra}.",
                                     detail=repr(error)) from error
        return self._captioner


def _image(head: dict[str, Any], body: bytes, *, full: bool) -> Image.Image:
    from describer_daemon.captioner import image_decoding
    from models.captioning.preprocess import upright_rgb

    if head["kind"] == "pixels":
        return image_decoding.from_pixels(head["width"], head["height"], head["layout"], body)
    return upright_rgb(image_decoding.from_encoded(body, full=full))


def _enlarged(box: Rectangle, factor: int, image: Image.Image) -> Rectangle:
    """A box in an image that was reduced by `factor` → the box in the image itself."""
    left, top = factor * box.left, factor * box.top
    return Rectangle(left, top, min(factor * box.width, image.width - left),
                     min(factor * box.height, image.height - top))


def _aim(head: dict[str, Any]) -> Aim | None:
    if "aim" not in head:
        return None
    pointer, focus = head["aim"]["pointer"], head["aim"]["focus"]
    return Aim((pointer[0], pointer[1]) if pointer else None,
               Rectangle(*focus) if focus else None)


def _arranged(found: Sequence[Line]) -> Reading:
    """Lines in any order → paragraphs in the order of reading."""
    from models.ocr import reading_order

    lines = [found[place] for place in reading_order.order([line.box for line in found])]
    counts = reading_order.paragraphs([line.box for line in lines], [line.text for line in lines])
    each = (TextLine(line.text, line.confidence, round(line.box.left), round(line.box.top),
                     round(line.box.width), round(line.box.height)) for line in lines)
    return Reading(tuple(tuple(itertools.islice(each, count)) for count in counts))


def _seen(captioner: Captioner, image: Image.Image, config: SearchConfig) -> Seen:
    from models.runtime.bundle import BundleError

    try:
        return captioner.describe(image, config)
    except BundleError as error:  # a graph that loads, but does not work
        raise DescriberError(str(error), detail="see describer doctor") from error


def _judged(seen: Seen, limits: Calibration) -> Caption:
    return Caption(
        seen.words, seen.log_probabilities, seen.confidence,
        "sure" if seen.confidence >= limits.sure
        else "medium" if seen.confidence >= limits.medium else "unsure",
        tags=tuple(Tag(tag.name, tag.probability, tag.probability >= limits.tag)
                   for tag in seen.tags),
    )


def _drawn(image: Image.Image, seen: Seen, caption: Caption) -> bytes:
    from models.captioning import heatmap

    stream = io.BytesIO()
    heatmap.draw(image, seen.words, seen.attention, caption.text).save(stream, "PNG")
    return stream.getvalue()


def _outlined(head: dict[str, Any], body: bytes) -> bytes:
    from describer_daemon.captioner import image_decoding

    image = _image(head, body, full=True)
    return image_decoding.outlined(image, [Rectangle(*box) for box in head["boxes"]])


def _import_ours() -> None:
    """Import what is ours while Python may still write down what it compiled."""
    for name in ("describer_daemon.captioner.image_decoding", "models.captioner",
                 "models.finder.finder", "models.captioning.heatmap", "models.ocr.reader",
                 "models.ocr.reading_order"):
        importlib.import_module(name)


def _next(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | tuple[()] | None:
    """The next message, () for one that there is no memory for, None at the end."""
    memory.rest(stream)
    try:
        return protocol.read(stream)
    except MemoryError:
        return ()


def _too_much(detail: str = "") -> dict[str, Any]:
    return {"error": memory.TOO_MUCH, "detail": detail, "short": True}


def main() -> None:
    """Serve until the daemon closes our standard input."""
    parser = argparse.ArgumentParser(description="The describer's captioner process.")
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--beam", type=int)
    parser.add_argument("--engine", choices=("onnx", "torch"), default="onnx")
    parser.add_argument("--whole", action="store_true", help="find no pictures in pictures")
    parser.add_argument("--threads", type=int, help="one a processor by default")
    options = parser.parse_args()
    # keep the reply stream to ourselves: a library that prints must not garble it
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    service = Service(options.bundle, options.beam, options.engine, not options.whole,
                      options.threads)
    _import_ours()
    service.confined = sandbox.confine()
    while (message := _next(sys.stdin.buffer)) is not None:
        protocol.write(replies, *(service.answer(*message) if message else (_too_much(), b"")))


if __name__ == "__main__":
    main()
