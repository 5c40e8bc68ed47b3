"""How SQLite finds a page: in order from the index of its filter, never by scanning the table."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import fields
from typing import Any

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from service.store import experiment_lists, migrations, spec_values
from service.store.database import Database
from service.store.experiment_lists import KEYS, Filters, Order, Position
from service.store.spec_values import Narrowed, SpecCondition


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{tmp_path_factory.mktemp('plans') / 'holdout.db'}")) as database:
        migrations.upgrade(database)
        yield database


def plan(database: Database, filters: Filters, *, ascending: bool, after: int | None) -> str:
    position = None if after is None else Position("id", None, after)
    page = experiment_lists.page_of_ids(filters, order=Order("id", ascending), after=position, limit=20)
    return explain(database, page)


def explain(database: Database, page: Select[Any]) -> str:
    compiled: Any = page.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True})
    values = tuple(compiled.params[name] for name in compiled.positiontup)
    with database.read() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values)
        return "\n".join(row[-1] for row in rows)


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("after", [None, 500])
@pytest.mark.parametrize("name", [field.name for field in fields(Filters)])
def test_a_filtered_page_is_read_from_an_index_in_order(
    database: Database, name: str, after: int | None, ascending: bool
) -> None:
    found = plan(database, Filters(**{name: "x"}), ascending=ascending, after=after)
    assert "SCAN" not in found or name == "part_of_name"  # that reads names, in order, until the page is full
    assert "B-TREE" not in found  # nothing is sorted


MANY = SpecCondition("optimizer.name", "=", "adam"), SpecCondition("training.epochs", ">", 5.0)


@pytest.mark.parametrize("key", ["id", "balanced_accuracy"])
def test_conditions_that_many_meet_are_looked_up_while_the_list_is_read_in_order(
    database: Database, key: str
) -> None:
    page = experiment_lists.page_of_ids(Filters(), (), Narrowed(None, MANY), order=Order(key), limit=20)
    lines = explain(database, page)
    reads = [line for line in lines.splitlines() if "spec_values" in line]
    assert len(reads) >= 2
    assert all("field=?" in line for line in reads), lines
    assert "TEMP B-TREE" not in lines or key != "id"


def test_conditions_that_few_meet_are_read_from_their_index(database: Database) -> None:
    for condition in MANY:
        lines = explain(database, spec_values.those_that_meet(condition))
        assert "COVERING INDEX" in lines or "PRIMARY KEY (field=? AND value" in lines, lines
        assert "TEMP B-TREE" not in lines


def test_without_a_filter_the_table_is_read_in_its_own_order(database: Database) -> None:
    assert "B-TREE" not in plan(database, Filters(), ascending=False, after=None)


@pytest.mark.sampled(46)
@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("value", [0.5, None])
@pytest.mark.parametrize("key", KEYS)
def test_a_ranked_page_is_read_from_the_index_of_its_key(
    database: Database, key: str, value: float | None, ascending: bool
) -> None:
    order = Order(key, ascending)
    for after in (None, Position(key, "x" if key == "name" and value else value, 7)):
        lines = explain(database, experiment_lists.page_of_ids(Filters(), order=order, after=after, limit=20))
        reads = [line for line in lines.splitlines() if "experiment" in line]
        assert all("INDEX" in line or "PRIMARY KEY" in line for line in reads), lines
