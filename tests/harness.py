"""A test harness for one database: it submits experiments, waits for runs and reads their rows, without the API."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Row, delete, select

from service.experiments.submission import submit
from service.notifiers import PollingNotifier
from service.settings import Settings
from service.store import queue
from service.store.database import Database
from service.store.tables import EpochClasses, EpochMetrics, Experiment, Run
from workers.data.registry import DatasetRegistry
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.metrics.per_class import CLASS_METRICS
from workers.plan import make_plan
from workers.spec import ExperimentSpec
from workers.training import Epoch, train

IRIS = {"dataset": "iris", "model": {"hidden": [8], "dropout": 0.2}, "training": {"epochs": 3}}

STORED = ("rows", *BY_NAME)
STORED_OF_CLASSES = ("support", *(metric.name for metric in CLASS_METRICS))

Figures = list[tuple[Any, ...]]
"""All that is stored of a run's epochs except times, in order."""

UNDISTURBED: dict[tuple[str, int, str], Figures] = {}
"""The figures of undisturbed trainings, by spec, seed, and the folder of the parts, which is named by their hash."""


class Harness:
    """Does to a database what clients do through the API, and reads its rows."""

    def __init__(self, database: Database, registry: DatasetRegistry, settings: Settings) -> None:
        self.database, self.registry, self.settings = database, registry, settings

    def submit(self, spec: dict[str, Any]) -> int:
        """Submit an experiment, and return its id."""
        plan = make_plan(ExperimentSpec.model_validate(spec), self.registry)
        with self.database.write() as connection:
            return submit(connection, plan, PollingNotifier())

    def cancel(self, experiment_id: int) -> None:
        with self.database.write() as connection:
            queue.request_cancel(connection, experiment_id)

    def retry(self, experiment_id: int) -> int:
        with self.database.write() as connection:
            return queue.retry(connection, experiment_id)

    def delete(self, experiment_id: int) -> None:
        with self.database.write() as connection:
            connection.execute(delete(Experiment).where(Experiment.id == experiment_id))

    def experiment(self, experiment_id: int) -> Row[Any]:
        with self.database.read() as connection:
            return connection.execute(select(Experiment).where(Experiment.id == experiment_id)).one()

    def runs(self, experiment_id: int) -> Sequence[Row[Any]]:
        with self.database.read() as connection:
            mine = select(Run).where(Run.experiment_id == experiment_id)
            return connection.execute(mine.order_by(Run.id)).all()

    def run(self, experiment_id: int) -> Row[Any]:
        """The only run of an experiment."""
        (run,) = self.runs(experiment_id)
        return run

    def wait(
        self, experiment_id: int, until: Callable[[Row[Any]], object], *, seconds: float = 30
    ) -> Row[Any]:
        """Wait until an experiment's first run satisfies `until`, and return it."""
        deadline = time.monotonic() + seconds
        while not until(run := self.runs(experiment_id)[0]):
            assert time.monotonic() < deadline, run
            time.sleep(0.05)  # each look takes milliseconds of the processors that train
        return run

    def wait_for_epoch(self, experiment_id: int, epoch: int) -> Row[Any]:
        """Wait until an epoch of the first run is stored, and return the run."""
        return self.wait(experiment_id, lambda run: run.epoch >= epoch)

    def wait_for_attempt(self, experiment_id: int, attempt: int) -> Row[Any]:
        """Wait until the first run was claimed that often, and return it."""
        return self.wait(experiment_id, lambda run: run.attempt >= attempt)

    def wait_for_end(self, experiment_id: int, *, seconds: float = 60) -> Row[Any]:
        self.wait(experiment_id, lambda _: self.experiment(experiment_id).finished_at, seconds=seconds)
        return self.experiment(experiment_id)

    def figures(self, run: Row[Any]) -> Figures:
        """The stored figures of a run."""
        figures: Figures = []
        with self.database.read() as connection:
            for table, names in ((EpochMetrics, STORED), (EpochClasses, (*STORED_OF_CLASSES, "confusion"))):
                columns = [getattr(table, name) for name in ("epoch", "split", *names)]
                rows = select(*columns).where(table.run_id == run.id).order_by(table.epoch, table.split)
                figures += [tuple(row) for row in connection.execute(rows)]
        return figures

    def spec_json(self, spec: dict[str, Any]) -> str:
        """A stored spec as JSON, as a worker gets it."""
        return ExperimentSpec.model_validate(spec).model_dump_json()

    def parts_folder(self, spec: dict[str, Any]) -> Path:
        """The folder of the parts that a stored spec names."""
        resolved = ExperimentSpec.model_validate(spec)
        return self.registry.prepare_split(resolved.dataset, resolved.split).folder

    def undisturbed(self, spec: dict[str, Any], *, seed: int = 0) -> Figures:
        """The figures that should be stored: those of the same training in this process, without any disturbance."""
        resolved = ExperimentSpec.model_validate(spec)
        parts = self.registry.prepare_split(resolved.dataset, resolved.split)
        key = (resolved.model_dump_json(), seed, parts.folder.name)
        if key not in UNDISTURBED:
            epochs = list(train(resolved, parts.read("train"), parts.read("validation"), seed=seed))
            UNDISTURBED[key] = [
                row(epoch, split)
                for row in (_metrics, _classes)
                for epoch in epochs
                for split in ("train", "validation")
            ]
        return UNDISTURBED[key]


def _metrics(epoch: Epoch, split: str) -> tuple[Any, ...]:
    evaluation = epoch.training if split == "train" else epoch.validation
    return (epoch.number, split, *(getattr(evaluation, name) for name in STORED))


def _classes(epoch: Epoch, split: str) -> tuple[Any, ...]:
    evaluation = epoch.training if split == "train" else epoch.validation
    lists = (evaluation.per_class()[name] for name in STORED_OF_CLASSES)
    return (epoch.number, split, *lists, evaluation.confusion.tolist())
