"""What the driver inserts is what SQLAlchemy would insert."""

from typing import Any

import pytest
from sqlalchemy import insert, select

from service.store.database import Database
from service.store.engine.bulk_insert import BulkInsert
from service.store.engine.clock import now
from service.store.tables import EpochClasses, EpochMetrics, Run
from tests.service.store.experiments import QueueHarness


@pytest.mark.parametrize("count", [1, 3])
def test_rows_are_those_of_sqlalchemy(harness: QueueHarness, database: Database, count: int) -> None:
    first, second = harness.submit(), harness.submit()
    with database.write() as connection:
        ids = connection.scalars(select(Run.id).where(Run.experiment_id.in_((first, second)))).all()[:2]
        rows = [rows_of(id_, count) for id_ in ids]
        for values in rows[0]:
            connection.execute(insert(EpochClasses), values)
        columns = {name: [values[name] for values in rows[1]] for name in rows[1][0]}
        BulkInsert(insert(EpochClasses), list(columns)).execute(connection, columns)
        table: Any = EpochClasses.__table__
        stored = [
            connection.execute(select(table).where(table.c.run_id == id_).order_by(table.c.epoch)).all()
            for id_ in ids
        ]
    assert [row[1:] for row in stored[0]] == [row[1:] for row in stored[1]]
    assert len(stored[0]) == count


def rows_of(run_id: int, count: int) -> list[dict[str, Any]]:
    """With null, JSON null, floats that need 17 digits, and nested lists."""
    lists = {name: [0.1 + 0.2, None, 1] for name in ("support", "precision", "f1", "specificity")}
    others = {"accuracy": [0.5], "mae": None, "rmse": [None], "bias": [], "confusion": [[1, 2], [3, 4]]}
    return [
        {
            "run_id": run_id,
            "epoch": epoch,
            "split": "train",
            **lists,
            **others,
            "drawn": [1] if epoch else None,
        }
        for epoch in range(count)
    ]


def test_a_column_may_have_an_expression(harness: QueueHarness, database: Database) -> None:
    experiment = harness.submit()
    with database.write() as connection:
        (run_id,) = connection.scalars(select(Run.id).where(Run.experiment_id == experiment))
        values: dict[str, list[Any]] = {
            "run_id": [run_id],
            "epoch": [1],
            "split": ["train"],
            "rows": [2],
            "loss": [0.25],
        }
        statement = insert(EpochMetrics).values(recorded_at=now())
        BulkInsert(statement, list(values)).execute(connection, values)
        row = connection.execute(select(EpochMetrics.__table__)).one()
    assert row.loss == 0.25
    assert row.recorded_at > 1e9


def test_other_columns_have_their_value_in_the_statement_or_their_default(
    harness: QueueHarness, database: Database
) -> None:
    experiment = harness.submit()
    columns = {"experiment_id": experiment, "priority": 0, "owner": "ada", "epochs": 2, "held": True}
    statement = insert(Run).values(status="failed", created_at=1.5)
    with database.write() as connection:
        connection.execute(statement, [columns | {"seed": 8}])
        given = {name: [value] for name, value in (columns | {"seed": 9}).items()}
        BulkInsert(statement, list(given)).execute(connection, given)
        rows = connection.execute(select(Run.__table__).where(Run.seed.in_((8, 9))).order_by(Run.seed)).all()
    expected, stored = (row._asdict() for row in rows)
    assert stored == expected | {"id": stored["id"], "seed": 9}
    assert (stored["status"], stored["created_at"], stored["attempt"], stored["held"]) == (
        "failed",
        1.5,
        0,
        True,
    )
