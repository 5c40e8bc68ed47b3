"""The worker processes of an agent: start runs in them, send commands, kill them, and receive their events.

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
from collections.abc import Callable, Hashable, Iterator
from importlib.machinery import ModuleSpec
from typing import Generic, TypeVar

from workers import blas
from workers.processes.child import GRACE_SECONDS, Child, ReceivedEvents
from workers.processes.messages import Assignment, Command, Died, Failed, FinalEvent, WorkerEvent
from workers.processes.oom_kills import OomKills

log = logging.getLogger("holdout.pool")

K = TypeVar("K", bound=Hashable)

PRELOADED = ["workers.processes.process_loop", "workers.processes.preload", "scipy.optimize"]
"""Imported once, before the first fork: the trainer, its kernels, and what the linear baseline is fitted with."""

IDLE_SECONDS = 5.0
"""How long a process waits for another run before it is ended, so that an idle service takes no memory for it."""


class Pool(Generic[K]):
    """Worker processes by the key of the run that each trains. They are forked from a server that has imported NumPy
    and the trainer once; a process whose run succeeded is used again.

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
        self._children: dict[K, Child[K]] = {}
        self._idle: list[Child[K]] = []
        self._oom_kills = OomKills()
        # A SimpleQueue: no other queue lets a signal handler put, whatever its thread was doing.
        self._received: queue.SimpleQueue[ReceivedEvents[K] | None] = queue.SimpleQueue()
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
        """Start to train an assignment, in an idle process or a new one. Raises whatever prevents a new one.

        That is an OSError without descriptors or memory, and a RuntimeError without threads. Then nothing is left
        behind.
        """
        while self._idle:
            child = self._idle.pop()
            if child.can_serve(assignment) and self._assigned(child, key, assignment):
                return
            child.kill()
        child = Child(self._context, assignment.memory_bytes, self._received, self._transform)
        try:
            child.assign(key, assignment)
        except BaseException:
            child.kill()
            raise
        self._children[key] = child

    def _assigned(self, child: Child[K], key: K, assignment: Assignment) -> bool:
        """Assign a run to an idle process; False if the process has just ended."""
        try:
            child.assign(key, assignment)
        except OSError:
            return False
        self._children[key] = child
        return True

    def send(self, key: K, command: Command) -> None:
        """Send a command; only the first one counts. A process that does not end in time is killed."""
        self._children[key].send(command)

    def discard(self, key: K) -> None:
        """Kill a process whose run belongs to another agent by now, and drop its events."""
        self._children.pop(key).kill()

    def receive(self, timeout: float) -> list[tuple[K, WorkerEvent]]:
        """Return the events of the processes. Wait up to `timeout` seconds for the first one, or for `wake`."""
        self._kill_overdue()
        self._oom_kills.poll()
        received: list[tuple[K, WorkerEvent]] = []
        for batch in self._batches(timeout):
            received += self._events(batch)
        self._end_idle()
        return received

    def _events(self, batch: ReceivedEvents[K]) -> Iterator[tuple[K, WorkerEvent]]:
        """The events of a batch, unless its process was discarded or their run has ended."""
        child, key = batch.child, batch.key
        if not batch.events:
            yield from self._process_ended(child)
            return
        child.credits.release()
        if self._children.get(key) is child:
            for event in batch.events:
                yield key, self._end_run(key, event) if isinstance(event, FinalEvent) else event

    def _process_ended(self, child: Child[K]) -> Iterator[tuple[K, WorkerEvent]]:
        """A process has ended: the run that it trained has died, unless a final event came before."""
        if child in self._idle:
            self._idle.remove(child)
            child.kill()
        elif (key := child.key) is not None and self._children.get(key) is child:
            yield key, self._end_run(key, Died(None))

    def wake(self) -> None:
        """Make `receive` return at once. Safe from any thread, and in a signal handler."""
        self._received.put(None)

    def close(self) -> None:
        """Kill all processes."""
        for key in list(self._children):
            self.discard(key)
        while self._idle:
            self._idle.pop().kill()

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

    def _batches(self, timeout: float) -> Iterator[ReceivedEvents[K]]:
        """Take everything that was read; wait up to `timeout` seconds for the first message, or for `wake`."""
        try:
            batch = self._received.get(timeout=timeout)
            while True:
                if batch is not None:
                    yield batch
                batch = self._received.get_nowait()
        except queue.Empty:
            return

    def _end_run(self, key: K, event: FinalEvent) -> FinalEvent:
        """Let the process of a run wait for another one, or collect it, and find out why if it did not say so."""
        child = self._children.pop(key)
        if child.may_serve_again(event):
            child.idle_since = time.monotonic()
            self._idle.append(child)
            return event
        child.process.join(timeout=GRACE_SECONDS["cancel"])
        child.kill()
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

    def _end_idle(self) -> None:
        """End the processes that have waited for a run for too long. The last one to become idle is used first."""
        now = time.monotonic()
        while (
            self._idle
            and self._idle[0].idle_since is not None
            and now - self._idle[0].idle_since > IDLE_SECONDS
        ):
            self._idle.pop(0).kill()


def _do_nothing() -> None: ...


def _keep_main_out_of_children() -> None:
    """Stop multiprocessing from running the parent's script, and all its imports, in every child.

    It runs the script unless that is the `__main__` of a package. A console script is not, so it gets such a name.
    """
    script = sys.modules["__main__"]
    if script.__spec__ is None:
        script.__spec__ = ModuleSpec("service.__main__", None)
