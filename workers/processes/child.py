"""The parent's side of one worker process: its pipe, the thread that reads it, and the run that it trains."""

import queue
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from typing import Generic, TypeVar

from workers.processes.messages import Assignment, Command, Succeeded, WorkerEvent
from workers.processes.process_loop import main

K = TypeVar("K", bound=Hashable)

NEVER = float("inf")
GRACE_SECONDS: dict[Command, float] = {"cancel": 0.5, "timeout": 0.5, "release": 7.0}
"""The time that a worker has to obey a command before it is killed; a training step can be long.

A cancelled or timed-out worker has nothing left to send; a released one has a checkpoint to send.
"""
READ_AHEAD = 8
"""How many messages of one process are read before `receive` takes them. Further ones stay in its pipe; when the pipe
is full, the process pauses."""
MOST_RUNS = 200
"""How many runs a process trains before a fresh one replaces it, so that nothing can grow without end."""

Transform = Callable[[K, WorkerEvent], WorkerEvent]


@dataclass(frozen=True, eq=False)
class ReceivedEvents(Generic[K]):
    """What was read at once from a process: events of the run that it trained; or no event, at its end."""

    child: "Child[K]"
    key: K
    events: Sequence[WorkerEvent]


class Child(Generic[K]):
    """A worker process. It trains one run at a time; `key` names the last one.

    deadline: when it is killed if the run has not ended; a command sets it. idle_since: when its last run ended; None
    while it trains.
    """

    def __init__(
        self,
        context: ForkServerContext,
        memory_bytes: int | None,
        received: "queue.SimpleQueue[ReceivedEvents[K] | None]",
        transform: Transform[K],
    ) -> None:
        """Fork a process. Raises whatever prevents that, and then leaves no process behind.

        That is an OSError without descriptors or memory, and a RuntimeError without threads.
        """
        self.memory_bytes, self.runs = memory_bytes, 0
        self.key: K | None = None
        self.deadline = NEVER
        self.idle_since: float | None = None
        self.credits = threading.Semaphore(READ_AHEAD)
        self._received, self._transform = received, transform
        self._connection, theirs = context.Pipe()
        with theirs, closed_on_error(self._connection):
            self.process = context.Process(target=main, args=(theirs, memory_bytes), daemon=True)
            self.process.start()
            self._start_reading()

    def _start_reading(self) -> None:
        """Read the pipe in a thread: a process that is frozen in the middle of a message must not hold up others."""
        try:
            threading.Thread(target=self._read_pipe, daemon=True).start()
        except BaseException:
            self.kill()
            self.process.close()
            raise

    def _read_pipe(self) -> None:
        """Read events until the pipe closes: then the process has ended, with a final event or without."""
        with self._connection:
            with suppress(EOFError, OSError):
                while True:
                    events = self._connection.recv()
                    key: K = self.key  # type: ignore[assignment]  # it has been given a run, as it sends events
                    transformed = [self._transform(key, event) for event in events]
                    self.credits.acquire()
                    self._received.put(ReceivedEvents(self, key, transformed))
            self._received.put(ReceivedEvents(self, self.key, []))  # type: ignore[arg-type]

    def assign(self, key: K, assignment: Assignment) -> None:
        """Let the process train a run. Raises OSError if the process has ended."""
        self.key, self.idle_since = key, None
        self.runs += 1
        self._connection.send(assignment)

    def send(self, command: Command) -> None:
        """Send a command; only the first one for a run counts."""
        if self.deadline == NEVER:
            self.deadline = time.monotonic() + GRACE_SECONDS[command]
            with suppress(OSError):  # the process is dying already, and its reader will notice
                self._connection.send(command)

    def can_serve(self, assignment: Assignment) -> bool:
        """Whether the idle process lives, and has the memory limit of an assignment."""
        return assignment.memory_bytes == self.memory_bytes and self.process.is_alive()

    def may_serve_again(self, event: WorkerEvent) -> bool:
        """Whether it waits for another run after this final event. Only success leaves no doubt about its state."""
        return isinstance(event, Succeeded) and self.deadline == NEVER and self.runs < MOST_RUNS

    def kill(self) -> None:
        self.process.kill()
        self.process.join()


@contextmanager
def closed_on_error(connection: Connection) -> Iterator[None]:
    """Close a connection if the body fails."""
    try:
        yield
    except BaseException:
        connection.close()
        raise
