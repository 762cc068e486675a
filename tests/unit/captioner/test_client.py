"""The captioner's process: real pictures, and everything that can happen to a process."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from describer_daemon.captioner.child import Service
from describer_daemon.captioner.client import ChildCaptioner, ClosedError
from describer_daemon.core.ports import (
    Aim,
    Caption,
    DescriberError,
    Encoded,
    Picture,
    Pixels,
    Rectangle,
)
from models.captioning.confidence import Calibration
from models.runtime.bundle import BundleError
from tests import screens
from tests.unit.proc import LONG, PROC, command, state, until

Make = Callable[..., ChildCaptioner]

pytestmark = pytest.mark.skipif(not PROC.is_dir(), reason="looks at processes through /proc")


def our_children() -> set[int]:
    """Captioner processes, dead or alive, that this process has not reaped."""
    tasks = PROC.glob(f"{os.getpid()}/task/*/children")
    pids = {int(pid) for task in tasks for pid in task.read_text(encoding="utf-8").split()}
    return {pid for pid in pids if state(pid) == "Z" or "captioner.child" in command(pid)}


def open_pipes() -> int:
    targets = []
    for link in (PROC / "self" / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the listing's own, closed by now
            targets.append(str(link.readlink()))
    return sum(target.startswith("pipe:") for target in targets)


def pid_of(captioner: ChildCaptioner) -> int:
    assert captioner._child is not None
    return captioner._child.pid


@pytest.fixture
def make(tiny_bundle: Path) -> Iterator[Make]:
    """`make(...)` → a captioner of the tiny bundle; afterwards nothing may be left behind."""
    made: list[ChildCaptioner] = []
    before, pipes = our_children(), open_pipes()
    threads = set(threading.enumerate())

    def start(bundle: Path = tiny_bundle, **options: Any) -> ChildCaptioner:
        made.append(ChildCaptioner(bundle, **({"timeout": LONG} | options)))
        return made[-1]

    yield start
    for captioner in made:
        captioner.close()
        assert not captioner.is_loaded()
    until(lambda: set(threading.enumerate()) <= threads)
    assert our_children() <= before
    assert open_pipes() <= pipes


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    """Soft blobs of colour: no symmetry between the channels or sides."""
    blobs = np.random.default_rng(7).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(blobs).resize((320, 240), Image.Resampling.BICUBIC)


def as_pixels(image: Image.Image) -> Pixels:
    return Pixels(*image.size, image.tobytes())


def as_bgrx(image: Image.Image) -> Pixels:
    return Pixels(*image.size, bytearray(image.tobytes("raw", "BGRX")), "BGRX")


def as_file(image: Image.Image, kind: str = "PNG") -> Encoded:
    stream = io.BytesIO()
    image.save(stream, kind)
    return Encoded(stream.getvalue())


def in_background(work: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """→ a thread, and the list where its result or its DescriberError will be."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(work())
        except DescriberError as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def test_every_form_of_a_picture_gets_the_same_caption(make: Make, photo: Image.Image) -> None:
    captioner = make()
    caption = captioner.describe(as_pixels(photo))
    assert len(caption.log_probabilities) == len(caption.words) + 1 > 1
    assert 0 <= caption.confidence <= 1
    assert caption.finding == ""
    view = memoryview(photo.tobytes())
    for same in (as_bgrx(photo), Pixels(*photo.size, view), as_file(photo), as_file(photo, "BMP")):
        assert captioner.describe(same) == caption
    swapped = Image.merge("RGB", photo.split()[::-1])
    assert captioner.describe(as_pixels(swapped)) != caption
    assert captioner.describe(as_pixels(photo.transpose(Image.Transpose.ROTATE_180))) != caption


@pytest.mark.parametrize("beam", [None, 1, 4])
def test_captions_are_those_of_the_model(
    make: Make, tiny_bundle: Path, photo: Image.Image, beam: int | None
) -> None:
    from models.captioner import load

    model = load(tiny_bundle)
    search = model.config.search
    how = search if beam is None else dataclasses.replace(search, beam_size=beam)
    expected = model.describe(photo, how)
    caption = make(beam=beam).describe(as_pixels(photo))
    assert caption.words == expected.words
    assert caption.log_probabilities == pytest.approx(expected.log_probabilities, abs=1e-4)
    assert caption.confidence == pytest.approx(expected.confidence, abs=1e-4)
    assert [tag.name for tag in caption.tags] == [tag.name for tag in expected.tags]
    assert [tag.probability for tag in caption.tags] == pytest.approx(
        [tag.probability for tag in expected.tags], abs=1e-4
    )


@pytest.fixture
def judge(tiny_bundle: Path, photo: Image.Image) -> Callable[..., dict[str, Any]]:
    """`judge(sure=..., ...)` → the reply for the photo with this calibration."""
    service = Service(tiny_bundle, 1, "onnx")
    model = service._load_captioner()
    head = {"op": "describe", "kind": "encoded"}

    def answer(**calibration: Any) -> dict[str, Any]:
        model.config = dataclasses.replace(model.config, calibration=Calibration(**calibration))
        reply, body = service.answer(head, bytes(as_file(photo).data))
        assert body == b""
        return reply

    return answer


@pytest.mark.parametrize(
    ("sure", "medium", "tag", "form"),
    [
        (0.4, 0.3, 1.0, "plain"),
        (0.5, 0.3, 0.0, "plain"),
        (0.6, 0.3, 0.0, "hedged"),
        (0.6, 0.5, 1.0, "hedged"),
        (0.7, 0.6, 0.0, "things"),
        (0.7, 0.6, 1.0, "unknown"),
    ],
)
def test_the_form_follows_from_the_confidence_and_what_else_is_seen(
    judge: Callable[..., dict[str, Any]], sure: float, medium: float, tag: float, form: str
) -> None:
    # no evidence either way: one half
    reply = judge(weights={}, sure=sure, medium=medium, tag=tag)
    assert (reply["confidence"], reply["form"]) == (0.5, form)
    assert reply["words"]  # whether they are said or not
    assert bool(reply["colours"]) == (form == "unknown")
    assert (reply["things"], reply["brightness"]) == ((), "")


def test_tags_are_seen_from_the_bundles_limit_on(judge: Callable[..., dict[str, Any]]) -> None:
    reply = judge(tag=0.0)
    names = tuple(tag["name"] for tag in reply["tags"])
    assert len(names) == 5
    assert reply["seen"] == names[:4]
    limit = reply["tags"][0]["probability"]
    assert limit > reply["tags"][1]["probability"]
    assert judge(tag=limit)["seen"] == names[:1]
    assert judge(tag=1.0)["seen"] == ()


def test_things_come_with_the_caption(
    make: Make, grounded_bundle: Path, photo: Image.Image
) -> None:
    from models.captioner import load

    expected = load(grounded_bundle).describe(photo)
    caption = make(grounded_bundle).describe(as_pixels(photo))
    assert (caption.form, caption.seen) == (expected.answer.form, expected.answer.seen)
    likely = [thing for thing in expected.things if thing.probability >= 0.3]
    assert likely
    assert [(each.kind, each.name, each.count) for each in caption.things] == [
        (each.name, each.spoken, each.count) for each in likely
    ]
    for told, thing in zip(caption.things, likely, strict=True):
        assert told.probability == pytest.approx(thing.probability, abs=1e-4)
        left, top, right, bottom = thing.place
        box = told.box
        sides = (box.left, box.top, box.left + box.width, box.top + box.height)
        assert sides == pytest.approx((320 * left, 240 * top, 320 * right, 240 * bottom), abs=1)


@pytest.mark.parametrize("form", [as_pixels, as_bgrx, as_file])
def test_an_illustrated_caption_is_the_same_caption(
    make: Make, photo: Image.Image, form: Callable[[Image.Image], Picture]
) -> None:
    captioner = make()
    caption, heatmap = captioner.illustrate(form(photo))
    assert caption == captioner.describe(form(photo))
    with Image.open(io.BytesIO(heatmap), formats=["PNG"]) as drawn:
        drawn.load()
    assert drawn.width > 220
    with pytest.raises(DescriberError, match=r"^The picture is empty"):
        captioner.illustrate(Encoded(b""))


@pytest.mark.parametrize(("colour", "finding"), [((0, 0, 0), "black"), ((250, 250, 250), "plain")])
def test_pictures_of_nothing_need_no_model(
    make: Make, tmp_path: Path, colour: tuple[int, int, int], finding: str
) -> None:
    captioner = make(tmp_path / "no bundle")
    caption = captioner.describe(as_pixels(Image.new("RGB", (640, 480), colour)))
    assert caption == Caption((), (), 1.0, finding=finding)  # type: ignore[arg-type]
    assert captioner.illustrate(as_pixels(Image.new("RGB", (9, 9), colour))) == (caption, b"")


PAGE = screens.page("coffee", "chelsea")
LARGE, SMALL = screens.PLACES


def on_screen(image: Image.Image, aim: Aim | None = None) -> Pixels:
    return dataclasses.replace(as_bgrx(image), aim=aim or Aim())


def crop(image: Image.Image, box: Rectangle | None) -> Image.Image:
    assert box is not None
    return image.crop((box.left, box.top, box.left + box.width, box.top + box.height))


def test_only_the_picture_on_a_screen_is_captioned(make: Make) -> None:
    captioner = make()
    caption = captioner.describe(on_screen(PAGE))
    assert (caption.number, len(caption.pictures)) == (1, 2)
    assert screens.alike(caption.box, LARGE)
    alone = captioner.describe(as_pixels(crop(PAGE, caption.box)))
    assert (alone.number, alone.pictures) == (0, ())
    assert alone.words == caption.words
    assert caption.words != make(find=False).describe(on_screen(PAGE)).words


def test_pointer_and_focus_tell_which_picture_is_meant(make: Make) -> None:
    captioner = make()
    for aim in (
        Aim((SMALL.left + 20, SMALL.top + 20)),
        Aim(focus=SMALL),
        Aim((LARGE.left + 20, LARGE.top + 20), SMALL),
    ):
        assert screens.alike(captioner.describe(on_screen(PAGE, aim)).box, SMALL)


def test_what_was_passed_is_passed_over(make: Make) -> None:
    captioner = make()
    second = captioner.describe(on_screen(PAGE), [LARGE])
    assert second.number == 2
    assert screens.alike(second.box, SMALL)
    again = captioner.describe(on_screen(PAGE), [LARGE, SMALL])
    assert again.number == 1
    assert screens.alike(again.box, LARGE)


@pytest.mark.parametrize("aim", [Aim(), None])
def test_text_alone_is_no_picture_and_needs_no_captioner(
    make: Make, tmp_path: Path, aim: Aim | None
) -> None:
    captioner = make(tmp_path / "no bundle")
    caption = captioner.describe(dataclasses.replace(as_file(screens.page()), aim=aim))
    assert caption == Caption((), (), 1.0, finding="text")


def test_a_screenshot_from_elsewhere_is_searched_too(make: Make) -> None:
    captioner = make()
    caption = captioner.describe(as_file(PAGE))
    assert screens.alike(caption.box, LARGE)
    assert captioner.describe(as_file(PAGE), [LARGE]).number == 2


def test_boxes_are_those_of_the_file_however_it_is_decoded(make: Make) -> None:
    huge = PAGE.resize((3 * PAGE.width, 3 * PAGE.height))
    caption = make().describe(as_file(huge, "JPEG"))
    assert caption.box is not None
    thirds = Rectangle(*(side // 3 for side in dataclasses.astuple(caption.box)))
    assert screens.alike(thirds, LARGE)


def test_without_the_finder_a_screen_is_one_picture(make: Make, photo: Image.Image) -> None:
    captioner = make(find=False)
    assert captioner.describe(on_screen(PAGE)) == captioner.describe(as_pixels(PAGE))
    assert captioner.describe(on_screen(PAGE)).pictures == ()
    assert captioner.describe(as_pixels(photo)) == make().describe(as_pixels(photo))


def test_a_black_screen_is_a_black_screen(make: Make) -> None:
    black = on_screen(Image.new("RGB", (640, 480)))
    assert make().describe(black).finding == "black"


def test_boxes_are_drawn(make: Make, photo: Image.Image) -> None:
    png = make().outline(as_file(photo, "JPEG"), [Rectangle(10, 20, 200, 150)])
    with Image.open(io.BytesIO(png), formats=["PNG"]) as drawn:
        assert drawn.size == photo.size
        assert drawn.getpixel((100, 20)) == (0, 0, 0)
        assert drawn.getpixel((10, 100)) == (0, 0, 0)
    named = make().outline(as_file(photo, "JPEG"), [Rectangle(10, 20, 200, 150)], ["a dog"])
    assert named != png
    with pytest.raises(DescriberError, match=r"^The picture is empty"):
        make().outline(Encoded(b""), [])


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (Encoded(b""), "The picture is empty"),
        (Encoded(b"dear diary"), "This is not a picture"),
        (Encoded(b"P6 100 100 255 cut off"), "The picture is damaged"),
        (Pixels(100, 100, bytes(99)), "The screen picture came incomplete"),
        (Pixels(1, 1, bytes(3)), "The picture is too small"),
        (Pixels(100_000, 100_000, b""), "The picture is too large"),
    ],
)
def test_a_refused_picture_is_a_sentence_and_costs_no_process(
    make: Make, photo: Image.Image, picture: Picture, sentence: str
) -> None:
    captioner = make()
    captioner.warm_up()
    pid = pid_of(captioner)
    with pytest.raises(DescriberError, match=f"^{sentence}"):
        captioner.describe(picture)
    assert captioner.describe(as_pixels(photo)).words
    assert pid_of(captioner) == pid


def test_warming_up_loads_the_model_once(make: Make, photo: Image.Image) -> None:
    captioner = make()
    assert not captioner.is_loaded()
    captioner.warm_up()
    assert captioner.is_loaded()
    pid = pid_of(captioner)
    captioner.describe(as_pixels(photo))
    captioner.warm_up()
    assert pid_of(captioner) == pid


def test_a_child_that_hangs_is_ended_and_replaced(make: Make, photo: Image.Image) -> None:
    captioner = make()
    captioner.warm_up()
    hung = pid_of(captioner)
    os.kill(hung, signal.SIGSTOP)
    captioner._timeout = 0.3
    with pytest.raises(DescriberError, match=r"^The captioner did not answer in 0\.3 seconds"):
        captioner.describe(as_pixels(photo))
    assert state(hung) == ""
    captioner._timeout = LONG
    assert captioner.describe(as_pixels(photo)).words
    assert pid_of(captioner) != hung


def test_a_huge_picture_for_a_child_that_hangs_does_not_block(make: Make) -> None:
    captioner = make()
    captioner.warm_up()
    os.kill(pid_of(captioner), signal.SIGSTOP)
    captioner._timeout = 0.3
    with pytest.raises(DescriberError, match=r"^The captioner did not answer"):
        captioner.describe(Pixels(3840, 2160, bytes(3840 * 2160 * 4), "BGRX"))


def test_a_child_that_was_killed_while_idle_is_replaced_unnoticed(
    make: Make, photo: Image.Image
) -> None:
    captioner = make()
    captioner.warm_up()
    dead = pid_of(captioner)
    os.kill(dead, signal.SIGKILL)
    until(lambda: state(dead) in ("Z", ""))  # its other threads may still be there
    assert captioner.describe(as_pixels(photo)).words
    assert pid_of(captioner) != dead


def test_a_child_that_does_not_take_the_picture_is_replaced(
    make: Make, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    captioner = make()
    captioner.warm_up()
    child = captioner._child
    assert child is not None
    monkeypatch.setattr(child, "poll", lambda: None)  # it looks alive to the last
    os.kill(child.pid, signal.SIGSTOP)
    large = photo.resize((2000, 1500))  # more than a pipe holds
    thread, results = in_background(lambda: captioner.describe(as_pixels(large)))
    time.sleep(0.5)
    os.kill(child.pid, signal.SIGKILL)
    thread.join(LONG)
    assert [type(result) for result in results] == [Caption]


def test_a_child_that_is_killed_at_work_is_a_sentence(make: Make, photo: Image.Image) -> None:
    captioner = make()
    captioner.warm_up()
    pid = pid_of(captioner)
    os.kill(pid, signal.SIGSTOP)
    small = photo.resize((96, 72))  # the pipe holds all of it: as good as taken
    thread, results = in_background(lambda: captioner.describe(as_pixels(small)))
    time.sleep(0.5)
    os.kill(pid, signal.SIGKILL)
    thread.join(LONG)
    [error] = results
    assert isinstance(error, DescriberError)
    assert error.spoken == "The captioner broke off on this picture. Please try again."
    assert "-9" in error.detail
    assert captioner.describe(as_pixels(photo)).words


def test_an_idle_child_is_unloaded_and_comes_back(make: Make, photo: Image.Image) -> None:
    captioner = make(unload_after=0.2)
    first = captioner.describe(as_pixels(photo))
    until(lambda: not captioner.is_loaded())
    until(lambda: not our_children())
    assert captioner.describe(as_pixels(photo)) == first


def test_a_child_at_work_is_not_idle(make: Make, photo: Image.Image) -> None:
    captioner = make(unload_after=0.3)
    captioner.warm_up()
    pid = pid_of(captioner)
    os.kill(pid, signal.SIGSTOP)
    thread, results = in_background(lambda: captioner.describe(as_pixels(photo)))
    time.sleep(0.6)  # longer than it may be idle
    os.kill(pid, signal.SIGCONT)
    thread.join(LONG)
    [caption] = results
    assert isinstance(caption, Caption)


def test_closing_does_not_wait_for_a_child_that_hangs(make: Make, photo: Image.Image) -> None:
    captioner = make()
    captioner.warm_up()
    os.kill(pid_of(captioner), signal.SIGSTOP)
    thread, results = in_background(lambda: captioner.describe(as_pixels(photo)))
    time.sleep(0.1)
    began = time.monotonic()
    captioner.close()
    assert time.monotonic() - began < LONG / 4
    thread.join(LONG)
    [error] = results
    assert isinstance(error, DescriberError)  # of whichever kind
    assert not captioner.is_loaded()


def test_closing_at_any_moment_of_a_description(make: Make, photo: Image.Image) -> None:
    for delay in (0.0, 0.001, 0.005, 0.05, 0.2):
        captioner = make()
        thread, results = in_background(lambda made=captioner: made.describe(as_pixels(photo)))
        time.sleep(delay)
        captioner.close()
        thread.join(LONG)
        assert isinstance(results[0], Caption | DescriberError)
        assert not captioner.is_loaded()
        captioner.close()


def test_a_closed_captioner_starts_nothing_any_more(make: Make, photo: Image.Image) -> None:
    captioner = make()
    assert captioner.describe(as_pixels(photo)).words
    captioner.close()
    for late in (
        lambda: captioner.describe(as_pixels(photo)),
        lambda: captioner.read(as_pixels(photo)),
        captioner.warm_up,
    ):
        with pytest.raises(ClosedError):
            late()
        assert not captioner.is_loaded()
    never_used = make()
    never_used.close()
    with pytest.raises(ClosedError):
        never_used.warm_up()


def test_a_request_that_waited_for_its_turn_does_not_restart_what_was_closed(
    make: Make, photo: Image.Image
) -> None:
    """New settings close a captioner while one request is in it, and another before its door."""
    captioner = make()
    captioner.warm_up()
    os.kill(pid_of(captioner), signal.SIGSTOP)
    work = [in_background(lambda: captioner.describe(as_pixels(photo))) for _ in range(3)]
    time.sleep(0.1)
    captioner.close()
    for thread, results in work:
        thread.join(LONG)
        assert isinstance(results[0], ClosedError)
    assert not captioner.is_loaded()
    assert not our_children()


def test_many_threads_take_turns(make: Make, photo: Image.Image) -> None:
    captioner = make(beam=1)
    expected = captioner.describe(as_pixels(photo))
    work = [in_background(lambda: captioner.describe(as_pixels(photo))) for _ in range(8)]
    for thread, results in work:
        thread.join(LONG)
        assert results == [expected]


def test_a_parent_that_is_killed_takes_the_child_along(tiny_bundle: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path;"
        "from describer_daemon.captioner.client import ChildCaptioner;"
        "captioner = ChildCaptioner(Path(sys.argv[1])); captioner.warm_up();"
        "print(captioner._child.pid, flush=True); time.sleep(300)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tiny_bundle)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert state(child) != ""
        parent.kill()
    until(lambda: state(child) in ("Z", ""))


def test_a_damaged_bundle_says_so_and_may_be_mended(
    make: Make, tiny_bundle: Path, tmp_path: Path, photo: Image.Image
) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, bundle)
    weights = bundle / "weights.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    captioner = make(bundle)
    for _ in range(2):
        with pytest.raises(DescriberError, match=r"^The captioner bundle's weights.safetensors is"):
            captioner.describe(as_pixels(photo))
        with pytest.raises(DescriberError, match=r"^The captioner bundle's weights.safetensors is"):
            captioner.warm_up()
    weights.write_bytes(whole)
    assert captioner.describe(as_pixels(photo)).words


def test_a_missing_bundle_says_so(make: Make, tmp_path: Path, photo: Image.Image) -> None:
    with pytest.raises(DescriberError, match=r"^There is no captioner bundle at "):
        make(tmp_path / "nowhere").describe(as_pixels(photo))


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["/nowhere/python"], "The captioner cannot be started"),
        (
            [sys.executable, "-c", "print('a long line that is no message at all')"],
            "The captioner broke off",
        ),
        ([sys.executable, "-c", ""], "The captioner broke off"),
    ],
)
def test_a_program_that_is_no_captioner(
    make: Make, photo: Image.Image, command: list[str], sentence: str
) -> None:
    captioner = make()
    right, captioner._command = captioner._command, command
    for _ in range(2):
        with pytest.raises(DescriberError, match=f"^{sentence}"):
            captioner.describe(as_pixels(photo))
    captioner._command = right
    assert captioner.describe(as_pixels(photo)).words


def test_a_missing_engine_names_the_cure(
    tiny_bundle: Path, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "models.runtime.engines.torch", None)
    reply, _ = Service(tiny_bundle, None, "torch").answer({"op": "load"}, b"")
    assert reply["error"] == ("The torch engine is not installed. Please install describer[torch].")


def test_a_damaged_finder_is_told_and_may_be_mended(
    tiny_bundle: Path, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*, threads: int | None) -> None:
        raise BundleError("The finder is damaged.")

    service = Service(tiny_bundle, None, "onnx")
    head, body = {"op": "describe", "kind": "encoded"}, bytes(as_file(photo).data)
    with monkeypatch.context() as patched:
        patched.setattr("models.finder.finder.load", damaged)
        for each in (head, {"op": "load"}):
            assert service.answer(each, body)[0]["error"] == "The finder is damaged."
    assert service.answer(head, body)[0]["words"]


SMALLEST = {"op": "describe", "kind": "pixels", "width": 8, "height": 8, "layout": "RGB"}


@pytest.mark.parametrize(
    "head",
    [
        {},
        {"op": "paint"},
        {"op": ["load"]},
        {"op": "describe"},
        {"op": "outline"},
        {"op": "describe", "kind": "pixels"},
        SMALLEST | {"aim": 3},
        SMALLEST | {"aim": {}},
        SMALLEST | {"passed": [[1, 2]]},
        SMALLEST | {"aim": {"pointer": [1], "focus": None}},
        SMALLEST | {"op": "outline"},
    ],
)
def test_any_message_gets_a_reply(tiny_bundle: Path, head: dict[str, Any]) -> None:
    reply, body = Service(tiny_bundle, None, "onnx").answer(head, bytes(192))
    assert set(reply) == {"error", "detail"}
    assert body == b""
