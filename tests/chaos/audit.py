"""The audit after a chaos test: it checks every promise, row by row."""

from collections import Counter
from contextlib import closing
from typing import Any

from sqlalchemy import Row, select

from service.settings import Settings
from service.store import jobs, sweep_proposals
from service.store.database import Database
from service.store.engine.sqlite_driver import driver
from service.store.tables import FINAL_STATUSES, EpochMetrics, Experiment, Job, Run, Sweep
from tests.chaos.audit_of_models import ModelAudit
from tests.chaos.audit_of_sweeps import SweepAudit
from tests.chaos.clients import Clients, Submission
from tests.chaos.deployment import Deployment
from tests.harness import Figures, Harness
from workers.data.registry import DatasetRegistry


class Audit:
    """Checks the database of a deployment, once all work is finished."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        settings = Settings(data_dir=deployment.folder, database_url=deployment.url)
        self.harness = Harness(Database(deployment.url), DatasetRegistry(deployment.folder), settings)
        self.models, self.sweeps = ModelAudit(self.harness), SweepAudit(self.harness)

    def experiments(self) -> dict[int, Row[Any]]:
        with self.harness.database.read() as connection:
            return {row.id: row for row in connection.execute(select(Experiment))}

    def is_finished(self) -> bool:
        """Whether every experiment and every job has ended, and no sweep has candidates to come."""
        with self.harness.database.read() as connection:
            if any(jobs.counts(connection).values()) or sweep_proposals.awaiting(connection):
                return False
        return all(row.status in FINAL_STATUSES for row in self.experiments().values())

    def report(self, clients: Clients) -> dict[str, int]:
        """Check everything, and count what was checked. Raises AssertionError if something is wrong."""
        assert clients.refused == [], clients.refused[:5]
        experiments = self.experiments()
        with self.harness.database.read() as connection:
            sweep_names = connection.scalars(select(Sweep.name)).all()
        names = [row.name for row in experiments.values() if row.sweep_id is None]
        doubled = [name for name, n in Counter([*names, *sweep_names]).items() if n > 1]
        assert doubled == [], f"stored twice: {doubled}"
        for submission in clients.acknowledged:
            self._check(submission, experiments)
        candidates = sum(map(self.sweeps.check, clients.sweeps))
        for experiment in clients.reports:
            self.models.check_job(experiment)
        batches = sum(map(self.models.check_monitor, clients.monitors))
        self._check_file()
        with self.harness.database.read() as connection:
            runs = connection.execute(select(Run)).all()
            all_jobs = connection.execute(select(Job)).all()
            epochs = connection.execute(select(EpochMetrics.run_id)).all()
        return {
            "sweeps": len(clients.sweeps),
            "candidates": candidates,
            "jobs": len(all_jobs),
            "attempts of jobs": sum(job.attempt for job in all_jobs),
            "monitors": len(clients.monitors),
            "batches": batches,
            "experiments": len(experiments),
            "acknowledged": len(clients.acknowledged),
            "unanswered requests": clients.unanswered,
            "runs": len(runs),
            "attempts": sum(run.attempt for run in runs),
            "deaths": sum(run.deaths for run in runs),
            "epoch rows": len(epochs),
        }

    def _check(self, submission: Submission, experiments: dict[int, Row[Any]]) -> None:
        stored = experiments.get(submission.id)
        assert stored is not None, f"{submission} is lost"
        assert stored.name == submission.name
        assert stored.status == "succeeded" or (stored.status == "cancelled" and submission.cancelled), stored
        runs = self.harness.runs(submission.id)
        assert [run.seed for run in runs] == submission.spec["seeds"]
        for run in runs:
            self._check_run(run, submission)
        if "robustness" in submission.spec and stored.status == "succeeded":
            self.models.check_job(submission.id)

    def _check_run(self, run: Row[Any], submission: Submission) -> None:
        stored, truth = self.harness.figures(run), self._truth(submission, run.seed)
        if run.status == "succeeded":
            assert stored == truth, f"run {run.id} differs from an undisturbed one"
        else:
            assert run.status == "cancelled", run
            expected = [row for row in truth if row[0] <= run.epoch]
            assert stored == expected, f"run {run.id} differs from the beginning of an undisturbed one"

    def _truth(self, submission: Submission, seed: int) -> Figures:
        spec = {name: value for name, value in submission.spec.items() if name not in ("seeds", "priority")}
        return self.harness.undisturbed(spec, seed=seed)

    def _check_file(self) -> None:
        if self.deployment.server is None:
            with closing(driver.connect(self.deployment.folder / "holdout.db")) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert connection.execute("PRAGMA foreign_key_check").fetchall() == []

    def close(self) -> None:
        self.harness.database.close()
