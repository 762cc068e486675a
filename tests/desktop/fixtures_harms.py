"""What breaks for `test_faults`: each harm is a block, and what it broke is mended at its end."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from describer_daemon import processes
from describer_daemon.service import control
from models.runtime.bundle import SHIPPED
from tests import hanging_mount
from tests.desktop.fixtures_daemon import LONG
from tests.desktop.fixtures_display import clipboard_owner, wait_until
from tests.desktop.fixtures_faults import PLAYERS, World, limit

Harm = Callable[[World], contextlib.AbstractContextManager[None]]
WEIGHTS = "weights.safetensors"
STILL = float(os.environ.get("FAULT_STILL", "1.5"))  # seconds that everything stands still


def nothing(world: World) -> contextlib.AbstractContextManager[None]:
    """Nothing is broken before the key."""
    return contextlib.nullcontext()


def stop(process: int) -> None:
    os.kill(process, signal.SIGSTOP)


@contextlib.contextmanager
def captioner_killed(world: World) -> Iterator[None]:
    os.kill(world.captioner(), signal.SIGKILL)
    yield


@contextlib.contextmanager
def little_memory(world: World) -> Iterator[None]:
    """See `leave_little_memory`; later there is enough."""
    with captioner_killed(world):
        yield
    captioner = world.captioner()
    limit(captioner, resource.RLIMIT_AS, resource.prlimit(captioner, resource.RLIMIT_AS)[1])


@contextlib.contextmanager
def captioner_stopped(world: World) -> Iterator[None]:
    """It never goes on: what comes later has to end it."""
    stop(world.captioner())
    yield


@contextlib.contextmanager
def short_patience(world: World) -> Iterator[None]:
    world.change(timeout_seconds=1)
    yield
    world.change(timeout_seconds=int(LONG))


@contextlib.contextmanager
def voice_that_dies(world: World) -> Iterator[None]:
    """The synthesiser is killed when it has said a part."""
    real = shutil.which("espeak-ng")
    with world.without("espeak-ng"):
        world.script("espeak-ng", f'{real} "$@" | head -c 20000; kill -9 $$')
        yield


@contextlib.contextmanager
def voice_gone(world: World) -> Iterator[None]:
    """The synthesiser is taken away; when it is back it speaks again."""
    with world.without("espeak-ng"):
        yield
    world.hears(lambda: world.press("a"), world.caption)
    wait_until(lambda: control.send("status")["speech by"] == "espeak-ng", "it does not speak")


def without(*tools: str) -> Harm:
    return lambda world: world.without(*tools)


@contextlib.contextmanager
def no_tool_to_copy(world: World) -> Iterator[None]:
    with world.without("xclip", "xsel"):
        yield
    world.hears(lambda: world.press("y"), "Copied.")
    os.kill(world.member("xclip"), signal.SIGTERM)  # it holds what was copied, for ever


@contextlib.contextmanager
def no_sound_server(world: World) -> Iterator[None]:
    world.sound.stop_server()
    yield
    world.sound.start_server()


@contextlib.contextmanager
def copied(kind: str, path: Path) -> Iterator[int]:
    """The clipboard has what is in the file, as this type. → the process that owns it."""
    before = clipboard_owner()
    command = ["xclip", "-quiet", "-selection", "clipboard", "-t", kind, "-i", str(path)]
    owner = processes.start(command)
    try:
        wait_until(lambda: clipboard_owner() not in (0, before), "xclip did not own it")
        yield owner.pid
    finally:
        processes.end(owner)


@contextlib.contextmanager
def frozen_clipboard(world: World) -> Iterator[None]:
    picture = world.home / "copied.png"
    shutil.copyfile(world.home / "screen.png", picture)
    with copied("image/png", picture) as owner:
        stop(owner)
        yield


@contextlib.contextmanager
def copied_from_a_dead_mount(folder: Path) -> Iterator[hanging_mount.HangingMount]:
    """A file is copied that can be opened, but never be read."""
    dead, addresses = folder / "dead", folder / "addresses"
    dead.mkdir()
    with contextlib.ExitStack() as stack:
        try:
            mount = stack.enter_context(hanging_mount.mounted(dead, hanging_mount.READ))
        except OSError as error:
            pytest.skip(f"nothing may be mounted here: {error}")
        addresses.write_text(f"{mount.path.as_uri()}\r\n", encoding="utf-8")
        stack.enter_context(copied("text/uri-list", addresses))
        yield mount


def spoilt(spoil: Callable[[Path], object], sentence: str) -> Harm:
    """The settings file is spoilt, upon which `sentence` must be told."""

    @contextlib.contextmanager
    def harm(world: World) -> Iterator[None]:
        text, told = world.settings.read_text(encoding="utf-8"), world.logged(sentence)
        spoil(world.settings)
        wait_until(lambda: world.logged(sentence) > told, "it was not told")
        yield
        if world.settings.is_dir():
            world.settings.rmdir()
        world.settings.unlink(missing_ok=True)
        taken = world.logged("settings reloaded")
        world.settings.write_text(text, encoding="utf-8")
        wait_until(lambda: world.logged("settings reloaded") > taken, "it was not reloaded")

    return harm


def cut_short(settings: Path) -> None:
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text[: text.index("rate =") + len("rate =")], encoding="utf-8")


def make_folder(settings: Path) -> None:
    settings.unlink()
    settings.mkdir()


@contextlib.contextmanager
def full_disk(world: World) -> Iterator[None]:
    """No file of the describer can grow."""
    assert world.daemon is not None
    with speech_with_room(world):
        before = limit(world.daemon.pid, resource.RLIMIT_FSIZE, 0)
        try:
            yield
        finally:
            limit(world.daemon.pid, resource.RLIMIT_FSIZE, before)
    lines = world.logged("reached taken")
    world.press("q")
    wait_until(lambda: world.logged("reached taken") > lines, "the log does not go on")


@contextlib.contextmanager
def speech_with_room(world: World) -> Iterator[None]:
    """Synthesiser and player give their memory a length, which the limit of files would forbid."""
    tools = ("espeak-ng", PLAYERS[0])
    real = {tool: shutil.which(tool) for tool in tools}
    with world.without(*tools):
        for tool in tools:
            world.script(tool, f'exec prlimit --fsize=unlimited {real[tool]} "$@"')
        yield


@contextlib.contextmanager
def damaged_bundle(world: World) -> Iterator[None]:
    """The weights are cut in two under the captioner that uses them."""
    os.truncate(world.bundle / WEIGHTS, world.bundle.joinpath(WEIGHTS).stat().st_size // 2)
    yield
    shutil.copyfile(SHIPPED / WEIGHTS, world.bundle / WEIGHTS)


@contextlib.contextmanager
def damaged_bundle_to_load(world: World) -> Iterator[None]:
    with damaged_bundle(world), captioner_killed(world):
        yield


def kill_captioner_at_work(world: World) -> None:
    wait_until(world.has_grabbed, "nothing was grabbed")
    os.kill(world.captioner(), signal.SIGKILL)


def leave_little_memory(world: World) -> None:
    """The captioner, which has just begun, gets too little to load its libraries."""
    limit(world.captioner(), resource.RLIMIT_AS, 120 << 20)


def kill_player(world: World) -> None:
    os.kill(world.member(PLAYERS[0]), signal.SIGKILL)


def stand_still(world: World) -> None:
    """The whole family stops for a while, as in a suspended machine, and keys are pressed."""
    wait_until(world.has_grabbed, "nothing was grabbed")
    taken, keys = world.logged("reached taken"), "aqi"
    family = world.family()
    for member in family:
        stop(member)
    for key in keys:
        world.press(key)
    time.sleep(STILL)
    for member in family:
        os.kill(member, signal.SIGCONT)
    wait_until(lambda: world.logged("reached taken") == taken + len(keys), "a key was lost")

    def last_is_answered() -> bool:
        since = world.log.read_text(encoding="utf-8").rpartition("reached taken")[2]
        return "reached phrased" in since.partition("reached described")[2]

    wait_until(last_is_answered, "the last key was not answered")
