"""The parent's side of the worker processes: start, order, kill, and collect what they say. Still no database."""

import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Generic, TypeVar

from workers import blas
from workers.processes.oom_kills import Kills
from workers.processes.process import Assignment, Command, Failed, Message, Stopped, Succeeded, main

log = logging.getLogger("holdout.pool")

K = TypeVar("K", bound=Hashable)

PRELOADED = ["workers.processes.process", "workers.processes.preload", "scipy.optimize"]
"""Imported once, before the first fork: the trainer, its kernels, and what the linear baseline is fitted with."""

PATIENCE_SECONDS: dict[Command, float] = {"cancel": 0.5, "timeout": 0.5, "release": 7.0}
"""How long an order may go unheeded (a step can be long) before the process is killed.

Who is to end has nothing more to say; who is released has a checkpoint to send.
"""
READ_AHEAD = 8
"""Times that one process sent messages which are read ahead. Beyond, they stay in its pipe, and when that is full it
pauses."""


@dataclass(frozen=True)
class Died:
    """The process ended without a last word; a negative exit code is the signal that ended it."""

    exit_code: int | None


@dataclass
class Child:
    """A worker process and the parent's end of its pipe."""

    process: ForkServerProcess
    connection: Connection
    deadline: float = float("inf")
    unheard: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(READ_AHEAD))


class Pool(Generic[K]):
    """Worker processes by key. They are forked from a server that has imported NumPy and the trainer once.

    Every started key ends with exactly one of `Succeeded`, `Failed`, `Stopped` and `Died` from `receive`,
    unless it is forgotten first. One thread owns a pool; only `ring` may be called from others.
    """

    def __init__(self, on_the_way: Callable[[Message], Message] = lambda message: message) -> None:
        """`on_the_way` may change a message; it is called in the thread that listens to that process alone."""
        blas.configure(os.environ)
        self._on_the_way = on_the_way
        _keep_main_out_of_children()
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(PRELOADED)
        self._ready = threading.Event()
        self._children: dict[K, Child] = {}
        self._oom_kills = Kills()
        # This queue alone may be put to by a signal handler, whatever its thread was doing.
        self._heard: queue.SimpleQueue[tuple[K, Child, Sequence[Message | Died]] | None] = queue.SimpleQueue()
        threading.Thread(target=self._prepare, daemon=True).start()

    def __len__(self) -> int:
        return len(self._children)

    def __contains__(self, key: K) -> bool:
        return key in self._children

    @property
    def is_ready(self) -> bool:
        """Whether the server that processes are forked from has its imports: until then, `start` waits for them."""
        return self._ready.is_set()

    def start(self, key: K, assignment: Assignment) -> None:
        """Start a process for an assignment."""
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=main, args=(theirs, assignment), daemon=True)
        process.start()
        theirs.close()
        child = self._children[key] = Child(process, ours)
        # A thread a process: one that is stopped in the middle of a message must not hold up the others.
        threading.Thread(target=self._listen, args=(key, child), daemon=True).start()

    def order(self, key: K, order: Command) -> None:
        """Tell a process to end or to hand its run back; it is killed if it does not heed in time."""
        child = self._children[key]
        if child.deadline == float("inf"):
            child.deadline = time.monotonic() + PATIENCE_SECONDS[order]
            try:
                child.connection.send(order)
            except OSError:
                return  # it is dying already, and `receive` will say so

    def forget(self, key: K) -> None:
        """Kill a process whose run is somebody else's by now; nothing more is heard of it."""
        child = self._children.pop(key)
        child.process.kill()
        child.process.join()

    def receive(self, timeout: float) -> list[tuple[K, Message | Died]]:
        """What the processes said, waiting up to `timeout` seconds for the first word or for `ring`."""
        self._kill_the_deaf()
        self._oom_kills.look()
        return list(self._words(timeout))

    def ring(self) -> None:
        """Wake `receive`; safe from any thread, and in a signal handler."""
        self._heard.put(None)

    def close(self) -> None:
        """Kill what is left."""
        for key in list(self._children):
            self.forget(key)

    def _prepare(self) -> None:
        """Have a process forked that does nothing, which takes as long as the imports of its server."""
        try:
            first = self._context.Process(target=_nothing, daemon=True)
            first.start()
            first.join()
        finally:
            log.info("Worker processes are ready to start")
            self._ready.set()
            self.ring()

    def _listen(self, key: K, child: Child) -> None:
        with child.connection:
            try:
                while True:
                    messages = [self._on_the_way(message) for message in child.connection.recv()]
                    child.unheard.acquire()
                    self._heard.put((key, child, messages))
            except (EOFError, OSError):
                self._heard.put((key, child, [Died(None)]))

    def _words(self, timeout: float) -> Iterator[tuple[K, Message | Died]]:
        try:
            heard = self._heard.get(timeout=timeout)
            while True:
                if heard is not None:
                    key, child, words = heard
                    child.unheard.release()
                    if self._children.get(key) is child:
                        yield from ((key, self._last_word(key, word)) for word in words)
                heard = self._heard.get_nowait()
        except queue.Empty:
            return

    def _last_word(self, key: K, word: Message | Died) -> Message | Died:
        """Bury the process if the word is its last, and find out how it died."""
        if not isinstance(word, Succeeded | Failed | Stopped | Died):
            return word
        child = self._children.pop(key)
        child.process.join(timeout=PATIENCE_SECONDS["cancel"])
        child.process.kill()
        return self._obituary(child.process.exitcode) if isinstance(word, Died) else word

    def _obituary(self, exit_code: int | None) -> Died | Failed:
        """A kill looks alike whoever sent it, but the kernel counts those for want of memory."""
        if exit_code == -signal.SIGKILL and self._oom_kills.ascribe():
            return Failed("out_of_memory", "memory ran out, and the kernel killed the worker process")
        return Died(exit_code)

    def _kill_the_deaf(self) -> None:
        for child in self._children.values():
            if time.monotonic() > child.deadline:
                child.process.kill()


def _nothing() -> None: ...


def _keep_main_out_of_children() -> None:
    """Stop multiprocessing from running the parent's script, and all that it imports, in every child.

    It does so unless the script is a package's `__main__`; a console script is none, so it is given that name.
    """
    script = sys.modules["__main__"]
    if script.__spec__ is None:
        script.__spec__ = ModuleSpec("service.__main__", None)
