"""The parent's side of a job's process: starts it, receives its events, ends it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from workers.jobs.messages import JobAssignment, JobEvent
from workers.jobs.process import main


@dataclass(frozen=True, eq=False)
class JobProcess:
    """A running process of a job."""

    process: BaseProcess
    connection: Connection

    def receive(self, timeout: float) -> list[JobEvent] | None:
        """The events that have arrived, after at most `timeout` seconds; None if the process has ended."""
        found: list[JobEvent] = []
        try:
            while self.connection.poll(0 if found else timeout):
                found.append(self.connection.recv())
        except (EOFError, OSError):
            return found or None
        return found


@contextmanager
def job_process(assignment: JobAssignment) -> Iterator[JobProcess]:
    """Run a job's process for as long as the context lasts, then kill it. Raises OSError if it cannot be started.

    It is forked from the server that forks the processes of runs, which has imported what they need.
    """
    context = get_context("forkserver")
    ours, theirs = context.Pipe(duplex=False)
    with ours:
        with theirs:
            process = context.Process(target=main, args=(theirs, assignment), daemon=True)
            process.start()
        try:
            yield JobProcess(process, ours)
        finally:
            with suppress(OSError):
                process.kill()
            process.join()
            process.close()
