"""The parent's side of the worker processes: start them, send commands, kill them, and receive their events.

It knows no database.
"""

import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Generic, TypeVar

from workers import blas
from workers.processes.messages import Assignment, Command, Died, Failed, FinalEvent, WorkerEvent
from workers.processes.oom_kills import OomKills
from workers.processes.worker import main

log = logging.getLogger("holdout.pool")

K = TypeVar("K", bound=Hashable)

PRELOADED = ["workers.processes.worker", "workers.processes.preload", "scipy.optimize"]
"""Imported once, before the first fork: the trainer, its kernels, and what the linear baseline is fitted with."""

GRACE_SECONDS: dict[Command, float] = {"cancel": 0.5, "timeout": 0.5, "release": 7.0}
"""The time that a worker has to obey a command before it is killed; a training step can be long.

A cancelled or timed-out worker has nothing left to send; a released one has a checkpoint to send.
"""
READ_AHEAD = 8
"""How many messages of one process are read before `receive` takes them. Further ones stay in its pipe; when the pipe
is full, the process pauses."""


@dataclass
class Child:
    """A worker process and the parent's end of its pipe.

    deadline: when it is killed if it has not ended; a command sets it. credits: how many more of its messages may be
    read ahead.
    """

    process: ForkServerProcess
    connection: Connection
    deadline: float = float("inf")
    credits: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(READ_AHEAD))


class Pool(Generic[K]):
    """Worker processes by key. They are forked from a server that has imported NumPy and the trainer once.

    `receive` returns exactly one `FinalEvent` for every started key, as its last event, unless `discard` comes first.
    One thread owns a pool; other threads may only call `wake`.
    """

    def __init__(self, transform: Callable[[K, WorkerEvent], WorkerEvent] = lambda _, event: event) -> None:
        """`transform` may replace an event; it is called in the thread that reads the pipe of that process alone."""
        blas.configure(os.environ)
        self._transform = transform
        _keep_main_out_of_children()
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        self._ready = threading.Event()
        self._children: dict[K, Child] = {}
        self._oom_kills = OomKills()
        # A SimpleQueue: no other queue lets a signal handler put, whatever its thread was doing.
        self._received: queue.SimpleQueue[tuple[K, Child, Sequence[WorkerEvent]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._warm_up, daemon=True).start()

    def __len__(self) -> int:
        return len(self._children)

    def __contains__(self, key: K) -> bool:
        return key in self._children

    @property
    def is_ready(self) -> bool:
        """Whether the server that forks the processes has finished its imports. Before, `start` waits for them."""
        return self._ready.is_set()

    def start(self, key: K, assignment: Assignment) -> None:
        """Start a process for an assignment. Raises whatever prevents that, and then leaves no process behind.

        That is an OSError without descriptors or memory, and a RuntimeError without threads.
        """
        ours, theirs = self._context.Pipe()
        with theirs, closed_on_error(ours):
            process = self._context.Process(target=main, args=(theirs, assignment), daemon=True)
            process.start()
            child = Child(process, ours)
            self._start_reading(key, child)
        self._children[key] = child

    def _start_reading(self, key: K, child: Child) -> None:
        """Read the pipe in a thread: a process that is frozen in the middle of a message must not hold up others."""
        try:
            threading.Thread(target=self._read_pipe, args=(key, child), daemon=True).start()
        except BaseException:
            child.process.kill()
            child.process.join()
            child.process.close()
            raise

    def send(self, key: K, command: Command) -> None:
        """Send a command; only the first one counts. A process that does not end in time is killed."""
        child = self._children[key]
        if child.deadline == float("inf"):
            child.deadline = time.monotonic() + GRACE_SECONDS[command]
            try:
                child.connection.send(command)
            except OSError:
                return  # the process is dying already, and `receive` will report it

    def discard(self, key: K) -> None:
        """Kill a process whose run belongs to another agent by now, and drop its events."""
        child = self._children.pop(key)
        child.process.kill()
        child.process.join()

    def receive(self, timeout: float) -> list[tuple[K, WorkerEvent]]:
        """Return the events of the processes. Wait up to `timeout` seconds for the first one, or for `wake`."""
        self._kill_overdue()
        self._oom_kills.poll()
        received: list[tuple[K, WorkerEvent]] = []
        for key, child, events in self._batches(timeout):
            child.credits.release()
            if self._children.get(key) is child:  # else it was discarded, or its final event came before
                received += [
                    (key, self._end_child(key, e) if isinstance(e, FinalEvent) else e) for e in events
                ]
        return received

    def wake(self) -> None:
        """Make `receive` return at once. Safe from any thread, and in a signal handler."""
        self._received.put(None)

    def close(self) -> None:
        """Kill all processes."""
        for key in list(self._children):
            self.discard(key)

    def _warm_up(self) -> None:
        """Fork a process that does nothing. This takes until the server has finished its imports."""
        try:
            first = self._context.Process(target=_do_nothing, daemon=True)
            first.start()
            first.join()
        finally:
            log.info("Worker processes are ready to start")
            self._ready.set()
            self.wake()

    def _read_pipe(self, key: K, child: Child) -> None:
        """Read the events of one process until its pipe closes: then it has ended, with a final event or without."""
        with child.connection:
            try:
                while True:
                    events = [self._transform(key, event) for event in child.connection.recv()]
                    child.credits.acquire()
                    self._received.put((key, child, events))
            except (EOFError, OSError):
                self._received.put((key, child, [Died(None)]))

    def _batches(self, timeout: float) -> Iterator[tuple[K, Child, Sequence[WorkerEvent]]]:
        """Take every message that was read; wait up to `timeout` seconds for the first one, or for `wake`."""
        try:
            batch = self._received.get(timeout=timeout)
            while True:
                if batch is not None:
                    yield batch
                batch = self._received.get_nowait()
        except queue.Empty:
            return

    def _end_child(self, key: K, event: FinalEvent) -> FinalEvent:
        """Collect a process that has ended, and find out why if it did not say so itself."""
        child = self._children.pop(key)
        child.process.join(timeout=GRACE_SECONDS["cancel"])
        child.process.kill()
        return self._exit_reason(child.process.exitcode) if isinstance(event, Died) else event

    def _exit_reason(self, exit_code: int | None) -> Died | Failed:
        """SIGKILL looks the same whoever sent it, but the kernel counts its own kills for lack of memory."""
        if exit_code == -signal.SIGKILL and self._oom_kills.attribute():
            return Failed("out_of_memory", "memory ran out, and the kernel killed the worker process")
        return Died(exit_code)

    def _kill_overdue(self) -> None:
        for child in self._children.values():
            if time.monotonic() > child.deadline:
                child.process.kill()


@contextmanager
def closed_on_error(connection: Connection) -> Iterator[None]:
    """Close a connection if the body fails."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _do_nothing() -> None: ...


def _keep_main_out_of_children() -> None:
    """Stop multiprocessing from running the parent's script, and all its imports, in every child.

    It runs the script unless that is the `__main__` of a package. A console script is not, so it gets such a name.
    """
    script = sys.modules["__main__"]
    if script.__spec__ is None:
        script.__spec__ = ModuleSpec("service.__main__", None)
