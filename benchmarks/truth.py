"""The picture finder on screenshots that nobody here made, with the places of their pictures.

A folder has a `truth.json`: for each file the `boxes` of its pictures (left, top, width, height in
pixels of the file, and a `kind`), boxes to `ignore`, and a `note`. Where that says "laid on white",
a window with see-through edges was laid on white paper, as no real grab looks: told apart.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from tqdm import tqdm

from benchmarks.boxes import Box
from benchmarks.matching import paired
from benchmarks.statistics import Share, clustered, wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.finder import FindPictures
    from benchmarks.matching import Find
    from describer_daemon.core.ports import Rectangle
    from models.captioner import Captioner

    SecondLook = Callable[[NDArray[np.uint8], Find], Find]

TRUTH = "truth.json"
_SEE_THROUGH = "laid on white"
_IGNORED = 0.5  # so much of a find in boxes that do not count, and it does not count
_LARGE, _SMALL = 100, 64  # pixels of the shorter side
# thumbnails, avatars, film and wallpapers may be either: nobody could call it wrong
_KINDS = {"photograph": "photograph", "artwork-drawing": "drawing"}
_FULL_HD = (1920, 1080)


@dataclass(frozen=True, slots=True)
class Truth:
    """One screenshot; `kinds` has the kind of each of the `boxes`."""

    path: Path
    boxes: tuple[Box, ...]
    kinds: tuple[str, ...]
    ignore: tuple[Box, ...]
    see_through: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found of one screenshot: `matches` has the find of each box, or None, `ious` how
    well they agree, `strays` are the finds of nothing, `milliseconds` what it took."""

    truth: Truth
    matches: tuple[Find | None, ...]
    ious: tuple[float, ...]
    strays: tuple[Find, ...]
    milliseconds: float
    size: tuple[int, int]


def read(folder: Path) -> list[Truth]:
    """Raises ValueError for a folder without a truth.json, or with one that makes no sense."""
    try:
        table = json.loads((folder / TRUTH).read_text(encoding="utf-8"))
        return [_read_one(folder / name, row) for name, row in sorted(table.items())]
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{folder} has no {TRUTH} that can be read ({error!r}). It must name each file with "
            "its boxes: see benchmarks/README.md."
        ) from error


def _read_one(path: Path, row: dict[str, object]) -> Truth:
    def boxes(name: str) -> list[dict[str, object]]:
        rows = row.get(name, [])
        if not isinstance(rows, list):
            raise TypeError(f"{path.name}: {name} is no list")
        return rows

    def box(each: dict[str, object]) -> Box:
        return Box(*(int(str(each[side])) for side in ("left", "top", "width", "height")))

    return Truth(
        path,
        tuple(map(box, boxes("boxes"))),
        tuple(str(each["kind"]) for each in boxes("boxes")),
        tuple(map(box, boxes("ignore"))),
        _SEE_THROUGH in str(row.get("note", "")),
    )


def measure(
    truths: Sequence[Truth], find: FindPictures, second_look: SecondLook | None = None
) -> list[Judged]:
    """Run a finder on every screenshot. Raises FileNotFoundError when one is lacking.

    With a `second_look` the kinds are what the captioner's process would call them; that is not
    in the finder's time, as that process encodes what it describes anyway.
    """
    judged = []
    for number, truth in enumerate(tqdm(truths, desc="screenshots", unit="screen")):
        with Image.open(truth.path) as image:
            pixels = np.asarray(image.convert("RGB"))
        if not number:
            find(pixels)  # the first call may allocate and load
        begun = time.perf_counter()
        finds = find(pixels)
        taken = 1000 * (time.perf_counter() - begun)
        if second_look is not None:
            finds = [second_look(pixels, each) for each in finds]
        judged.append(judge(truth, finds, taken, (pixels.shape[1], pixels.shape[0])))
    return judged


def with_kinds(captioner: Captioner) -> SecondLook:
    """A find with the kind that the captioner's encoder tells, as `describe` corrects it."""

    def look(pixels: NDArray[np.uint8], find: Find) -> Find:
        box = find.box
        crop = Image.fromarray(
            pixels[box.top : box.top + box.height, box.left : box.left + box.width]
        )
        media = captioner.media(captioner.encode(crop), crop)
        if media is None:
            return find
        medium = media.told(drawn=find.kind == "drawing")
        return replace(find, kind="photograph" if medium == "photograph" else "drawing")

    return look


def claims(truths: Sequence[Truth]) -> list[tuple[Truth, str]]:
    """The screens without a picture of which a sentence claims that there is one, as for the
    screen's key. Raises DescriberError when the captioner cannot look."""
    from describer_daemon.captioner.client import ChildCaptioner
    from describer_daemon.core.phrasing import sentence
    from describer_daemon.core.ports import Aim, Pixels, Verb

    captioner, claimed = ChildCaptioner(), []
    empty = [truth for truth in truths if not truth.boxes]
    try:
        for truth in tqdm(empty, desc="sentences", unit="screen"):
            with Image.open(truth.path) as image:
                seen = image.convert("RGB")
            caption = captioner.describe(Pixels(seen.width, seen.height, seen.tobytes(), aim=Aim()))
            if caption.finding in ("", "drawing") and not _allowed(caption.box, truth):
                claimed.append((truth, sentence(caption, Verb.SCREEN)))
    finally:
        captioner.close()
    return claimed


def _allowed(box: Rectangle | None, truth: Truth) -> bool:
    return box is not None and _ignored(Box(box.left, box.top, box.width, box.height), truth.ignore)


def claims_table(truths: Sequence[Truth], claimed: Sequence[tuple[Truth, str]]) -> str:
    """How often something is claimed on screens without a picture, and each of those sentences."""
    lines = []
    for name, see_through in (("", False), (f", {_SEE_THROUGH}", True)):
        empty = [each for each in truths if not each.boxes and each.see_through is see_through]
        count = sum(truth.see_through is see_through for truth, _ in claimed)
        lines.append(
            f"a picture is claimed where there is none{name}: {count} of {len(empty)} screens"
        )
    return "\n".join([*lines, *(f"  {truth.path.name}: {said}" for truth, said in claimed)])


def judge(
    truth: Truth, finds: Sequence[Find], milliseconds: float, size: tuple[int, int]
) -> Judged:
    """Match finds with boxes one to one, whatever their kinds, the best pairs first."""
    matches, ious = paired(truth.boxes, finds)
    used = {id(each) for each in matches if each is not None}
    strays = tuple(
        each for each in finds if id(each) not in used and not _ignored(each.box, truth.ignore)
    )
    return Judged(truth, matches, ious, strays, milliseconds, size)


def _ignored(box: Box, ignore: Sequence[Box]) -> bool:
    return sum(box.overlap(each) for each in ignore) >= _IGNORED * box.area


@dataclass(frozen=True, slots=True)
class Table:
    """Counts over screenshots."""

    judged: Sequence[Judged] = field(default_factory=list)

    def rows(self) -> list[tuple[str, str]]:
        """What was measured, and how much it is."""
        empty = [each for each in self.judged if not each.truth.boxes]
        full = [each for each in self.judged if each.truth.boxes]
        vain = wilson(sum(bool(each.strays) for each in empty), len(empty))
        worse = wilson(
            sum(any(find.kind == "photograph" for find in each.strays) for each in empty),
            len(empty),
        )
        more = wilson(sum(bool(each.strays) for each in full), len(full))
        large = f"≥ {_LARGE} px"
        return [
            ("screens without a picture that yield one", _share(vain)),
            ("… that yield a photograph", _share(worse)),
            ("screens with pictures that yield more", _share(more)),
            *(
                (f"{name}, IoU {iou}", _share(self._found(iou, kinds, side)))
                for name, kinds, side in (
                    (f"photographs {large}", ("photograph",), _LARGE),
                    (f"all pictures {large}", (), _LARGE),
                    (f"all pictures ≥ {_SMALL} px", (), _SMALL),
                )
                for iou in (0.75, 0.9)
            ),
            ("kind right, of those found", _share(self._right())),
            ("milliseconds, median", _median([each.milliseconds for each in self.judged])),
            (
                "milliseconds at 1920 by 1080, median",
                _median([each.milliseconds for each in self.judged if each.size == _FULL_HD]),
            ),
        ]

    def _found(self, iou: float, kinds: Sequence[str], side: int) -> Share:
        return self._of(
            lambda box, kind: min(box.width, box.height) >= side and (not kinds or kind in kinds),
            lambda _kind, _find, agreement: agreement >= iou,
        )

    def _right(self) -> Share:
        return self._of(
            lambda _box, kind: kind in _KINDS,
            lambda kind, find, _agreement: find is None or find.kind == _KINDS[kind],
            found_only=True,
        )

    def _of(
        self,
        counts: Callable[[Box, str], bool],
        hit: Callable[[str, Find | None, float], bool],
        *,
        found_only: bool = False,
    ) -> Share:
        groups = []
        for each in self.judged:
            rows = zip(each.truth.boxes, each.truth.kinds, each.matches, each.ious, strict=True)
            group = [
                hit(kind, find, iou)
                for box, kind, find, iou in rows
                if counts(box, kind) and (find is not None or not found_only)
            ]
            if group:
                groups.append(group)
        return clustered(groups)


def table(judged: Sequence[Judged]) -> str:
    """One line a measure; a column for true grabs, one for windows that were laid on white."""
    columns = [
        Table([each for each in judged if each.truth.see_through is see_through]).rows()
        for see_through in (False, True)
    ]
    width = max(len(name) for name, _ in columns[0])
    counts = [sum(each.truth.see_through is kind for each in judged) for kind in (False, True)]
    heads = [f"{counts[0]} screens", f"{counts[1]} {_SEE_THROUGH}"]
    lines = [f"{'':{width}}" + "".join(f"  {head:>34}" for head in heads)]
    lines += [
        f"{ours[0]:{width}}" + "".join(f"  {cell:>34}" for cell in (ours[1], apart[1]))
        for ours, apart in zip(*columns, strict=True)
    ]
    return "\n".join(lines)


def record(judged: Sequence[Judged]) -> list[dict[str, object]]:
    """Each screenshot's finds, for results.json."""
    return [
        {
            "screen": each.truth.path.name,
            "kinds": each.truth.kinds,
            "ious": [round(iou, 4) for iou in each.ious],
            "found as": [find and find.kind for find in each.matches],
            "strays": [
                [find.box.left, find.box.top, find.box.width, find.box.height, find.kind]
                for find in each.strays
            ],
            "milliseconds": round(each.milliseconds, 1),
        }
        for each in judged
    ]


def _share(share: Share) -> str:
    if not share.total:
        return "-"
    return (
        f"{100 * share.value:.1f} % ({100 * share.low:.0f} to {100 * share.high:.0f}) "
        f"of {share.total}"
    )


def _median(milliseconds: Sequence[float]) -> str:
    return f"{np.median(milliseconds):.1f} of {len(milliseconds)}" if milliseconds else "-"
