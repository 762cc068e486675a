"""False alarms: what the daemon says, by its own child, of screens without a photograph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from tqdm import tqdm

from benchmarks.boxes import Box
from benchmarks.matching import Find, judge
from benchmarks.screens.labels import Label

if TYPE_CHECKING:
    from describer_daemon.core.ports import Caption


@dataclass(frozen=True, slots=True)
class ScreenSentence:
    """What is said of the screen in `path`; `invented`: of a picture where there is none."""

    path: Path
    sentence: str
    invented: bool


def sentences_for(screens: Sequence[tuple[Path, Label]], limit: int) -> list[ScreenSentence]:
    """The sentences for at most so many screens without a photograph, as for the screen's key.

    Raises DescriberError when the captioner cannot look.
    """
    from describer_daemon.captioner.client import ChildCaptioner
    from describer_daemon.core.phrasing import sentence
    from describer_daemon.core.ports import Aim, Pixels, Verb

    captioner = ChildCaptioner()
    empty = [(path, label) for path, label in screens if not label.of_kind("photograph")]
    sentences = []
    try:
        for path, label in tqdm(empty[:limit], desc="sentences", unit="screen"):
            with Image.open(path) as image:
                seen = image.convert("RGB")
            caption = captioner.describe(Pixels(seen.width, seen.height, seen.tobytes(), aim=Aim()))
            sentences.append(
                ScreenSentence(path, sentence(caption, Verb.SCREEN), invents(label, caption))
            )
    finally:
        captioner.close()
    return sentences


def invents(label: Label, caption: Caption) -> bool:
    """Whether a caption of a screen without a photograph speaks of one all the same.

    It may speak of a drawing where there is one, and of what does not count (a wallpaper).
    """
    if caption.finding not in ("", "drawing"):
        return False
    if caption.box is None:
        return caption.finding == "" or not label.of_kind("drawing")
    box = caption.box
    find = Find(
        Box(box.left, box.top, box.width, box.height),
        "drawing" if caption.finding else "photograph",
        1.0,
    )
    return bool(judge(label, [find]).strays)
