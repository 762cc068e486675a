"""What the captioner's process keeps of the last picture: little, and not for long."""

from __future__ import annotations

import dataclasses
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image, ImageDraw

from describer_daemon.captioner import kept, memory, protocol, recalling
from describer_daemon.captioner.child import Service
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.captioner.kept import Keeper, Kept, cut_sides
from describer_daemon.captioner.reading import Reader
from describer_daemon.core.details import FORGOTTEN, Details, Side
from describer_daemon.core.ports import DescriberError, Encoded, Pixels, Rectangle
from models.ocr.engine import OcrLine
from models.ocr.reading_order import Box
from tests import screens
from tests.unit.captioner.inside import attempting, result

SMALL = Rectangle(0, 0, 200, 100)


class FakeReader:
    """Reads the same lines in every image, and notes its size."""

    def __init__(self, *lines: OcrLine, installed: bool = True) -> None:
        self.lines, self.is_installed = lines, installed
        self.sizes: list[tuple[int, int]] = []

    def recognise(self, image: Image.Image) -> Sequence[OcrLine]:
        self.sizes.append(image.size)
        return self.lines

    def recognise_some(
        self, image: Image.Image, wanted: Callable[[Sequence[Box]], Sequence[Box]]
    ) -> Sequence[OcrLine]:
        self.sizes.append(image.size)
        chosen = wanted([line.box for line in self.lines])
        return [line for line in self.lines if line.box in chosen]


class ShortOfMemory(FakeReader):
    def recognise(self, image: Image.Image) -> Sequence[OcrLine]:
        raise MemoryError

    def recognise_some(self, image: Image.Image, wanted: object) -> Sequence[OcrLine]:
        raise MemoryError


def line(text: str, confidence: float = 0.9, height: float = 20.0) -> OcrLine:
    return OcrLine(text, confidence, Box(10, 10, 110, 10 + height))


def keeper(reader: FakeReader, *, keep: bool = True, words: bool = False) -> Keeper:
    return Keeper(cast("Reader", reader), keep=keep, words=words)


def stripes(width: int, height: int) -> Image.Image:
    """Sharp edges, blue and white."""
    image = Image.new("RGB", (width, height), "white")
    for left in range(0, width, 40):
        ImageDraw.Draw(image).rectangle((left, 0, left + 24, height), "blue")
    return image


def test_details_are_measured_when_they_are_wanted_and_only_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from describer_daemon.captioner import results

    measured: list[object] = []
    original = results.measured
    monkeypatch.setattr(results, "measured", lambda *args: (measured.append(1), original(*args))[1])
    one = keeper(FakeReader())
    assert one.keep(stripes(200, 100), Details(SMALL)) is None
    assert measured == []  # the caption waited for nothing
    details = one.recall(read=False)
    assert (details.colours, details.sharpness) == (("blue", "white"), "sharp")
    assert details.readable
    assert details.text is None
    assert one.recall(read=False) == details
    assert measured == [1]


def test_text_is_read_when_it_is_wanted_and_only_once() -> None:
    reader = FakeReader(line("STOP"))
    one = keeper(reader)
    one.keep(stripes(200, 100), Details(SMALL))
    assert reader.sizes == []
    texts = [one.recall(read=True).text for _ in range(2)]
    assert [found.lines[0].text for found in texts if found] == ["STOP", "STOP"]
    assert reader.sizes == [(200, 100)]
    assert one.recall(read=False).text == texts[0]


def test_a_chart_is_read_for_its_labels_and_for_the_rest_only_when_that_is_wanted() -> None:
    reader = FakeReader(line("Sales by region"))
    one = keeper(reader, words=True)
    labels = one.labels(stripes(200, 200))
    assert labels == ("Sales by region",)
    assert reader.sizes == [(200, 40), (200, 60), (200, 30)]  # the last one is turned
    assert one.keep(stripes(200, 200), Details(SMALL), labelled=True) is None
    assert len(reader.sizes) == 3
    assert one.recall(read=True).text is not None
    assert reader.sizes[3:] == [(200, 200)]


@pytest.mark.parametrize("reader", [ShortOfMemory(), FakeReader(line("STOP"), installed=False)])
def test_a_chart_that_cannot_be_read_has_no_labels(reader: FakeReader) -> None:
    assert keeper(reader).labels(stripes(200, 140)) == ()


def test_where_reading_is_not_installed_nothing_is_read() -> None:
    reader = FakeReader(line("STOP"), installed=False)
    one = keeper(reader, words=True)
    assert one.keep(stripes(200, 100), Details(SMALL)) is None
    details = one.recall(read=True)
    assert (details.readable, details.text, reader.sizes) == (False, None, [])


@pytest.mark.parametrize("finding", ["black", "plain"])
def test_a_picture_of_nothing_is_not_read(finding: Any) -> None:
    reader = FakeReader(line("STOP"))
    one = keeper(reader)
    one.keep(Image.new("RGB", (200, 100)), Details(SMALL, finding))
    details = one.recall(read=True)
    assert details.text is not None
    assert (details.text.lines, reader.sizes) == ((), [])
    assert details.colours == (() if finding == "black" else ("black",))


def test_it_is_forgotten_after_five_minutes_without_a_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(kept.time, "monotonic", lambda: now[0])
    one = keeper(FakeReader())
    one.keep(stripes(200, 100), Details(SMALL))
    now[0] += 299
    one.recall(read=False)
    now[0] += 299  # a question keeps it for another five minutes
    one.recall(read=False)
    now[0] += 301
    with pytest.raises(DescriberError) as caught:
        one.recall(read=False)
    assert caught.value.spoken == FORGOTTEN


def test_its_pixels_are_given_back_then_though_nobody_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as requests, os.fdopen(writing, "wb") as other_end:
        one = keeper(FakeReader())
        one.wait(requests)  # nothing is kept, so nothing is waited for
        one.keep(stripes(200, 100), Details(SMALL))
        monkeypatch.setattr(kept, "KEPT_FOR", 0.0)
        one.wait(requests)
        assert one._kept is None
        one.keep(stripes(200, 100), Details(SMALL))
        monkeypatch.setattr(kept, "KEPT_FOR", 999.0)
        other_end.write(b"a request")
        other_end.flush()
        one.wait(requests)
        assert one.recall(read=False).box == SMALL


def test_it_is_reduced_when_nobody_asks_for_anything_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some thirty milliseconds that the voice would wait for on a machine with one core."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as requests, os.fdopen(writing, "wb") as other_end:
        one = keeper(FakeReader())
        one.keep(stripes(2000, 1000), Details(Rectangle(0, 0, 2000, 1000)))
        assert one._kept is not None
        other_end.write(b"a request")
        other_end.flush()
        memory.trim_when_idle(requests, one.settle)
        assert one._kept.size == (2000, 1000)
        requests.read(9)
        monkeypatch.setattr(memory, "_IDLE", 0.0)
        memory.trim_when_idle(requests, one.settle)
        assert one._kept.size == (1549, 775)


def test_nothing_is_kept_that_nobody_will_ask_for() -> None:
    one = keeper(FakeReader(), keep=False)
    one.keep(stripes(200, 100), Details(SMALL))
    with pytest.raises(DescriberError, match="no longer have"):
        one.recall(read=False)


@pytest.mark.parametrize(
    ("size", "finding", "left"),
    [
        ((1000, 1000), "", (1000, 1000)),
        ((4000, 3000), "", (1265, 949)),
        ((4000, 3000), "drawing", (1265, 949)),
        ((1920, 1080), "text", (1920, 625)),  # its first lines, as large as they are
        ((1920, 1080), "none", (1920, 625)),
        ((9000, 200), "", (7348, 163)),
    ],
)
def test_of_a_large_picture_little_is_kept(
    size: tuple[int, int], finding: Any, left: tuple[int, int]
) -> None:
    picture = Kept(Image.new("RGB", size, "blue"), Details(Rectangle(0, 0, *size), finding))
    picture.reduce()
    assert picture.size == left
    picture.reduce()
    assert picture.size == left
    assert left[0] * left[1] < 1_201_000
    assert picture.details().colours == ("blue",)
    assert picture.details().box == Rectangle(0, 0, *size)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([line("STOP")], ["STOP"]),
        ([], None),
        ([line("STOP", 0.7)], None),  # not sure enough to be said without a question
        ([line("a footnote", height=1.0)], None),  # not much of the picture
    ],
)
def test_words_are_told_where_there_is_much_text_and_it_is_sure(
    lines: list[OcrLine], told: list[str] | None
) -> None:
    one = keeper(FakeReader(*lines), words=True)
    found = one.keep(stripes(200, 100), Details(SMALL))
    assert (found and [each.text for each in found.lines]) == told


def test_words_that_cannot_be_read_do_not_cost_the_caption(
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = keeper(ShortOfMemory(), words=True)
    assert one.keep(stripes(200, 100), Details(SMALL)) is None
    assert "MemoryError" in capsys.readouterr().err


WHOLE = Rectangle(0, 0, 1000, 800)


@pytest.mark.parametrize(
    ("box", "sides"),
    [
        (Rectangle(100, 100, 300, 300), ()),
        (Rectangle(100, 500, 300, 300), ("bottom",)),
        (Rectangle(100, 0, 300, 300), ("top",)),
        (Rectangle(0, 100, 300, 300), ("left",)),
        (Rectangle(701, 498, 298, 301), ("right", "bottom")),
        (Rectangle(0, 100, 1000, 300), ()),  # as wide as the window: that is no cut
        (Rectangle(0, 500, 1000, 300), ("bottom",)),
        (WHOLE, ()),
    ],
)
def test_a_picture_may_go_on_where_it_touches_one_edge(
    box: Rectangle, sides: tuple[Side, ...]
) -> None:
    assert cut_sides(box, WHOLE) == sides


def asked(service: Service, read: bool = False) -> Details:
    return recalling.Recalled.decode(*service.answer(*recalling.Recall(read).encode())).details


def test_the_service_keeps_the_picture_that_was_chosen(tiny_bundle: Path) -> None:
    page = screens.page("coffee", "chelsea")
    stream = io.BytesIO()
    page.save(stream, "PNG")
    service = Service(tiny_bundle, None, "onnx", keep=True)
    aim = {"pointer": None, "focus": None}
    head = {"op": "describe", "kind": "encoded", "aim": aim}
    found, _ = service.answer(head, stream.getvalue())
    assert found["number"] == 1
    details = asked(service)
    assert dataclasses.asdict(details.box) == found["pictures"][0]["box"]
    assert details.cut == ()
    assert details.colours
    assert service.answer({"op": "describe", "kind": "encoded"}, b"dear diary")[0]["error"]
    assert service.answer(*recalling.Recall().encode())[0]["error"] == FORGOTTEN


def test_what_is_cut_off_at_the_edge_of_the_screen_is_told(tiny_bundle: Path) -> None:
    page = screens.page("coffee", "chelsea")
    place = max(screens.PLACES, key=lambda box: box.top + box.height)
    seen = page.crop((0, 0, page.width, place.top + place.height - 30))
    service = Service(tiny_bundle, None, "onnx", keep=True)
    pointer = [place.left + 40, place.top + 40]
    head = {
        "op": "describe",
        "kind": "pixels",
        "width": seen.width,
        "height": seen.height,
        "layout": "RGB",
        "aim": {"pointer": pointer, "focus": None},
    }
    assert service.answer(head, seen.tobytes())[0]["number"] == 1
    assert asked(service).cut == ("bottom",)


def test_a_captioner_that_ended_is_not_started_to_say_that_it_knows_nothing(
    tiny_bundle: Path,
) -> None:
    captioner = ChildCaptioner(tiny_bundle, keep=True, timeout=240)
    try:
        with pytest.raises(DescriberError) as caught:
            captioner.recall()
        assert caught.value.spoken == FORGOTTEN
        assert not captioner.is_loaded()
        image = stripes(200, 100)
        captioner.describe(Pixels(*image.size, image.tobytes()))
        assert captioner.recall().box == SMALL
        assert captioner._child is not None
        captioner._child.kill()
        captioner._child.wait()
        with pytest.raises(DescriberError, match="no longer have"):
            captioner.recall()
    finally:
        captioner.close()


def test_round_after_round_nothing_is_left_behind(tiny_bundle: Path) -> None:
    """All that is kept is of the last picture; `python -m benchmarks more` weighs a thousand."""
    captioner = attempting(tiny_bundle, keep=True, find=False)
    image = stripes(1300, 1000)
    small = Encoded(b"GIF89a")
    count = "import gc, sys; gc.collect(); result = len(gc.get_objects())"
    try:
        counts = []
        for _ in range(2):
            for _ in range(5):
                captioner.describe(Pixels(*image.size, image.tobytes()))
                captioner.recall()
            with pytest.raises(DescriberError):
                captioner.describe(small)
            counts.append(result(captioner, count))
        assert counts[1] <= counts[0] + 50
    finally:
        captioner.close()


def test_a_head_without_its_field_is_refused() -> None:
    with pytest.raises(KeyError):
        recalling.Recall.decode({"op": "recall"}, b"")
    assert recalling.Recall.reply_limit[0] <= protocol.MAX_HEAD
