"""Evaluate experiments on the sealed test rows. No other code reads these rows.

A look is written into the ledger of the rows before its answer is computed. It covers the models of all seeds of an
experiment. Everything that can fail comes before the entry: reading the rows, loading the models, predicting. Only
the comparison with the labels follows. If the service dies between entry and answer, the same models get their answer
on the next request, and that spends nothing.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import Row

from service.experiments.model_cache import ModelCache, stored_spec
from service.settings import Settings
from service.store import experiment_reader, ledger, model_reader
from service.store.database import Database
from service.store.errors import NoModel, NoTestPart, UnusableModel
from service.store.run_keys import RunFilter, RunKey, are_of_folds, name_of_run
from workers.data.dataset import Dataset
from workers.data.registry import DatasetRegistry
from workers.evaluation.ladder import LadderStep, climb
from workers.evaluation.test_look import Look, look
from workers.nn.arrays import Integers
from workers.predictor import Overflow

RESTORE_DATASET = "Restore the data set from a backup"
OTHER_SCALING = "Choose another scaling"


@dataclass(frozen=True)
class SealedEvaluator:
    """Evaluates experiments on their test rows, within the budget of the ledger."""

    database: Database
    registry: DatasetRegistry
    models: ModelCache
    settings: Settings

    def evaluate(self, tested: "SealedRows", owner: str) -> tuple[Row[Any], bool]:
        """The entry of the ledger with its answer, and whether it is new.

        Raises NoModel, UnusableModel, BudgetSpent or BlobStoreUnavailable; none of them spends a look.
        """
        experiment_id = tested.experiment.id
        new_entry = ledger.NewEntry(
            test_set=tested.sha256,
            weights=self._weights(experiment_id),
            ladder=self.settings.test_ladder,
            experiment_id=experiment_id,
            spec_hash=tested.experiment.spec_hash,
            dataset=tested.experiment.dataset,
            source=tested.source,
            rows=len(tested.part),
            owner=owner,
        )
        budget = None if self.settings.test_ladder else self.settings.test_budget
        with self.database.read() as connection:
            before = ledger.find(connection, new_entry, budget=budget)
        if before is not None and before.losses is not None:
            return before, False
        predictions = self._predictions(tested)
        with self.database.write() as connection:
            entry, is_new = ledger.open_test_set(connection, new_entry, budget=budget)
        return (entry if entry.losses is not None else self._answer(entry, tested, predictions)), is_new

    def sealed_rows(self, experiment_id: int) -> "SealedRows":
        """The test rows of an experiment. Raises UnknownExperiment, UnusableModel, NoTestPart or DatasetError."""
        with self.database.read() as connection:
            experiment = experiment_reader.experiment(connection, experiment_id)
        spec = stored_spec(experiment)
        part = self.registry.test_part(spec.dataset, spec.split)
        if not len(part):
            raise NoTestPart(experiment_id)
        source = "official" if spec.split.test == "official" else "held_back"
        return SealedRows(experiment, part, source)

    def _weights(self, experiment_id: int) -> str:
        """The hash of the models of all seeds. Raises NoModel if one of them has none."""
        with self.database.read() as connection:
            runs = model_reader.models(connection, experiment_id)
        keys = [RunKey.of(run) for run in runs]
        for run, key in zip(runs, keys, strict=True):
            if run.sha256 is None:
                raise NoModel(experiment_id, name_of_run(key, of_folds=are_of_folds(keys)), run.status)
        return hashlib.sha256("\n".join(sorted(run.sha256 for run in runs)).encode()).hexdigest()

    def _predictions(self, tested: "SealedRows") -> list[Integers]:
        """The predicted labels (n,) of each run's model. Raises UnusableModel."""
        with self.database.read() as connection:
            runs = model_reader.models(connection, tested.experiment.id)
        keys = [RunKey.of(run) for run in runs]
        return [self._predicted(tested, key, of_folds=are_of_folds(keys)) for key in keys]

    def _predicted(self, tested: "SealedRows", key: RunKey, *, of_folds: bool) -> Integers:
        id_, features = tested.experiment.id, tested.part.features
        run = name_of_run(key, of_folds=of_folds)
        with self.models.load(id_, RunFilter(*key)).alone() as predictor:
            if predictor.features != features.shape[1]:
                why = f"it takes {predictor.features} features, and the test rows have {features.shape[1]}"
                raise UnusableModel(id_, run, why, RESTORE_DATASET)
            try:
                return predictor(features).labels
            except Overflow as error:
                raise UnusableModel(id_, run, f"of the test rows, {error}", OTHER_SCALING) from error

    def _answer(self, entry: Row[Any], tested: "SealedRows", predictions: list[Integers]) -> Row[Any]:
        looked = look(predictions, tested.part.labels, len(tested.part.classes))
        with self.database.write() as connection:
            before = ledger.entries(connection, entry.test_set)[: entry.look - 1]
            answer = _of_ladder(looked, before) if entry.ladder else _in_full(looked)
            ledger.close(connection, entry.id, answer, looked.losses.tobytes())
            answered: Row[Any] = ledger.entries(connection, entry.test_set)[entry.look - 1]
        return answered


@dataclass(frozen=True, eq=False)
class SealedRows:
    """The test rows of an experiment. source: "held_back" by its split, or "official"."""

    experiment: Row[Any]
    part: Dataset
    source: str

    @cached_property
    def sha256(self) -> str:
        """The name of the ledger: the hash of the rows, whatever the data set is called."""
        return self.part.sha256


def _in_full(looked: Look) -> dict[str, Any]:
    """The answer with the number of correct rows of each class: no response tells more of a look."""
    rows = sum(looked.support) * looked.seeds
    return {
        "accuracy": sum(looked.correct) / rows,
        "seeds": looked.seeds,
        "support": looked.support,
        "correct": looked.correct,
    }


def _of_ladder(looked: Look, before: Any) -> dict[str, Any]:
    """The answer of a Ladder: the best accuracy so far; `improved` if this look has set it."""
    best: LadderStep | None = None
    for entry in before:
        if entry.losses is not None:
            best = climb(best, np.frombuffer(entry.losses, np.float32))
    step = climb(best, looked.losses)
    return {"accuracy": 1 - step.loss, "seeds": looked.seeds, "improved": step is not best}
