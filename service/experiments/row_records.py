"""Complete the records of which rows were used: versions of Holdout before them stored experiments and looks without.

They are computed from the specs and their data. If the data of an experiment are gone, so are its rows: a warning
says it.
"""

import logging
from collections.abc import Collection, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json
from sqlalchemy import Row

from service.store import experiment_reader, exposures, ledger
from service.store.database import Database
from service.store.errors import UnknownExperiment
from service.store.exposures import NewExposure
from workers.data.errors import DatasetError
from workers.data.exposed_rows import ExposedRows
from workers.data.registry import DatasetRegistry
from workers.spec import ExperimentSpec

AT_A_TIME = 500
"""Experiments whose rows one transaction records: others can write between two of them."""

log = logging.getLogger("holdout.records")


def complete_records(database: Database, registry: DatasetRegistry) -> None:
    """Record the rows of every started experiment and of every look that lacks them."""
    with database.read() as connection:
        experiments, looks = exposures.unrecorded(connection), ledger.without_digests(connection)
    _record_exposures(database, registry, experiments)
    for look in looks:
        _record_digests(database, registry, look)


def complete_records_of(database: Database, registry: DatasetRegistry, ids: Collection[int]) -> None:
    """Record the rows of those of these experiments that have started and lack that: they are about to be deleted."""
    with database.read() as connection:
        found = exposures.unrecorded(connection, ids)
    _record_exposures(database, registry, found)


def _record_exposures(database: Database, registry: DatasetRegistry, experiments: Sequence[Row[Any]]) -> None:
    """In few transactions, and from one reading of each split: of ten thousand, each by itself takes minutes."""
    known: dict[bytes, ExposedRows] = {}
    for start in range(0, len(experiments), AT_A_TIME):
        some = experiments[start : start + AT_A_TIME]
        found = ((each, _exposed_rows(registry, each, known)) for each in some)
        new = [NewExposure(each.id, each.dataset, each.owner, exposed) for each, exposed in found if exposed]
        with database.write() as connection:
            exposures.record(connection, new)


def _exposed_rows(
    registry: DatasetRegistry, experiment: Row[Any], known: dict[bytes, ExposedRows]
) -> ExposedRows | None:
    """The rows that an experiment exposes; None, with a warning, if they cannot be told. known: by data and split."""
    divided = to_json([experiment.spec.get(name) for name in ("dataset", "split")])
    if divided in known:
        return known[divided]
    try:
        spec = ExperimentSpec.model_validate(experiment.spec)
        known[divided] = registry.exposed_rows(spec.dataset, spec.split)
    except (ValidationError, DatasetError) as error:
        log.warning("it is unknown which rows experiment %s used: %s", experiment.id, error)
        return None
    return known[divided]


def _record_digests(database: Database, registry: DatasetRegistry, look: Row[Any]) -> None:
    try:
        with database.read() as connection:
            stored = experiment_reader.experiment(connection, look.experiment_id)
        spec = ExperimentSpec.model_validate(stored.spec)
        if registry.test_part(spec.dataset, spec.split).sha256 != look.test_set:
            return
        digests = registry.test_digests(spec.dataset, spec.split)
    except (UnknownExperiment, ValidationError, DatasetError) as error:
        log.warning("it is unknown which rows look %s saw: %s", look.id, error)
        return
    with database.write() as connection:
        ledger.add_digests(connection, look.id, digests.astype("<u8").tobytes())
