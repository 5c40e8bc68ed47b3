"""The audit after a chaos test: it checks every promise, row by row."""

from collections import Counter
from contextlib import closing
from typing import Any

from sqlalchemy import Row, select

from service.settings import Settings
from service.store.database import Database
from service.store.engine.sqlite_driver import driver
from service.store.tables import FINAL_STATUSES, EpochMetrics, Experiment, Run
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
        self._undisturbed: dict[tuple[str, int], Figures] = {}

    def experiments(self) -> dict[int, Row[Any]]:
        with self.harness.database.read() as connection:
            return {row.id: row for row in connection.execute(select(Experiment))}

    def unfinished(self) -> list[Row[Any]]:
        return [row for row in self.experiments().values() if row.status not in FINAL_STATUSES]

    def report(self, clients: Clients) -> dict[str, int]:
        """Check everything, and count what was checked. Raises AssertionError if something is wrong."""
        assert clients.refused == [], clients.refused[:5]
        experiments = self.experiments()
        doubled = [name for name, n in Counter(row.name for row in experiments.values()).items() if n > 1]
        assert doubled == [], f"stored twice: {doubled}"
        for submission in clients.acknowledged:
            self._check(submission, experiments)
        self._check_file()
        with self.harness.database.read() as connection:
            runs = connection.execute(select(Run)).all()
            epochs = connection.execute(select(EpochMetrics.run_id)).all()
        return {
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
        key = (repr(spec), seed)
        if key not in self._undisturbed:
            self._undisturbed[key] = self.harness.undisturbed(spec, seed=seed)
        return self._undisturbed[key]

    def _check_file(self) -> None:
        if self.deployment.server is None:
            with closing(driver.connect(self.deployment.folder / "holdout.db")) as connection:
                assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                assert connection.execute("PRAGMA foreign_key_check").fetchall() == []

    def close(self) -> None:
        self.harness.database.close()
