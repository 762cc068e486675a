"""Named pipes in memory, as Windows has them: `named_pipe.Pipes` for many processes and people."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from describer_daemon.service import named_pipe

NAME = r"\\.\pipe\describer-S-1-5-21-1-2-3-1001-1"


def failure(number: int) -> OSError:
    """An error of Windows that Python has no class for."""
    error = OSError(0, f"error {number} of Windows")
    error.winerror = number  # type: ignore[attr-defined]  # Windows' Python has it
    return error


@dataclass
class End:
    """One end of an instance: what has come for it, and whether it is open."""

    person: str
    buffer: bytearray = field(default_factory=bytearray)
    is_open: bool = True


@dataclass
class Instance:
    """`client` is None until somebody opens it."""

    name: str
    owner: str
    server: End
    client: End | None = None


class Machine:
    """What the kernel knows; `limit` is how many instances there is memory for."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.instances: list[Instance] = []
        self.ends: dict[int, tuple[Instance, End]] = {}
        self.numbers = itertools.count(4, 4)
        self.limit = 255
        self.closed: list[int] = []
        self.server_ended = threading.Event()

    def named(self, name: str) -> list[Instance]:
        """The instances that are there: a pipe lives as long as any end of it."""
        return [
            one
            for one in self.instances
            if one.name == name and (one.server.is_open or (one.client and one.client.is_open))
        ]


class Operation:
    """See `named_pipe.Operation`; `step` tells whether it is done, whenever anything changed."""

    def __init__(self, machine: Machine, step: Callable[[Operation], bool]) -> None:
        self._machine, self._step = machine, step
        self.moved, self.data, self.error = 0, b"", 0
        self.raised: OSError | None = None
        self.is_done = False
        self.event = next(machine.numbers)
        self.look()

    def look(self) -> bool:
        if not self.is_done and self._step(self):
            self.is_done = True
            self._machine.changed.notify_all()
        return self.is_done

    def GetOverlappedResult(self, wait: bool, /) -> tuple[int, int]:  # noqa: N802 - Windows' name
        with self._machine.changed:
            assert self._machine.changed.wait_for(self.look, 20)
        if self.raised is not None:
            raise self.raised
        return self.moved, self.error

    def getbuffer(self) -> bytes | None:
        return self.data

    def cancel(self) -> None:
        with self._machine.changed:
            if not self.look():
                self.is_done, self.error = True, named_pipe.ABORTED
                self._machine.changed.notify_all()


class FakePipes:
    """The machine as one person's program sees it."""

    def __init__(self, machine: Machine, person: str = "me") -> None:
        self.machine, self.person = machine, person

    def name(self) -> str:
        return NAME

    def create(self, name: str, *, first: bool) -> int:
        with self.machine.changed:
            there = self.machine.named(name)
            if there and (first or there[0].owner != self.person):
                raise PermissionError(13, "access is denied")
            if len(there) >= self.machine.limit:
                raise failure(1450)  # ERROR_NO_SYSTEM_RESOURCES
            instance = Instance(name, self.person, End(self.person))
            self.machine.instances.append(instance)
            self.machine.changed.notify_all()
            return self._handle(instance, instance.server)

    def open(self, name: str) -> int:
        with self.machine.changed:
            there = self.machine.named(name)
            if not there:
                raise FileNotFoundError(2, "the system cannot find the file")
            if self.person not in (there[0].owner, "root") and there[0].owner != "thief":
                raise PermissionError(13, "access is denied")  # a thief lets all in
            for instance in there:
                if instance.client is None and instance.server.is_open:
                    instance.client = End(self.person)
                    self.machine.changed.notify_all()
                    return self._handle(instance, instance.client)
            raise failure(named_pipe.PIPE_BUSY)

    def await_free(self, name: str, milliseconds: int) -> None:
        def is_free() -> bool:
            return any(one.client is None for one in self.machine.named(name))

        with self.machine.changed:
            if not self.machine.changed.wait_for(is_free, milliseconds / 1000):
                raise failure(121)  # ERROR_SEM_TIMEOUT

    def is_ours(self, handle: int) -> bool:
        return self.machine.ends[handle][0].owner == self.person

    def accept(self, handle: int) -> Operation:
        with self.machine.changed:
            instance, _ = self.machine.ends[handle]
            if instance.client is not None and not instance.client.is_open:
                raise failure(named_pipe.NO_DATA)
            return Operation(self.machine, lambda _: instance.client is not None)

    def read(self, handle: int, size: int) -> Operation:
        with self.machine.changed:
            _, mine, other = self._ends(handle)

            def step(operation: Operation) -> bool:
                if mine.buffer:
                    operation.data = bytes(mine.buffer[:size])
                    operation.moved = len(operation.data)
                    del mine.buffer[:size]
                elif other.is_open and mine.is_open:
                    return False
                else:
                    operation.raised = BrokenPipeError(32, "the pipe has been ended")
                return True

            return self._begun(step)

    def write(self, handle: int, data: bytes) -> Operation:
        with self.machine.changed:
            _, mine, other = self._ends(handle)

            def step(operation: Operation) -> bool:
                if not other.is_open or not mine.is_open:
                    operation.raised = BrokenPipeError(32, "the pipe is being closed")
                    return True
                room = named_pipe.BUFFER - len(other.buffer)
                other.buffer += data[operation.moved : operation.moved + room]
                operation.moved = min(len(data), operation.moved + room)
                self.machine.changed.notify_all()
                return operation.moved == len(data)

            return self._begun(step)

    def ended(self, operation: named_pipe.Operation, milliseconds: int | None) -> bool:
        assert isinstance(operation, Operation)
        seconds = None if milliseconds is None else milliseconds / 1000
        with self.machine.changed:
            return self.machine.changed.wait_for(operation.look, seconds)

    def server(self, handle: int) -> int:
        return next(self.machine.numbers)

    def exited(self, process: int, milliseconds: int) -> bool:
        return self.machine.server_ended.wait(milliseconds / 1000)

    def close(self, handle: int) -> None:
        with self.machine.changed:
            assert handle not in self.machine.closed  # it may be somebody else's by now
            self.machine.closed.append(handle)
            if handle in self.machine.ends:
                self.machine.ends[handle][1].is_open = False
            self.machine.changed.notify_all()

    def _begun(self, step: Callable[[Operation], bool]) -> Operation:
        operation = Operation(self.machine, step)
        if operation.raised is not None:  # what is over already is told by the call itself
            raise operation.raised
        return operation

    def _ends(self, handle: int) -> tuple[Instance, End, End]:
        instance, mine = self.machine.ends[handle]
        assert mine.is_open, "a handle was used that had been given back"
        assert instance.client is not None
        return instance, mine, instance.client if mine is instance.server else instance.server

    def _handle(self, instance: Instance, end: End) -> int:
        handle = next(self.machine.numbers)
        self.machine.ends[handle] = (instance, end)
        return handle
