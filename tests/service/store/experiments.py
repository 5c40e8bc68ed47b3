"""Experiments with only the columns that the queue needs, and a harness that calls its functions."""

from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Row, select, update

from service.store import queue
from service.store.database import Database
from service.store.engine.clock import now
from service.store.queue import Claim, Lease, Renewal
from service.store.run_keys import ALL_RUNS, RunFilter
from service.store.tables import Experiment, Run
from workers.processes.failure_causes import Cause

LEASE_SECONDS = 60.0
MAX_DEATHS = 3

P = ParamSpec("P")
R = TypeVar("R")

SPEC = {"split": {"name": "random"}, "training": {"max_seconds": None, "early_stopping": None}}
"""What the store reads of a spec."""


class QueueHarness:
    """Calls the functions of the queue, each in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def write(self, action: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Call one function of the store, in a transaction of its own."""
        with self.database.write() as connection:
            return action(connection, *args, **kwargs)

    def submit(
        self,
        seeds: Sequence[int] = (0,),
        *,
        folds: Sequence[tuple[int, int]] = ((0, 0),),
        priority: int = 0,
        owner: str = "local",
        epochs: int = 3,
    ) -> int:
        with self.database.write() as connection:
            return queue.submit(
                connection,
                seeds=seeds,
                folds=folds,
                epochs=epochs,
                tags=["b", "a", "b"],
                name="",
                priority=priority,
                owner=owner,
                spec=SPEC,
                spec_hash="",
                plan={},
                warnings=[],
                dataset="digits",
                loss="cross_entropy",
                optimizer="adam",
                balancing="none",
            )

    def claim(
        self,
        agent: str = "agent",
        *,
        lease_seconds: float = LEASE_SECONDS,
        end_expired: bool = True,
        ahead: bool = False,
    ) -> Claim | None:
        return self.write(
            queue.claim,
            agent=agent,
            lease_seconds=lease_seconds,
            max_deaths=MAX_DEATHS,
            end_expired=end_expired,
            ahead=ahead,
        )

    def leases(self, experiment_id: int) -> list[Lease]:
        """The present leases on the runs of an experiment."""
        running = [run for run in self.runs(experiment_id) if run.status == "running"]
        return [Lease(run.id, run.attempt, run.claim_token) for run in running]

    def take(self, agent: str = "agent", *, lease_seconds: float = LEASE_SECONDS) -> Lease:
        """Claim a run. Fails if there is none."""
        claim = self.claim(agent, lease_seconds=lease_seconds)
        assert claim is not None
        return claim.lease

    def renew(
        self, lease: Lease, *, worked_seconds: float = 1.0, confirmed: int = 0, begun: bool = False
    ) -> Renewal | None:
        return self.write(
            queue.renew,
            lease,
            lease_seconds=LEASE_SECONDS,
            worked_seconds=worked_seconds,
            confirmed=confirmed,
            begun=begun,
        )

    def finish(
        self,
        lease: Lease,
        status: str = "succeeded",
        *,
        cause: Cause | None = None,
        message: str | None = None,
    ) -> bool:
        return self.write(queue.finish, lease, status, cause=cause, message=message)

    def release(self, lease: Lease) -> bool:
        return self.write(queue.release, lease)

    def record_death(self, lease: Lease) -> bool:
        return self.write(queue.record_death, lease, max_deaths=MAX_DEATHS)

    def cancel(self, experiment_id: int) -> None:
        self.write(queue.request_cancel, experiment_id)

    def retry(self, experiment_id: int, wanted: RunFilter = ALL_RUNS) -> int:
        return self.write(queue.retry, experiment_id, wanted)

    def has_work(self) -> bool:
        with self.database.read() as connection:
            return queue.has_work(connection)

    def forgive_deaths(self, lease: Lease) -> None:
        self.write(queue.forgive_deaths, lease)

    def expire(self, *leases: Lease, ends_in: float = -1) -> None:
        """Let leases expire, as if their agent had been frozen. ends_in: in how many seconds they end."""
        with self.database.write() as connection:
            for lease in leases:
                expired = update(Run).where(Run.id == lease.run_id, Run.status == "running")
                connection.execute(expired.values(lease_until=now() + ends_in))

    def clock(self) -> float:
        with self.database.read() as connection:
            return float(connection.execute(select(now())).scalar_one())

    def run(self, run_id: int) -> Row[Any]:
        with self.database.read() as connection:
            return connection.execute(select(Run).where(Run.id == run_id)).one()

    def runs(self, experiment_id: int) -> Sequence[Row[Any]]:
        with self.database.read() as connection:
            mine = select(Run).where(Run.experiment_id == experiment_id)
            return connection.execute(mine.order_by(Run.id)).all()

    def experiment(self, experiment_id: int) -> Row[Any]:
        with self.database.read() as connection:
            return connection.execute(select(Experiment).where(Experiment.id == experiment_id)).one()


End = Callable[[QueueHarness, Lease], object]
"""One way in which a lease ends."""
