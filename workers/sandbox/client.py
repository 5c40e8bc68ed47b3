"""The client of the sandbox: starts the server, sends it requests, and waits for their results."""

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import NamedTuple

from workers import blas
from workers.sandbox.protocol import ReadResult, Request

GRACE_SECONDS = 30
"""Extra time beyond that of a request, in which the server may start on a busy machine."""
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV")
"""The environment variables that the server inherits. It must not see others, such as a database's password."""


class SandboxFailed(Exception):
    """A request ended without a result: it took too long, or its process died."""


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
        """Checked without reaping the process: until `stop` reaps it, its id cannot belong to another process."""
        if self.process.returncode is not None:
            return False
        ended = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, ended) is None

    def stop(self) -> None:
        """Kill the server and all processes that it has forked."""
        self.control.close()
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class SandboxClient:
    """Reads uploads in separate processes. Threads may share a client. The first request starts the server."""

    def __init__(self) -> None:
        self._server: _Server | None = None
        self._lock = threading.Lock()
        self._is_closed = False

    def read(self, request: Request) -> ReadResult:
        """Read the files of a request in a process of its own. Raises SandboxFailed."""
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                self._send_socket(theirs)
            ours.settimeout(request.seconds + GRACE_SECONDS)
            try:
                ours.sendall(request.to_json())
                ours.shutdown(socket.SHUT_WR)
                with ours.makefile("rb") as response:
                    content = response.read()
            except OSError as error:
                raise SandboxFailed from error
        if not content:
            raise SandboxFailed
        return ReadResult.from_json(content)

    def close(self) -> None:
        """Kill the server and the processes that it forked; waiting calls raise SandboxFailed."""
        with self._lock:
            self._is_closed = True
            if self._server is not None:
                self._server.stop()

    def _send_socket(self, theirs: socket.socket) -> None:
        """Send the server the other end of a request's socket. Replaces a server that has died meanwhile."""
        with self._lock:
            for _ in range(2):
                server = self._running_server()
                with suppress(OSError):
                    socket.send_fds(server.control, [b"."], [theirs.fileno()])
                    return
        raise SandboxFailed

    def _running_server(self) -> _Server:
        if self._is_closed:
            raise SandboxFailed
        if self._server is not None and not self._server.is_alive:
            self._server.stop()
            self._server = None
        self._server = self._server or _Server.start()
        return self._server
