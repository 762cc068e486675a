"""`describer describe`: every file gets its line, whatever it holds and whatever fails."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import pytest
from PIL import Image, ImageChops

from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.cli import files, inputs
from describer_daemon.core import phrasing
from describer_daemon.core.ports import (
    Aim,
    Caption,
    DescriberError,
    Detection,
    Encoded,
    Form,
    Rectangle,
    Thing,
)
from models.captioning.kinds import kinds
from tests import screens
from tests.bundles import photograph

REPOSITORY = Path(__file__).parents[3]
LONG = 90.0  # seconds until a test gives up

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX files and signals")


def photo(seed: int) -> bytes:
    blobs = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(blobs).resize((120, 90), Image.Resampling.BICUBIC).save(stream, "PNG")
    return stream.getvalue()


def saved(image: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


JPEG = saved(Image.effect_mandelbrot((200, 200), (-2, -1.5, 1, 1.5), 50).convert("RGB"), "JPEG")
HEADER = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
HUGE = (
    b"\x89PNG\r\n\x1a\n"
    + struct.pack(">I", 13)
    + HEADER
    + struct.pack(">I", zlib.crc32(HEADER))
    + struct.pack(">I", 0)
    + b"IDAT"
)
NO_PICTURE = "This is not a picture of a kind that I can read."
DAMAGED = "The picture is damaged or cut off, so I cannot read it."
# what a file holds → the sentence for it
BAD = {
    "cut.jpg": (JPEG[:300], DAMAGED),
    "cut.png": (photo(1)[:200], DAMAGED),
    "empty.png": (b"", "The picture is empty: it has no content at all."),
    "text.png": (b"Dear diary, today I saw a dog.\n", NO_PICTURE),
    "page.pdf": (
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        "This is a PDF document, which I cannot read. Please open it, and ask for the screen.",
    ),
    "print.eps": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
        "This is a PostScript drawing, which I cannot read. Please save it as PNG.",
    ),
    "huge.png": (HUGE, "The picture is too large. I take at most 100 million pixels."),
    "dot.png": (
        saved(Image.new("RGB", (1, 1)), "PNG"),
        "The picture is too small: 1 by 1 pixels. I need at least 8 by 8.",
    ),
}


@pytest.fixture(scope="module")
def captioner(tiny_bundle: Path) -> Iterator[ChildCaptioner]:
    made = ChildCaptioner(tiny_bundle, timeout=LONG)
    yield made
    made.close()


def sentence(captioner: ChildCaptioner, data: bytes) -> str:
    return phrasing.sentence(captioner.describe(Encoded(data)))


def refused(captioner: ChildCaptioner, name: Path | str) -> str:
    [described] = files.describe([str(name)], captioner)
    assert described.caption is None
    assert described.sentence() == described.error
    assert json.loads(described.as_json()) == {"file": str(name), "error": described.error}
    return described.error


@pytest.mark.parametrize("name", BAD)
def test_bad_pictures_have_sentences(captioner: ChildCaptioner, tmp_path: Path, name: str) -> None:
    data, expected = BAD[name]
    (tmp_path / name).write_bytes(data)
    assert refused(captioner, tmp_path / name) == expected


def test_what_is_no_file_has_a_sentence(captioner: ChildCaptioner, tmp_path: Path) -> None:
    assert refused(captioner, tmp_path) == (
        f"{tmp_path} is a folder, not a picture. Name the files in it."
    )
    missing = tmp_path / "missing.png"
    assert refused(captioner, missing) == f"There is no file {missing}."
    below = tmp_path / "file"
    below.write_bytes(b"")
    assert refused(captioner, below / "x.png") == f"{below / 'x.png'} cannot be read."
    assert refused(captioner, "x" * 5000).endswith("cannot be read.")
    assert refused(captioner, "nul\0.png").endswith("cannot be read.")


@posix
def test_special_files_do_not_hang(captioner: ChildCaptioner, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert refused(captioner, "/dev/zero") == "/dev/zero is not an ordinary file."
    assert refused(captioner, tmp_path / "loop").endswith("cannot be read.")


def test_a_file_that_is_too_large_is_not_read(
    captioner: ChildCaptioner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert inputs.MAX_BYTES == 256 << 20
    monkeypatch.setattr(inputs, "MAX_BYTES", 1 << 20)
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate((1 << 20) + 1)
    assert refused(captioner, tmp_path / "large.png") == (
        "The file is too large: I take at most 1 mebibyte."
    )


def test_files_are_read_one_at_a_time(captioner: ChildCaptioner, tmp_path: Path) -> None:
    (tmp_path / "first.png").write_bytes(photo(1))
    described = files.describe(
        [str(tmp_path / name) for name in ("first.png", "later.png")], captioner
    )
    assert next(described).caption is not None
    (tmp_path / "later.png").write_bytes(photo(2))  # it was not looked for before
    assert next(described).caption is not None
    assert list(described) == []


def test_black_and_plain_pictures_have_a_caption_in_json(
    captioner: ChildCaptioner, tmp_path: Path
) -> None:
    for colour, expected in (
        ("black", "I see no picture: it is all black."),
        ("white", "I see no picture: it is all one colour."),
    ):
        path = tmp_path / f"{colour}.png"
        path.write_bytes(saved(Image.new("RGB", (64, 64), colour), "PNG"))
        [described] = files.describe([str(path)], captioner)
        assert described.sentence() == expected
        assert json.loads(described.as_json()) == {
            "file": str(path),
            "caption": expected,
            "language": "en",
            "english": expected,
            "confidence": 1.0,
            "words": [],
            "log_probabilities": [],
            "tags": [],
            "objects": [],
            "form": "plain",
            "pictures": [],
            "number": 0,
        }


@pytest.fixture(scope="module")
def grounded(grounded_bundle: Path) -> Iterator[ChildCaptioner]:
    made = ChildCaptioner(grounded_bundle, timeout=LONG, find=False)
    yield made
    made.close()


def objects(captioner: ChildCaptioner, path: Path) -> list[dict[str, Any]]:
    [described] = files.describe([str(path)], captioner)
    fields = json.loads(described.as_json())
    assert fields["form"] in get_args(Form)
    found: list[dict[str, Any]] = fields["objects"]
    return found


def test_json_tells_which_things_are_where(grounded: ChildCaptioner, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(photo(1))  # 120 by 90
    found = objects(grounded, path)
    assert found
    shares = [each["probability"] for each in found]
    assert shares == sorted(shares, reverse=True)
    spoken = {
        kind.name: {1: kind.one, 2: f"two {kind.many}", 3: f"several {kind.many}"}
        for kind in kinds()
        if kind.one != kind.many
    }
    for each in found:
        assert list(each) == [
            "kind",
            "name",
            "probability",
            "count",
            "left",
            "top",
            "width",
            "height",
        ]
        assert each["name"] == spoken.get(each["kind"], {}).get(each["count"], each["name"])
        assert 0.3 <= each["probability"] <= 1
        assert 0 <= each["left"] < each["left"] + each["width"] <= 120
        assert 0 <= each["top"] < each["top"] + each["height"] <= 90


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_things_are_in_the_files_pixels_however_it_is_decoded(
    grounded: ChildCaptioner, tmp_path: Path, kind: str
) -> None:
    small, large = tmp_path / "small.png", tmp_path / f"large.{kind.lower()}"
    with Image.open(io.BytesIO(photo(1))) as image:
        image.save(small)
        image.resize((3600, 2700), Image.Resampling.BICUBIC).save(large, kind)
    one, other = (
        {each["kind"]: each for each in objects(grounded, path)} for path in (small, large)
    )
    both = one.keys() & other.keys()
    assert both
    for each in both:
        for side in ("left", "top", "width", "height"):
            assert other[each][side] == pytest.approx(30 * one[each][side], abs=300)


@dataclass
class Drawer:
    """A captioner that sees so many pictures, each with a dog, and notes what it is to draw."""

    pictures: int
    alone: bool = False
    asked: list[tuple[list[Rectangle], list[str]]] = field(default_factory=list)

    def describe(self, picture: Encoded, already: Sequence[Rectangle] = ()) -> Caption:
        found = tuple(
            Detection(Rectangle(10 * n, 0, 9, 9), 0.9, "photograph") for n in range(self.pictures)
        )
        number = len(already) + 1 if found else 0
        if not found and not self.alone:
            return Caption((), (), 1.0, finding="none")
        dog = Thing("dog", "two dogs", 0.9, 2, Rectangle(10 * number, 1, 5, 5))
        return Caption(("dogs",), (-1.0, -1.0), 0.9, pictures=found, number=number, things=(dog,))

    def outline(
        self, picture: Encoded, boxes: Sequence[Rectangle], labels: Sequence[str] = ()
    ) -> bytes:
        self.asked.append((list(boxes), list(labels)))
        return b"drawn"


@pytest.mark.parametrize(
    ("drawer", "asked"),
    [
        (Drawer(0), []),
        (Drawer(0, alone=True), [([Rectangle(0, 1, 5, 5)], ["two dogs"])]),
        (Drawer(1), [([Rectangle(0, 0, 9, 9), Rectangle(10, 1, 5, 5)], ["1", "two dogs"])]),
        (Drawer(2), [([Rectangle(0, 0, 9, 9), Rectangle(10, 0, 9, 9)], ["1", "2"])]),
    ],
)
def test_the_things_of_a_single_picture_are_drawn(
    tmp_path: Path, drawer: Drawer, asked: list[tuple[list[Rectangle], list[str]]]
) -> None:
    (tmp_path / "photo.png").write_bytes(photo(1))
    described = list(files.outline(str(tmp_path / "photo.png"), cast("ChildCaptioner", drawer)))
    assert len(described) == max(1, drawer.pictures)
    assert drawer.asked == asked
    assert [each.drawn for each in described] == [
        *[b""] * (len(described) - 1),
        b"drawn" if asked else b"",
    ]


def test_a_captioner_that_fails_does_not_stop_the_rest(tmp_path: Path) -> None:
    class Failing:
        calls = 0

        def describe(self, _: object) -> Any:
            self.calls += 1
            raise DescriberError(f"Failure {self.calls}.")

    for name in "ab":
        (tmp_path / name).write_bytes(b"x")
    described = files.describe([str(tmp_path / name) for name in "ab"], Failing())  # type: ignore[arg-type]
    assert [one.error for one in described] == ["Failure 1.", "Failure 2."]


# From here on the real command, in a process of its own.


@dataclass
class Command:
    """Runs `describer` in a folder of its own, with settings that name the tiny bundle."""

    folder: Path
    environment: dict[str, str]
    prefix: tuple[str, ...] = ()

    def start(
        self, *arguments: str | bytes, stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "describer_daemon", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str | bytes, data: bytes = b"") -> tuple[int, str, str]:
        """→ exit status, standard output, standard error (which never holds a traceback)."""
        with self.start(*arguments, stdin=subprocess.PIPE) as process:
            try:
                output, errors = process.communicate(data, LONG)
            finally:
                process.kill()
        told = errors.decode()
        assert "Traceback" not in told
        assert "Warning" not in told
        return process.returncode, output.decode(), told


@pytest.fixture
def describer(tmp_path: Path, tiny_bundle: Path) -> Command:
    (tmp_path / "settings.toml").write_text(
        f"[captioner]\nbundle = {json.dumps(str(tiny_bundle))}\ntimeout_seconds = 90\n",
        encoding="utf-8",
    )
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("XDG_", "DESCRIBER_", "PYTHON"))
    }
    environment |= {
        "HOME": str(tmp_path),
        "PYTHONPATH": str(REPOSITORY),
        "DESCRIBER_CONFIG": str(tmp_path / "settings.toml"),
    }
    return Command(tmp_path, environment)


def test_one_picture_is_one_line(describer: Command, captioner: ChildCaptioner) -> None:
    (describer.folder / "photo.png").write_bytes(photo(1))
    assert describer.run("describe", "photo.png") == (0, sentence(captioner, photo(1)) + "\n", "")


def test_json_has_exactly_its_fields(describer: Command, captioner: ChildCaptioner) -> None:
    (describer.folder / "photo.png").write_bytes(photo(1))
    caption = captioner.describe(Encoded(photo(1)))
    status, output, errors = describer.run("describe", "--json", "photo.png", "gone.png")
    assert (status, errors) == (1, "")
    good, bad = map(json.loads, output.splitlines())
    assert good == {
        "file": "photo.png",
        "caption": caption.text,
        "language": "en",
        "english": caption.text,
        "confidence": pytest.approx(caption.confidence, abs=1e-3),
        "words": list(caption.words),
        "log_probabilities": pytest.approx(list(caption.log_probabilities), abs=1e-3),
        "tags": [
            {"name": tag.name, "probability": pytest.approx(tag.probability, abs=1e-3)}
            for tag in caption.tags
        ],
        "objects": [],
        "form": caption.form,
        "pictures": [],
        "number": 0,
    }
    assert len(good["tags"]) == 5
    assert len(good["log_probabilities"]) == len(good["words"]) + 1
    assert bad == {"file": "gone.png", "error": "There is no file gone.png."}


def test_failures_between_pictures(describer: Command, captioner: ChildCaptioner) -> None:
    names: list[str] = []
    expected: list[str] = []
    told: list[str] = []
    for number, (name, (data, error)) in enumerate(BAD.items()):
        for file, content in ((f"{number}.png", photo(number)), (name, data)):
            (describer.folder / file).write_bytes(content)
            names.append(file)
        expected.append(f"{number}.png: {sentence(captioner, photo(number))}")
        told.append(f"{name}: {error}")
    (describer.folder / "folder").mkdir()
    names += ["folder", "missing.png"]
    told += [
        "folder: folder is a folder, not a picture. Name the files in it.",
        "missing.png: There is no file missing.png.",
    ]
    status, output, errors = describer.run("describe", *names)
    assert status == 1
    assert output.splitlines() == expected
    assert errors.splitlines() == told


def test_standard_input(describer: Command, captioner: ChildCaptioner) -> None:
    assert describer.run("describe", "-", data=photo(3)) == (
        0,
        sentence(captioner, photo(3)) + "\n",
        "",
    )
    assert describer.run("describe", "-") == (
        1,
        "",
        "The picture is empty: it has no content at all.\n",
    )
    assert describer.run("describe", "-", "--json", data=b"Dear diary") == (
        1,
        json.dumps({"file": "-", "error": NO_PICTURE}) + "\n",
        "",
    )


@posix
def test_standard_input_that_is_closed(describer: Command) -> None:
    closing = Command(describer.folder, describer.environment, ("sh", "-c", 'exec "$@" <&-', "sh"))
    assert closing.run("describe", "-") == (
        1,
        "",
        "There is no standard input to read a picture from.\n",
    )


def test_each_line_comes_as_it_is_done(describer: Command, captioner: ChildCaptioner) -> None:
    (describer.folder / "photo.png").write_bytes(photo(1))
    with describer.start("describe", "photo.png", "-", stdin=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(b"photo.png: ")
            output, errors = process.communicate(photo(2), LONG)
        finally:
            process.kill()
    assert (output.decode(), errors) == (f"-: {sentence(captioner, photo(2))}\n", b"")


@posix
def test_a_reader_that_goes_away_ends_it_quietly(describer: Command) -> None:
    for number in range(4):
        (describer.folder / f"{number}.png").write_bytes(photo(number))
    with describer.start("describe", *(f"{number}.png" for number in range(4))) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            process.stdout.close()
            assert process.stderr is not None
            assert b"Traceback" not in process.stderr.read()
            assert process.wait(LONG) in (0, 1)
        finally:
            process.kill()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Children obey Ctrl+C, even where these tests were started to ignore it (by a shell's `&`)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@posix
def test_control_c_ends_it_quietly(describer: Command, interruptible: None) -> None:
    (describer.folder / "photo.png").write_bytes(photo(1))
    with describer.start("describe", "photo.png", "-", stdin=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            process.send_signal(signal.SIGINT)
            assert process.stderr is not None
            # it ends only when the captioner's process, which shares this pipe, has ended too
            assert process.stderr.read().strip() == b"Aborted!"
            assert process.wait(LONG) == 1
        finally:
            process.kill()


@posix
def test_files_that_may_not_be_read(describer: Command) -> None:
    secret = describer.folder / "secret.png"
    secret.write_bytes(photo(1))
    secret.chmod(0)
    closed = describer.folder / "closed"
    closed.mkdir()
    (closed / "photo.png").write_bytes(photo(2))
    closed.chmod(0)
    caps = "-dac_override,-dac_read_search"  # root may read everything but for these two
    if os.geteuid() == 0:
        describer.prefix = ("setpriv", f"--inh-caps={caps}", f"--bounding-set={caps}")
    try:
        status, output, errors = describer.run("describe", "secret.png", "closed/photo.png")
    finally:
        closed.chmod(0o700)
    assert (status, output) == (1, "")
    assert errors.splitlines() == [
        f"{name}: I am not allowed to read {name}." for name in ("secret.png", "closed/photo.png")
    ]


@posix
@pytest.mark.parametrize("encoding", ["utf-8:strict", "latin-1:strict"])
def test_names_that_are_no_text(
    describer: Command, captioner: ChildCaptioner, encoding: str
) -> None:
    names = [b"caf\xe9.png", "фото.png".encode(), b"gone\xff.png"]
    for name in names[:2]:
        (describer.folder / os.fsdecode(name)).write_bytes(photo(1))
    describer.environment["PYTHONIOENCODING"] = encoding
    status, output, errors = describer.run("describe", *names)
    assert status == 1
    assert output.count(sentence(captioner, photo(1))) == len(output.splitlines()) == 2
    assert "I am" not in errors
    assert errors.count("There is no file") == 1
    status, output, errors = describer.run("describe", "--json", *names)
    assert (status, errors) == (1, "")
    assert [os.fsencode(json.loads(line)["file"]) for line in output.splitlines()] == names


def test_a_damaged_bundle_is_told(describer: Command, tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, bundle)
    (bundle / "vocabulary.json").write_text("[]", encoding="utf-8")
    (tmp_path / "settings.toml").write_text(
        f"[captioner]\nbundle = {json.dumps(str(bundle))}\n", encoding="utf-8"
    )
    (tmp_path / "photo.png").write_bytes(photo(1))
    status, output, errors = describer.run("describe", "photo.png")
    assert (status, output) == (1, "")
    assert errors == ("The captioner bundle's vocabulary.json is damaged or from another bundle.\n")


def test_a_command_without_files_explains_itself(describer: Command) -> None:
    status, output, errors = describer.run("describe")
    assert (status, output) == (2, "")
    assert "FILES" in errors


def test_a_heat_map_comes_with_the_caption(describer: Command, captioner: ChildCaptioner) -> None:
    (describer.folder / "photo.png").write_bytes(photo(1))
    caption, png = captioner.illustrate(Encoded(photo(1)))
    assert describer.run("describe", "photo.png", "--heatmap", "looks.PNG") == (
        0,
        phrasing.sentence(caption) + "\n",
        "",
    )
    assert (describer.folder / "looks.PNG").read_bytes() == png
    status, output, errors = describer.run(
        "describe", "-", "--json", "--heatmap", "looks.png", data=photo(1)
    )
    assert (status, errors) == (0, "")
    assert json.loads(output)["caption"] == caption.text
    assert (describer.folder / "looks.png").read_bytes() == png


def test_without_a_caption_no_heat_map_is_written(describer: Command) -> None:
    (describer.folder / "black.png").write_bytes(saved(Image.new("RGB", (64, 64)), "PNG"))
    assert describer.run("describe", "black.png", "--heatmap", "looks.png") == (
        0,
        "I see no picture: it is all black.\n",
        "There is no caption to draw, so looks.png was not written.\n",
    )
    assert describer.run("describe", "gone.png", "--heatmap", "looks.png") == (
        1,
        "",
        "There is no file gone.png.\n",
    )
    assert not (describer.folder / "looks.png").exists()


def test_heat_maps_that_are_refused_harm_nothing(describer: Command) -> None:
    picture = describer.folder / "photo.png"
    picture.write_bytes(photo(1))
    (describer.folder / "alias.png").hardlink_to(picture)
    (describer.folder / "photo.jpg").write_bytes(JPEG)
    for arguments, why in (
        (("photo.png", "photo.jpg", "--heatmap", "looks.png"), "name exactly one FILE"),
        (("photo.png", "--heatmap", "photo.jpg"), "photo.jpg does not end in .png"),
        (("photo.png", "--heatmap", "none/looks.png"), "there is no folder none"),
        (("photo.png", "--heatmap", "photo.png"), "photo.png is the picture itself"),
        (("photo.png", "--heatmap", "alias.png"), "alias.png is the picture itself"),
    ):
        status, output, errors = describer.run("describe", *arguments)
        assert (status, output) == (2, "")
        assert why in " ".join(errors.split())
    assert picture.read_bytes() == photo(1)
    assert (describer.folder / "photo.jpg").read_bytes() == JPEG
    assert not (describer.folder / "looks.png").exists()


@posix
def test_a_heat_map_does_not_replace_the_picture_on_standard_input(describer: Command) -> None:
    picture = describer.folder / "photo.png"
    picture.write_bytes(photo(1))
    command = ("describe", "-", "--heatmap", "photo.png")
    with picture.open("rb") as file, describer.start(*command, stdin=file.fileno()) as process:
        try:
            _, errors = process.communicate(timeout=LONG)
        finally:
            process.kill()
    assert process.returncode == 2
    assert b"is the picture itself" in errors
    assert picture.read_bytes() == photo(1)


@posix
def test_a_heat_map_that_cannot_be_written_is_told(describer: Command) -> None:
    (describer.folder / "photo.png").write_bytes(photo(1))
    (describer.folder / "looks.png").symlink_to("/dev/full")
    status, output, errors = describer.run("describe", "photo.png", "--heatmap", "looks.png")
    assert (status, errors) == (1, "looks.png cannot be written: No space left on device.\n")
    assert output


PAGE = saved(screens.page("coffee", "chelsea"), "PNG")


def test_every_picture_that_is_found_is_described(
    describer: Command, captioner: ChildCaptioner
) -> None:
    (describer.folder / "page.png").write_bytes(PAGE)
    (describer.folder / "text.png").write_bytes(saved(screens.page(), "PNG"))
    first = captioner.describe(Encoded(PAGE, Aim()))
    assert first.box is not None
    second = captioner.describe(Encoded(PAGE, Aim()), [first.box])
    lines = [phrasing.sentence(first), phrasing.sentence(second)]
    assert [line[:16] for line in lines] == ["Picture 1 of 2: ", "Picture 2 of 2: "]
    assert describer.run("describe", "page.png", "--find") == (0, "\n".join(lines) + "\n", "")
    status, output, errors = describer.run("describe", "--find", "gone.png", "text.png", "page.png")
    assert (status, errors) == (1, "gone.png: There is no file gone.png.\n")
    assert output.splitlines() == [
        "text.png: I see no picture, only text.",
        *(f"page.png: {line}" for line in lines),
    ]
    assert describer.run("describe", "page.png") == (0, lines[0] + "\n", "")  # the largest


def test_json_tells_where_the_pictures_are(describer: Command) -> None:
    status, output, errors = describer.run("describe", "-", "--find", "--json", data=PAGE)
    assert (status, errors) == (0, "")
    first, second = map(json.loads, output.splitlines())
    assert (first["number"], second["number"]) == (1, 2)
    assert first["pictures"] == second["pictures"]
    for fields, place in zip(first["pictures"], screens.PLACES, strict=True):
        assert 0 < fields.pop("score") <= 1
        assert fields.pop("kind") == "photograph"
        assert screens.alike(Rectangle(**fields), place)


def test_boxes_are_drawn_around_what_was_found(
    describer: Command, captioner: ChildCaptioner
) -> None:
    (describer.folder / "page.png").write_bytes(PAGE)
    assert describer.run("describe", "page.png", "--boxes", "boxes.png") == describer.run(
        "describe", "page.png", "--find"
    )
    described = files.outline(str(describer.folder / "page.png"), captioner)
    found = [one.caption for one in described if one.drawn]
    assert len(found) == 1  # they come with the last picture
    with Image.open(describer.folder / "boxes.png") as drawn:
        changed = ImageChops.difference(drawn, screens.page("coffee", "chelsea")).convert("L")
    assert found[0] is not None
    for picture in found[0].pictures:
        box = picture.box
        right, bottom = box.left + box.width, box.top + box.height
        assert changed.crop((box.left, box.top, box.left + 1, bottom)).getextrema()[0] > 0
        assert changed.crop((box.left, bottom - 1, right, bottom)).getextrema()[0] > 0
        inside = (right - box.width // 2, bottom - box.height // 2, right - 9, bottom - 9)
        assert changed.crop(inside).getbbox() is None


def test_boxes_are_drawn_around_the_things_of_one_photograph(
    describer: Command, grounded_bundle: Path
) -> None:
    settings = describer.folder / "settings.toml"
    settings.write_text(
        f"[captioner]\nbundle = {json.dumps(str(grounded_bundle))}\ntimeout_seconds = 90\n",
        encoding="utf-8",
    )
    picture = photograph("coffee").convert("RGB")
    (describer.folder / "coffee.png").write_bytes(saved(picture, "PNG"))
    status, output, errors = describer.run(
        "describe", "coffee.png", "--json", "--boxes", "boxes.png"
    )
    assert (status, errors) == (0, "")
    fields = json.loads(output)
    assert fields["number"] == len(fields["pictures"]) == 1
    assert fields["objects"]
    with Image.open(describer.folder / "boxes.png") as drawn:
        shown = np.asarray(drawn.convert("RGB"), np.int16)
    original = np.asarray(picture, np.int16)
    assert shown.shape == original.shape
    # lines are black beside yellow, labels yellow on black
    ink = (shown == 0).all(-1) | (shown == (255, 255, 0)).all(-1)
    for thing in fields["objects"]:
        left, top = thing["left"], thing["top"]
        right, bottom = left + thing["width"], top + thing["height"]
        assert ink[top:bottom, left].mean() > 0.95
        assert ink[bottom - 1, left:right].mean() > 0.95
        assert ink[top + 4 : top + 20, left + 4 : left + 40].mean() > 0.6
        inside = (shown != original)[top + 4 : bottom - 4, left + 4 : right - 4]
        assert inside.any()


def test_without_a_picture_no_boxes_are_drawn(describer: Command) -> None:
    (describer.folder / "black.png").write_bytes(saved(Image.new("RGB", (64, 64)), "PNG"))
    assert describer.run("describe", "black.png", "--boxes", "boxes.png") == (
        0,
        "I see no picture: it is all black.\n",
        "There is no picture to draw a box around, so boxes.png was not written.\n",
    )
    assert describer.run("describe", "gone.png", "--boxes", "boxes.png") == (
        1,
        "",
        "There is no file gone.png.\n",
    )
    assert not (describer.folder / "boxes.png").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--boxes", "boxes.jpg"), "does not end in .png"),
        (("--boxes", "page.png"), "page.png is the picture itself"),
        (("--boxes", "boxes.png", "other.png"), "name exactly one FILE"),
        (("--boxes", "boxes.png", "--heatmap", "looks.png"), "--heatmap draws one picture"),
        (("--find", "--heatmap", "looks.png"), "--heatmap draws one picture"),
    ],
)
def test_drawings_that_cannot_be_are_refused(
    describer: Command, options: tuple[str, ...], told: str
) -> None:
    (describer.folder / "page.png").write_bytes(PAGE)
    status, output, errors = describer.run("describe", "page.png", *options)
    assert (status, output) == (2, "")
    assert told in errors
    assert (describer.folder / "page.png").read_bytes() == PAGE


@dataclass
class InTurn:
    """Tells of one picture after another; of each it knows better than the finder what it is."""

    fails_at: int = 9
    boxes: tuple[Rectangle, ...] = tuple(Rectangle(100 * n, 0, 90, 90) for n in range(3))

    def describe(self, _picture: object, described: Sequence[Rectangle] = ()) -> Caption:
        number = len(described) + 1
        if number == self.fails_at:
            raise DescriberError("Sorry.")
        pictures = tuple(
            Detection(box, 0.9, "drawing" if place == number else "photograph")
            for place, box in enumerate(self.boxes, 1)
        )
        return Caption(("a",), (), 0.9, pictures=pictures, number=number)


@pytest.mark.parametrize(
    ("kinds", "fails_at", "told"),
    [
        (True, 9, [["drawing"] * 3] * 3),
        (True, 3, [["drawing", "drawing", "photograph"]] * 2),
        (
            False,
            3,
            [["drawing", "photograph", "photograph"], ["photograph", "drawing", "photograph"]],
        ),
    ],
)
def test_each_line_has_the_kinds_of_all_pictures_that_were_described(
    tmp_path: Path, *, kinds: bool, fails_at: int, told: list[list[str]]
) -> None:
    (tmp_path / "screen.png").write_bytes(photo(1))
    captioner = cast("ChildCaptioner", InTurn(fails_at))
    found = list(files.describe([str(tmp_path / "screen.png")], captioner, find=True, kinds=kinds))
    lines = [each.caption for each in found if each.caption]
    assert [[each.kind for each in line.pictures] for line in lines] == told
    assert [each.error for each in found if each.failed] == (["Sorry."] if fails_at < 9 else [])
