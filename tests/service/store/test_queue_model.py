"""The queue and the stored epochs, under random sequences of events, checked against a model of a page of Python."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, Row, delete, select

from service.store import queue
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.database import Database
from service.store.epochs import epoch_writer
from service.store.queue import Lease, Renewal
from service.store.tables import Checkpoint, EpochMetrics, Experiment, Run
from tests.service.fake_worker import evaluation
from tests.service.store.experiments import LEASE_SECONDS, MAX_DEATHS, QueueHarness
from tests.service.stored_runs import record_epochs
from workers.processes.failure_causes import Cause
from workers.processes.messages import CheckpointTaken
from workers.training import Epoch

FIGURES = evaluation([[3, 1], [0, 2]])
Rows = Sequence[Row[Any]]
OVER = {"succeeded", "failed", "cancelled"}


@dataclass
class ModelRun:
    """A run as it should be."""

    id: int
    experiment: int
    owner: str
    priority: int
    status: str = "queued"
    attempt: int = 0
    deaths: int = 0
    cancel_requested: bool = False
    frozen: bool = False
    ahead: bool = False
    cause: str | None = None
    epoch: int = 0
    checkpoint: int = 0
    worked: float = 0.0
    heartbeat: int = 0

    def record_death(self) -> None:
        """Its worker or agent died; that is no death if no worker had begun it."""
        self.deaths += not self.ahead
        self.frozen, self.ahead = False, False
        if self.cancel_requested:
            self.status = "cancelled"
        elif self.deaths == MAX_DEATHS:
            self.status, self.cause = "failed", "lost"
        else:
            self.status = "queued"


@dataclass
class Model:
    """All runs, and what may be claimed next."""

    runs: dict[int, ModelRun] = field(default_factory=dict)

    def leased(self, lease: Lease) -> ModelRun | None:
        run = self.runs[lease.run_id]
        return run if run.status == "running" and run.attempt == lease.attempt else None

    def of(self, experiment: int) -> list[ModelRun]:
        return [run for run in self.runs.values() if run.experiment == experiment]

    def expire(self) -> None:
        for run in self.runs.values():
            if run.status == "running" and run.frozen:
                run.record_death()

    def next(self) -> ModelRun | None:
        running = [run.owner for run in self.runs.values() if run.status == "running"]
        queued = [run for run in self.runs.values() if run.status == "queued"]
        top = [run for run in queued if run.priority == max(each.priority for each in queued)]
        oldest = {run.owner: run.id for run in reversed(top)}
        return min(top, key=lambda r: (running.count(r.owner), oldest[r.owner], r.id), default=None)

    def status(self, experiment: int) -> str:
        statuses = {run.status for run in self.of(experiment)}
        if statuses <= OVER:
            return next((end for end in ("failed", "cancelled") if end in statuses), "succeeded")
        return "queued" if statuses == {"queued"} else "running"


class QueueMachine(RuleBasedStateMachine):
    """Random calls of agents (with old and new leases) and clients, against one database and the model."""

    experiments = Bundle("experiments")
    leases = Bundle("leases")

    def __init__(self, database: Database, artifacts: ArtifactStore) -> None:
        super().__init__()
        self.harness, self.model, self.artifacts = QueueHarness(database), Model(), artifacts

    @rule(
        target=experiments,
        seeds=st.integers(1, 3),
        priority=st.integers(0, 1),
        owner=st.sampled_from(["ada", "bob"]),
    )
    def submit(self, seeds: int, priority: int, owner: str) -> int:
        id_ = self.harness.submit(range(seeds), priority=priority, owner=owner, epochs=99)
        for run in self.harness.runs(id_):
            self.model.runs[run.id] = ModelRun(run.id, id_, owner, priority)
        return id_

    @rule(target=leases, ahead=st.booleans())
    def claim(self, ahead: bool) -> Lease | MultipleResults[Lease]:
        self.model.expire()
        expected = self.model.next()
        claim = self.harness.claim(ahead=ahead)
        if expected is None:
            assert claim is None
            return multiple()
        assert claim is not None
        expected.status, expected.attempt, expected.heartbeat = "running", expected.attempt + 1, 0
        expected.ahead = ahead
        assert (claim.lease.run_id, claim.lease.attempt) == (expected.id, expected.attempt)
        assert claim.worked_seconds == expected.worked
        content = self.harness.write(epoch_writer.rewind, expected.id)
        assert content == (f"{expected.checkpoint}".encode() if expected.checkpoint else None)
        expected.epoch = expected.checkpoint
        return claim.lease

    @rule(lease=leases, epochs=st.integers(0, 2), checkpoint=st.booleans(), worked=st.integers(0, 9))
    def tick(self, lease: Lease, epochs: int, checkpoint: bool, worked: int) -> None:
        """What an agent writes: fenced by the lease, all or nothing."""
        run = self.model.leased(lease)
        known = self.model.runs[lease.run_id]
        first = known.epoch + 1
        ended = range(first, first + epochs)
        renewed = self.harness.write(self._write, lease, ended, checkpoint=checkpoint, worked=worked)
        assert renewed == (Renewal(run.cancel_requested, run.heartbeat + 1, run.epoch) if run else None)
        if run:
            run.frozen, run.ahead = False, run.ahead and not epochs
            run.epoch += epochs
            run.checkpoint = run.epoch if checkpoint else run.checkpoint
            run.worked = worked
            run.heartbeat += 1

    @rule(lease=leases)
    def repeat_the_last_epoch(self, lease: Lease) -> None:
        """Writing again after a commit whose response was lost changes nothing."""
        run = self.model.leased(lease)
        if run and run.epoch:
            again = range(run.epoch, run.epoch + 1)
            self.harness.write(self._write, lease, again, checkpoint=False, worked=run.worked)
            run.frozen, run.ahead = False, False
            run.heartbeat += 1

    @rule(lease=leases)
    def freeze(self, lease: Lease) -> None:
        """The run is not renewed for a whole lease, whichever lease is the current one."""
        run = self.model.runs[lease.run_id]
        self.harness.expire(lease)
        run.frozen = run.status == "running"

    @rule(lease=leases)
    def crash(self, lease: Lease) -> None:
        run = self.model.leased(lease)
        assert self.harness.record_death(lease) is (run is not None)
        if run:
            run.record_death()

    @rule(lease=leases)
    def release(self, lease: Lease) -> None:
        run = self.model.leased(lease)
        assert self.harness.release(lease) is (run is not None)
        if run:
            run.status, run.frozen = "cancelled" if run.cancel_requested else "queued", False
            run.ahead = False

    @rule(lease=leases, status=st.sampled_from(["succeeded", "failed", "cancelled"]))
    def finish(self, lease: Lease, status: str) -> None:
        run = self.model.leased(lease)
        cause: Cause | None = "error" if status == "failed" else None
        assert self.harness.finish(lease, status, cause=cause) is (run is not None)
        if run:
            run.status, run.cause, run.frozen, run.ahead = status, cause, False, False

    @rule(id_=experiments)
    def cancel(self, id_: int) -> None:
        self.harness.cancel(id_)
        for run in self.model.of(id_):
            run.cancel_requested |= run.status not in OVER
            run.status = "cancelled" if run.status == "queued" else run.status

    @rule(id_=experiments)
    def retry(self, id_: int) -> None:
        again = [run for run in self.model.of(id_) if run.status in ("failed", "cancelled")]
        assert self.harness.retry(id_) == len(again)
        for run in again:
            run.status, run.cause, run.deaths, run.cancel_requested = "queued", None, 0, False
            run.worked = 0.0

    def _write(
        self, connection: Connection, lease: Lease, epochs: range, *, checkpoint: bool, worked: float
    ) -> Renewal | None:
        seconds, begun = LEASE_SECONDS, bool(epochs)
        renewed = queue.renew(connection, lease, lease_seconds=seconds, worked_seconds=worked, begun=begun)
        if renewed is None:
            return None
        figures: dict[str, Any] = {
            "training": FIGURES,
            "validation": FIGURES,
            "drawn": FIGURES.confusion.sum(axis=1),
            "learning_rate": 0.1,
            "gradient_norm": 1.0,
        }
        ended = [Epoch(number, **figures, best_epoch=1, seconds=0.5) for number in epochs]
        record_epochs(connection, lease.run_id, ended, stored=renewed.epoch)
        stored = connection.execute(select(Run.epoch).where(Run.id == lease.run_id)).scalar_one()
        if checkpoint and stored:
            taken = CheckpointTaken(stored, None, f"{stored}".encode())
            epoch_writer.save_checkpoint(connection, self.artifacts, lease.run_id, taken)
        return renewed

    @invariant()
    def the_database_is_as_the_model(self) -> None:
        with self.harness.database.read() as connection:
            runs: Rows = connection.execute(select(Run)).all()
            experiments: Rows = connection.execute(select(Experiment)).all()
            epochs = connection.execute(
                select(EpochMetrics.run_id, EpochMetrics.epoch, EpochMetrics.split)
            ).all()
            work = queue.has_work(connection)
        assert len(runs) == len(self.model.runs)
        for row in runs:
            run = self.model.runs[row.id]
            for name in ("status", "attempt", "deaths", "cancel_requested", "cause", "epoch"):
                assert getattr(row, name) == getattr(run, name), name
            assert (row.worked_seconds, row.training_seconds) == (run.worked, 0.5 * run.epoch)
            assert (row.lease_until is not None) == (row.agent is not None) == (run.status == "running")
            assert (row.finished_at is not None) == (run.status in OVER)
        for row in experiments:
            assert row.status == self.model.status(row.id)
            assert (row.finished_at is not None) == (row.status in OVER)
        assert sorted(epochs) == [
            (run.id, epoch, split)
            for run in sorted(self.model.runs.values(), key=lambda run: run.id)
            for epoch in range(1, run.epoch + 1)
            for split in ("train", "validation")
        ]
        claimable = (run.status == "queued" or run.frozen for run in self.model.runs.values())
        assert work == any(claimable)

    def teardown(self) -> None:
        with self.harness.database.write() as connection:
            connection.execute(delete(Experiment))


@pytest.mark.timeout(300)
def test_the_queue_agrees_with_its_model_after_any_events(database: Database, tmp_path: Path) -> None:
    artifacts = ArtifactStore(str(tmp_path))
    run_state_machine_as_test(
        lambda: QueueMachine(database, artifacts),  # type: ignore[arg-type]
        settings=settings(
            max_examples=settings().max_examples // 4,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    with database.read() as connection:
        assert connection.execute(select(Checkpoint.run_id)).all() == []
