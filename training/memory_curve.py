"""`python -m training.memory_curve`: what an epoch through shards takes of memory.

A made-up set of any size is written once, its words are counted, and an epoch is read with its
captions as ids; the process's own memory is looked at all the while.
"""

from __future__ import annotations

import io
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from PIL import Image
from tqdm import tqdm

from training.data.shard_writer import Member, write_splits
from training.data.shards import INDEX, TRAIN, ShardBatchSource, build_vocabulary, open_shards

if TYPE_CHECKING:
    from collections.abc import Iterator

_DRAWN = 256  # different pictures; drawing more would only take longer
_WORDS = 10_000
_READINGS = 200  # of memory in an epoch


@dataclass(frozen=True, slots=True)
class Reading:
    """Megabytes in use after so many pictures: `resident`, and `proportional`, in which a page
    that is shared with other processes counts by its share."""

    pictures: int
    resident: float
    proportional: float


def memory() -> tuple[float, float]:
    """Resident and proportional memory of this process in megabytes.

    Raises OSError where the system has no /proc/self/smaps_rollup (it is Linux's).
    """
    found = {}
    for line in Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
        name, amount, *_ = line.split()
        found[name] = int(amount) / 1024
    return found["Rss:"], found["Pss:"]


def made_up(pictures: int, captions: int, size: int, seed: int = 1) -> Iterator[Member]:
    """Pictures of noise and captions of words as frequent as Zipf's law has them."""
    random = np.random.default_rng(seed)
    drawn = [_jpeg(random, size) for _ in range(_DRAWN)]
    share = 1 / np.arange(1, _WORDS + 1)
    share /= share.sum()
    words = [f"word{number}" for number in range(_WORDS)]
    for number in tqdm(range(pictures), desc="made up", unit="picture"):
        lengths = random.integers(6, 16, captions)
        chosen = random.choice(_WORDS, (captions, 16), p=share)
        yield Member(
            f"{number:08}.jpg",
            drawn[number % _DRAWN],
            [[words[i] for i in row[:length]] for row, length in zip(chosen, lengths, strict=True)],
        )


def _jpeg(random: np.random.Generator, size: int) -> bytes:
    noise = Image.fromarray(random.integers(0, 256, (4, 4, 3), np.uint8))
    file = io.BytesIO()
    noise.resize((size, size), Image.Resampling.BICUBIC).save(file, "JPEG", quality=75)
    return file.getvalue()


def measure(folder: Path, batch: int, workers: int) -> tuple[list[Reading], float]:
    """Count the words and read one epoch: → readings of memory, seconds of the epoch."""
    import torch

    torch.set_num_threads(1)  # and it is loaded: its 200 MB are none of the epoch's
    shards = open_shards(folder)
    vocabulary = build_vocabulary(shards, 5)
    feed = ShardBatchSource(shards, vocabulary, 20, batch, workers=workers)
    every = max(1, len(feed) // _READINGS)
    readings = [Reading(0, *memory())]
    began, seen = time.monotonic(), 0
    for number, each in enumerate(tqdm(feed.epoch(1), total=len(feed), unit="batch"), 1):
        seen += len(each.images)
        if number % every == 0 or number == len(feed):
            readings.append(Reading(seen, *memory()))
    return readings, time.monotonic() - began


def plot(readings: list[Reading], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure((6, 4), layout="constrained")
    axes = figure.add_subplot()
    seen = [each.pictures for each in readings]
    axes.plot(seen, [each.resident for each in readings], label="resident")
    axes.plot(seen, [each.proportional for each in readings], "--", label="proportional")
    axes.set(
        xlabel="pictures read",
        ylabel="memory of the process (MB)",
        ylim=(0, 1.2 * max(each.resident for each in readings)),
        title="An epoch through shards",
    )
    axes.legend()
    axes.grid(visible=True, alpha=0.4)
    figure.savefig(path, dpi=90, metadata={"Software": None})


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--pictures", type=click.IntRange(min=1), default=120_000, show_default=True)
@click.option("--captions", type=click.IntRange(min=1), default=5, show_default=True)
@click.option("--size", type=click.IntRange(min=8), default=32, show_default=True)
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True)
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for the made-up set, memory.json and memory.png.",
)
def main(pictures: int, captions: int, size: int, batch: int, workers: int, out: Path) -> None:
    """Measure the memory of an epoch through a made-up set of shards."""
    folder = out / f"shards-{pictures}-{captions}-{size}"
    if not (folder / INDEX).exists():
        write_splits({TRAIN: made_up(pictures, captions, size)}, folder, size, 1000, {})
    readings, seconds = measure(folder, batch, workers)
    settled = [each for each in readings if each.pictures >= pictures / 10]
    table = {
        "pictures": pictures,
        "captions": pictures * captions,
        "size": size,
        "batch": batch,
        "seconds": round(seconds, 1),
        "processors": os.cpu_count(),
        "growth after a tenth (MB)": round(settled[-1].resident - settled[0].resident, 2),
        "most (MB)": round(max(each.resident for each in readings), 1),
        "readings": [asdict(each) for each in readings],
    }
    (out / "memory.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    plot(readings, out / "memory.png")
    for name, value in table.items():
        if name != "readings":
            click.echo(f"{name:28s}{value:>12}")


if __name__ == "__main__":
    main()
