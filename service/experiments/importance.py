"""The permutation importance of an experiment's columns: computed once for the same models, one at a time.

Nothing is stored: it is computed on the first request, within a limit of time, and cached. It reads validation rows,
or the evaluation part of each fold; never the test part.
"""

from collections.abc import Sequence
from itertools import groupby
from threading import Lock
from typing import Any

import numpy as np
from sqlalchemy import Row

from service.experiments.importance_report import MeasuredImportance, report
from service.experiments.model_cache import LoadedModel, ModelCache, stored_spec
from service.memory_budget import MemoryBudget
from service.schemas.importance import Importance
from service.store import experiment_reader, model_reader
from service.store.database import Database
from service.store.errors import ImportanceTooLong, NoModel, RowsGone, UnknownRun
from service.store.run_keys import RunFilter, RunKey, are_of_folds, name_of_run, spread_over_folds
from workers.cost_model import row_seconds
from workers.data.dataset import Dataset
from workers.data.errors import DatasetError
from workers.data.feature_groups import FeatureGroup, feature_groups
from workers.data.registry import DatasetRegistry
from workers.data.splits import Fold
from workers.evaluation.associations import Association, associated_pairs
from workers.evaluation.metrics import BY_NAME
from workers.importance import PARTS, MeasuredRows, Score, importances
from workers.lru_cache import LruCache
from workers.model_scoring import ModelScoring
from workers.nn.arrays import Integers
from workers.randomness import generator
from workers.spec import ExperimentSpec

CACHED = 1000
MOST_SECONDS = 6.0
"""The estimated time that the predictions may take on one core. The rows are sampled to fit."""
LEAST_ROWS, MOST_ROWS = 100, 10_000
MOST_GROUPS = 1000
MOST_RUNS = 20
METRIC_SECONDS = 1e-7
"""Cost of a metric for a row, a class, and a part of the jackknife."""
CORRELATED = 0.7
"""From here on, columns are said to share their importance."""
MOST_ASSOCIATED = 300
"""The associations of more columns are not computed."""


class ImportanceService:
    """The importances of one database's experiments."""

    def __init__(
        self, database: Database, registry: DatasetRegistry, models: ModelCache, memory: MemoryBudget
    ) -> None:
        self._database, self._registry = database, registry
        self._models, self._memory = models, memory
        self._computed: LruCache[tuple[Any, ...], Importance] = LruCache(CACHED)
        self._computing = Lock()

    def models_of(self, experiment_id: int, wanted: RunFilter) -> list[Row[Any]]:
        """The wanted runs that have a model, with its hash. Raises UnknownExperiment, UnknownRun or NoModel."""
        with self._database.read() as connection:
            runs = model_reader.models(connection, experiment_id)
        keys = [RunKey.of(run) for run in runs]
        matching = [run for run in runs if wanted.matches(RunKey.of(run))]
        if not matching:
            raise UnknownRun(experiment_id, keys)
        found = [run for run in matching if run.sha256 is not None]
        if not found:
            name = name_of_run(RunKey.of(matching[0]), of_folds=are_of_folds(keys))
            raise NoModel(experiment_id, name, matching[0].status)
        return found

    def get(self, experiment_id: int, runs: Sequence[Row[Any]], repeats: int) -> Importance:
        """The importance by these models, which `models_of` returned. No transaction may be open.

        Raises UnknownExperiment, UnusableModel, RowsGone, ImportanceTooLong, OutOfMemory or BlobStoreUnavailable.
        """
        key = (experiment_id, repeats, *((run.id, run.sha256) for run in runs))
        with self._computing:
            found = self._computed.get(key)
            if found is None:
                found = report(self._measure(experiment_id, runs, repeats))
                self._computed.put(key, found)
        return found

    def _measure(self, experiment_id: int, runs: Sequence[Row[Any]], repeats: int) -> MeasuredImportance:
        with self._database.read() as connection:
            experiment = experiment_reader.experiment(connection, experiment_id)
        spec = stored_spec(experiment)
        chosen = [
            self._models.load(experiment_id, RunFilter(*RunKey.of(run)))
            for run in spread_over_folds(runs, MOST_RUNS)
        ]
        try:
            with self._memory.reserve(self._registry.planning_bytes(spec.dataset)):
                return self._measured(experiment, spec, chosen, len(runs), repeats)
        except DatasetError as error:
            raise RowsGone(experiment_id, str(error)) from error

    def _measured(
        self,
        experiment: Row[Any],
        spec: ExperimentSpec,
        runs: Sequence[LoadedModel],
        available_runs: int,
        repeats: int,
    ) -> MeasuredImportance:
        dataset = self._registry.load(spec.dataset)
        groups = feature_groups(dataset)
        cost = len(groups) * repeats * len(runs) * _seconds_of_row(spec, runs[0], dataset)
        if len(groups) > MOST_GROUPS:
            raise ImportanceTooLong.of_columns(experiment.id, len(groups), MOST_GROUPS)
        if (least := LEAST_ROWS * cost) > MOST_SECONDS:
            raise ImportanceTooLong.of_work(experiment.id, least, MOST_SECONDS)
        most = min(MOST_ROWS, int(MOST_SECONDS / cost))
        folds, rows, available = [], [], 0
        for fold, models in _by_fold(runs):
            indices = self._rows(spec, fold)
            part = dataset.take(_sample(indices, most, fold))
            folds.append(
                MeasuredRows(part.features, part.labels, [_score(spec, each, part) for each in models])
            )
            rows += [len(part)] * len(models)
            available = max(available, len(indices))
        found = importances(
            folds,
            groups,
            repeats=repeats,
            larger_is_better=BY_NAME[spec.selection_metric].direction == "max",
            evaluation_share=1 / (spec.split.folds - 1) if len(folds) > 1 else 1.0,  # type: ignore[union-attr]
        )
        return MeasuredImportance(
            experiment=experiment,
            runs=runs,
            rows=rows,
            available_rows=available,
            available_runs=available_runs,
            repeats=repeats,
            metric=spec.selection_metric,
            groups=groups,
            found=found,
            associations=_associations(folds[0].features, groups),
        )

    def _rows(self, spec: ExperimentSpec, fold: Fold) -> Integers:
        rows = self._registry.split_rows(spec.dataset, spec.split, fold)
        return rows.evaluation if len(rows.evaluation) else rows.validation


def _by_fold(runs: Sequence[LoadedModel]) -> list[tuple[Fold, list[LoadedModel]]]:
    groups = groupby(runs, key=lambda model: Fold(model.key.repeat, model.key.fold))
    return [(fold, list(models)) for fold, models in groups]


def _sample(rows: Integers, most: int, fold: Fold) -> Integers:
    """At most so many of the rows, in their order."""
    if len(rows) <= most:
        return rows
    chosen = generator(0, "importance", fold.repeat, fold.fold).choice(len(rows), most, replace=False)
    return rows[np.sort(chosen)]


def _score(spec: ExperimentSpec, model: LoadedModel, part: Dataset) -> Score:
    """Locks the model for one prediction at a time, so that other requests get their turn between them."""
    scoring = ModelScoring(spec, model.predictor, part)

    def score(features: Any, parts: Sequence[Integers]) -> Any:
        with model.alone():
            return scoring.values(features, parts)

    return score


def _seconds_of_row(spec: ExperimentSpec, model: LoadedModel, dataset: Dataset) -> float:
    classes = 1 if model.predictor.is_regression else len(dataset.classes)
    predicted = row_seconds(
        spec, features=model.predictor.input_width, classes=classes, image_shape=dataset.shape
    )
    return predicted + (1 + PARTS) * classes * METRIC_SECONDS


def _associations(features: Any, groups: Sequence[FeatureGroup]) -> list[Association]:
    """None between regions of an image: neighbours are always alike."""
    if len(groups) > MOST_ASSOCIATED or any(group.kind == "region" for group in groups):
        return []
    return associated_pairs(features, [group.kind == "category" for group in groups], CORRELATED)
