"""The row-level results of the runs of an experiment, if they have the probabilities that a request needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from service.store import experiment_reader, row_results_reader
from service.store.artifacts.artifact_store import ArtifactError, ArtifactStore
from service.store.database import Database
from service.store.errors import NoScores, UnknownRun, UnusableRowResults
from service.store.run_keys import RunFilter, RunKey, name_of_run
from workers.evaluation.ranking import Booleans
from workers.evaluation.row_results import CorruptRowResults, RowResults, Singles, Unsigned
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
    artifacts: ArtifactStore,
    experiment_id: int,
    wanted: RunFilter,
    *,
    classes: int | None,
) -> ScoredRuns:
    """Read the wanted runs. Those that have not succeeded are left out.

    classes: how many the experiment has to have; None if any number will do.
    Raises UnknownExperiment, UnknownRun, NoScores, UnusableRowResults or BlobStoreUnavailable.
    """
    with database.read() as connection:
        experiment = experiment_reader.experiment(connection, experiment_id)
        _require_probabilities(experiment, classes)
        runs = row_results_reader.runs(connection, experiment_id)
        chosen = [run for run in runs if wanted.matches(RunKey.of(run))]
        if not chosen:
            raise UnknownRun(experiment_id, [RunKey.of(run) for run in runs])
        stored = [run for run in chosen if run.sha256 is not None]
        contents = [row_results_reader.content(connection, run.id) for run in stored]
    split = "evaluation" if "folds" in experiment.spec["split"] else "validation"
    found = []
    for run, content in zip(stored, contents, strict=True):
        try:
            rows = RowResults.from_bytes(artifacts.load(content))
        except (ArtifactError, CorruptRowResults) as error:
            name = name_of_run(RunKey.of(run), of_folds="folds" in experiment.spec["split"])
            why = error.why if isinstance(error, ArtifactError) else f"its bytes are {error}"
            raise UnusableRowResults(experiment_id, name, why) from error
        if rows.score is not None and rows.confidence is not None:
            of_rows = (rows.labels, rows.predicted == rows.labels, rows.score, rows.confidence)
            found.append(ScoredRun(RunKey.of(run), run.best_epoch, split, *of_rows))
    return ScoredRuns(experiment, found)


def _require_probabilities(experiment: Row[Any], classes: int | None) -> None:
    """Raises NoScores."""
    count = len(experiment.plan["dataset"]["classes"])
    if classes is not None and count != classes:
        raise NoScores.of_many_classes(experiment.id, count)
    output = experiment.spec["loss"]["output"]
    if not is_distribution(output):
        raise NoScores.without_probabilities(experiment.id, output)
