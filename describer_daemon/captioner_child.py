"""The captioner's own process: pictures in, captions out, over its standard streams.

The only importer of `models/`. Untrusted pictures are decoded here, where a crash or a hang
costs nothing but a restart.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from describer_daemon import frames
from describer_daemon.ports import DescriberError

if TYPE_CHECKING:
    from PIL import Image

    from models.captioner import Captioner, EngineName


class Service:
    """Answers one message after another; loads the model with the first that needs it."""

    def __init__(self, bundle: Path | None, beam: int | None, engine: EngineName) -> None:
        self._bundle, self._beam, self._engine = bundle, beam, engine
        self._captioner: Captioner | None = None

    def answer(self, head: dict[str, Any], body: bytes) -> dict[str, Any]:
        """→ the reply; whatever goes wrong becomes {"error": sentence, "detail": text}."""
        try:
            if head["op"] == "load":
                self._load()
                return {"ok": True}
            return self._describe(head, body)
        except DescriberError as error:
            return {"error": error.spoken, "detail": error.detail}
        except MemoryError:
            return {"error": "This picture needs more memory than there is.", "detail": ""}
        except Exception:  # the daemon must get an answer to every message
            return {"error": "The captioner failed on this picture.",
                    "detail": traceback.format_exc()}

    def _describe(self, head: dict[str, Any], body: bytes) -> dict[str, Any]:
        from describer_daemon import pictures
        from models.preprocess import upright_rgb

        if head["kind"] == "pixels":
            image = pictures.from_pixels(head["width"], head["height"], head["layout"], body)
        else:
            image = upright_rgb(pictures.from_encoded(body))
        found = pictures.finding(image)
        if found:
            return {"words": [], "log_probabilities": [], "confidence": 1.0, "finding": found}
        return self._caption(image)

    def _caption(self, image: Image.Image) -> dict[str, Any]:
        captioner = self._load()
        how = captioner.config.search
        if self._beam is not None:
            how = dataclasses.replace(how, beam=self._beam)
        caption = captioner.describe(image, how)
        limits = captioner.config.calibration
        certainty = ("sure" if caption.confidence >= limits.sure
                     else "medium" if caption.confidence >= limits.medium else "unsure")
        return {
            "words": list(caption.words),
            "log_probabilities": list(caption.log_probabilities),
            "confidence": caption.confidence,
            "certainty": certainty,
        }

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
        frames.write(replies, service.answer(*message))


if __name__ == "__main__":
    main()
