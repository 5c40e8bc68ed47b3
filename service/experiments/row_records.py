"""Complete the records of which rows were used: versions of Holdout before them stored experiments and looks without.

They are computed from the specs and their data. If the data of an experiment are gone, so are its rows: a warning
says it.
"""

import logging
from collections.abc import Collection
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Row

from service.store import experiment_reader, exposures, ledger
from service.store.database import Database
from service.store.errors import UnknownExperiment
from workers.data.errors import DatasetError
from workers.data.registry import DatasetRegistry
from workers.spec import ExperimentSpec

log = logging.getLogger("holdout.records")


def complete_records(database: Database, registry: DatasetRegistry) -> None:
    """Record the rows of every started experiment and of every look that lacks them."""
    with database.read() as connection:
        experiments, looks = exposures.unrecorded(connection), ledger.without_digests(connection)
    for experiment in experiments:
        _record_exposure(database, registry, experiment)
    for look in looks:
        _record_digests(database, registry, look)


def complete_records_of(database: Database, registry: DatasetRegistry, ids: Collection[int]) -> None:
    """Record the rows of those of these experiments that have started and lack that: they are about to be deleted."""
    with database.read() as connection:
        found = exposures.unrecorded(connection, ids)
    for experiment in found:
        _record_exposure(database, registry, experiment)


def _record_exposure(database: Database, registry: DatasetRegistry, experiment: Row[Any]) -> None:
    try:
        spec = ExperimentSpec.model_validate(experiment.spec)
        exposed = registry.exposed_rows(spec.dataset, spec.split)
    except (ValidationError, DatasetError) as error:
        log.warning("it is unknown which rows experiment %s used: %s", experiment.id, error)
        return
    facts: dict[str, Any] = {"dataset": experiment.dataset, "owner": experiment.owner}
    with database.write() as connection:
        exposures.record(connection, experiment.id, **facts, exposed=exposed)


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
