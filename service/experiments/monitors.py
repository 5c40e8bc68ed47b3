"""Monitors: create them, and test the batches that they are sent.

A batch is tested outside of any transaction, with the state of the monitor as it is then. If another batch has been
stored meanwhile, it is tested again with the new state. So batches are ordered, each is tested once, and a process
that dies has spent nothing. All randomness follows from the monitor and the number of the batch: to send a batch
again gives no second chance.
"""

import hashlib
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Row

from service.experiments.model_cache import LoadedModel, ModelCache
from service.experiments.shift import ComparedBatch, RowBatch, scored_batch
from service.experiments.shift_references import ShiftReferences
from service.schemas.monitors import MOST_NAMES, NewMonitor
from service.schemas.shift import Shift
from service.store import monitors
from service.store.database import Database
from service.store.engine.lock_timeout import LOCK_TIMEOUT_SECONDS, WRITE_DEADLINE
from service.store.monitors import GivenBatch
from service.store.run_keys import RunFilter
from service.store.webhooks import monitor_messages
from workers import scored_rows
from workers.nn.arrays import Array
from workers.randomness import generator
from workers.shift import earlier_rows
from workers.shift.evidence import ShiftEvidence, e_value
from workers.shift.monitoring import CheckedBatch, MonitorState, check_batch, detectors_of, first_state
from workers.shift.rows import ScoredRows
from workers.validation.errors import FieldError, InvalidSpec


@dataclass(frozen=True)
class MonitorService:
    """The monitors of one database."""

    database: Database
    models: ModelCache
    references: ShiftReferences

    def create(self, wanted: NewMonitor, owner: str) -> tuple[Row[Any], bool]:
        """Create a monitor, and whether it is new.

        Raises InvalidSpec, UnknownExperiment, NoModel, ManyModels, UnusableModel, DatasetError or MonitorNameTaken.
        """
        model = self.models.load(wanted.experiment_id, RunFilter(wanted.repeat, wanted.fold, wanted.seed))
        reference = self.references.of(model)
        possible = detectors_of(is_regression=reference.is_regression)
        detectors = [name for name in possible if wanted.detectors is None or name in wanted.detectors]
        if wanted.detectors and len(detectors) < len(set(wanted.detectors)):
            message = f"has one that a regression has not: choose of {', '.join(possible)}"
            raise InvalidSpec([FieldError("detectors", list(wanted.detectors), message)])
        state = first_state(reference, detectors, generator(0, "monitors"))
        values = {
            "experiment_id": wanted.experiment_id,
            "name": wanted.name,
            "owner": owner,
            **model.key._asdict(),
            "alpha": wanted.alpha,
            "detectors": detectors,
            "products": dict(state.evidence.products),
        }
        _renew_deadline()
        with self.database.write() as connection:
            return monitors.create(connection, values, earlier_rows.packed(state.earlier))

    def model(self, monitor_id: int) -> LoadedModel:
        """The model of a monitor. Raises UnknownMonitor, UnusableModel or BlobStoreUnavailable."""
        with self.database.read() as connection:
            monitor = monitors.find(connection, monitor_id)
        return self.models.load(monitor.experiment_id, RunFilter(monitor.repeat, monitor.fold, monitor.seed))

    def add(
        self, monitor_id: int, model: LoadedModel, batch: RowBatch, name: str | None, owner: str
    ) -> Row[Any]:
        """Test a batch and store the result; of a batch that was sent before, return the stored one.

        Raises UnknownMonitor, BatchNameTaken, InvalidSpec or DatasetError.
        """
        given = GivenBatch(name, _digest(batch))
        while True:
            with self.database.read() as connection:
                if found := monitors.stored(connection, monitor_id, given):
                    return found
                monitor = monitors.find(connection, monitor_id)
                sample = monitors.sample(connection, monitor_id)
            test = BatchTest(model, self.references, batch, monitor, sample)
            checked = test()
            values = {"name": name, "sha256": given.sha256, "owner": owner, **test.values(checked)}
            _renew_deadline()
            if stored := self._store(monitor, given, values, checked.state):
                return stored

    def _store(
        self, tested: Row[Any], given: GivenBatch, values: dict[str, Any], state: MonitorState
    ) -> Row[Any] | None:
        """Store a tested batch; None if another was stored since the test began."""
        with self.database.write() as connection:
            monitor = monitors.find(connection, tested.id, locked=True)
            if found := monitors.stored(connection, tested.id, given):
                return found
            if monitor.batches != tested.batches:
                return None
            products, sample = dict(state.evidence.products), earlier_rows.packed(state.earlier)
            stored = monitors.add(connection, monitor, values, products, sample)
            if stored.alarms and monitor.first_alarm is None:
                monitor_messages.announce(connection, monitor, dict(stored._mapping))
        return stored


class BatchTest:
    """The test of one batch with one state of a monitor."""

    def __init__(
        self,
        model: LoadedModel,
        references: ShiftReferences,
        batch: RowBatch,
        monitor: Row[Any],
        sample: bytes,
    ) -> None:
        self._model, self._batch, self._monitor = model, batch, monitor
        self._reference = references.of(model)
        earlier = earlier_rows.unpacked(sample, self._reference.rows.features.shape[1])
        self._state = MonitorState(ShiftEvidence(monitor.products, monitor.batches), earlier)

    def __call__(self) -> CheckedBatch:
        """Test the batch. Raises InvalidSpec."""
        stream = generator(self._monitor.id, "monitors", self._monitor.batches + 1)
        scored = scored_batch(self._model, self._batch, stream)
        return check_batch(self._reference, scored, self._state, self._monitor.alpha, self._scored, stream)

    def values(self, checked: CheckedBatch) -> dict[str, Any]:
        """What is stored of a tested batch."""
        found = ComparedBatch(self._batch, self._reference, checked.report).described(self._model)
        moved = [each.name for each in found.features if each.alarm]
        return {
            "rows": found.rows,
            "level": checked.level,
            "p_value": checked.p_value,
            "evidence": checked.state.evidence.value,
            "alarms": list(checked.alarms),
            "tests": [_test(each, checked) for each in found.tests if each.name in checked.before],
            "moved": moved[:MOST_NAMES],
            "features_moved": found.features_moved,
            "accuracy": _measured(found),
            "report": found.model_dump(mode="json"),
        }

    def _scored(self, features: Array, stream: np.random.Generator, most: int) -> ScoredRows:
        with self._model.alone() as predictor:
            return scored_rows.score(predictor, features, stream, most_sampled=most)


def _test(test: Any, checked: CheckedBatch) -> dict[str, Any]:
    before = checked.before[test.name]
    evidence = checked.state.evidence.of(test.name)
    return {
        "name": test.name,
        "p_value": test.p_value,
        "p_before": before,
        "e_value": e_value(before),
        "evidence": evidence,
    }


def _measured(report: Shift) -> float | None:
    """The accuracy, or of a regression the mean absolute error; None without labels."""
    if report.measured is not None:
        return report.measured.accuracy.batch
    return None if report.errors is None else report.errors.batch


def _digest(batch: RowBatch) -> str:
    """The hash of the rows of a batch, and of its labels."""
    content = hashlib.sha256()
    for array in (batch.values, batch.labels):
        if array is not None:
            content.update(f"{array.dtype}{array.shape}".encode())
            content.update(np.ascontiguousarray(array).data)
    return content.hexdigest()


def _renew_deadline() -> None:
    """Let the write transaction wait as long as any: the test before it has taken its own time."""
    WRITE_DEADLINE.set(time.monotonic() + LOCK_TIMEOUT_SECONDS)
