"""Earcons: short, quiet, never in the way; heard by a real program in the player's place."""

from __future__ import annotations

import functools
import io
import itertools
import logging
import math
import os
import queue
import stat
import threading
import time
import wave
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from describer_daemon import processes
from describer_daemon.speech.earcons import Earcons, pointer, tone
from tests import threads


@pytest.fixture
def earcons() -> Iterator[Earcons]:
    earcons = Earcons(acknowledgement=True, failure=True)
    yield earcons
    earcons.close()
    until(lambda: not any(thread.name == "earcon" for thread in threading.enumerate()))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Put a shell program on an otherwise empty PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HEARD", str(tmp_path))

    def write(name: str, script: str) -> None:
        path = folder / name
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return write


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def samples(sound: bytes) -> tuple[int, array[int]]:
    with wave.open(io.BytesIO(sound)) as stream:
        assert (stream.getnchannels(), stream.getsampwidth()) == (1, 2)
        return stream.getframerate(), array("h", stream.readframes(stream.getnframes()))


def pitch(rate: int, part: array[int]) -> float:
    """By counting how often the wave crosses zero."""
    signs = [value > 0 for value in part]
    crossings = sum(one != other for one, other in itertools.pairwise(signs))
    return crossings * rate / (2 * len(part))


@pytest.mark.parametrize(("first", "last"), [(660.0, 990.0), (520.0, 330.0)])
def test_a_tone_glides_is_short_and_quiet(first: float, last: float) -> None:
    rate, sound = samples(tone(first, last))
    assert 0.03 < len(sound) / rate <= 0.08
    assert 0.05 < max(map(abs, sound)) / 32767 < 0.25
    assert abs(sound[0]) < 50
    assert abs(sound[-1]) < 500
    half = len(sound) // 2
    early, late = pitch(rate, sound[:half]), pitch(rate, sound[half:])
    assert math.copysign(1, late - early) == math.copysign(1, last - first)


def sides(sound: bytes) -> tuple[int, array[int], array[int]]:
    with wave.open(io.BytesIO(sound)) as stream:
        assert (stream.getnchannels(), stream.getsampwidth()) == (2, 2)
        frames = array("h", stream.readframes(stream.getnframes()))
        return stream.getframerate(), frames[::2], frames[1::2]


def power(samples: array[int]) -> float:
    return sum(each * each for each in samples) / len(samples)


def test_a_thing_is_heard_from_its_side() -> None:
    shares = []
    for across in (0.0, 0.25, 0.5, 0.75, 1.0):
        rate, left, right = sides(pointer(across, 0.5))
        assert 0.03 < len(left) / rate <= 0.08
        shares.append(power(right) / (power(left) + power(right)))
        everywhere = power(left) + power(right)
        assert everywhere == pytest.approx(power(sides(pointer(0.0, 0.5))[1]), rel=0.02)
    assert shares == sorted(shares)
    assert (shares[0], shares[2], shares[4]) == pytest.approx((0.0, 0.5, 1.0), abs=0.01)


def test_a_thing_is_heard_the_higher_the_higher_it_is() -> None:
    rate, bottom, _ = sides(pointer(0.0, 1.0))
    pitches = [pitch(rate, sides(pointer(0.0, down))[1]) for down in (0.0, 0.5, 1.0)]
    assert pitches == sorted(pitches, reverse=True)
    assert pitches == pytest.approx([1320, 660, 330], rel=0.05)  # octaves, which all ears know
    assert max(map(abs, bottom)) / 32767 < 0.25
    assert abs(bottom[0]) < 50


def test_the_player_gets_the_whole_sound(
    earcons: Earcons, program: Callable[[str, str], None], tmp_path: Path
) -> None:
    program("paplay", 'cat > "$HEARD/part"; mv "$HEARD/part" "$HEARD/whole"')
    whole = tmp_path / "whole"
    for play, first, last in ((earcons.acknowledge, 660.0, 990.0), (earcons.failed, 520.0, 330.0)):
        play()
        until(whole.exists)
        assert whole.read_bytes() == tone(first, last)
        whole.unlink()


def test_the_next_player_is_tried(
    earcons: Earcons, program: Callable[[str, str], None], tmp_path: Path
) -> None:
    program("paplay", "exit 1")
    program("aplay", 'cat > /dev/null; touch "$HEARD/aplay"')
    earcons.acknowledge()
    until((tmp_path / "aplay").exists)


def test_what_is_switched_off_is_silent(program: Callable[[str, str], None]) -> None:
    program("paplay", "cat > /dev/null")
    earcons = Earcons(acknowledgement=False, failure=False, place=False)
    earcons.point(0.5, 0.5)
    earcons.acknowledge()
    earcons.failed()
    assert not any(thread.name == "earcon" for thread in threading.enumerate())
    earcons.close()


def test_without_a_player_the_log_says_so(
    earcons: Earcons, program: Callable[[str, str], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    earcons.acknowledge()
    until(lambda: "no program plays sound" in caplog.text)


@pytest.fixture
def players(program: Callable[[str, str], None], tmp_path: Path) -> Callable[[], list[int]]:
    """A player that plays for ever; gives the process numbers of all that were started."""
    program("paplay", 'echo $$ > "$HEARD/$$.pid"; exec sleep 1000')
    return lambda: [int(path.stem) for path in tmp_path.glob("*.pid") if path.read_text()]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_words_end_the_tone_of_a_key(earcons: Earcons, players: Callable[[], list[int]]) -> None:
    earcons.acknowledge()
    until(players)
    assert earcons.make_way(pytest.fail)  # it is not heard out
    until(lambda: not alive(*players()))
    assert earcons.make_way(pytest.fail)  # there is nothing left to end


def test_words_come_before_a_tone_that_has_not_begun(
    earcons: Earcons, players: Callable[[], list[int]]
) -> None:
    for _ in range(20):
        earcons.acknowledge()
        assert earcons.make_way(pytest.fail)
    until(lambda: not any(thread.name == "earcon" for thread in threading.enumerate()))
    assert not any(map(alive, players()))


def test_words_wait_for_the_tone_of_a_failure(
    earcons: Earcons,
    program: Callable[[str, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("describer_daemon.speech.earcons._HEARD_OUT", 60.0)
    program("paplay", 'cat > /dev/null; sleep 0.05; touch "$HEARD/whole"')
    heard = queue.SimpleQueue[bool]()
    earcons.failed()
    assert not earcons.make_way(lambda: heard.put((tmp_path / "whole").exists()))
    assert heard.get(timeout=20)
    assert heard.empty()
    assert earcons.make_way(pytest.fail)  # it has been heard


def test_words_do_not_wait_long_for_a_tone_that_hangs(
    earcons: Earcons, players: Callable[[], list[int]]
) -> None:
    heard = queue.SimpleQueue[int]()
    earcons.failed()
    until(players)
    for number in range(3):
        earcons.make_way(functools.partial(heard.put, number))
    assert heard.get(timeout=20) == 2  # the latest, and no other
    assert heard.empty()
    until(lambda: not alive(*players()))


def test_nobody_waits_for_a_player_to_die(
    earcons: Earcons, players: Callable[[], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that hangs in the kernel, which no signal ends."""
    waited_for: list[object] = []

    def end(process: object, *, timeout: float = 1.0) -> None:
        if timeout and threading.current_thread() is threading.main_thread():
            waited_for.append(process)

    monkeypatch.setattr(processes, "end", end)
    earcons.acknowledge()
    until(players)
    assert earcons.make_way(pytest.fail)
    earcons.acknowledge()
    earcons.acknowledge()
    earcons.close()
    assert not waited_for
    monkeypatch.undo()
    processes.end_all()


def test_without_a_thread_words_do_not_wait(
    earcons: Earcons, players: Callable[[], list[int]]
) -> None:
    heard = queue.SimpleQueue[str]()
    with threads.none_left():
        earcons.failed()
        assert earcons.make_way(pytest.fail)
    earcons.failed()
    until(players)
    with threads.none_left():  # for who would end the tone
        assert not earcons.make_way(lambda: heard.put("over"))
    assert heard.get(timeout=20) == "over"


def test_a_new_sound_ends_the_one_before_and_close_ends_all(
    earcons: Earcons, players: Callable[[], list[int]]
) -> None:
    earcons.acknowledge()
    until(lambda: len(players()) == 1)
    (first,) = players()
    earcons.failed()
    until(lambda: len(players()) == 2)
    until(lambda: not alive(first))
    earcons.close()
    until(lambda: not any(alive(pid) for pid in players()))
    earcons.acknowledge()  # nothing happens after the end
    until(lambda: not any(thread.name == "earcon" for thread in threading.enumerate()))
    assert len(players()) == 2
