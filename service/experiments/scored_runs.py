"""The row-level results of the runs of an experiment, if they have the probabilities that a request needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from service.experiments.row_results import RowResultsLoader, runs_with_results
from service.experiments.task_checks import require_classes
from service.store import experiment_reader
from service.store.database import Database
from service.store.errors import NoScores
from service.store.run_keys import RunFilter, RunKey
from service.store.spec_facts import measured_part
from workers.evaluation.ranking import Booleans
from workers.evaluation.row_results import Singles, Unsigned
from workers.nn.output_layers import is_distribution


@dataclass(frozen=True, eq=False)
class ScoredRun:
    """What the selected epoch of a run predicted for each row of `split`; arrays (n,) as in `RowResults`."""

    key: RunKey
    epoch: int
    split: str
    labels: Unsigned
    is_right: Booleans
    score: Singles
    confidence: Singles

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a response that name the run."""
        return {**self.key._asdict(), "epoch": self.epoch, "split": self.split}


@dataclass(frozen=True, eq=False)
class ScoredRuns:
    """The runs of one experiment that have row-level results."""

    experiment: Row[Any]
    runs: Sequence[ScoredRun]


def scored_runs(
    database: Database,
    loader: RowResultsLoader,
    experiment_id: int,
    wanted: RunFilter,
    *,
    classes: int | None,
) -> ScoredRuns:
    """Read the wanted runs that have row-level results.

    classes: how many the experiment has to have; None if any number will do. Raises UnknownExperiment, UnknownRun,
    NotClassification, NoScores, NoRowResults, UnusableRowResults or BlobStoreUnavailable.
    """
    with database.read() as connection:
        experiment = experiment_reader.experiment(connection, experiment_id)
        require_classes(experiment.plan, experiment_id, "probabilities of classes")
        _require_probabilities(experiment, classes)
        runs = runs_with_results(connection, experiment_id, wanted)
    split = measured_part(experiment.spec)
    loaded = ((run, loader.load(run)) for run in runs)
    return ScoredRuns(
        experiment,
        [
            ScoredRun(
                RunKey.of(run),
                run.best_epoch,
                split,
                rows.labels,
                rows.predicted == rows.labels,
                rows.score,
                rows.confidence,
            )
            for run, rows in loaded
            if rows.score is not None and rows.confidence is not None
        ],
    )


def _require_probabilities(experiment: Row[Any], classes: int | None) -> None:
    """Raises NoScores."""
    count = len(experiment.plan["dataset"]["classes"])
    if classes is not None and count != classes:
        raise NoScores.of_many_classes(experiment.id, count)
    output = experiment.spec["loss"]["output"]
    if not is_distribution(output):
        raise NoScores.without_probabilities(experiment.id, output)
