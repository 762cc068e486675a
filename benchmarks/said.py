"""What the daemon would say of a screen without a photograph: its own child's code, its phrases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from benchmarks.boxes import Box
from benchmarks.matching import Find, judge
from benchmarks.screens.labels import Label


@dataclass(frozen=True, slots=True)
class Said:
    """`invented`: it speaks of a picture where there is none."""

    path: Path
    sentence: str
    invented: bool


def say(screens: Sequence[tuple[Path, Label]], limit: int) -> list[Said]:
    """The sentences for at most so many screens without a photograph, as for the screen's key.

    Raises DescriberError when the captioner cannot look.
    """
    from describer_daemon.captioner_child import Service
    from describer_daemon.phrasing import sentence
    from describer_daemon.ports import Caption, DescriberError, Tag, Verb

    service = Service(None, None, "onnx")
    empty = [(path, label) for path, label in screens if not label.of_kind("photograph")]
    said = []
    for path, label in tqdm(empty[:limit], desc="sentences", unit="screen"):
        with Image.open(path) as image:
            pixels = image.convert("RGB")
        head = {"op": "describe", "kind": "pixels", "layout": "RGB", "width": pixels.width,
                "height": pixels.height, "aim": {"pointer": None, "focus": None}, "passed": []}
        reply, _ = service.answer(head, pixels.tobytes())
        if "error" in reply:
            raise DescriberError(reply["error"], detail=reply.get("detail", ""))
        reply["tags"] = tuple(Tag(**tag) for tag in reply["tags"])
        said.append(Said(path, sentence(Caption(**reply), Verb.SCREEN), invents(label, reply)))
    return said


def invents(label: Label, reply: dict[str, Any]) -> bool:
    """Whether a child's reply to a screen without a photograph speaks of one all the same.

    It may speak of a drawing where there is one, and of what does not count (a wallpaper).
    """
    finding, number = reply["finding"], reply.get("number", 0)
    if finding not in ("", "drawing"):
        return False
    if not number:
        return finding == "" or not label.of_kind("drawing")
    box = reply["pictures"][number - 1]["box"]
    find = Find(Box(box["left"], box["top"], box["width"], box["height"]),
                "drawing" if finding else "photograph", 1.0)
    return bool(judge(label, [find]).strays)
