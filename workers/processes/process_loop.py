"""What a worker process does: it trains one assignment after another, until a run does not succeed.

After any other end it exits, and the next run gets a fresh process. When the parent ends, the pipe closes, and the
process exits.
"""

import logging
import os
import queue
import signal
import threading
from multiprocessing.connection import Connection

from workers.processes import memory
from workers.processes.messages import Assignment, Command, Succeeded
from workers.processes.split_parts import LastSplit
from workers.processes.worker import Worker

log = logging.getLogger("holdout.worker")

IDLE_SECONDS = 1.0
"""A process that waits for so long drops the parts that it has read, and returns its free memory. That takes 10 ms,
and to read them again 4: who submits one experiment after another should wait for neither."""


class ProcessLoop:
    """Receives assignments and commands in a thread, and trains in the main thread."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.assigned: queue.SimpleQueue[Worker] = queue.SimpleQueue()
        self.worker: Worker | None = None
        self.last_split = LastSplit()
        self.is_idle = self.must_exit = False

    def listen(self) -> None:
        """Receive until the pipe closes. Then the parent has died, and nothing needs this process: exit.

        A command is for the assignment that came before it, which may have ended meanwhile. A process that cannot
        receive, for lack of memory too, exits as well: it would wait for ever.
        """
        try:
            while True:
                self._received(self.connection.recv())
        except (EOFError, OSError):
            pass
        except BaseException:
            log.exception("a worker process cannot read what its parent has sent")
        finally:
            os._exit(1)

    def _received(self, message: Assignment | Command) -> None:
        if isinstance(message, Assignment):
            self.worker = Worker(self.connection, message, self.last_split)
            self.assigned.put(self.worker)
        elif self.worker is not None:
            self.worker.command = message

    def release(self, *_: object) -> None:
        """Give the run back and exit: the handler of SIGTERM."""
        self.must_exit = True
        if self.is_idle:
            os._exit(0)
        if self.worker is not None:
            self.worker.command = self.worker.command or "release"

    def run(self) -> None:
        """Train what is assigned, until a run does not succeed."""
        at_first = memory.allocated_bytes()
        while not self.must_exit:
            worker = self._next()
            event = worker.work()
            worker.send(event)
            if not isinstance(event, Succeeded):
                return
            worker.free()
            memory.free_garbage(at_first)

    def _next(self) -> Worker:
        """Wait for an assignment, and return free memory while there is none."""
        self.is_idle = True
        try:
            worker = self.assigned.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            self.last_split.clear()
            memory.free()
            worker = self.assigned.get()
        self.is_idle = False
        return worker


def main(connection: Connection, memory_bytes: int | None) -> None:
    """Train the assignments that come through a pipe. This is the target of a worker process."""
    loop = ProcessLoop(connection)
    signal.signal(signal.SIGTERM, loop.release)
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole process group; the parent sends commands
    memory.raise_oom_score()
    # `start` waits for ever for a thread that has no memory to start with: the limit comes second.
    threading.Thread(target=loop.listen, daemon=True).start()
    memory.limit(memory_bytes)
    loop.run()
