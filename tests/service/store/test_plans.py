"""How SQLite finds a page: in order from the index of its filter, never by scanning the table."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest
from sqlalchemy.dialects import sqlite

from service.store import experiment_reader, migrations
from service.store.database import Database
from service.store.experiment_reader import Filters


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{tmp_path / 'holdout.db'}")) as database:
        migrations.upgrade(database)
        yield database


def plan(database: Database, filters: Filters, *, ascending: bool, after: int | None) -> str:
    page = experiment_reader.page_of_ids(filters, ascending=ascending, after=after, limit=20)
    sql = str(page.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    with database.read() as connection:
        return "\n".join(row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}"))


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("after", [None, 500])
@pytest.mark.parametrize("name", [field.name for field in fields(Filters)])
def test_a_filtered_page_is_read_from_an_index_in_order(
    database: Database, name: str, after: int | None, ascending: bool
) -> None:
    found = plan(database, Filters(**{name: "x"}), ascending=ascending, after=after)
    assert "SCAN" not in found
    assert "B-TREE" not in found  # nothing is sorted


def test_without_a_filter_the_table_is_read_in_its_own_order(database: Database) -> None:
    assert "B-TREE" not in plan(database, Filters(), ascending=False, after=None)
