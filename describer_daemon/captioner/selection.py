"""Which of the pictures on a screen is meant. Pure arithmetic; the reasons are in ADR 0013."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from describer_daemon.capture import geometry
from describer_daemon.core.ports import Aim, Detection, NoCaptionReason, Rectangle

_SAME_IOU = 0.5  # intersection over union from which two boxes show one picture
_FOCUS_OVERLAP = 0.5  # share of the smaller of picture and focused object that lies in both
_FOCUS_TOO_LARGE = 0.6  # share of the area from which a focused object tells nothing
_SCREENSHOT_INTERFACE = 0.3  # share of interface from which a picture is one of a screen
_NO_PHOTOGRAPH_INTERFACE = 0.9  # share of interface from which it can be nothing else
_MOSTLY_TEXT = 0.05  # share of text from which somebody will want to know of it
_LIES_IN = 0.9  # share of a picture's area that lies in a larger one, if it lies upon that
_FILLS_ALL = 0.8  # share of the area from which a picture is all that there is


@dataclass(frozen=True, slots=True)
class Selection:
    """See `ports.Caption`; without a finding, picture `number` is to be captioned, or all (0)."""

    pictures: tuple[Detection, ...] = ()
    number: int = 0
    finding: NoCaptionReason = ""

    @property
    def box(self) -> Rectangle | None:
        """Where that picture is; None for the whole image."""
        return self.pictures[self.number - 1].box if self.number else None


@dataclass(frozen=True, slots=True)
class DetectionResult:
    """What the finder detected in an image of `size` (width, height) pixels, the best first.

    `interface` is the share of the area that is text, buttons and blank, `text` that of text
    alone; both in 0..1.
    """

    detections: tuple[Detection, ...]
    size: tuple[int, int]
    interface: float
    text: float


def select(
    result: DetectionResult, aim: Aim | None, already_described: Sequence[Rectangle] = ()
) -> Selection:
    """What to describe: on a screen (with an `aim`) a picture in it, else mostly all of it."""
    if aim is None:
        area = result.size[0] * result.size[1]
        filling = [
            detection.kind
            for detection in result.detections
            if _area(detection.box) >= _FILLS_ALL * area
        ]
        if filling or not _is_screenshot(result):
            return Selection(finding="drawing" if "drawing" in filling else "")
    if not result.detections:
        return Selection(finding="text" if result.text >= _MOSTLY_TEXT else "none")
    pictures, number = in_order(result.detections, result.size, aim or Aim(), already_described)
    is_drawing = pictures[number - 1].kind == "drawing"
    return Selection(pictures, number, "drawing" if is_drawing else "")


def _is_screenshot(result: DetectionResult) -> bool:
    return result.interface >= (
        _SCREENSHOT_INTERFACE if result.detections else _NO_PHOTOGRAPH_INTERFACE
    )


def in_order(
    detections: Sequence[Detection],
    size: tuple[int, int],
    aim: Aim,
    already_described: Sequence[Rectangle] = (),
) -> tuple[tuple[Detection, ...], int]:
    """The pictures in the order in which they are visited, and whose turn it is, from 1.

    There is at least one of the `detections`, the best first; `size` is the (width, height) of
    the image. First come those that were `already_described`; when that is all of them, it
    starts over.
    """
    visited = [
        detection
        for detection in detections
        if any(_same(detection.box, box) for box in already_described)
    ]
    if len(visited) == len(detections):
        visited = []
    visited.sort(
        key=lambda detection: [_same(detection.box, box) for box in already_described].index(True)
    )
    focus = aim.focus
    if focus is not None and _area(focus) >= _FOCUS_TOO_LARGE * size[0] * size[1]:
        focus = None

    def rank(detection: Detection) -> tuple[float, ...]:
        """Least for the one that is meant: focused, pointed at, nothing that others lie in (a
        wallpaper comes last), a photograph, near, large."""
        box = detection.box
        distance = geometry.distance(box, aim.pointer) if aim.pointer is not None else 0
        return (
            focus is None or not _overlaps_focus(box, focus),
            aim.pointer is None or distance > 0,
            any(_lies_in(other.box, box) for other in detections if other is not detection),
            detection.kind != "photograph",
            distance,
            -_area(box),
        )

    rest = sorted((detection for detection in detections if detection not in visited), key=rank)
    return (*visited, *rest), len(visited) + 1


def _same(one: Rectangle, other: Rectangle) -> bool:
    intersection = geometry.shared(one, other)
    return intersection > _SAME_IOU * (_area(one) + _area(other) - intersection)


def _lies_in(box: Rectangle, other: Rectangle) -> bool:
    """Whether nearly all of a box lies in another, larger one."""
    return _area(box) < _area(other) and geometry.shared(box, other) > _LIES_IN * _area(box)


def _overlaps_focus(box: Rectangle, focus: Rectangle) -> bool:
    return geometry.shared(box, focus) > _FOCUS_OVERLAP * min(_area(box), _area(focus))


def _area(box: Rectangle) -> int:
    return box.width * box.height
