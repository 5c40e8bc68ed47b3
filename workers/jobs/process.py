"""The process of one job: carries it out, and sends each step to the parent. It opens no database and no socket."""

import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection

from workers.jobs import robustness
from workers.jobs.messages import JobAssignment, JobEvent, JobFailed
from workers.processes import memory
from workers.processes.orphan_watch import exits_with_parent

log = logging.getLogger("holdout.jobs")

MAX_ERROR_CHARACTERS = 2000
KINDS: Mapping[str, Callable[[JobAssignment], Iterator[JobEvent]]] = {"robustness": robustness.carry_out}
"""The jobs by kind. Each yields its events, the last one a result; it does not repeat stored steps."""


def main(connection: Connection, assignment: JobAssignment) -> None:
    """Carry out an assignment. This is the target of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    memory.raise_oom_score()
    memory.limit(assignment.memory_bytes)
    with exits_with_parent():
        for event in events(assignment):
            connection.send(event)
    connection.close()


def events(assignment: JobAssignment) -> Iterator[JobEvent]:
    """The events of a job; an error is the last of them."""
    try:
        yield from KINDS[assignment.kind](assignment)
    except MemoryError:
        limit = assignment.memory_bytes
        allowed = (
            f"a worker process may allocate {limit:,} bytes" if limit else "the machine's memory ran out"
        )
        yield JobFailed("out_of_memory", allowed)
    except Exception as error:
        log.exception("the job %s ended in an error", assignment.kind)
        yield JobFailed("error", f"{type(error).__name__}: {error}"[:MAX_ERROR_CHARACTERS])
