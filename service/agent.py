"""The agent: claims runs, hands each to a worker process, and writes what comes back.

What its workers say is kept in an outbox and written in one transaction, at most ten times a second and at
least once: it extends the leases, learns of cancellations, and writes for exactly those runs that it still
owns. An agent that was frozen while others took its runs finds out here, and changes nothing.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from service.settings import Settings
from service.store import history, queue
from service.store.database import Database
from service.store.queue import Claim, Lease
from workers.data.errors import DatasetError
from workers.data.library import Library
from workers.pool import Died, Pool
from workers.process import (
    Assignment,
    BaselinesFitted,
    CheckpointTaken,
    EpochEnded,
    Failed,
    Message,
    Order,
    Stopped,
    Succeeded,
)
from workers.spec import ExperimentSpec

log = logging.getLogger("holdout.agent")

SHORTEST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0
"""Between two reports: while words wait to be written, and at any rate."""
IDLE_POLL_SECONDS = 0.1

Word = Message | Died


@dataclass
class Held:
    """A run that this agent holds a lease on."""

    claim: Claim
    prepared: Future[Assignment]
    started: bool = False
    ordered: Order | None = None
    outbox: list[Word] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether its worker has said its last word."""
        return bool(self.outbox) and isinstance(self.outbox[-1], Succeeded | Failed | Stopped | Died)


class Agent:
    """Keeps `settings.workers` processes busy from the queue. `start` runs it in a thread, `run` in this one."""

    def __init__(self, database: Database, library: Library, settings: Settings) -> None:
        self.database, self.library, self.settings = database, library, settings
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.pool: Pool[Lease] = Pool()
        self.held: dict[Lease, Held] = {}
        self.reported_at = 0.0
        self._preparation = ThreadPoolExecutor(1, thread_name_prefix="preparation")
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
        self.ring()

    def ring(self) -> None:
        """Something was submitted or cancelled: look at once. Safe from any thread."""
        self.reported_at = 0.0
        self.pool.ring()

    def run(self) -> None:
        """Work until stopped."""
        while not self._stopping.is_set():
            self._attempt(self.tick)
        deadline = time.monotonic() + self.settings.lease_seconds
        while self.held and time.monotonic() < deadline:
            self._attempt(self.hand_back)
        self._preparation.shutdown(cancel_futures=True)
        self.pool.close()

    def tick(self) -> None:
        """Listen, report if it is time, start what is prepared, claim for every free process."""
        self.listen(self._pause())
        if time.monotonic() - self.reported_at >= self._longest_pause():
            self.report()
        self.start_prepared()
        while len(self.held) < self.settings.workers and self.claim():
            pass

    def hand_back(self) -> None:
        """Ask every worker for a checkpoint and its run, and write what they answer."""
        for lease, held in self.held.items():
            if not held.started:
                held.outbox.append(Stopped("release"))
            self._order(lease, "release")
        self.listen(SHORTEST_PAUSE_SECONDS)
        self.report()

    def listen(self, timeout: float) -> None:
        """Put what the workers say into the outboxes."""
        for lease, word in self.pool.receive(timeout):
            self.held[lease].outbox.append(word)

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
            checkpoint = history.rewind(connection, claim.lease.run_id) if claim else None
        if claim is None:
            return False
        prepared = self._preparation.submit(self._prepare, claim, checkpoint)
        prepared.add_done_callback(lambda _: self.pool.ring())
        self.held[claim.lease] = Held(claim, prepared)
        return True

    def _prepare(self, claim: Claim, checkpoint: bytes | None) -> Assignment:
        """Lay out the rows that the run may see. A thread does it: leases must not wait for large data."""
        spec = ExperimentSpec.model_validate(claim.spec)
        parts = self.library.parts(spec.dataset, spec.split)
        seconds = self.settings.checkpoint_seconds
        return Assignment(spec.model_dump_json(), claim.seed, parts.folder, checkpoint, seconds)

    def start_prepared(self) -> None:
        """Start a worker for each run whose parts are ready."""
        for lease, held in self.held.items():
            if held.started or not held.prepared.done():
                continue
            held.started = True
            try:
                self.pool.start(lease, held.prepared.result())
            except DatasetError as error:
                held.outbox.append(Failed("dataset_missing", str(error)))
            except Exception as error:
                log.exception("run %s could not be prepared", lease.run_id)
                held.outbox.append(Failed("error", f"preparing its data failed: {type(error).__name__}"))

    def report(self) -> None:
        """One transaction: extend the leases, learn of cancellations, write what was said."""
        cancelled, lost = [], []
        with self.database.write() as connection:
            for lease, held in sorted(self.held.items()):
                extended = queue.extend(connection, lease, lease_seconds=self.settings.lease_seconds)
                if extended is None:
                    lost.append(lease)
                    continue
                self._write(connection, lease, held)
                if extended:
                    cancelled.append(lease)
        self.reported_at = time.monotonic()
        self._drop(lost)
        for lease in cancelled:
            self._order(lease, "cancel")

    def _drop(self, lost: list[Lease]) -> None:
        """After the commit: what was written is written, what is over or lost is nobody's here."""
        for lease in lost:
            log.warning("run %s is somebody else's now", lease.run_id)
            if lease in self.pool:
                self.pool.forget(lease)
        self.held = {k: held for k, held in self.held.items() if k not in lost and not held.is_over}
        for held in self.held.values():
            held.outbox.clear()

    def _write(self, connection: Connection, lease: Lease, held: Held) -> None:
        checkpoints = [word for word in held.outbox if isinstance(word, CheckpointTaken)]
        if checkpoints:
            history.save_checkpoint(connection, lease.run_id, checkpoints[-1])
        for word in held.outbox:
            if isinstance(word, EpochEnded):
                history.record_epoch(connection, lease.run_id, word.epoch)
            elif isinstance(word, BaselinesFitted):
                baselines = [asdict(baseline) for baseline in word.baselines]
                history.save_baselines(connection, held.claim.experiment_id, baselines)
            elif not isinstance(word, CheckpointTaken):
                self._end(connection, lease, held, word)

    def _end(
        self,
        connection: Connection,
        lease: Lease,
        held: Held,
        word: Succeeded | Failed | Stopped | Died,
    ) -> None:
        if isinstance(word, Succeeded):
            history.save_model(connection, lease.run_id, word)
            queue.finish(connection, lease, "succeeded")
        elif isinstance(word, Failed):
            queue.finish(connection, lease, "failed", cause=word.cause, message=word.message)
        elif word == Stopped("cancel"):
            queue.finish(connection, lease, "cancelled")
        elif isinstance(word, Stopped) or held.ordered == "release":
            queue.give_back(connection, lease)
        else:
            log.warning("the worker of run %s died, exit code %s", lease.run_id, word.exit_code)
            queue.died(connection, lease, max_attempts=self.settings.max_attempts)

    def _order(self, lease: Lease, order: Order) -> None:
        held = self.held.get(lease)
        if held is not None and held.ordered is None and lease in self.pool:
            held.ordered = order
            self.pool.order(lease, order)

    def _pause(self) -> float:
        """How long to listen before the next thing is due."""
        until_report = self.reported_at + self._longest_pause() - time.monotonic()
        idle = IDLE_POLL_SECONDS if len(self.held) < self.settings.workers else LONGEST_PAUSE_SECONDS
        return max(0.0, min(until_report, idle))

    def _longest_pause(self) -> float:
        waiting = any(held.outbox for held in self.held.values())
        return SHORTEST_PAUSE_SECONDS if waiting else LONGEST_PAUSE_SECONDS

    def _attempt(self, action: Callable[[], None]) -> None:
        """A database that is away, locked or full is waited for: what was said stays in the outboxes."""
        try:
            action()
        except DBAPIError:
            log.exception("the database did not answer; trying again")
            time.sleep(SHORTEST_PAUSE_SECONDS)
