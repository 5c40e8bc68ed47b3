"""The intervals of a summary, from row-level results: computed once, when the experiment has ended.

The agent stores them then. A reader that finds none, because the agent is not done or was killed, computes the same
ones: they depend on nothing but the row-level results.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Literal

import numpy as np
from sqlalchemy import Row

from service.experiments.fold_figures import by_fold
from service.experiments.fold_intervals import intervals_of_folds
from service.experiments.row_results import RowResultsLoader
from service.store import experiment_reader, row_results_reader, summary_intervals
from service.store.database import Database
from service.store.errors import UnusableRowResults
from service.store.experiment_reader import ExperimentDetails
from service.store.run_keys import RunKey, are_of_folds, name_of_run
from service.store.spec_facts import is_of_folds, is_regression, quantile_of
from service.store.tables import FINAL_STATUSES, Rows
from workers.evaluation.bootstrap import Resampled, two_way_bootstrap
from workers.evaluation.delong import delong
from workers.evaluation.intervals import Interval
from workers.evaluation.regression_bootstrap import bootstrap_numbers
from workers.evaluation.row_results import RowResults
from workers.evaluation.score_bootstrap import bootstrap_scores
from workers.evaluation.two_classes import positive_scores
from workers.lru_cache import LruCache
from workers.nn.arrays import Integers
from workers.randomness import generator

log = logging.getLogger("holdout.intervals")

Ends = Sequence[float]
"""The lower and the upper end."""
OptionalEnds = tuple[float | None, float | None]
"""The same; two nulls if there is no interval."""
CACHED = 1000
"""Experiments whose intervals stay in memory: those that are not stored yet, and those that have none."""
IDLE_SECONDS = 600.0


@dataclass(frozen=True)
class Intervals:
    """The ends of the intervals: of metrics by name, and of the recall of each class, None for one without rows."""

    metrics: Mapping[str, Ends]
    classes: Sequence[Ends | None]

    def of_metric(self, name: str) -> OptionalEnds:
        """The interval of a metric's mean."""
        return _two(self.metrics.get(name))

    def of_class(self, index: int) -> OptionalEnds:
        """The interval of the mean recall of a class."""
        return _two(self.classes[index])


@dataclass(frozen=True)
class NoIntervals:
    """Why a summary has none."""

    code: Literal["not_ended", "not_computed", "no_row_results", "unreadable_row_results", "too_few_folds"]
    sentence: str

    def of_metric(self, name: str) -> OptionalEnds:
        return None, None

    def of_class(self, index: int) -> OptionalEnds:
        return None, None


NOT_ENDED = NoIntervals(
    "not_ended", "The experiment has not ended. Its intervals are computed once, when it has."
)

NOT_COMPUTED = NoIntervals(
    "not_computed",
    "The intervals are not computed yet. Reading the experiment without `intervals=known` waits for them.",
)
TOO_FEW_FOLDS = NoIntervals("too_few_folds", "Fewer than two folds have a run that succeeded.")
UNREADABLE = NoIntervals(
    "unreadable_row_results", "The row-level results cannot be read: the log of the service says why."
)


class IntervalService:
    """The intervals of one database's experiments. It computes those of one experiment at a time."""

    def __init__(self, database: Database, row_results: RowResultsLoader) -> None:
        self._database, self._row_results = database, row_results
        self._computed: LruCache[tuple[Any, ...], Intervals | NoIntervals] = LruCache(
            CACHED, idle_seconds=IDLE_SECONDS
        )
        self._computing = Lock()

    def get(self, found: ExperimentDetails) -> Intervals | NoIntervals:
        """The intervals of an experiment, or why there are none. No transaction may be open."""
        if (known := self.known(found)) is not NOT_COMPUTED:
            return known
        with self._computing:
            intervals = self._computed.get(_key(found))
            if intervals is None:
                intervals = self._compute(found)
                if intervals is not UNREADABLE:
                    self._computed.put(_key(found), intervals)
        return intervals

    def known(self, found: ExperimentDetails) -> Intervals | NoIntervals:
        """The same at once: NOT_COMPUTED if that takes a computation, which is seconds for many rows and classes."""
        if found.experiment.status not in FINAL_STATUSES:
            return NOT_ENDED
        if found.experiment.intervals is not None:
            return Intervals(**found.experiment.intervals)
        return self._computed.get(_key(found)) or NOT_COMPUTED

    def store(self, experiment_id: int) -> None:
        """Store the intervals of an experiment if it has ended and has any."""
        with self._database.read() as connection:
            found = experiment_reader.find_experiment(connection, experiment_id)
            computed_from = summary_intervals.sources(connection, experiment_id)
        intervals = self.get(found)
        if isinstance(intervals, Intervals) and found.experiment.intervals is None:
            with self._database.write() as connection:
                summary_intervals.save(connection, experiment_id, computed_from, vars(intervals))

    def _compute(self, found: ExperimentDetails) -> Intervals | NoIntervals:
        experiment = found.experiment
        with self._database.read() as connection:
            runs = _summarised(row_results_reader.runs(connection, experiment.id), found)
        if missing := _missing(runs):
            return missing
        try:
            if is_of_folds(experiment.spec):
                folds = by_fold(_measured(found))
                return Intervals(*intervals_of_folds(experiment, folds, runs, self._row_results.load))
            return bootstrapped(experiment, [self._row_results.load(run) for run in runs])
        except (UnusableRowResults, OSError) as error:
            log.warning("experiment %s has no intervals: %s", experiment.id, error)
            return UNREADABLE


def _key(found: ExperimentDetails) -> tuple[Any, ...]:
    return (found.experiment.id, *((run.id, run.attempt) for run in found.runs))


def bootstrapped(experiment: Row[Any], results: list[RowResults]) -> Intervals:
    """The two-way bootstrap of runs that were measured on the same rows."""
    names = experiment.plan["dataset"]["classes"]
    if is_regression(experiment.spec):
        return _of_numbers(experiment, results, len(names))
    found = two_way_bootstrap(
        np.stack([each.predicted for each in results]),
        results[0].labels.astype(np.int64),
        generator(0, "intervals"),
        classes=len(names),
        class_counts=_class_counts(experiment),
    )
    ends = _ends(found | _of_scores(experiment, results, len(names)))
    classes = [ends.pop(f"recall_{index}", None) for index in range(len(names))]
    if len(names) == 2 and (interval := _of_auroc(results)):
        ends["auroc"] = (interval.low, interval.high)
    return Intervals(ends, classes)


def _of_numbers(experiment: Row[Any], results: list[RowResults], count: int) -> Intervals:
    """The same of a regression: its classes are bins of the targets, each with its mean absolute error."""
    predictions = [each.prediction for each in results if each.prediction is not None]
    found = bootstrap_numbers(
        np.stack(predictions),
        np.asarray(results[0].targets, np.float64),
        results[0].labels.astype(np.int64),
        generator(0, "intervals"),
        count=count,
        bin_counts=_class_counts(experiment),
        quantile=quantile_of(experiment.spec),
    )
    ends = _ends(found | _of_scores(experiment, results, count))
    bins = [ends.pop(f"bin_{index}", None) for index in range(count)]
    return Intervals(ends, bins)


def _of_scores(experiment: Row[Any], results: list[RowResults], classes: int) -> dict[str, Resampled]:
    """Of metrics of losses, probabilities and ranks."""
    counts = _class_counts(experiment)
    return bootstrap_scores(results, generator(0, "intervals"), classes=classes, class_counts=counts)


def _ends(found: Mapping[str, Resampled]) -> dict[str, Ends]:
    return {name: (each.interval.low, each.interval.high) for name, each in found.items()}


def _of_auroc(results: list[RowResults]) -> Interval | None:
    """DeLong's interval of the mean AUROC of two classes; None without probabilities, or with too few rows."""
    scores = [positive_scores(each.labels, each.score, 1)[0] for each in results if each.score is not None]
    found = delong(np.stack(scores), results[0].labels == 1) if scores else None
    return found.mean_interval() if found else None


def _two(ends: Ends | None) -> OptionalEnds:
    return (ends[0], ends[1]) if ends else (None, None)


def _measured(found: ExperimentDetails) -> list[Any]:
    """The figures of the runs that the summary averages."""
    return [row for row in found.selected if row.status != "failed"]


def _summarised(runs: Rows, found: ExperimentDetails) -> list[Any]:
    """The runs that the summary averages."""
    keys = {RunKey.of(row) for row in _measured(found)}
    return [run for run in runs if RunKey.of(run) in keys]


def _missing(runs: list[Any]) -> NoIntervals | None:
    """Why some of the runs have no row-level results; None if all have."""
    without = [run for run in runs if run.sha256 is None]
    if runs and not without:
        return None
    if not runs:
        return NoIntervals("no_row_results", "No run has selected an epoch.")
    of_folds = are_of_folds(RunKey.of(run) for run in runs)
    named = ", ".join(name_of_run(RunKey.of(run), of_folds=of_folds) for run in without)
    verb = "has" if len(without) == 1 else "have"
    why = "a cancelled run keeps none" if without[0].status == "cancelled" else "an earlier version kept none"
    sentence = f"{named} {verb} no row-level results: {why}. Submit the spec again to get intervals."
    return NoIntervals("no_row_results", sentence[0].upper() + sentence[1:])


def _class_counts(experiment: Row[Any]) -> Integers | None:
    """How many rows tell how frequent each class is (K,): of a stratified split, all rows that it divided.

    Their shares are those of the validation part, because only the training part may be thinned.
    """
    if not experiment.spec["split"]["stratify"]:
        return None
    counts = experiment.plan["split_counts"]
    validation = np.array(counts["validation"])
    share = sum(map(sum, counts.values())) / validation.sum()
    estimated: Integers = np.rint(validation * share).astype(np.int64)
    return estimated
