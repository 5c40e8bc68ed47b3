"""Read the row-level results of runs: what their selected epochs predicted for each row.

A run keeps them when it succeeds, beside its model. Runs of versions that did not keep them have none.
"""

from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, select

from service.store.artifacts.artifact_store import stored_content
from service.store.run_keys import BY_KEY
from service.store.tables import Checkpoint, Rows, Run
from workers.processes.messages import ArtifactReference


def runs(connection: Connection, experiment_id: int) -> Rows:
    """The runs of an experiment by their keys: `id`, `repeat`, `fold`, `seed`, `status`, `best_epoch`, and `sha256`.

    The latter is the hash of the run's row-level results; null if it has none.
    """
    return connection.execute(RUNS, {"experiment": experiment_id}).all()


def content(connection: Connection, run_id: int) -> bytes | ArtifactReference:
    """The bytes of a run's row-level results, or the name of their artifact.

    `ArtifactStore.load` returns the bytes, best after the transaction; `RowResults.from_bytes` reads them.
    """
    mine = select(Checkpoint).where(Checkpoint.run_id == run_id, Checkpoint.kind == "row_results")
    return stored_content(connection.execute(mine).one())


def _runs() -> Select[Any]:
    its_own = and_(Checkpoint.run_id == Run.id, Checkpoint.kind == "row_results")
    columns: list[Any] = [Run.id, *BY_KEY, Run.status, Run.best_epoch, Checkpoint.sha256]
    chosen = select(*columns).join(Checkpoint, its_own, isouter=True)
    return chosen.where(Run.experiment_id == bindparam("experiment")).order_by(*BY_KEY)


RUNS = _runs()
"""Built once: to build the statement takes longer than to execute it on SQLite."""
