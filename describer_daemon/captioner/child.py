"""The captioner's own process: pictures in, captions out, over its standard streams.

The only importer of `models/`. Untrusted pictures are decoded here, where a crash or a hang
costs nothing but a restart, with bounded memory and without files or sockets (`sandbox`).
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from describer_daemon.captioner import (
    judging,
    kept,
    languages,
    loading,
    media,
    memory,
    messages,
    preloading,
    protocol,
    reading,
    recalling,
    results,
    sandbox,
    selection,
)
from describer_daemon.core import i18n
from describer_daemon.core.details import Details
from describer_daemon.core.i18n import _
from describer_daemon.core.ports import (
    Aim,
    Caption,
    DescriberError,
    Detection,
    Graphic,
    OcrResult,
    Picture,
    Pixels,
    Rectangle,
)

_MAX_FINDER_PIXELS = 9_000_000  # a little more than a 4K screen has; larger grabs are reduced

if TYPE_CHECKING:
    from PIL import Image

    from models.captioner import Caption as ModelCaption
    from models.captioner import Captioner, EngineName
    from models.captioning.decoding import SearchConfig
    from models.eyes.checked import CheckedCaptioner
    from models.eyes.folder import Detail
    from models.finder.finder import Finder


class Service:
    """Answers one message after another; loads the models with the first that needs them."""

    def __init__(
        self,
        bundle: Path | None,
        beam: int | None,
        engine: EngineName,
        find: bool = True,
        threads: int | None = None,
        or_shipped: bool = False,
        keep: bool = False,
        words: bool = False,
        detail: Detail = "brief",
        judge: bool = False,
    ) -> None:
        """With `or_shipped` the bundle that ships serves instead of one that cannot be used, and
        the next reply has a notice of it (see `messages.with_notice`). `keep` is for whoever will
        ask for more of a picture, `judge` for whoever will judge captions; with `words` the
        text of a picture is read, too, where that is installed."""
        or_shipped = or_shipped and bundle is not None
        self._wanted = loading.Wanted(bundle, engine, threads, detail, or_shipped, judge)
        self._notice = ""
        self._beam, self._find, self._threads = beam, find, threads
        self._captioner: Captioner | CheckedCaptioner | None = None
        self._finder: Finder | None = None
        self._reader = reading.Reader(threads)
        self._languages = languages.Languages(self._give_notice)
        self.keeper = kept.Keeper(self._reader, keep=keep, words=words)
        self._memory = memory.Scope()
        self.confined: tuple[str, ...] = ()
        self._handlers: dict[type, Callable[[Any], messages.Reply]] = {
            messages.Load: self._handle_load,
            messages.Describe: self._handle_describe,
            messages.Illustrate: self._handle_illustrate,
            messages.Read: self._handle_read,
            messages.Outline: self._handle_outline,
            recalling.Recall: self._handle_recall,
            recalling.Fetch: self._handle_fetch,
            judging.Judge: self._handle_judge,
            judging.Fit: results.fitted,
        }

    def answer(self, head: protocol.Head, body: bytes) -> tuple[protocol.Head, bytes]:
        """→ head and body of the reply, which is a `messages.Failed` for whatever goes wrong."""
        try:
            request = messages.decode_request(head, body)
            with self._memory:
                head, body = self._handlers[type(request)](request).encode()
        except Exception as error:  # the daemon must get an answer to every message
            return _failed(error).encode()
        notice, self._notice = self._notice, ""
        return messages.with_notice(head, notice), body

    def _give_notice(self, sentence: str) -> None:
        self._notice = sentence

    def _handle_load(self, request: messages.Load) -> messages.Loaded:
        self._load_captioner()
        told = self._languages.prepare(request.language)
        if self._find:
            self._load_finder()
        return messages.Loaded(self.confined, told)

    def _handle_describe(self, request: messages.Describe) -> messages.Described:
        return self._describe(request.picture, request.language, request.already_described)

    def _handle_illustrate(self, request: messages.Illustrate) -> messages.Described:
        return self._describe(request.picture, request.language, draw_heatmap=True)

    def _handle_read(self, request: messages.Read) -> messages.TextRead:
        from describer_daemon.captioner import image_decoding

        image = self._decoded_image(request.picture, full=True)
        blank = image_decoding.blank_reason(image)
        if blank:
            return messages.TextRead(OcrResult((), blank))
        text = results.in_reading_order(self._reader.recognise(image))
        factor = results.reduction(_whole(request.picture, image), image)
        return messages.TextRead(results.enlarged(text, factor))

    def _handle_outline(self, request: messages.Outline) -> messages.Outlined:
        from describer_daemon.captioner import image_decoding

        image = self._decoded_image(request.picture, full=True)
        factor = results.reduction(_whole(request.picture, image), image)
        boxes = [results.scaled_down(box, factor) for box in request.boxes]
        return messages.Outlined(image_decoding.outlined(image, boxes, request.labels))

    def _handle_recall(self, request: recalling.Recall) -> recalling.Recalled:
        return recalling.Recalled(self.keeper.recall(read=request.read))

    def _handle_fetch(self, __: recalling.Fetch) -> messages.Outlined:
        return messages.Outlined(self.keeper.png())

    def _handle_judge(self, request: judging.Judge) -> judging.Judged:
        return results.judged(self._captioner, request.references)

    def _describe(
        self,
        picture: Picture,
        language: str,
        already_described: Sequence[Rectangle] = (),
        *,
        draw_heatmap: bool = False,
    ) -> messages.Described:
        started = time.perf_counter()
        self.keeper.forget()
        results.forget(self._captioner)
        image, selected, whole = self._select(picture, already_described)
        found_at, heatmap, translating = time.perf_counter(), b"", 0.0
        box = selected.box or whole
        model_caption = self._captioned(image, selected)
        graphic: Graphic = ""
        if model_caption is not None:
            selected, model_caption, graphic = media.corrected(
                selected, model_caption, knows_artwork=self._load_captioner().knows_artwork
            )
        details = Details(box, selected.finding, language=language)
        if model_caption is None:
            caption = self._without_words(image, language, graphic)
        else:
            captioned_at = time.perf_counter()
            telling = self._languages.tell(model_caption, language)
            translating = time.perf_counter() - captioned_at
            caption = results.answered(model_caption, telling, image, box)
            details = results.detailed(model_caption, telling, box, selected.finding)
            if draw_heatmap:
                captioner = self._load_captioner()
                heatmap = results.heatmap_png(captioner.visible(image), model_caption, caption)
        if picture.aim is not None and selected.box is not None:
            details = dataclasses.replace(details, cut=kept.cut_sides(box, whole))
        written = self.keeper.keep(image, details, labelled=bool(caption.labels))
        caption = dataclasses.replace(
            caption,
            finding=selected.finding,
            pictures=selected.pictures,
            number=selected.number,
            written=written,
        )
        milliseconds = {
            "find": 1e3 * (found_at - started),
            "caption": 1e3 * (time.perf_counter() - found_at - translating),
        }
        if language != i18n.ENGLISH:
            milliseconds["translate"] = 1e3 * translating
        return messages.Described(caption, milliseconds, heatmap)

    def _without_words(self, image: Image.Image, language: str, graphic: Graphic) -> Caption:
        """Of what has no caption: a chart may have labels, which are read."""
        labels = self.keeper.labels(image) if graphic == "chart" else ()
        return Caption((), (), 1.0, language=language, graphic=graphic, labels=labels)

    def _captioned(self, image: Image.Image, selected: selection.Selection) -> ModelCaption | None:
        """None where there is nothing to caption. A drawing is one to captioners that know which
        drawings are artwork."""
        if selected.finding not in ("", "drawing"):
            return None
        captioner = self._load_captioner()
        if selected.finding and not captioner.knows_media:
            return None
        config = captioner.config.search
        if self._beam is not None:
            config = dataclasses.replace(config, beam_size=self._beam)
        return _caption_image(captioner, image, config)

    def _select(
        self, picture: Picture, already_described: Sequence[Rectangle]
    ) -> tuple[Image.Image, selection.Selection, Rectangle]:
        """→ the image to be captioned, cropped; how it was selected; all that it was part of."""
        from describer_daemon.captioner import image_decoding

        full = picture.aim is not None or bool(already_described)
        image = self._decoded_image(picture, full=full)
        blank, whole = image_decoding.blank_reason(image), _whole(picture, image)
        if blank or not self._find:
            return image, selection.Selection(finding=blank), whole
        seen = whole if full else Rectangle(0, 0, *image.size)
        selected = selection.select(self._detect(image, seen), picture.aim, already_described)
        if selected.number and not full:  # its boxes must be those of the whole file
            reduced, image = image.size, self._decoded_image(picture, full=True)
            if image.size != reduced:
                whole = _whole(picture, image)
                selected = selection.select(self._detect(image, whole), Aim(), already_described)
        if selected.box is not None:
            box = results.scaled_down(selected.box, results.reduction(whole, image))
            image = image.crop((box.left, box.top, box.left + box.width, box.top + box.height))
        return image, selected, whole

    def _decoded_image(self, picture: Picture, *, full: bool) -> Image.Image:
        """→ RGB; see `image_decoding` for `full` and for the errors."""
        from describer_daemon.captioner import image_decoding

        if isinstance(picture, Pixels):
            data = bytes(picture.data)  # no copy: what came over the pipe is bytes
            return image_decoding.from_pixels(picture.width, picture.height, picture.layout, data)
        return image_decoding.from_encoded(picture.data, full=full, scope=self._memory)

    def _detect(self, image: Image.Image, whole: Rectangle) -> selection.DetectionResult:
        """→ what is found in an image, in pixels of the `whole` that it was decoded from."""
        import numpy as np

        finder = self._load_finder()
        # it copies what it is given more than once, and there is a limit of memory
        factor = math.ceil(math.sqrt(image.width * image.height / _MAX_FINDER_PIXELS))
        screen = finder.find(np.asarray(image.reduce(factor) if factor > 1 else image))
        factor *= results.reduction(whole, image)
        detections = tuple(
            Detection(
                results.scaled_up(
                    Rectangle(found.left, found.top, found.width, found.height), factor, whole
                ),
                found.score,
                found.kind,
            )
            for found in screen.detections
        )
        size = (whole.width, whole.height)
        return selection.DetectionResult(detections, size, screen.interface, screen.text)

    def _load_finder(self) -> Finder:
        if self._finder is None:
            from models.finder.finder import load
            from models.runtime.bundle import BundleError

            try:
                with memory.outside_limit():
                    self._finder = load(threads=self._threads)
            except BundleError as error:
                raise loading.unusable(error) from error
        return self._finder

    def _load_captioner(self) -> Captioner | CheckedCaptioner:
        if self._captioner is None:
            self._captioner, self._notice = loading.load(self._wanted)
        return self._captioner


def _whole(picture: Picture, decoded: Image.Image) -> Rectangle:
    """All of a picture, in its own pixels, however small it was decoded."""
    from describer_daemon.captioner import image_decoding

    size = (
        decoded.size
        if isinstance(picture, Pixels)
        else image_decoding.full_size(picture.data, decoded)
    )
    return Rectangle(0, 0, *size)


def _caption_image(
    captioner: Captioner | CheckedCaptioner, image: Image.Image, config: SearchConfig
) -> ModelCaption:
    from models.runtime.bundle import BundleError

    try:
        return captioner.describe(image, config)
    except BundleError as error:  # a graph that loads, but does not work
        raise loading.unusable(error) from error


def _failed(error: Exception) -> messages.Failed:
    if memory.is_out_of_memory(error):  # even if it was taken for a damaged bundle
        return _out_of_memory(repr(error))
    if isinstance(error, DescriberError):
        return messages.Failed(error.spoken, error.detail)
    return messages.Failed(
        _("The captioner failed on this picture."), "".join(traceback.format_exception(error))
    )


def _out_of_memory(detail: str = "") -> messages.Failed:
    return messages.Failed(_(memory.TOO_MUCH), detail, out_of_memory=True)


def _serve(service: Service, requests: IO[bytes], replies: IO[bytes]) -> None:
    """Answer every message until the stream ends."""
    while True:
        memory.trim_when_idle(requests, service.keeper.settle)
        service.keeper.wait(requests)
        try:
            message = protocol.read(requests)
        except MemoryError:
            protocol.write(replies, *_out_of_memory().encode())
            continue
        if message is None:
            return
        protocol.write(replies, *service.answer(*message))


def main() -> None:
    """Serve until the daemon closes our standard input."""
    parser = argparse.ArgumentParser(description="The describer's captioner process.")
    parser.add_argument("--bundle", type=Path)
    parser.add_argument("--beam", type=int)
    parser.add_argument("--engine", choices=("onnx", "torch"), default="onnx")
    parser.add_argument("--whole", action="store_true", help="find no pictures in pictures")
    parser.add_argument("--threads", type=int, help="one a processor by default")
    parser.add_argument("--keep", action="store_true", help="be ready to tell more of a picture")
    parser.add_argument("--words", action="store_true", help="read what is written in pictures")
    parser.add_argument("--judge", action="store_true", help="be ready to judge captions")
    parser.add_argument("--or-shipped", action="store_true", help="if the bundle is unusable")
    parser.add_argument(
        "--detail",
        choices=("brief", "detailed"),
        default="brief",
        help="how much is said, where one can choose",
    )
    parser.add_argument("--allowance", type=int, default=memory.ALLOWANCE, help="bytes a picture")
    options = parser.parse_args()
    # keep the reply stream to ourselves: a library that prints must not garble it
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    service = Service(
        options.bundle,
        options.beam,
        options.engine,
        not options.whole,
        options.threads,
        options.or_shipped,
        options.keep,
        options.words,
        options.detail,
        options.judge,
    )
    preloading.import_project_modules(options.engine, others=options.bundle is not None)
    service.confined = sandbox.confine(options.allowance)
    _serve(service, sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
