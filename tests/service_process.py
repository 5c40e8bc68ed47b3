"""The service's programs as an operator runs them, each in a session of its own, to be signalled and looked at."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


class ServiceProcess:
    """`python -m service ...`, and all the processes that it starts."""

    def __init__(self, *arguments: str, data_dir: Path, log: Path, **settings: object) -> None:
        environment = {f"HOLDOUT_{name.upper()}": str(value) for name, value in settings.items()}
        command = [sys.executable, "-m", "service", *arguments, "--data-dir", str(data_dir)]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=output, env=os.environ | environment, start_new_session=True
            )
        self.log = log

    @property
    def id(self) -> int:
        return self.process.pid

    def signal(self, number: signal.Signals) -> None:
        """To the program itself alone."""
        os.kill(self.id, number)

    def descendants(self) -> list[int]:
        """Every process of its session but itself: the fork server and the workers."""
        return [id_ for id_ in processes_of_session(self.id) if id_ != self.id]

    def workers(self) -> list[int]:
        """Its worker processes: children of its fork server."""
        mine = self.descendants()
        return [id_ for id_ in mine if parent_of(id_) in mine]

    def wait_for(self, words: str, *, seconds: float = 30) -> None:
        """Until its log says so."""
        deadline = time.monotonic() + seconds
        while words not in (said := self.log.read_text()):
            assert time.monotonic() < deadline, said
            time.sleep(0.02)

    def wait(self, seconds: float) -> int:
        """Its exit code."""
        return self.process.wait(seconds)

    def end(self) -> None:
        """Kill what is left of it."""
        for id_ in processes_of_session(self.id):
            os.kill(id_, signal.SIGKILL)
        self.process.wait(10)


def processes_of_session(id_: int) -> list[int]:
    """The living processes of a session."""
    processes = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [process for process in processes if _is_in(process, id_)]


def parent_of(id_: int) -> int | None:
    """The id of a process's parent; None where it is gone."""
    found = _status(id_)
    return int(found[1]) if found else None


def all_ended(ids: list[int], *, within: float) -> bool:
    """Whether processes end in time, zombies counting as ended."""
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
    """State, parent, group, session, ... of a process that is alive; empty for others."""
    try:
        found = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [] if found[0] in "ZX" else found
