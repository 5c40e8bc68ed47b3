"""The agent: claims runs, hands each to a worker process, and writes what comes back.

What its workers say is kept in an outbox and written in one transaction: the end of a run at once, all else at
most ten times a second, and in any case once. It extends the leases, learns of cancellations, and writes for
exactly those runs that it still owns. An agent that was frozen while others took its runs finds out here, and
changes nothing.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from service.agent.assignments import AssignmentBuilder
from service.agent.leased_run import LeasedRun, write
from service.notifiers import Notifier, PollingNotifier
from service.settings import Settings
from service.store import epoch_writer, queue
from service.store.artifacts import Artifacts
from service.store.database import Database
from service.store.queue import Lease
from workers.data.errors import DatasetError
from workers.data.registry import DatasetRegistry
from workers.processes.pool import Died, Pool
from workers.processes.process import Command, Failed, Stopped

log = logging.getLogger("holdout.agent")

SHORTEST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0
"""Between two reports: while words wait to be written, and at any rate."""
HAND_BACK_SECONDS = 9.0
"""How long a stop may take; who has not answered by then is killed, and found by its lease."""
MOST_UNWRITTEN = 1000
"""Words that are kept while the database is away; then nobody is listened to, and the workers pause."""


class Agent:
    """Keeps `settings.workers` processes busy from the queue. `start` runs it in a thread, `run` in this one."""

    def __init__(
        self,
        database: Database,
        registry: DatasetRegistry,
        settings: Settings,
        pool: Pool[Lease] | None = None,
        on_end: Callable[[], None] = lambda: None,
        notifier: Notifier | None = None,
    ) -> None:
        """`on_end` is called in the agent's thread once the end of a run is stored."""
        self.database, self.settings, self.on_end = database, settings, on_end
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.notifier = notifier or PollingNotifier()
        self.artifacts = Artifacts(settings.artifacts_url, row_bytes=settings.artifact_bytes)
        self.pool = Pool[Lease](self.artifacts.put_away) if pool is None else pool
        self.preparation = AssignmentBuilder(database, registry, settings, self.artifacts)
        self.held: dict[Lease, LeasedRun] = {}
        self.reported_at = 0.0
        self.turned_at = time.monotonic()
        self.database_is_away = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name="agent", daemon=True)

    def start(self) -> None:
        """Run in a thread of its own until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Hand back what runs, each with a checkpoint, and wait until that is done."""
        self.request_stop()
        self._thread.join()

    def request_stop(self) -> None:
        """Let `run` come to its end. Safe in a signal handler."""
        self._stopping.set()
        self.wake()

    def wake(self) -> None:
        """Something was submitted or cancelled: look at once. Safe from any thread."""
        self.reported_at = 0.0
        self.pool.ring()

    @property
    def is_full(self) -> bool:
        """Whether every process has its run, so that another would have to wait here."""
        return len(self.held) >= self.settings.workers

    def run(self) -> None:
        """Work until stopped."""
        with self.notifier.listening(self):
            while not self._stopping.is_set():
                self.turned_at = time.monotonic()
                self._attempt(self.tick)
        deadline = time.monotonic() + HAND_BACK_SECONDS
        while self.held and time.monotonic() < deadline:
            self._attempt(self.hand_back)
        self.pool.close()

    def tick(self) -> None:
        """Listen, report if it is time, start what is prepared, claim for every free process.

        A pool that is not ready would hold this thread up, until leases end.
        """
        self.listen(self._pause())
        if time.monotonic() - self.reported_at >= self._longest_pause():
            self.report()
        self.start_prepared()
        while self.pool.is_ready and not self.is_full and self.claim():
            pass

    def hand_back(self) -> None:
        """Ask every worker for a checkpoint and its run, and write what they answer."""
        for lease, held in self.held.items():
            if held.started_at is None and not held.is_over:
                held.hear(Stopped("release"))
            self._order(lease, "release")
        self.listen(SHORTEST_PAUSE_SECONDS)
        self.report()

    def listen(self, timeout: float) -> None:
        """Put what the workers say into the outboxes."""
        if sum(len(held.outbox) for held in self.held.values()) >= MOST_UNWRITTEN:
            time.sleep(timeout)
            return
        for lease, word in self.pool.receive(timeout):
            self.held[lease].hear(word)

    def claim(self) -> bool:
        """Take a run from the queue, if there is one, and have its parts prepared."""
        with self.database.read() as connection:
            if not queue.has_work(connection):
                return False
        settings = self.settings
        with self.database.write() as connection:
            claim = queue.claim(
                connection,
                agent=self.name,
                lease_seconds=settings.lease_seconds,
                max_attempts=settings.max_attempts,
            )
            checkpoint = epoch_writer.rewind(connection, claim.lease.run_id) if claim else None
        if claim is None:
            return False
        prepared = self.preparation.begin(claim, checkpoint, done=self.pool.ring)
        self.held[claim.lease] = LeasedRun(claim, prepared, self.artifacts)
        return True

    def start_prepared(self) -> None:
        """Start a worker for each run whose parts are ready."""
        for lease, held in self.held.items():
            if held.started_at is None and held.prepared.done() and not held.is_over:
                self._start(lease, held)

    def _start(self, lease: Lease, held: LeasedRun) -> None:
        held.started_at = time.monotonic()
        try:
            assignment = held.prepared.result()
        except DatasetError as error:
            held.hear(Failed("dataset_missing", str(error)))
            return
        except Exception as error:
            log.exception("the data of run %s could not be prepared", lease.run_id)
            held.hear(Failed("error", f"preparing its data failed: {type(error).__name__}: {error}"))
            return
        try:
            self.pool.start(lease, assignment)
        except (OSError, EOFError):
            log.exception("no process could be started for run %s", lease.run_id)
            held.hear(Died(None))

    def report(self) -> None:
        """One transaction: extend the leases, learn of cancellations, write what was said."""
        with self.database.write() as connection:
            renewed = {lease: self._extend(connection, lease) for lease in sorted(self.held)}
            ours = [lease for lease, cancelled in renewed.items() if cancelled is not None]
            unwritten = {lease for lease in ours if not self._write(connection, self.held[lease])}
        self.reported_at = time.monotonic()
        for lease in ours:
            self.held[lease].is_stuck = lease in unwritten
        self._drop(renewed.keys() - set(ours))
        self._clear(unwritten)
        for lease, held in self.held.items():
            if renewed[lease]:
                self._order(lease, "cancel")
            elif held.is_overdue:
                self._order(lease, "timeout")
        self.artifacts.tidy(self.database)

    def _extend(self, connection: Connection, lease: Lease) -> bool | None:
        return queue.extend(
            connection,
            lease,
            lease_seconds=self.settings.lease_seconds,
            worked_seconds=self.held[lease].worked_seconds,
        )

    def _write(self, connection: Connection, held: LeasedRun) -> bool:
        """Write what one worker said; False where that has to wait. The others do not wait for it.

        A run whose figures the database refuses would be refused forever: it fails.
        """
        if not held.outbox:
            return True
        lease = held.claim.lease
        try:
            with connection.begin_nested():
                write(connection, held, max_attempts=self.settings.max_attempts)
        except (OperationalError, InterfaceError):
            raise
        except OSError:
            log.exception("the results of run %s cannot be stored yet", lease.run_id)
            return False
        except Exception as error:
            log.exception("the results of run %s cannot be stored", lease.run_id)
            message = f"its results could not be stored: {type(error).__name__}"
            queue.finish(connection, lease, "failed", cause="error", message=message)
            held.hear(Failed("error", message))
        return True

    def _drop(self, lost: set[Lease]) -> None:
        for lease in lost:
            log.warning("run %s no longer belongs to this agent", lease.run_id)
            self._forget(lease)

    def _clear(self, unwritten: set[Lease]) -> None:
        """After the commit: what was written is done with, and so are runs that are over."""
        over = {lease for lease in self.held.keys() - unwritten if self.held[lease].is_over}
        for lease in self.held.keys() - unwritten:
            self.held[lease].outbox.clear()
        for lease in over:
            self._forget(lease)
        if over:
            self.on_end()

    def _forget(self, lease: Lease) -> None:
        del self.held[lease]
        if lease in self.pool:
            self.pool.forget(lease)

    def _order(self, lease: Lease, order: Command) -> None:
        held = self.held[lease]
        if held.ordered is None and lease in self.pool:
            held.ordered = order
            self.pool.order(lease, order)

    def _pause(self) -> float:
        """How long to listen before the next thing is due."""
        until_report = self.reported_at + self._longest_pause() - time.monotonic()
        idle = LONGEST_PAUSE_SECONDS if self.is_full else self.settings.poll_seconds
        return max(0.0, min(until_report, idle))

    def _longest_pause(self) -> float:
        """Between two reports. An end is written at once: its process is free for the next run."""
        if any(held.is_over and not held.is_stuck for held in self.held.values()):
            return 0.0
        waiting = any(held.outbox for held in self.held.values())
        return SHORTEST_PAUSE_SECONDS if waiting else LONGEST_PAUSE_SECONDS

    def _attempt(self, action: Callable[[], None]) -> None:
        """A database that is away, locked or full is waited for: what was said stays in the outboxes.

        Nothing else may end the agent either: whoever is still trained for would be left alone.
        """
        try:
            action()
            self.database_is_away = False
        except DBAPIError as error:
            if not self.database_is_away:
                log.error("the database does not answer; trying again: %s", error.orig)
            self.database_is_away = True
            time.sleep(SHORTEST_PAUSE_SECONDS)
        except Exception:
            log.exception("the agent could not go on; trying again")
            time.sleep(LONGEST_PAUSE_SECONDS)
