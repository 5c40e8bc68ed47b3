"""The audit of what is done with models: reports on corrupted rows, and monitors of batches."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row, select

from service.experiments.model_cache import ModelCache
from service.experiments.monitors import BatchTest
from service.experiments.shift import batch_of_json
from service.experiments.shift_references import ShiftReferences
from service.jobs.assignments import JobAssignmentBuilder
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.jobs import JobClaim, JobLease
from service.store.run_keys import RunFilter
from service.store.tables import Job, JobStep, Monitor, MonitorBatch
from tests.chaos.clients import WatchedMonitor
from tests.harness import Harness
from workers.jobs.messages import JobSucceeded
from workers.jobs.process import events
from workers.randomness import generator
from workers.shift import earlier_rows
from workers.shift.monitoring import first_state

CHECKED = ("level", "p_value", "evidence", "alarms", "tests", "moved", "features_moved", "accuracy", "report")


class ModelAudit:
    """Checks the jobs and monitors of a database, once all work is finished. Every check raises AssertionError."""

    def __init__(self, harness: Harness) -> None:
        self.harness, self.database = harness, harness.database
        self.artifacts = ArtifactStore(harness.settings.artifacts_url)
        self.models = ModelCache(self.database, self.artifacts)
        self.references = ShiftReferences(harness.registry)

    def check_job(self, experiment_id: int) -> None:
        """An experiment whose spec asks for a report has one, with the figures of an undisturbed job."""
        with self.database.read() as connection:
            jobs = connection.execute(select(Job).where(Job.experiment_id == experiment_id)).all()
            left = connection.execute(
                select(JobStep).where(JobStep.job_id.in_([job.id for job in jobs]))
            ).all()
        assert [job.status for job in jobs] == ["succeeded"], (experiment_id, jobs)
        assert left == [], f"steps of a finished job are left: {jobs}"
        (job,) = jobs
        builder = JobAssignmentBuilder(
            self.database, self.harness.registry, self.harness.settings, self.artifacts
        )
        claim = JobClaim(JobLease(job.id, ""), job.kind, experiment_id, job.request, steps={})
        *steps, last = events(builder.build(claim))
        assert isinstance(last, JobSucceeded), last
        assert job.result == last.result, f"the report of experiment {experiment_id} differs"
        assert job.done == job.total == len(steps) - 1  # the first event is their number

    def check_monitor(self, watched: WatchedMonitor) -> int:
        """Each batch was tested once, with the state that those before it had left. Returns how many there are."""
        with self.database.read() as connection:
            monitor = connection.execute(select(Monitor).where(Monitor.id == watched.id)).one_or_none()
            mine = select(MonitorBatch).where(MonitorBatch.monitor_id == watched.id)
            batches = connection.execute(mine.order_by(MonitorBatch.number)).all()
        assert monitor is not None, f"{watched.name} is lost"
        stored = {batch.name: batch.number for batch in batches}
        assert sorted(stored.values()) == list(range(1, monitor.batches + 1)), f"{watched.name}: {stored}"
        assert stored.items() >= watched.answered.items(), f"{watched.name}: {stored}, {watched.answered}"
        assert stored.keys() <= watched.batches.keys()
        self._replay(monitor, batches, watched)
        return len(batches)

    def _replay(self, monitor: Row[Any], batches: Sequence[Row[Any]], watched: WatchedMonitor) -> None:
        model = self.models.load(monitor.experiment_id, RunFilter(monitor.repeat, monitor.fold, monitor.seed))
        state = first_state(self.references.of(model), monitor.detectors, generator(0, "monitors"))
        alarmed: list[int] = []
        for batch in batches:
            products, sample = dict(state.evidence.products), earlier_rows.packed(state.earlier)
            before: Any = SimpleNamespace(
                id=monitor.id, alpha=monitor.alpha, products=products, batches=batch.number - 1
            )
            rows = batch_of_json(model.predictor, watched.batches[batch.name], None)
            test = BatchTest(model, self.references, rows, before, sample)
            checked = test()
            expected = test.values(checked)
            for name in CHECKED:
                assert getattr(batch, name) == expected[name], f"{name} of {watched.name}, {batch.name}"
            state = checked.state
            alarmed += [batch.number] if batch.alarms else []
        assert monitor.products == dict(state.evidence.products)
        assert monitor.first_alarm == (alarmed[0] if alarmed else None)
