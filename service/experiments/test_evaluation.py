"""Evaluate experiments on the sealed test rows. No other code reads these rows.

A look is refused if an experiment trained or validated on one of its rows, or if one was looked at before, unless the
request accepts it. It is written into the ledger before its answer is computed. It covers the models of all seeds of
an experiment. Everything that can fail comes before the entry: reading the rows, loading the models, predicting. Only
the comparison with the labels follows. If the service dies between entry and answer, the same models get their answer
on the next request, and that spends nothing.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sqlalchemy import Row

from service.experiments.look_answers import TargetFacts, answer_look
from service.experiments.majority import majority_accuracies
from service.experiments.model_cache import ModelCache, stored_spec
from service.experiments.row_records import complete_records
from service.settings import Settings
from service.store import experiment_reader, exposures, ledger, model_reader
from service.store.database import Database
from service.store.errors import NoModel, NoTestPart, UnusableModel
from service.store.exposures import RowUse
from service.store.run_keys import RunFilter, RunKey, are_of_folds, name_of_run
from service.store.spec_facts import is_regression
from workers.data.dataset import Dataset
from workers.data.registry import DatasetRegistry
from workers.data.row_digests import Digests
from workers.nn.arrays import Array
from workers.predictor import Overflow
from workers.spec import ExperimentSpec

RESTORE_DATASET = "Restore the data set from a backup"
OTHER_SCALING = "Choose another scaling"


@dataclass(frozen=True)
class SealedEvaluator:
    """Evaluates experiments on their test rows, within the limits of the ledger."""

    database: Database
    registry: DatasetRegistry
    models: ModelCache
    settings: Settings

    def evaluate(self, tested: "SealedRows", owner: str, accept: Iterable[str] = ()) -> tuple[Row[Any], bool]:
        """The entry of the ledger with its answer, and whether it is new.

        accept: earlier uses of the rows, `exposed` or `looked_at`, that do not prevent the look. Raises NoModel,
        UnusableModel, RowsUsedBefore or BlobStoreUnavailable; none of them spends a look.
        """
        weights, limits = self._weights(tested.experiment.id), self._limits(accept)
        with self.database.read() as connection:
            before = ledger.find(connection, tested.sha256, weights)
        if before is not None and before.losses is not None:
            return before, False
        exposed = [] if before is not None else self._require_unused(tested, weights, limits)
        predictions = self._predictions(tested)
        new_entry = self._new_entry(tested, weights, owner, sorted(accept))
        with self.database.write() as connection:
            entry, is_new = ledger.open_test_set(connection, new_entry, limits, exposed)
        return (entry if entry.losses is not None else self._answer(entry, tested, predictions)), is_new

    def sealed_rows(self, experiment_id: int) -> "SealedRows":
        """The test rows of an experiment.

        Raises UnknownExperiment, UnusableModel, NoTestPart or DatasetError.
        """
        with self.database.read() as connection:
            experiment = experiment_reader.experiment(connection, experiment_id)
        spec = stored_spec(experiment)
        part = self.registry.test_part(spec.dataset, spec.split)
        if not len(part):
            raise NoTestPart(experiment_id)
        source = "official" if spec.split.test == "official" else "held_back"
        digests = self.registry.test_digests(spec.dataset, spec.split)
        return SealedRows(experiment, part, digests, source, self._target_facts(experiment.spec, spec))

    def _target_facts(self, stored: Mapping[str, Any], spec: ExperimentSpec) -> TargetFacts | None:
        """None of a classification."""
        targets = self.registry.load(spec.dataset).targets
        if targets is None or not is_regression(stored):
            return None
        rows = self.registry.split_rows(spec.dataset, spec.split)
        return TargetFacts.of(targets[rows.train], targets[rows.exposed], stored["loss"])

    def _require_unused(self, tested: "SealedRows", weights: str, limits: ledger.Limits) -> list[RowUse]:
        """The experiments that expose test rows. Raises RowsUsedBefore if the limits forbid the look."""
        complete_records(self.database, self.registry)
        with self.database.read() as connection:
            exposed = exposures.exposed_by(connection, tested.digests)
            earlier = ledger.overlapping(connection, tested.sha256, tested.digests)
        if ledger.find_among(earlier, tested.sha256, weights) is not None:
            return []  # meanwhile, another request has entered the same look
        here = ledger.count_at(earlier, tested.sha256)
        limits.require(ledger.uses(earlier), exposed, test_set_looks=here)
        return exposed

    def _limits(self, accept: Iterable[str]) -> ledger.Limits:
        settings = self.settings
        budget = None if settings.test_ladder else settings.test_budget
        return ledger.Limits(budget, frozenset(accept), settings.test_strict)

    def _new_entry(
        self, tested: "SealedRows", weights: str, owner: str, accepted: list[str]
    ) -> ledger.NewEntry:
        experiment = tested.experiment
        return ledger.NewEntry(
            test_set=tested.sha256,
            digests=tested.digests.astype("<u8").tobytes(),
            weights=weights,
            ladder=self.settings.test_ladder,
            experiment_id=experiment.id,
            spec_hash=experiment.spec_hash,
            dataset=experiment.dataset,
            source=tested.source,
            rows=len(tested.part),
            classes=list(tested.part.classes),
            majority_accuracy=tested.majority_accuracy,
            owner=owner,
            accepted=accepted,
        )

    def _weights(self, experiment_id: int) -> str:
        """The hash of the models of all seeds. Raises NoModel if one of them has none."""
        with self.database.read() as connection:
            runs = model_reader.models(connection, experiment_id)
        keys = [RunKey.of(run) for run in runs]
        for run, key in zip(runs, keys, strict=True):
            if run.sha256 is None:
                raise NoModel(experiment_id, name_of_run(key, of_folds=are_of_folds(keys)), run.status)
        return hashlib.sha256("\n".join(sorted(run.sha256 for run in runs)).encode()).hexdigest()

    def _predictions(self, tested: "SealedRows") -> list[Array]:
        """The predicted labels, or numbers, (n,) of each run's model. Raises UnusableModel."""
        with self.database.read() as connection:
            runs = model_reader.models(connection, tested.experiment.id)
        keys = [RunKey.of(run) for run in runs]
        return [self._predicted(tested, key, of_folds=are_of_folds(keys)) for key in keys]

    def _predicted(self, tested: "SealedRows", key: RunKey, *, of_folds: bool) -> Array:
        id_, features = tested.experiment.id, tested.part.features
        run = name_of_run(key, of_folds=of_folds)
        with self.models.load(id_, RunFilter(*key)).alone() as predictor:
            if predictor.features != features.shape[1]:
                why = f"it takes {predictor.features} features, and the test rows have {features.shape[1]}"
                raise UnusableModel(id_, run, why, RESTORE_DATASET)
            try:
                found = predictor(features)
            except Overflow as error:
                raise UnusableModel(id_, run, f"of the test rows, {error}", OTHER_SCALING) from error
        numbers: Array = found.outputs[:, 0] if tested.targets else found.labels.astype(np.float64)
        return numbers

    def _answer(self, entry: Row[Any], tested: "SealedRows", predictions: list[Array]) -> Row[Any]:
        if not entry.ladder:
            answer, losses = answer_look(predictions, tested.part, tested.targets, ladder=None)
        with self.database.write() as connection:
            if entry.ladder:
                before = [each for each in ledger.entries(connection, entry.test_set) if each.id < entry.id]
                answer, losses = answer_look(predictions, tested.part, tested.targets, ladder=before)
            ledger.close(connection, entry.id, answer, losses.tobytes())
            answered = ledger.find(connection, entry.test_set, entry.weights)
        assert answered is not None  # noqa: S101 -- entries are never removed
        return answered


@dataclass(frozen=True, eq=False)
class SealedRows:
    """The test rows of an experiment, with their digests (n,). source: "held_back" by its split, or "official".

    targets: what is known of the numbers that a regression predicts; None of a classification.
    """

    experiment: Row[Any]
    part: Dataset
    digests: Digests
    source: str
    targets: TargetFacts | None = None

    @property
    def majority_accuracy(self) -> float | None:
        """The accuracy of always predicting the class that is the most frequent one in training."""
        return majority_accuracies(self.experiment.plan)[0, 0, "test"]

    @cached_property
    def sha256(self) -> str:
        """The hash of the rows, whatever the data set is called."""
        return self.part.sha256
