"""Faults at the start, at the end and between two lives: each time the next key is answered."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from describer_daemon import displays, processes
from describer_daemon.cli import demo
from describer_daemon.service import control, unix_socket
from describer_daemon.virtual.display import VirtualDisplay
from tests.desktop import fixtures_harms as harms
from tests.desktop.fixtures_daemon import LONG
from tests.desktop.fixtures_display import wait_until
from tests.desktop.fixtures_faults import PLAYERS, World, before_photograph, world_on
from tests.desktop.fixtures_sound import speech_dispatcher

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "20"))  # races are looked for so often
BLACK = "The screen is black. A screen curtain may be on."
NO_ANSWER = "The copied file does not answer. Is its disk or network there?"
NOTHING_YET = "I have not described anything yet."


def test_whoever_starts_while_another_ends_takes_its_place(world: World) -> None:
    world.start()
    for number in range(ROUNDS):
        old, killed = world.daemon, number % 2
        assert old is not None
        old.send_signal(signal.SIGKILL if killed else signal.SIGTERM)
        two = [world.begin(), world.begin()]
        assert old.wait(20) == (-signal.SIGKILL if killed else 0)
        world.daemon = that_serves(world, two)
        (asked,) = (one for one in two if one is not world.daemon)
        assert asked.wait(20) == 0, "it did not ask the one that serves"
    world.hears(lambda: world.press("i"), BLACK)
    world.is_tidy()
    assert world.end() == 0
    world.is_gone()


def that_serves(world: World, started: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
    numbers = [one.pid for one in started]
    wait_until(lambda: world.serving() in numbers, "none serves")
    return started[numbers.index(world.serving())]


def at_the_start(world: World) -> None:
    """It has only just been started."""
    assert world.end() == 0
    world.begin()


def looking(world: World) -> None:
    world.press("i")


def speaking(world: World) -> None:
    world.press("a")
    wait_until(lambda: control.send("status")["speaking"], "nothing is said")


def reading_the_clipboard(world: World) -> None:
    world.press("c")
    world.member("xclip")


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name
)
def test_a_signal_at_any_moment_is_a_clean_end(world: World, number: signal.Signals) -> None:
    dice = random.Random(number)
    with before_photograph(world):
        for moment in (at_the_start, looking, speaking):
            world.start()
            moment(world)
            time.sleep(dice.uniform(0, 0.6))
            code = world.end(number)
            assert code == 0 or (code == -number and moment is at_the_start), moment
            world.is_gone()


def test_the_end_does_not_leave_a_tool_to_wait_for_a_frozen_program(world: World) -> None:
    with before_photograph(world):
        world.start()
        with harms.frozen_clipboard(world):
            reading_the_clipboard(world)
            assert world.end() == 0
            world.is_gone()


def test_a_dead_mount_keeps_neither_the_next_key_nor_the_end_waiting(
    world: World, tmp_path: Path
) -> None:
    with harms.copied_from_a_dead_mount(tmp_path) as mount:
        world.start()
        world.hears(lambda: world.press("c"), NO_ANSWER)
        assert mount.asked.is_set()
        world.hears(lambda: world.press("i"), BLACK)
        assert world.daemon is not None
        control.send("quit")
        assert world.daemon.wait(LONG) == 0
        assert all("copied_files_child" in left for left in world.family().values())
    world.is_gone()


def test_a_display_comes_goes_and_comes_back(own_display: VirtualDisplay) -> None:
    own_display.close()
    with world_on(own_display) as world:
        world.begin()
        folder = unix_socket.runtime_folder(create=True)
        wait_until(lambda: any(map(displays.listens, folder.glob("*.sock"))), "no socket")
        for _ in range(2):
            reply = control.send("screen", wait=True)
            assert reply["failed"]
            assert "display" in reply["sentence"] or "desktop" in reply["sentence"]
            server = processes.start(["Xvfb", own_display.name, "-nolisten", "tcp", "-noreset"])
            wait_until(world.listening, "the keys were not taken")
            world.hears(lambda: world.press("i"), BLACK)
            server.terminate()
            server.wait(20)
            wait_until(lambda: not world.listening(), "the loss was not noticed")
        assert world.end() == 0
        wait_until(lambda: not world.family())


def test_a_display_that_hangs(own_display: VirtualDisplay) -> None:
    with world_on(own_display) as world:
        world.start()
        harms.stop(own_display.server)
        world.hears(lambda: control.send("repeat", wait=True), NOTHING_YET)
        asked = threading.Thread(target=control.send, args=("screen",), kwargs={"wait": True})
        asked.start()
        wait_until(lambda: control.send("status")["speaking"], "that it still looks was not said")
        assert control.send("stop", wait=True)["sentence"] == ""
        asked.join(20)
        assert not asked.is_alive()
        os.kill(own_display.server, signal.SIGCONT)
        world.hears(lambda: world.press("i"), BLACK)
        harms.stop(own_display.server)
        assert world.end() == 0
        wait_until(lambda: not world.family(), f"{world.family()}")
        os.kill(own_display.server, signal.SIGCONT)


def test_a_voice_that_comes_later_than_the_describer_serves(world: World) -> None:
    with world.without(*PLAYERS):
        world.start()
        world.press("a")
        wait_until(lambda: world.traces("I have no way to speak here."), "no trace was left")
    world.hears(lambda: world.press("a"), NOTHING_YET)
    assert control.send("status")["speech by"] == "espeak-ng"
    assert world.end() == 0
    world.is_gone()


def test_another_voice_speaks_when_the_speech_service_dies(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with speech_dispatcher(world.sound) as address:
        monkeypatch.setenv("SPEECHD_ADDRESS", address)
        world.start()
        assert control.send("status")["speech by"] == "speech-dispatcher"
    world.hears(lambda: world.press("a"), NOTHING_YET)
    assert control.send("status")["speech by"] == "espeak-ng"
    assert world.end() == 0
    world.is_gone()


def test_a_full_disk_at_the_first_start(world: World) -> None:
    world.settings.unlink()
    world.rate = 180  # what was set for the tests cannot be read
    with Path("/dev/full").open("wb") as full, harms.speech_with_room(world):
        world.start("prlimit", "--fsize=0:", stdout=full, stderr=full)
        world.hears(lambda: world.press("a"), NOTHING_YET)
    assert world.end() == 0
    world.is_gone()
    assert world.files() <= {"run/describer/lock", str(world.log.relative_to(world.home))}


def test_speech_that_does_not_fit_on_the_disk_leaves_no_half(world: World) -> None:
    speech = world.home / "speech.wav"
    command = [
        *processes.python("describer_daemon.cli.main"),
        "describe",
        str(demo.SAMPLE),
        "--save",
        str(speech),
    ]
    with harms.speech_with_room(world):
        done = processes.run(
            ["prlimit", "--fsize=20000:", *command],
            timeout=60,
            what="describe",
            env=world.environment,
        )
    assert done.code == 1
    assert b"I cannot write the speech to speech.wav." in done.errors
    world.is_gone()


def test_a_bundle_that_is_damaged_at_the_start(world: World) -> None:
    world.bundle.mkdir()
    world.save(bundle=f'"{world.bundle}"', start='"at start"')
    world.start()
    wait_until(lambda: world.logged("The captioner bundle lacks "), "it was not told")
    world.hears(lambda: world.press("i"), BLACK)
    assert world.end() == 0
    world.is_gone()


_CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static volatile long none, *shift = &none;

__attribute__((constructor)) static void find(void) {
    int file = open(getenv("TEST_CLOCK"), O_RDONLY);
    void *page = mmap(0, sizeof none, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) shift = page;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) now->tv_sec += *shift;
    return result;
}

time_t time(time_t *place) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (place) *place = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
"""


def test_a_clock_that_is_set_back_an_hour(world: World, tmp_path: Path) -> None:
    source, library, clock = (tmp_path / name for name in ("clock.c", "clock.so", "clock"))
    source.write_text(_CLOCK, encoding="utf-8")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    clock.write_bytes(bytes(8))
    world.start("env", f"LD_PRELOAD={library}", f"TEST_CLOCK={clock}")

    def set_back() -> None:
        with clock.open("r+b") as file:
            file.write((-3600).to_bytes(8, "little", signed=True))
        world.press("i")

    world.hears(set_back, BLACK)
    world.change(rate=world.rate)  # saves are still noticed
    world.hears(lambda: world.press("i"), BLACK)
    first, *_, last = (
        line.split()[1] for line in world.log.read_text().splitlines() if line[:2] == "20"
    )
    assert last < first or last[:2] == "23", "its clock was not set back at all"
    assert world.end() == 0
    world.is_gone()
