"""The parent's side of the computing process: starts it, has functions called in it, and ends it when it is idle.

SciPy takes 17 MB of a process for as long as that lives, and a bootstrap of many rows a hundred. A service that calls
what needs them here is small again afterwards. The functions depend on nothing but their arguments.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from threading import Lock, Timer
from typing import Any, Generic, ParamSpec, TypeVar

from workers import blas

P = ParamSpec("P")
T = TypeVar("T")

IDLE_SECONDS = 30.0
"""To start it again takes a third of a second."""


@dataclass(frozen=True)
class Request:
    """A function that the process can import, and its arguments."""

    function: Callable[..., Any]
    arguments: Sequence[Any]
    named: Mapping[str, Any]


@dataclass(frozen=True)
class Returned(Generic[T]):
    """What a function has returned."""

    value: T


@dataclass(frozen=True)
class Raised:
    """What a function has raised instead."""

    error: Exception


@dataclass(frozen=True, eq=False)
class _Server:
    process: "subprocess.Popen[bytes]"
    connection: "Connection[Request, Returned[Any] | Raised]"

    @staticmethod
    def start() -> "_Server":
        environment = dict(os.environ)
        blas.configure(environment)
        ours, theirs = Pipe()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "workers.computing.server"], stdin=theirs.fileno(), env=environment
            )
        return _Server(process, ours)

    def stop(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()


class ComputingClient:
    """Calls functions in another process, one at a time. Threads may share a client. The first call starts it."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._server: _Server | None = None
        self._used_at = 0.0
        self._timer: Timer | None = None
        self._lock = Lock()

    @property
    def process_id(self) -> int | None:
        """The id of the process; None if there is none at the moment."""
        server = self._server
        return server.process.pid if server else None

    def call(self, function: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What the function returns for these arguments, which are pickled.

        Raises what it raises, and MemoryError if the process was killed, as the kernel does when memory runs out.
        """
        with self._lock:
            outcome: Returned[T] | Raised = self._outcome(Request(function, arguments, named))
        if isinstance(outcome, Raised):
            raise outcome.error
        return outcome.value

    def close(self) -> None:
        """End the process. The next call starts another one."""
        with self._lock:
            self._stop()

    def _outcome(self, request: Request) -> Returned[Any] | Raised:
        server = self._running_server()
        try:
            server.connection.send(request)
            return server.connection.recv()
        except (EOFError, OSError):
            self._stop()
            raise MemoryError(f"the process that computed {request.function.__name__} was killed") from None
        finally:
            self._used_at = time.monotonic()
            if self._timer is None:
                self._look_after(self._idle_seconds)

    def _running_server(self) -> _Server:
        if self._server is not None and self._server.process.poll() is not None:
            self._stop()
        self._server = self._server or _Server.start()
        return self._server

    def _look_after(self, seconds: float) -> None:
        """Have one thread wait for the process to be idle, however many calls there are."""
        timer = Timer(seconds, self._stop_if_idle)
        timer.daemon = True
        timer.start()
        self._timer = timer

    def _stop_if_idle(self) -> None:
        with self._lock:
            self._timer = None
            left = self._used_at + self._idle_seconds - time.monotonic()
            if left > 0:
                self._look_after(left)
            else:
                self._stop()

    def _stop(self) -> None:
        if self._server is not None:
            with suppress(OSError):
                self._server.stop()
            self._server = None
