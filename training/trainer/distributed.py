"""One training by several processes, on one machine or many: torchrun and its process groups.

Every process draws the random numbers of the whole batch and works on its own pictures of it, so
that what is computed does not depend on how many processes there are (but for rounding); how, tells
`training.trainer.replicated_rng`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import sys
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from training.trainer.replicated_rng import ReplicatedRng

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from torch.distributed import ProcessGroup

Made = TypeVar("Made")

_LAUNCHED = "DESCRIBER_TRAINING_LAUNCHED"
_GOES_ON = "The same command goes on from the last checkpoint."
_LOST = re.compile("gloo|nccl|connection|timed out|broken pipe", re.IGNORECASE)
_STEP = timedelta(minutes=10)  # a process that hangs for longer in a step has ended the training
_WAIT = timedelta(days=1)  # decoding, encoding and scoring, for which the others wait


@dataclass(frozen=True, slots=True)
class Team:
    """The processes of a training; `rank` is this one's number and the first has 0.

    `local_rank` is its number on its machine. `long_timeout_group` is the process group in which
    the others wait for one that may take long; None when there is only one process.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    long_timeout_group: ProcessGroup | None = None

    @property
    def device(self) -> torch.device:
        """The GPU of this process where there is one, else the processor."""
        if not torch.cuda.is_available():
            return torch.device("cpu")
        return torch.device("cuda", self.local_rank % torch.cuda.device_count())

    def local_rows(self, count: int) -> range:
        """Which of `count` rows of a batch this process works on: about as many as the others."""
        return range(count * self.rank // self.size, count * (self.rank + 1) // self.size)

    def loss_weight(self, mine: int, everyone: int) -> float:
        """Weight that makes the processes' mean of their means the mean over everything."""
        return mine * self.size / max(1, everyone)

    def all_reduce_sum(self, value: float) -> float:
        """Sum of what the processes give."""
        if self.size == 1:
            return value
        summed = torch.tensor(value, dtype=torch.float64)
        torch.distributed.all_reduce(summed)
        return float(summed)

    def all_reduce_max(self, value: int) -> int:
        """The greatest of what the processes give."""
        if self.size == 1:
            return value
        greatest = torch.tensor(value)
        torch.distributed.all_reduce(greatest, torch.distributed.ReduceOp.MAX)
        return int(greatest)

    def broadcast_from_rank0(self, make: Callable[[], Made]) -> Made:
        """What the first process makes; the others wait for it."""
        if self.size == 1:
            return make()
        made: list[Any] = [make() if self.rank == 0 else None]
        torch.distributed.broadcast_object_list(made, 0, self.long_timeout_group)
        result: Made = made[0]
        return result

    def rank0_first(self, make: Callable[[], Made]) -> Made:
        """What every process makes, but only the first of a folder has the work.

        First the first process, then the other machines' first ones, whose folder may be the
        same, then all that are left: they find finished caches.
        """
        turn = 0 if self.rank == 0 else 1 if self.local_rank == 0 else 2
        for number in range(3 if self.size > 1 else 1):
            if number == turn:
                made = make()
            if self.size > 1:
                torch.distributed.barrier(self.long_timeout_group)
        return made

    def replicated_rng(self, total: int, rows: Tensor) -> AbstractContextManager[object]:
        """While it lasts, random layers draw as for all `total` rows and keep `rows`, mine."""
        return contextlib.nullcontext() if self.size == 1 else ReplicatedRng(total, rows)


SINGLE_PROCESS = Team()


def join() -> Team:
    """Join the processes that torchrun has started; alone when it has not.

    Raises ValueError when they do not find each other.
    """
    if "RANK" not in os.environ:
        return SINGLE_PROCESS
    from torch import distributed

    rank, local = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.set_device(local % torch.cuda.device_count())
    try:
        distributed.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo", timeout=_STEP)
        long_timeout_group = distributed.new_group(backend="gloo", timeout=_WAIT)
    except (RuntimeError, distributed.DistError) as error:
        raise ValueError(
            f"the processes of this training did not find each other: {error}"
        ) from error
    # torch gives a number to outsiders
    if not isinstance(long_timeout_group, distributed.ProcessGroup):
        raise ValueError("this process has no part in the training")
    return Team(rank, distributed.get_world_size(), local, long_timeout_group)


def leave(team: Team) -> None:
    """Part from the others when all is done."""
    if team.size > 1:
        torch.distributed.destroy_process_group()


def launch(processes: int, arguments: list[str]) -> None:
    """Run `python -m training ARGUMENTS` as so many processes on this machine, by torchrun.

    Raises ChildProcessError naming the process that failed or was killed; the others are ended.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # each has its share of the processors: threads that fight for them cost more than they give
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // processes)))
    # torch's libraries tell every process of parameters that a stage leaves alone, and of sockets
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    os.environ[_LAUNCHED] = "1"
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    for name in list(logging.root.manager.loggerDict):
        if name.startswith("torch.distributed.elastic"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # its reports go on for pages
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=uuid.uuid4().hex,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.2,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "training", *arguments)
    except ChildFailedError as error:
        rank, failure = min(error.failures.items(), key=_blame)
        how = (
            f"was killed by signal {-failure.exitcode}"
            if failure.exitcode < 0
            else f"ended with status {failure.exitcode}"
        )
        raise ChildProcessError(
            f"process {rank} of {processes} {how}; the others were ended. {_GOES_ON}"
        ) from error
    except SignalException as error:
        raise ChildProcessError(f"ended by signal {int(error.sigval)}. {_GOES_ON}") from error
    finally:
        del os.environ[_LAUNCHED]


def _blame(failed: tuple[int, Any]) -> tuple[bool, bool, float]:
    """Order processes by who began: one that was killed, then the first that failed.

    Those that torchrun ended by SIGTERM come last.
    """
    failure = failed[1]
    return failure.exitcode == -signal.SIGTERM, failure.exitcode > 0, failure.timestamp


@contextlib.contextmanager
def missing_others(team: Team) -> Iterator[None]:
    """Turn the long errors of a process that misses the others into a short ConnectionError."""
    try:
        yield
    except RuntimeError as error:
        if team.size == 1 or not _LOST.search(str(error)):
            raise
        raise ConnectionError(
            f"process {team.rank} of {team.size}: another process of this training has ended or "
            f"hangs. {_GOES_ON}"
        ) from error


def launched() -> bool:
    """Whether `launch` has started this process and will say what went wrong."""
    return _LAUNCHED in os.environ
