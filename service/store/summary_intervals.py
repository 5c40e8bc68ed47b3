"""Store the intervals of an experiment's summary, once it has ended. A retry removes them (`service.store.queue`)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from service.store import row_results_reader
from service.store.tables import FINAL_STATUSES, Experiment

Sources = Mapping[int, str]
"""What intervals were computed from: the hash of the row-level results of each run, by the run's id."""


def sources(connection: Connection, experiment_id: int) -> Sources:
    """The runs of an experiment that have row-level results, with their hashes."""
    runs = row_results_reader.runs(connection, experiment_id)
    return {run.id: run.sha256 for run in runs if run.sha256 is not None}


def save(
    connection: Connection, experiment_id: int, computed_from: Sources, intervals: dict[str, Any]
) -> bool:
    """Store intervals; False if the experiment goes on, or if its row-level results are others by now."""
    mine = Experiment.id == experiment_id
    ended = select(Experiment.id).where(mine, Experiment.status.in_(FINAL_STATUSES)).with_for_update()
    if connection.scalar(ended) is None or sources(connection, experiment_id) != computed_from:
        return False
    connection.execute(update(Experiment).where(mine).values(intervals=intervals))
    return True
