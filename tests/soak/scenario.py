"""A soak test: clients use a service for a long time. Its memory, open files and write-ahead log must not grow."""

import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.service_process import ServiceProcess
from tests.soak.clients import Client
from tests.soak.measurements import Growth, Sample, growth, sample

STEADY_AFTER = 5 * 60
"""After so many seconds caches are warm; of a shorter test after a sixth of it."""
WINDOW = 60
SAMPLES = 300
"""Of the whole test."""
MOST_GROWTH = 1.1
MOST_FILES = 200
MOST_WAL_BYTES = 64_000_000


@dataclass(frozen=True)
class Report:
    """What the clients did, what grew, and the largest figures of all samples."""

    done: Counter[str]
    unexpected: list[str]
    slowest: float
    memory: tuple[Growth, Growth]
    most_files: int
    most_wal_bytes: int

    def problems(self) -> list[str]:
        """What broke a promise."""
        grown = [str(each) for each in self.memory if each.ratio > MOST_GROWTH]
        files = [f"{self.most_files} open files"] if self.most_files > MOST_FILES else []
        wal = [f"a WAL of {self.most_wal_bytes:,} bytes"] if self.most_wal_bytes > MOST_WAL_BYTES else []
        return [*grown, *files, *wal, *self.unexpected]


def run_soak(
    folder: Path, *, seconds: float, clients: int, show: Callable[[Sample], object] = lambda _: None
) -> Report:
    """Let clients use a service on SQLite and an agent for so long. `show` gets a sample about once a minute."""
    with ExitStack() as stack:
        port = _free_port()
        api = _start(stack, folder, "serve", f"--port={port}", "--workers=0")
        api.wait_for("Application startup complete", seconds=120)
        agent = _start(stack, folder, "worker", "--workers=1")
        agent.wait_for("Worker processes are ready to start", seconds=120)
        stopping, users = threading.Event(), []
        for number in range(clients):
            users.append(Client(f"http://127.0.0.1:{port}", number, stopping))
            users[-1].start()
        stack.callback(stopping.set)
        samples = _measure(api, agent, folder / "holdout.db", seconds, show)
        died = [user.name for user in users if not user.is_alive()]
        assert died == [], "these clients have ended before the test did"
        stopping.set()
        for user in users:
            user.join()
        for program in (agent, api):
            program.signal(signal.SIGTERM)
            program.wait(15)
    return _report(users, samples, seconds)


def _measure(
    api: ServiceProcess,
    agent: ServiceProcess,
    database: Path,
    seconds: float,
    show: Callable[[Sample], object],
) -> list[Sample]:
    started, samples, shown_at = time.monotonic(), [], 0.0
    while time.monotonic() - started < seconds:
        time.sleep(seconds / SAMPLES)
        samples.append(sample(started, api.id, agent.id, database))
        if samples[-1].seconds - shown_at >= WINDOW:
            shown_at = samples[-1].seconds
            show(samples[-1])
    return samples


def _report(users: list[Client], samples: list[Sample], seconds: float) -> Report:
    after, window = min(STEADY_AFTER, seconds / 6), min(WINDOW, seconds / 6)
    memory = [growth(samples, name, after=after, window=window) for name in ("api_bytes", "agent_bytes")]
    return Report(
        done=sum((user.done for user in users), Counter()),
        unexpected=[text for user in users for text in user.unexpected],
        slowest=max(user.slowest for user in users),
        memory=(memory[0], memory[1]),
        most_files=max(max(each.api_files, each.agent_files) for each in samples),
        most_wal_bytes=max(each.wal_bytes for each in samples),
    )


def _start(stack: ExitStack, folder: Path, *arguments: str) -> ServiceProcess:
    log = folder / f"{arguments[0]}.log"
    program = ServiceProcess(*arguments, data_dir=folder, log=log, log_level="info")
    stack.callback(program.end)
    return program


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])
