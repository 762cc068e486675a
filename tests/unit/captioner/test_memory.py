"""A picture's memory: bounded, told in words, and nobody else's loss."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from describer_daemon.captioner import memory, protocol
from describer_daemon.captioner.client import ChildCaptioner
from describer_daemon.cli import demo
from describer_daemon.core.ports import DescriberError, Encoded, Pixels
from models.runtime.bundle import BundleError
from tests import bundles
from tests.unit.captioner.test_image_decoding import encoded, photo, png
from tests.unit.proc import LONG, PROC

TOO_MUCH = "^This picture needs more memory than there is\\.$"
SAMPLE = Encoded(demo.SAMPLE.read_bytes())
OF_FILES = 64 << 20  # bytes of libraries, which are resident and not counted


@pytest.fixture(scope="module")
def captioner(tiny_bundle: Path) -> Iterator[ChildCaptioner]:
    captioner = ChildCaptioner(tiny_bundle, timeout=LONG)
    yield captioner
    captioner.close()


def most_used(captioner: ChildCaptioner) -> int:
    """The most resident memory that its process had, in bytes."""
    assert captioner._child is not None
    status = (PROC / str(captioner._child.pid) / "status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) << 10


def jpeg2000_that_claims(width: int, height: int) -> bytes:
    """A few hundred bytes whose decoder asks for memory for all that they claim."""
    data = encoded(photo(), "JPEG2000")
    size = struct.pack(">II", 96, 64)
    claimed = struct.pack(">II", width, height)
    data = data.replace(struct.pack(">II", 64, 96), struct.pack(">II", height, width))
    return data.replace(size, claimed)


def test_a_large_picture_within_the_limit_of_pixels(captioner: ChildCaptioner) -> None:
    captioner.warm_up()
    seen = captioner.describe(Encoded(png(10_000, 10_000, 8)))
    assert seen.words or seen.finding
    assert captioner.describe(SAMPLE).words


def test_a_small_file_that_claims_much(captioner: ChildCaptioner) -> None:
    crafted = jpeg2000_that_claims(10_000, 9_999)
    assert len(crafted) < 10_000
    with pytest.raises(DescriberError, match=f"{TOO_MUCH}|^The picture is damaged"):
        captioner.describe(Encoded(crafted))
    assert captioner.describe(SAMPLE).words


def test_pixels_that_there_is_no_memory_for(captioner: ChildCaptioner) -> None:
    with pytest.raises(DescriberError, match=TOO_MUCH):
        captioner.describe(Pixels(10_000, 10_000, bytes(400_000_000), "BGRX"))
    assert captioner.describe(SAMPLE).words


def test_more_than_the_allowance_where_the_machine_has_it(captioner: ChildCaptioner) -> None:
    deep = png(9_000, 9_000, 16)
    if memory.available() < 8 << 30:
        pytest.skip("the picture needs more memory than this machine has free")
    assert captioner.describe(Encoded(deep)).finding == "black"
    assert captioner.describe(SAMPLE).words


def test_one_picture_takes_at_most_half_of_what_is_free() -> None:
    code = """
from describer_daemon.captioner import memory
def room(size):
    try:
        return len(bytearray(size << 20)) > 0
    except MemoryError:
        return False
with memory.Scope() as scope:
    assert scope.allow(1 << 40)  # there is no limit yet
assert memory.limit(memory.ALLOWANCE)
memory.available = lambda: 2 << 30
for _ in range(2):
    with memory.Scope() as scope:
        assert not room(700)
        assert scope.allow(700 << 20)
        assert room(700)
        assert not scope.allow(3 << 30)
        assert room(900) and not room(1100)
    assert room(400) and not room(700)
memory.available = lambda: 600 << 20
with memory.Scope() as scope:
    assert scope.allow(400 << 20) and not scope.allow(700 << 20)
    assert room(400) and not room(700)
"""
    _run(code)


def test_the_limit_binds(captioner: ChildCaptioner) -> None:
    captioner._drop()  # what it grew to before
    captioner.warm_up()
    loaded = most_used(captioner)
    bmp = io.BytesIO()
    Image.new("RGB", (7_000, 7_000), "red").save(bmp, "BMP")
    assert captioner.describe(Encoded(bmp.getvalue())).finding == "plain"
    assert most_used(captioner) <= loaded + memory.ALLOWANCE + OF_FILES


def test_what_is_loaded_does_not_count_and_what_is_read_counts_less() -> None:
    code = """
from describer_daemon.captioner import memory
def room(size):
    try:
        return len(bytearray(size << 20)) > 0
    except MemoryError:
        return False
assert room(500)
with memory.outside_limit(), memory.raised_limit(1 << 20):  # no limit, nothing to change
    pass
assert memory.limit(100 << 20)
assert room(80) and not room(150)
with memory.outside_limit():
    loaded = bytearray(300 << 20)
assert room(80) and not room(150)
with memory.raised_limit(100 << 20):
    assert room(180) and not room(250)
assert room(80) and not room(150)
"""
    _run(code)


def _run(code: str) -> None:
    root = Path(memory.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def caused(error: Exception, by: Exception) -> Exception:
    error.__cause__ = by
    return error


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (MemoryError(), True),
        (OSError("out of memory when reading image file"), True),
        (RuntimeError("Failed to allocate memory for requested buffer of size 9"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("std::bad_alloc"), True),
        (OSError("broken data stream"), False),
        (KeyError("a defect"), False),
        (None, False),
        (caused(BundleError("It is damaged."), caused(OSError("?"), MemoryError())), True),
        (caused(BundleError("It is damaged."), OSError("broken")), False),
    ],
)
def test_libraries_say_it_in_words_of_their_own(error: Exception | None, short: bool) -> None:
    assert memory.is_out_of_memory(error) is short


class Narrow(io.BytesIO):
    """A stream in a process that has no memory for more than a mebibyte at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > 1 << 20:
            raise MemoryError
        return super().read(size)


def test_a_message_too_large_is_passed_over() -> None:
    stream = Narrow()
    protocol.write(stream, {"n": 1}, bytes(3_000_000))
    protocol.write(stream, {"n": 2}, b"body")
    protocol.write(stream, {"n": 3}, bytes(2_000_000))
    cut_off = Narrow(stream.getvalue()[:-9])
    with pytest.raises(MemoryError):
        protocol.read(cut_off)
    assert protocol.read(cut_off) == ({"n": 2}, b"body")
    with pytest.raises(MemoryError):
        protocol.read(cut_off)
    assert protocol.read(cut_off) is None


# what lasts lies behind what does not
GRABS = """
import sys
from pathlib import Path
from describer_daemon.captioner import memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

if "return" in sys.argv:
    memory.return_pictures()
before, kept = resident(), []
for size in (2 << 20, 1 << 20, 3 << 19):
    pictures = [bytearray(size) for _ in range(8)]
    kept.append(bytearray(50_000))
    del pictures
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it is of the GNU C library")
def test_what_pictures_took_goes_back_to_the_system() -> None:
    kept = {
        how: int(subprocess.check_output([sys.executable, "-c", GRABS, how], cwd=bundles.ROOT))
        for how in ("return", "keep")
    }
    assert kept["return"] < 1 << 20 < 2 << 20 < kept["keep"]
