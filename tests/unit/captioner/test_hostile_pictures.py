"""Pictures made to do harm end in a caption or in one sentence."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from random import Random

import pytest

from benchmarks.fuzz import run as fuzz
from benchmarks.fuzz.bombs import BOMBS
from benchmarks.fuzz.pictures import Pictures
from benchmarks.fuzz.seeds import seeds
from benchmarks.fuzz.trial import Ending, Sample, faults, tried


def test_a_hundred_hostile_pictures(tmp_path: Path) -> None:
    tally = fuzz.run(Pictures, "pictures", 4, range(120), tmp_path)
    assert tally.tried == 120
    assert tally.accepted
    assert tally.mishandled == []
    assert not tally.left_open


def test_every_format_is_a_seed() -> None:
    kinds = {name.split()[0] for name in seeds()}
    assert {"PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "ICO", "JPEG2000"} <= kinds


def test_the_same_seed_gives_the_same_inputs() -> None:
    kind = Pictures()
    once, again = (
        [kind.make(Random(f"5 pictures {number}")) for number in range(30)] for _ in range(2)
    )
    assert once == again


@pytest.mark.parametrize("name", sorted(BOMBS))
def test_bombs_are_small(name: str) -> None:
    assert len(BOMBS[name](Random(1))) < 8 << 20


def test_a_mishandled_input_is_kept_and_tried_again(tmp_path: Path) -> None:
    class Careless(Pictures):
        def attempt(self, sample: Sample, thorough: bool) -> Ending:
            return Ending("Traceback (most recent call last)", accepted=False)

    tally = fuzz.run(Careless, "pictures", 1, range(2), tmp_path)
    fuzz.save(tally, tmp_path)
    assert [wrong["number"] for wrong in tally.mishandled] == [0, 1]
    assert "a traceback" in fuzz.table(fuzz.saved(tmp_path, 1))
    kept = tmp_path / "pictures-1-1.input"
    endings = list(fuzz.replay({"pictures": Careless}, kept))
    assert [faults(ending) for ending in endings] == [["a traceback"]] * 2
    with pytest.raises(ValueError, match="no kept input"):
        list(fuzz.replay({"pictures": Careless}, tmp_path / "other.png"))


@pytest.mark.parametrize(
    ("ending", "fault"),
    [
        (Ending("A dog.", accepted=True), ""),
        (Ending("", accepted=True), ""),
        (Ending("", accepted=False), "nothing was said"),
        (Ending("One.\nTwo.", accepted=False), "more than one line"),
        (Ending("It raised ZeroDivisionError.", accepted=False), "the name of an exception"),
        (Ending(f"See {Path(__file__).parents[3]}/x.", accepted=False), "a path of the program"),
        (Ending("No. " * 200, accepted=False), "far too long"),
        (Ending("The captioner failed on this picture.", accepted=False), "outermost net"),
        (Ending("A dog.", accepted=True, megabytes=600.0), "over 512 MB"),
        (Ending("A dog.", accepted=True, seconds=3.0), "over 2 s"),
    ],
)
def test_what_counts_as_mishandled(ending: Ending, fault: str) -> None:
    told = "; ".join(faults(ending))
    assert fault in told
    assert bool(told) == bool(fault)


def test_what_raises_is_mishandled() -> None:
    class Raising(Pictures):
        def attempt(self, sample: Sample, thorough: bool) -> Ending:
            raise KeyError(dataclasses.asdict(sample)["how"])

    assert "it raised KeyError('x')" in faults(tried(Raising(), Sample("x", b""), False))
