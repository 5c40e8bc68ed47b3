"""The agent: claims runs from the queue, starts a worker process for each, and writes the events that they send.

Events wait in memory until the next flush, which writes those of all runs in one transaction: at once when a run ends
and no other one waits for its process, otherwise at most ten times a second, and at least once a second. The flush
also renews the leases and learns of cancellations, and it writes only for runs whose lease it could renew. So an
agent that was frozen while others took its runs finds out in its next flush, and changes nothing.
"""

import logging
import math
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from service.agent.assignments import AssignmentBuilder
from service.agent.clock_watch import ClockWatch
from service.agent.event_writer import Unwritten, write
from service.agent.leased_run import LeasedRun
from service.experiments.sweep_proposer import SweepProposer
from service.jobs.assignments import JobAssignmentBuilder
from service.jobs.runner import JobRunner
from service.notifiers import Notifier, PollingNotifier
from service.settings import Settings
from service.start_failures import NotStarted, StartPause
from service.store import history, queue, rungs, sweep_budgets
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.artifacts.uploads import uploads_of
from service.store.database import Database
from service.store.epochs import epoch_writer
from service.store.queue import Claim, HeldLease, Lease, Renewal
from service.store.tables import WaitingFor
from service.temporary_errors import is_temporary
from workers.data.errors import DatasetError
from workers.data.registry import DatasetRegistry
from workers.processes.messages import (
    ArtifactReference,
    Command,
    Failed,
    Stopped,
    Succeeded,
    WorkerEvent,
)
from workers.processes.pool import Pool

log = logging.getLogger("holdout.agent")

MIN_FLUSH_INTERVAL_SECONDS = 0.1
MAX_FLUSH_INTERVAL_SECONDS = 1.0
"""The time between two flushes: the least while events wait to be written, and the most in any case."""
RELEASE_SECONDS = 9.0
"""How long a stop may take. Workers still running then are killed; their runs are reclaimed when the lease ends."""
GARBAGE_SECONDS = 0.5
"""How long a stop waits for artifacts to be removed that no run needs; what is left is swept later."""
SHORT_SECONDS = 0.5
"""After a run that took less from its start to its end, the next runs are expected to be short too."""
AHEAD_SECONDS = 0.2
"""For how long a process has runs to train while they are short: two flushes, so that their ends may share one."""
MOST_AHEAD = 8
"""How many runs are leased ahead for a process at most: other agents may be free for them."""
MAX_PENDING = 1000
"""How many epochs and other events wait in memory while the database is away. At this limit the agent receives no
more, so that the pipes fill and the workers pause."""


class Claimed(NamedTuple):
    """A claim that is not committed yet. history: the identity of the database."""

    claim: Claim
    checkpoint: bytes | ArtifactReference | None
    history: bytes | None


class Renewed(NamedTuple):
    """A transaction that has renewed the leases. owned: those that this agent has. history: as in `Claimed`."""

    connection: Connection
    history: bytes | None
    owned: dict[Lease, Renewal]


class Agent:
    """Keeps `settings.workers` processes busy with runs. `start` runs it in its own thread, `run` in the caller's."""

    def __init__(
        self,
        database: Database,
        registry: DatasetRegistry,
        settings: Settings,
        pool: Pool[Lease] | None = None,
        on_end: Callable[[Collection[int]], None] = lambda experiment_ids: None,
        notifier: Notifier | None = None,
    ) -> None:
        """on_end: called in the agent's thread when ends of runs have been stored, with the ids of their experiments.

        notifier: wakes the agent when another process queues a run; without one the agent only polls.
        """
        self.database, self.settings, self.on_end = database, settings, on_end
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.notifier = notifier or PollingNotifier()
        self.artifacts = ArtifactStore(settings.artifacts_url, row_bytes=settings.artifact_bytes)
        self.pool = Pool[Lease](self._offload) if pool is None else pool
        self.assignments = AssignmentBuilder(database, registry, settings, self.artifacts)
        self.runs: dict[Lease, LeasedRun] = {}
        jobs = JobAssignmentBuilder(database, registry, settings, self.artifacts)
        self.clock = ClockWatch(settings.lease_seconds)
        self.jobs = JobRunner(
            database,
            settings,
            jobs.build,
            is_free=lambda: len(self.runs) < settings.workers,
            may_end_expired=lambda: self.clock.is_settled,
        )
        self.sweeps = SweepProposer(database, registry, self.notifier)
        self.flushed_at = 0.0
        self.last_tick_at = time.monotonic()
        self.database_is_away = False
        self._claims_with_flush, self._ahead = True, 0
        self.start_pause = StartPause()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self.run, name="agent", daemon=True)

    def start(self) -> None:
        """Run in a thread until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Release all runs, each with a checkpoint, and wait until that is done."""
        self.request_stop()
        if self._thread.ident is not None:  # else it never started
            self._thread.join()

    def request_stop(self) -> None:
        """Make `run` release its runs and return. Safe in a signal handler."""
        self._stopping.set()
        self.wake()

    def wake(self) -> None:
        """Look at the queue at once: something was submitted or cancelled. Safe from any thread."""
        self.flushed_at = 0.0
        self.jobs.wake()
        self.sweeps.wake()
        self.pool.wake()

    @property
    def is_full(self) -> bool:
        """Whether every process has a run or a job, so that another run would have to wait for this agent."""
        return len(self.runs) >= self._places

    @property
    def may_claim(self) -> bool:
        """Whether a worker could be started now."""
        return self.pool.is_ready and not self.start_pause.lasts

    @property
    def _most_runs(self) -> int:
        """How many runs to lease. While runs are short, more than one for a process: so none waits for a claim.

        But a run that was claimed ahead would take the place that a job waits for.
        """
        return self._places * (1 + (0 if self.jobs.waits else self._ahead))

    @property
    def _places(self) -> int:
        """How many processes runs may have. A job that waits gets the place of the next run that ends."""
        return self.settings.workers - (self.jobs.waits or self.jobs.works)

    def run(self) -> None:
        """Work until `request_stop`, then release all runs."""
        with self.notifier.listening(self), self.jobs.running(), self.sweeps.running():
            while not self._stopping.is_set():
                self.last_tick_at = time.monotonic()
                self._guarded(self.tick)
        deadline = time.monotonic() + RELEASE_SECONDS
        while self.runs and time.monotonic() < deadline:
            self._guarded(self.release_runs)
        if self.runs:
            self._guarded(self.give_up_uploads)
        self.artifacts.close(self.database, timeout=GARBAGE_SECONDS)
        self.pool.close()

    def tick(self) -> None:
        """Receive events, flush if it is time, start workers for prepared runs, and claim runs for free processes.

        Before the pool is ready this claims nothing: starting a worker would block this thread until leases expire.
        """
        self.receive_events(self._receive_timeout())
        self.start_prepared()  # in the process of a run that has just ended; the flush may take its time
        if time.monotonic() - self.flushed_at >= self._flush_interval():
            self.flush(claims=self.may_claim and self._claims_with_flush)
        self.start_prepared()
        if self.may_claim and (missing := self._most_runs - len(self.runs)) > 0:
            self.claim(missing)

    def release_runs(self) -> None:
        """Tell every worker to send a checkpoint and stop, receive what they send, and flush."""
        for lease, run in self.runs.items():
            if run.started_at is None and not run.is_over:
                run.final_event = Stopped("release")  # it has no worker that could send this
            self._send(lease, "release")
        self.receive_events(MIN_FLUSH_INTERVAL_SECONDS)
        self.flush()

    def give_up_uploads(self) -> None:
        """Release the runs that wait for an upload, without it."""
        for run in self.runs.values():
            run.give_up_uploads()
        self.flush()

    def receive_events(self, timeout: float) -> None:
        """Receive events from the workers for up to `timeout` seconds, and add them to their runs."""
        if sum(run.pending_size for run in self.runs.values()) >= MAX_PENDING:
            time.sleep(timeout)
            return
        for lease, event in self.pool.receive(timeout):
            self.runs[lease].add(event)

    def claim(self, most: int = 1) -> bool:
        """Claim at most so many runs, and start to prepare their assignments; False if there were none.

        The own leases are renewed first: a claim ends those that have expired, as they all have after a sleep.
        """
        with self.database.read() as connection:
            if not queue.has_work(connection):
                return False
        with self._renewing() as renewed, queue.update_statuses_once(renewed.connection):
            claimed = self._claim(renewed, len(renewed.owned), most)
        self._start_preparing(claimed)
        return bool(claimed)

    def _claim(self, renewed: Renewed, held: int, most: int) -> list[Claimed]:
        """Claim at most so many runs, with the checkpoints that they resume from. held: how many it has already."""
        claimed: list[Claimed] = []
        while len(claimed) < most:
            claim = queue.claim(
                renewed.connection,
                agent=self.name,
                lease_seconds=self.settings.lease_seconds,
                max_deaths=self.settings.max_attempts,
                end_expired=self.clock.is_settled and not claimed,  # once in a transaction
                ahead=held + len(claimed) >= self._places,
            )
            if claim is None:
                break
            is_first = claim.lease.attempt == 1  # no other attempt has left anything
            checkpoint = None if is_first else epoch_writer.rewind(renewed.connection, claim.lease.run_id)
            claimed.append(Claimed(claim, checkpoint, renewed.history))
        return claimed

    def _start_preparing(self, claimed: Iterable[Claimed]) -> None:
        """Start to prepare the assignments of runs that are claimed for good, once the claims are committed."""
        for claim, checkpoint, identity in claimed:
            assignment = self.assignments.start(claim, checkpoint, on_done=self.pool.wake)
            self.runs[claim.lease] = LeasedRun(claim, assignment, self.artifacts, history=identity)
            self.jobs.run_claimed()

    def start_prepared(self) -> None:
        """Start a worker for each run whose assignment is ready, as long as there are processes for them."""
        training = sum(run.is_training for run in self.runs.values()) + self.jobs.works
        for lease, run in self.runs.items():
            if run.waits and run.assignment.done():
                if training < self.settings.workers:
                    self._start_worker(lease, run)
                    training += run.is_training
                elif time.monotonic() - run.claimed_at > MAX_FLUSH_INTERVAL_SECONDS:
                    self._give_back_early(run)

    def _give_back_early(self, run: LeasedRun) -> None:
        """Let the next flush release a run that was claimed ahead, because the runs before it are not short."""
        run.final_event, self._ahead = Stopped("release"), 0

    def _start_worker(self, lease: Lease, run: LeasedRun) -> None:
        """Start the worker of a run. If that fails, the run ends here: no worker can send its final event.

        If the reason is not the run, it is given back, and no death is counted.
        """
        run.started_at = time.monotonic()
        try:
            assignment = run.assignment.result()
        except DatasetError as error:
            run.final_event = Failed("dataset_missing", str(error))
            return
        except Exception as error:
            if is_temporary(error):
                self._give_back(lease, run, error)
                return
            log.exception("the data of run %s could not be prepared", lease.run_id)
            run.final_event = Failed("error", f"preparing its data failed: {type(error).__name__}: {error}")
            return
        try:
            self.pool.start(lease, assignment)
        except Exception as error:
            self._give_back(lease, run, error)
        else:
            self.start_pause.worked()

    def _give_back(self, lease: Lease, run: LeasedRun, error: Exception) -> None:
        """Let the next flush release a run that could not be started, and claim no other one for a while."""
        run.final_event, run.not_started = Stopped("release"), NotStarted(error)
        message = "run %s is given back, because no worker could be started; next try in %g s: %s: %s"
        log.error(message, lease.run_id, self.start_pause.failed(), type(error).__name__, error)

    def flush(self, *, claims: bool = False) -> None:
        """In one transaction, renew the leases, learn of cancellations, and write the events that wait.

        claims: also claim others for free processes, and in place of the runs that end. So a run that was submitted a
        moment ago waits for one transaction, not for two.
        """
        self._claims_with_flush = False  # until it has worked: ends are stored even if nothing can be claimed
        with self._renewing() as renewed, queue.update_statuses_once(renewed.connection):
            owned = renewed.owned
            reasons = self._say_what_runs_wait_for(renewed.connection, owned)
            ended = self._write(renewed)
            rungs.decide(renewed.connection)
            sweep_budgets.enforce(renewed.connection)
            held = len(owned) - ended
            looks = claims and (ended or queue.has_work(renewed.connection))
            claimed = self._claim(renewed, held, most=self._most_runs - held if looks else 0)
        self._claims_with_flush = True
        self.flushed_at = time.monotonic()
        for lease, reason in reasons.items():
            self.runs[lease].said_waiting_for = reason
        self._drop_lost(self.runs.keys() - owned.keys())
        self._drop_written(owned)
        self._send_commands(owned)
        self._start_preparing(claimed)
        self.artifacts.collect_garbage(self.database)

    def _write(self, renewed: Renewed) -> int:
        """Write the events that wait. Returns how many runs end."""
        owned = ((self.runs[lease], renewal) for lease, renewal in renewed.owned.items())
        unwritten = [Unwritten(run, renewal.epoch) for run, renewal in owned if run.begin_flush()]
        write(renewed.connection, unwritten, max_deaths=self.settings.max_attempts)
        return sum(each.run.ends for each in unwritten)

    def _say_what_runs_wait_for(
        self, connection: Connection, owned: Collection[Lease]
    ) -> dict[Lease, WaitingFor | None]:
        """Write what holds up runs, where that has changed. Returns what it is for each of them."""
        reasons = {lease: self.runs[lease].waiting_for for lease in owned}
        for lease, reason in reasons.items():
            if reason != self.runs[lease].said_waiting_for:
                queue.set_waiting_for(connection, lease, reason)
        return reasons

    @contextmanager
    def _renewing(self) -> Iterator[Renewed]:
        """A transaction that begins by renewing all leases. Yields those that this agent still owns.

        It owns none of another history of the database, whatever the rows of a restored copy say.
        """
        with self.database.write() as connection:
            self.clock.observe(connection)
            identity = history.identity(connection)
            held = [self._held(lease) for lease in self.runs if self.runs[lease].history == identity]
            owned = queue.renew_all(connection, held, lease_seconds=self.settings.lease_seconds)
            yield Renewed(connection, identity, owned)
        for lease, renewal in owned.items():
            self.runs[lease].heartbeat = renewal.heartbeat

    def _offload(self, lease: Lease, event: WorkerEvent) -> WorkerEvent:
        """Start to upload what is too large for a row, and look at the queue again when that is done."""
        event = self.artifacts.offload(event, lease.token)
        for upload in uploads_of(event):
            upload.add_done_callback(lambda _: self.pool.wake())
        return event

    def _held(self, lease: Lease) -> HeldLease:
        run = self.runs[lease]
        return HeldLease(lease, run.worked_seconds, confirmed=run.heartbeat, begun=run.started_at is not None)

    def _drop_lost(self, lost: Collection[Lease]) -> None:
        """Drop the runs whose lease could not be renewed: they belong to another agent, or to none."""
        for lease in lost:
            log.warning("run %s no longer belongs to this agent", lease.run_id)
            self.runs[lease].give_up_uploads()
            self._drop(lease)

    def _drop_written(self, leases: Collection[Lease]) -> None:
        """After the commit, drop the events that were written, and the runs whose end was."""
        ended = {lease: self.runs[lease] for lease in leases if self.runs[lease].ends}
        for lease in leases:
            self.runs[lease].end_flush()
        for lease, run in ended.items():
            if isinstance(run.final_event, Succeeded) and run.took_seconds is not None:
                self._ahead = _runs_ahead(run.took_seconds)
            self._drop(lease)
        if ended:
            self.sweeps.wake()
            self.on_end({run.claim.experiment_id for run in ended.values()})

    def _drop(self, lease: Lease) -> None:
        self.runs.pop(lease).assignment.cancel()
        if lease in self.pool:
            self.pool.discard(lease)

    def _send_commands(self, renewals: dict[Lease, Renewal]) -> None:
        """Cancel the workers of cancelled runs, and end those that train for longer than their spec allows."""
        for lease, run in self.runs.items():
            if renewals[lease].cancel_requested:
                self._cancel(lease, run)
            elif run.is_overdue:
                self._send(lease, "timeout")

    def _cancel(self, lease: Lease, run: LeasedRun) -> None:
        """Cancel the worker of a run. A run that has none, because it waits for the artifact store, ends here."""
        if isinstance(run.final_event, Succeeded) or run.started_at is None:
            run.end(Stopped("cancel"))
        self._send(lease, "cancel")

    def _send(self, lease: Lease, command: Command) -> None:
        """Send a command to the worker of a run, unless it has none, or was sent one before."""
        run = self.runs[lease]
        if run.sent_command is None and lease in self.pool:
            run.sent_command = command
            self.pool.send(lease, command)

    def _receive_timeout(self) -> float:
        """How long to wait for events until something else is due."""
        until_flush = self.flushed_at + self._flush_interval() - time.monotonic()
        idle = MAX_FLUSH_INTERVAL_SECONDS if self.is_full else self.settings.poll_seconds
        return max(0.0, min(until_flush, idle))

    def _flush_interval(self) -> float:
        """The time between two flushes; zero if a run has ended, because its process is free for the next run.

        That is not so if each process has such a run already: then the ends of several runs are written together.
        Zero also for the first epochs of a run, which somebody may wait for, unless all processes train.
        """
        ahead = sum(run.waits for run in self.runs.values())
        if ahead < self.settings.workers and any(run.can_end for run in self.runs.values()):
            return 0.0
        waiting = [run for run in self.runs.values() if run.has_unwritten]
        if not self.is_full and not all(run.is_shown for run in waiting):
            return 0.0
        return MIN_FLUSH_INTERVAL_SECONDS if waiting else MAX_FLUSH_INTERVAL_SECONDS

    def _guarded(self, action: Callable[[], None]) -> None:
        """Do something, and survive its failure. While the database is away, locked or full, events stay in memory.

        Nothing else may end the agent either: nobody would write what its workers go on to send.
        """
        try:
            action()
            self.database_is_away = False
        except DBAPIError as error:
            if not self.database_is_away:
                log.error("the database does not answer; trying again: %s", error.orig)
            self.database_is_away = True
            time.sleep(MIN_FLUSH_INTERVAL_SECONDS)
        except Exception:
            log.exception("the agent could not go on; trying again")
            time.sleep(MAX_FLUSH_INTERVAL_SECONDS)


def _runs_ahead(seconds: float) -> int:
    """How many runs that take so long to lease for each process beside the one that it trains."""
    return 0 if seconds >= SHORT_SECONDS else min(MOST_AHEAD, math.ceil(AHEAD_SECONDS / max(seconds, 0.001)))
