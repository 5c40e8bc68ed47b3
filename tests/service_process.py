"""Starts `holdout` commands as an operator does, each in a session of its own, to be signalled and inspected."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.program_template import ForkedProgram


class ServiceProcess:
    """A running `python -m service ...` and its child processes."""

    process: subprocess.Popen[bytes] | ForkedProgram

    def __init__(self, *arguments: str, data_dir: Path, log: Path, **settings: object) -> None:
        ours = {f"HOLDOUT_{name.upper()}": str(value) for name, value in settings.items()}
        with log.open("ab") as output:
            self.process = self._started(
                [*arguments, "--data-dir", str(data_dir)], os.environ | ours, output.fileno()
            )
        self.log = log

    def _started(
        self, arguments: list[str], environment: dict[str, str], output: int
    ) -> subprocess.Popen[bytes] | ForkedProgram:
        command = [sys.executable, "-m", "service", *arguments]
        return subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, start_new_session=True
        )

    @property
    def id(self) -> int:
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone, not to its children."""
        os.kill(self.id, number)

    def descendants(self) -> list[int]:
        """The ids of its child processes: the fork server and the workers."""
        return [id_ for id_ in processes_of_session(self.id) if id_ != self.id]

    def workers(self) -> list[int]:
        """The ids of its worker processes: the children of its fork server."""
        descendants = self.descendants()
        return [id_ for id_ in descendants if parent_of(id_) in descendants]

    def wait_for(self, text: str, *, seconds: float = 30) -> None:
        """Wait until the log contains a text."""
        deadline = time.monotonic() + seconds
        while text not in (logged := self.log.read_text()):
            assert time.monotonic() < deadline, logged
            time.sleep(0.02)

    def wait(self, seconds: float) -> int:
        """Wait for its end. Returns its exit code."""
        return self.process.wait(seconds)

    def end(self) -> None:
        """Kill it and its child processes."""
        for id_ in processes_of_session(self.id):
            os.kill(id_, signal.SIGKILL)
        self.process.wait(10)


class ForkedService(ServiceProcess):
    """The same command, forked from a process that has imported the service: for tests of what it does then."""

    def _started(self, arguments: list[str], environment: dict[str, str], output: int) -> ForkedProgram:
        return ForkedProgram(arguments, env=environment, stdout=output, stderr=output)


def processes_of_session(id_: int) -> list[int]:
    """The ids of the living processes of a session."""
    processes = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [process for process in processes if _is_in(process, id_)]


def parent_of(id_: int) -> int | None:
    """The id of a process's parent; None if the process has ended."""
    found = _status(id_)
    return int(found[1]) if found else None


def described(id_: int) -> str:
    """The state, the parent and the command line of a process, for the message of a test."""
    try:
        command = Path(f"/proc/{id_}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        command = "ended"
    return f"{id_} {' '.join(_status(id_)[:2])} {command}"


def all_ended(ids: list[int], *, within: float) -> bool:
    """Wait for processes to end. Returns whether all did in time; zombies count as ended."""
    deadline = time.monotonic() + within
    while any(_status(id_) for id_ in ids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _is_in(process: int, session_id: int) -> bool:
    found = _status(process)
    return bool(found) and int(found[3]) == session_id


def _status(process: int) -> list[str]:
    """State, parent, group, session, ... of a living process; empty if it has ended."""
    try:
        found = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [] if found[0] in "ZX" else found


def is_alive(pid: int) -> bool:
    """Not gone, and no zombie: with its parent dead and its server exiting, nobody may have collected it yet."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
