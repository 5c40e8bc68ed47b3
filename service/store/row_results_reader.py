"""Read the row-level results of runs: what their selected epochs predicted for each row.

A run keeps them when it succeeds, beside its model. Runs of versions that did not keep them have none.
"""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field
from sqlalchemy import Connection, Select, and_, bindparam, select

from service.store.artifacts.artifact_store import stored_content
from service.store.run_keys import BY_KEY
from service.store.tables import Checkpoint, Rows, Run
from workers.processes.messages import ArtifactReference

Content = bytes | ArtifactReference
NotNegative = Annotated[int, Field(ge=0, lt=2**63)]


class ResultPosition(NamedTuple):
    """A row among those of an experiment's runs: `place` counts the rows of the run, from 0."""

    repeat: NotNegative
    fold: NotNegative
    seed: NotNegative
    place: NotNegative


FIRST = ResultPosition(0, 0, 0, 0)


def runs(connection: Connection, experiment_id: int) -> Rows:
    """The runs of an experiment in the order of their keys, each with its id, key, status and `best_epoch`.

    sha256: the hash of its row-level results; null if it has none.
    """
    return connection.execute(RUNS, {"experiment": experiment_id}).all()


def contents(connection: Connection, run_ids: Sequence[int]) -> dict[int, Content]:
    """The bytes of the row-level results of those runs that have some, or the names of their artifacts.

    `ArtifactStore.load` returns the bytes, best after the transaction; `RowResults.from_bytes` reads them.
    """
    rows = connection.execute(CONTENTS, {"runs": run_ids})
    return {row.run_id: stored_content(row) for row in rows}


def _runs() -> Select[Any]:
    its_own = and_(Checkpoint.run_id == Run.id, Checkpoint.kind == "row_results")
    columns: list[Any] = [Run.id, Run.experiment_id, *BY_KEY, Run.status, Run.best_epoch, Checkpoint.sha256]
    chosen = select(*columns).join(Checkpoint, its_own, isouter=True)
    return chosen.where(Run.experiment_id == bindparam("experiment")).order_by(*BY_KEY)


RUNS = _runs()
THESE: Any = bindparam("runs", expanding=True)
CONTENTS = select(Checkpoint).where(Checkpoint.run_id.in_(THESE), Checkpoint.kind == "row_results")
"""Built once: to build a statement takes longer than to execute it on SQLite."""
