"""Nothing leaves the machine, and no pixel reaches the disk: the whole job, watched by the kernel.

The daemon and all that it starts run without a network and under a system-call trace.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from describer_daemon import processes
from describer_daemon.cli import demo
from describer_daemon.core.ports import Rectangle
from describer_daemon.service import control
from describer_daemon.virtual.display import VirtualDisplay
from describer_daemon.virtual.sound import VirtualSound
from tests.desktop.fixtures_daemon import RunningDaemon
from tests.desktop.fixtures_display import wait_until
from tests.desktop.test_main_job import letter, photograph

TIMES = int(os.environ.get("DESCRIBER_TEST_CAPTIONS", "20"))
# with a question mark: not on every machine
TRACED = "trace=%network,?open,openat,openat2,?creat,?mknod,mknodat,io_uring_setup,execve"
NO_NAMESPACE = [sys.executable, "-m", "tests.desktop.offline"]
LOOK = """
import socket
for family, address in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as one:
            one.connect((address, 9))
    except OSError as error:
        print(error.errno)
"""


def namespaces() -> list[list[str]]:
    """The ways to a namespace with no interface that this machine allows, best first."""
    ways = [["unshare", "--net"], ["unshare", "--map-current-user", "--net"]]
    return [
        way
        for way in ways
        if subprocess.run([*way, "true"], capture_output=True, check=False).returncode == 0
    ]


def offline() -> list[str]:
    """What makes a command one without a network."""
    return next(iter([*namespaces(), NO_NAMESPACE]))


@pytest.mark.parametrize("way", [*namespaces()[:1], NO_NAMESPACE], ids=lambda way: way[-1])
def test_offline_is_offline(way: list[str]) -> None:
    done = subprocess.run(
        [*way, sys.executable, "-c", LOOK], capture_output=True, text=True, timeout=60, check=True
    )
    errors = [int(line) for line in done.stdout.split()]
    assert len(errors) == 2  # ENETUNREACH, or EPERM
    assert set(errors) <= {1, 99, 101}


@pytest.fixture
def trace(sandbox: Path) -> Path:
    return sandbox / "trace"


@pytest.fixture
def watched(
    xserver: VirtualDisplay,
    audio: VirtualSound,
    settings: Path,
    trace: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RunningDaemon]:
    """The real `describer run`, offline and traced with all its children."""
    command = processes.python
    prefix = [*offline(), "strace", "-f", "-qq", "-y", "-s", "999", "-e", TRACED, "-o", str(trace)]

    def traced(module: str) -> list[str]:
        wanted = command(module)
        return [*prefix, *wanted] if module == "describer_daemon.cli.main" else wanted

    monkeypatch.setenv("PYTHONPATH", str(Path(demo.__file__).parents[2]))
    with monkeypatch.context() as patched:
        patched.setattr(processes, "python", traced)
        running = RunningDaemon(audio, settings)
    yield running
    processes.end(running.process)


def one_after_another(
    daemon: RunningDaemon,
    press: Callable[[str], None],
    show: Callable[[Image.Image], Rectangle],
    copy: Callable[[Image.Image], object],
) -> list[bytes]:
    """The main job, with every way in and out; → pieces of what was looked at."""
    noise = np.random.default_rng(11).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    show(Image.fromarray(noise))
    copied = photograph("chelsea")
    copy(copied)
    for turn in range(TIMES):
        daemon.answers(lambda key=("super+alt+i", "super+alt+c")[turn % 2]: press(key))
    daemon.hears(lambda: press("super+alt+i"))
    show(letter(3))
    daemon.hears(lambda: press("super+alt+t"))
    daemon.hears(lambda: press("super+alt+a"))
    daemon.hears(lambda: press("super+alt+y"))
    press("super+alt+q")
    assert control.send("status")["failures"] == 0
    return [*pieces(Image.fromarray(noise)), *pieces(copied)]


def pieces(image: Image.Image) -> Iterator[bytes]:
    """Parts of a row in the layouts in which pixels are kept."""
    row = image.crop((40, 100, 72, 101))
    yield row.tobytes()
    yield row.tobytes("raw", "BGR")
    yield np.asarray(row.convert("RGBA"))[..., 2::-1].tobytes()
    grab = row.tobytes("raw", "BGRX")
    yield grab
    yield bytes(255 if place % 4 == 3 else value for place, value in enumerate(grab))


def test_the_whole_job_without_a_network_and_with_nothing_on_the_disk(
    watched: RunningDaemon,
    trace: Path,
    sandbox: Path,
    press: Callable[[str], None],
    picture_window: Callable[[Image.Image], Rectangle],
    clip_image: Callable[[Image.Image], tuple[object, bytes]],
) -> None:
    before = set(files())
    seen = one_after_another(watched, press, picture_window, clip_image)
    while_it_runs = set(files())
    process = Path("/proc", str(control.send("status")["pid"]))
    assert int((process / "coredump_filter").read_text(encoding="ascii"), 16) == 0
    control.send("quit")
    clip_image(photograph("camera"))  # else its xclip would offer the copied caption for ever
    wait_until(lambda: watched.process.poll() is not None, "the daemon did not end")
    calls = trace.read_text(encoding="utf-8", errors="replace")
    for part in ("captioner.child", "espeak-ng", "paplay", "xclip"):
        assert re.search(rf"execve\(.*{part}", calls), f"{part} was not watched"
    # sockets that reach beyond the machine: none was even asked for
    assert "AF_INET" not in calls
    assert "io_uring_setup" not in calls
    assert not unexpected(calls, sandbox)
    (sandbox / "control").write_bytes(b"before" + seen[0] + b"after")
    new = (while_it_runs | set(files())) - before - {trace}
    assert [path for path in new if any(piece in content(path) for piece in seen)] == [
        sandbox / "control"
    ]


def unexpected(calls: str, sandbox: Path) -> set[str]:
    """Files that somebody opened to write and that are none of those that are known."""
    known = (
        r"/dev/(null|tty|pts/.*)",
        r"/proc/self/(coredump_filter|oom_score_adj|task/.*|comm)",
        rf"{re.escape(str(sandbox))}/run/describer/(lock|[0-9a-f]{{7}}\.lock)",
        rf"{re.escape(str(sandbox))}/.*describer\.log(\.\d)?",
        r".*/pulse/cookie",  # random bytes by which a sound server knows its owner
        r".*/__pycache__/.*\.pyc\.\d+",
    )
    return {path for path in written(calls) if not any(re.fullmatch(form, path) for form in known)}


def written(calls: str) -> set[str]:
    """Files that a trace tells were opened to be changed, or made, whichever call did it."""
    paths = set()
    for line in calls.splitlines():
        match = re.search(
            r'\b(open|openat|openat2|creat|mknod|mknodat)\((?:[^,"]*, )?"([^"]*)", (.*)', line
        )
        if match is None or "= -1 " in line:
            continue
        name, path, rest = match.groups()
        flags = re.match(r"(?:\{flags=)?([A-Z_|]*)", rest)
        changes = flags and re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", flags[1])
        if changes or name in ("creat", "mknod", "mknodat"):
            paths.add(path)
    return paths


WRITERS = """
import ctypes, os, platform, sys
libc = ctypes.CDLL(None, use_errno=True)
os.chdir(sys.argv[1])
def how(flags, mode):
    return flags.to_bytes(8, "little") + mode.to_bytes(8, "little") + bytes(8)
for path in (b"empty", b"emptied"):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
assert libc.syscall(437, -100, b"openat2", how(os.O_WRONLY | os.O_CREAT, 0o600), 24) >= 0
assert libc.syscall(437, -100, b"empty", how(os.O_RDONLY, 0), 24) >= 0
os.open("emptied", os.O_RDONLY | os.O_TRUNC)
os.mknod("node")
open("both", "w+").close()
if platform.machine() == "x86_64":
    assert libc.syscall(85, b"creat", 0o600) >= 0
    assert libc.syscall(2, b"open", os.O_RDWR | os.O_CREAT, 0o600) >= 0
"""


def test_every_way_to_open_a_file_to_change_it_is_seen(sandbox: Path) -> None:
    folder, trace = sandbox / "made", sandbox / "trace"
    folder.mkdir()
    (folder / "only read").touch()
    code = f"{WRITERS}\nopen('only read').close()"
    command = [sys.executable, "-c", code, str(folder)]
    subprocess.run(
        ["strace", "-f", "-qq", "-y", "-s", "999", "-e", TRACED, "-o", str(trace), *command],
        check=True,
        timeout=120,
    )
    seen = {Path(path).name for path in written(trace.read_text(encoding="utf-8"))}
    assert seen == {path.name for path in folder.iterdir()} - {"only read"}


def files() -> Iterator[Path]:
    """Every ordinary file where programs leave what they leave; others come and go meanwhile."""
    home = Path(os.environ["HOME"])
    for place in {home, Path(tempfile.gettempdir()), Path("/var", "tmp"), Path("/dev", "shm")}:
        for folder, inner, names in os.walk(place, followlinks=place != home):
            if place not in (home, Path(folder)):  # outside the home two levels are enough
                inner.clear()
            paths = (Path(folder, name) for name in names)
            yield from (path for path in paths if path.is_file() and not path.is_symlink())


def content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it is gone, or somebody else's
        return b""
