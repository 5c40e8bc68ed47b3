"""The parent's side of the reading server: it starts it, hands it jobs, and waits for their reports."""

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import NamedTuple

from workers import blas
from workers.sandbox.protocol import ReadRequest, ReadResult

GRACE_SECONDS = 30
"""Beyond the time that a job has: for the server to start, on a busy machine."""
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV")
"""Of the environment. What else it holds, such as the password of a database, is not for who reads these files."""


class SandboxFailed(Exception):
    """A job ended without a report: it took too long, or its process died."""


class _Server(NamedTuple):
    process: subprocess.Popen[bytes]
    control: socket.socket

    @classmethod
    def start(cls) -> "_Server":
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        blas.configure(environment)
        control, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "workers.sandbox.server"],
                stdin=theirs.fileno(),
                env=environment,
                start_new_session=True,  # so that it and its children can be killed together
            )
        return cls(process, control)

    @property
    def is_alive(self) -> bool:
        """Asked without waiting for it: until `stop` does, its number is its own and can be no other process's."""
        if self.process.returncode is not None:
            return False
        ended = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, ended) is None

    def stop(self) -> None:
        """Kill it and all that it has forked."""
        self.control.close()
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class SandboxClient:
    """Reads what was uploaded in processes apart; any number of threads may ask it. It starts with the first job."""

    def __init__(self) -> None:
        self._server: _Server | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    def read(self, job: ReadRequest) -> ReadResult:
        """The report of a job. Raises SandboxFailed."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._hand_over(theirs)
            ours.settimeout(job.seconds + GRACE_SECONDS)
            try:
                ours.sendall(job.to_json())
                ours.shutdown(socket.SHUT_WR)
                with ours.makefile("rb") as answer:
                    content = answer.read()
            except OSError as error:
                raise SandboxFailed from error
        if not content:
            raise SandboxFailed
        return ReadResult.from_json(content)

    def close(self) -> None:
        """End the server and whatever it reads; those who wait are told that it was not read."""
        with self._lock:
            self._is_closed = True
            if self._server is not None:
                self._server.stop()

    def _hand_over(self, theirs: socket.socket) -> None:
        """Give the server the other end of a job's socket; one that has died meanwhile is replaced."""
        with self._lock:
            for _ in range(2):
                server = self._running()
                with suppress(OSError):
                    socket.send_fds(server.control, [b"."], [theirs.fileno()])
                    return
        raise SandboxFailed

    def _running(self) -> _Server:
        if self._is_closed:
            raise SandboxFailed
        if self._server is not None and not self._server.is_alive:
            self._server.stop()
            self._server = None
        self._server = self._server or _Server.start()
        return self._server
