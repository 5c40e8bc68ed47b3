"""Carries out the jobs of a database, one at a time, in a thread beside the agent that trains.

A job takes the place of a run: it waits until one of the agent's processes is free, and the agent claims no run for
that place. If the agent has one process alone, jobs and runs take turns. A job's lease is renewed about once a
second. A killed agent loses it after that, and the next one continues after the last stored step.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from service.jobs.job_process import JobProcess, job_process
from service.polling_thread import PollingThread
from service.settings import Settings
from service.start_failures import NotStarted
from service.store import jobs, queue
from service.store.artifacts.artifact_store import ArtifactError
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.database import Database
from service.store.errors import StoreError
from service.store.jobs import JobClaim, JobLease
from service.temporary_errors import is_temporary
from workers.data.errors import DatasetError
from workers.jobs.messages import JobAssignment, JobEvent, JobFailed, JobPlanned, JobSucceeded, StepDone
from workers.processes.failure_causes import Cause

log = logging.getLogger("holdout.jobs")

FLUSH_SECONDS = 0.5
"""How long events are collected before they are written; a write renews the lease."""

Build = Callable[[JobClaim], JobAssignment]


class JobRunner:
    """Claims jobs and carries them out. `running` runs it in a thread.

    is_free: whether a process may be started beside those of the agent, which claims no run for its place while it
    `waits` or `works`. may_end_expired: whether leases may be ended that seem to have expired, because the clock was
    not set a moment ago. owes_a_turn: whether the agent, which has one process alone, may claim a run before the next
    job.
    """

    def __init__(
        self,
        database: Database,
        settings: Settings,
        build: Build,
        is_free: Callable[[], bool],
        may_end_expired: Callable[[], bool] = lambda: True,
    ) -> None:
        self._database, self._settings, self._build = database, settings, build
        self._is_free, self._may_end_expired = is_free, may_end_expired
        self._thread = PollingThread("jobs", self.work, log, "no job could be carried out")
        self.waits = self.works = False
        """Whether it waits for a process of the agent; whether it uses one."""
        self.owes_a_turn = False
        self.process_id: int | None = None
        """That of the present job."""

    def running(self) -> AbstractContextManager[None]:
        """Carry out jobs for as long as the context lasts, then release the present one."""
        return self._thread.running()

    def run_claimed(self) -> None:
        """The agent has claimed a run: the next turn may be a job's. Safe from any thread."""
        self.owes_a_turn = False

    def wake(self) -> None:
        """Look for a job at once. Safe from any thread."""
        self._thread.wake()

    def work(self) -> bool:
        """Carry out one job; False if there is none, or it is not its turn, or the runner is stopped before it is."""
        with self._database.read() as connection:
            if not jobs.has_work(connection) or (self.owes_a_turn and queue.has_work(connection)):
                return False
        self.waits = True
        try:
            while not self._is_free():
                if self._thread.stopping.wait(0.05):
                    return False
            self.works, self.waits = True, False
            claim = self._claim()
            if claim is None:
                return False
            self.owes_a_turn = self._settings.workers == 1
            self._carry_out(claim)
            return True
        finally:
            self.waits = self.works = False
            self.process_id = None

    def _claim(self) -> JobClaim | None:
        settings = self._settings
        with self._database.write() as connection:
            return jobs.claim(
                connection,
                lease_seconds=settings.lease_seconds,
                max_deaths=settings.max_attempts,
                end_expired=self._may_end_expired(),
            )

    def _carry_out(self, claim: JobClaim) -> None:
        try:
            assignment = self._assignment(claim)
            if assignment is None:
                return
            with job_process(assignment) as process:
                self.process_id = process.process.pid
                self._follow(claim.lease, process)
        except (DatasetError, StoreError, ArtifactError) as error:
            cause: Cause = "dataset_missing" if isinstance(error, DatasetError) else "error"
            self._write(claim.lease, [JobFailed(cause, str(error))])
        except Exception as error:
            if isinstance(error, OSError) or is_temporary(error):  # no process has begun it: no death
                self._end(claim.lease, partial(_give_back, error))
                raise
            log.exception("job %s could not be prepared", claim.lease.job_id)
            self._write(claim.lease, [JobFailed("error", f"{type(error).__name__}: {error}")])

    def _assignment(self, claim: JobClaim) -> JobAssignment | None:
        """Build the assignment in a thread, as it may take longer than a lease; None if the lease ends before."""
        building: Future[JobAssignment] = Future()

        def build() -> None:
            try:
                building.set_result(self._build(claim))
            except BaseException as error:
                building.set_exception(error)

        threading.Thread(target=build, name="job preparation", daemon=True).start()
        while not wait([building], timeout=FLUSH_SECONDS).done:
            if not self._write(claim.lease, []):
                return None
        return building.result()

    def _follow(self, lease: JobLease, process: JobProcess) -> None:
        """Write what the process sends until it ends, or the lease does."""
        while True:
            deadline, events = time.monotonic() + FLUSH_SECONDS, list[JobEvent]()
            while not _is_over(events) and (left := deadline - time.monotonic()) > 0:
                received = process.receive(left)
                if received is None:
                    self._write(lease, events)
                    log.warning(
                        "the process of job %s died, exit code %s", lease.job_id, process.process.exitcode
                    )
                    self._end(lease, self._record_death)
                    return
                events += received
            if not self._write(lease, events):
                return

    def _write(self, lease: JobLease, events: list[JobEvent]) -> bool:
        """Renew the lease, and store events; False if the job has ended here."""
        return self._in_transaction(lambda connection: self._written(connection, lease, events))

    def _in_transaction(self, action: Callable[[Connection], bool]) -> bool:
        """What `action` returns. Waits for a database that is away; False if the runner is stopped meanwhile."""
        while True:
            try:
                with self._database.write() as connection:
                    return action(connection)
            except DBAPIError as error:
                log.error("the database does not answer; trying again: %s", error.orig)
                if self._thread.stopping.wait(FLUSH_SECONDS):
                    return False

    def _written(self, connection: Connection, lease: JobLease, events: list[JobEvent]) -> bool:
        renewed = jobs.renew(connection, lease, self._settings.lease_seconds)
        if renewed is None:
            log.warning("job %s no longer belongs to this agent", lease.job_id)
            return False
        steps = {each.step: each.content for each in events if isinstance(each, StepDone)}
        totals = [each.total for each in events if isinstance(each, JobPlanned)]
        if steps or totals:
            jobs.store_steps(connection, lease, steps, totals[0] if totals else None)
        last = events[-1] if events else None
        if isinstance(last, JobSucceeded):
            jobs.finish(connection, lease, "succeeded", result=last.result)
        elif isinstance(last, JobFailed):
            jobs.finish(connection, lease, "failed", cause=last.cause, message=last.message)
        elif renewed:
            jobs.finish(connection, lease, "cancelled")
        elif self._thread.stopping.is_set():
            jobs.release(connection, lease)
        else:
            return True
        return False

    def _record_death(self, connection: Connection, lease: JobLease) -> bool:
        return jobs.record_death(connection, lease, self._settings.max_attempts)

    def _end(self, lease: JobLease, transition: Callable[[Connection, JobLease], bool]) -> None:
        self._in_transaction(lambda connection: transition(connection, lease))


def _give_back(error: Exception, connection: Connection, lease: JobLease) -> bool:
    reason = NotStarted(error)
    most = (
        None if isinstance(error, BlobStoreUnavailable) else reason.most
    )  # every job would wait for the store
    return jobs.give_back(connection, lease, cause=reason.cause, message=reason.message, most=most)


def _is_over(events: list[JobEvent]) -> bool:
    return bool(events) and isinstance(events[-1], JobSucceeded | JobFailed)
