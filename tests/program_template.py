"""Starts `holdout` commands by forking a process that has imported the service: in a tenth of a second, not in three.

What a fork does not repeat is the start of the interpreter and the imports; the command, its environment, its session
and the processes that it starts are those of `python -m service`. Tests of starting itself use that.
"""

import atexit
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

MOST_BYTES = 1_000_000
"""Of a request: arguments and environment."""
ADDRESS = f"\0holdout-tests-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"
"""Of the template's socket, which has no file: xdist names the run of the tests."""


class ForkedProgram:
    """A running command that leads a session, with what tests use of `subprocess.Popen`."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        env: Mapping[str, str],
        stdout: int,
        stderr: int,
        cwd: Path | None = None,
        code: str | None = None,
    ) -> None:
        """stdout, stderr: file descriptors. cwd: a folder, else that of this process. code: is run in place of the
        command, as by `python -c`.
        """
        request = {
            "arguments": list(arguments),
            "environment": dict(env),
            "folder": str(cwd or Path.cwd()),
            "code": code,
        }
        self._status, theirs = socket.socketpair()
        with theirs:
            descriptors = [stdout, stderr, theirs.fileno()]
            socket.send_fds(_template(), [json.dumps(request).encode()], descriptors)
        self.pid = self._told()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code, or minus the signal that has ended it; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended. Raises subprocess.TimeoutExpired after so many seconds."""
        if self.returncode is None:
            self._status.settimeout(timeout)
            try:
                self.returncode = self._told()
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("holdout", timeout or 0) from None
            self._status.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _told(self) -> int:
        """The next number from the template: first the id of the process, then its exit code."""
        told = self._status.recv(4)
        if not told:
            raise ChildProcessError("The template of the programs has ended")
        return int.from_bytes(told, "big", signed=True)


def run_holdout(
    *arguments: str, env: Mapping[str, str], timeout: float = 60
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and return what it has printed, as `subprocess.run` does."""
    with TemporaryFile("w+") as printed, TemporaryFile("w+") as errors:
        program = ForkedProgram(arguments, env=env, stdout=printed.fileno(), stderr=errors.fileno())
        try:
            code = program.wait(timeout)
        finally:
            program.send_signal(signal.SIGKILL)
        for each in (printed, errors):
            each.seek(0)
        return subprocess.CompletedProcess(["holdout", *arguments], code, printed.read(), errors.read())


@cache
def _template() -> socket.socket:
    """A connection to the template, which the processes of xdist share. It ends with its last connection."""
    ours = _socket()
    while ours.connect_ex(ADDRESS):
        with _socket() as listening, suppress(OSError):  # another process has just bound the address
            listening.bind(ADDRESS)
            listening.listen()
            _start(listening)
    atexit.register(ours.close)
    return ours


def _start(listening: socket.socket) -> None:
    """Start the template. Until its imports are done, it has connections that wait, and their requests."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.program_template", str(listening.fileno())],
        pass_fds=[listening.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd=Path(__file__).parents[1],
        start_new_session=True,  # so that Ctrl-C leaves it alone
    )

    def collect() -> None:
        with suppress(subprocess.TimeoutExpired):  # others have it still
            process.wait(10)

    atexit.register(collect)


def _socket() -> socket.socket:
    """A socket that keeps requests apart, and takes long ones."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_BYTES)
    return made


class _Template:
    """Forks a process for each request, and tells its client the id of the process and how it ended."""

    def __init__(self, listening: socket.socket) -> None:
        self.listening = listening
        self.selector = selectors.DefaultSelector()
        self.selector.register(listening, selectors.EVENT_READ)
        self.clients: dict[int, socket.socket] = {}
        self.running: dict[int, tuple[int, socket.socket]] = {}
        """The id, and the connection to the client, by the descriptor that shows that the process has ended."""

    def forked(self) -> dict[str, Any] | None:
        """Handle requests. Returns in each new process, with its request, and after the last client, without one."""
        while True:
            for key, _ in self.selector.select():
                if key.fd in self.running:
                    self._tell_the_end(key.fd)
                elif key.fd == self.listening.fileno():
                    self._welcome()
                elif request := self._serve(key.fd):
                    return request
            if not self.clients and not self.selector.select(0):
                return None

    def _welcome(self) -> None:
        client, _ = self.listening.accept()
        self.clients[client.fileno()] = client
        self.selector.register(client, selectors.EVENT_READ)

    def _serve(self, client: int) -> dict[str, Any] | None:
        """Fork a process, which gets the request, or forget a client that has ended."""
        content, descriptors, _, _ = socket.recv_fds(self.clients[client], MOST_BYTES, 3)
        if not content:
            self.selector.unregister(client)
            self.clients.pop(client).close()
        elif process := os.fork():
            self.selector.register(self._remember(process, descriptors), selectors.EVENT_READ)
        else:
            self.selector.close()  # collected later, it would close a descriptor of the program
            _become_a_program(*descriptors[:2])
            return json.loads(content)  # type: ignore[no-any-return]
        return None

    def _remember(self, process: int, descriptors: Sequence[int]) -> int:
        for each in descriptors[:2]:
            os.close(each)
        client = socket.socket(fileno=descriptors[2])
        client.sendall(process.to_bytes(4, "big", signed=True))
        ended = os.pidfd_open(process)
        self.running[ended] = process, client
        return ended

    def _tell_the_end(self, ended: int) -> None:
        process, client = self.running.pop(ended)
        self.selector.unregister(ended)
        os.close(ended)
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        with client, suppress(OSError):
            client.sendall(code.to_bytes(4, "big", signed=True))


def _become_a_program(stdout: int, stderr: int) -> None:
    """Lead a session, with these streams, and with no other descriptor of the template."""
    os.setsid()
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.closerange(3, 1024)


def _main(listening: socket.socket) -> None:
    import service.cli.commands
    import service.launcher  # noqa: F401
    from service.app import create_app
    from service.settings import Settings
    from tests.shared_routes import make_routes, share_routes
    from tests.unflushed_files import flush_no_files

    flush_no_files()
    share_routes()
    make_routes(create_app(Settings(workers=0)))
    gc.freeze()
    request = _Template(listening).forked()
    if request is None:
        return
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    if request["code"] is not None:
        sys.argv = ["-c", *request["arguments"]]
        exec(compile(request["code"], "<program>", "exec"), {"__name__": "__main__"})
        return
    sys.argv = ["holdout", *request["arguments"]]
    runpy.run_module("service", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])))
