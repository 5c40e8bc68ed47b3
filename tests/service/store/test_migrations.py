"""The migrations lead to the tables that the code speaks of, and back, on both databases."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from service.store import migrations
from service.store.database import Database
from service.store.tables import Base

if TYPE_CHECKING:
    from tests.postgresql import PostgreSQL


@pytest.fixture
def empty_on_sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'empty.db'}"


@pytest.fixture
def empty_on_postgresql(postgresql: "PostgreSQL") -> Iterator[str]:
    yield postgresql.create("empty")
    postgresql.drop("empty")


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database without tables."""
    database = Database(request.getfixturevalue(f"empty_on_{request.param}"))
    yield database
    database.close()


def tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names())


def test_the_migrated_schema_is_the_one_that_the_code_declares(empty: Database) -> None:
    migrations.upgrade(empty)
    with empty.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_migrating_twice_changes_nothing(empty: Database) -> None:
    migrations.upgrade(empty)
    before = tables(empty)
    migrations.upgrade(empty)
    assert tables(empty) == before == set(Base.metadata.tables) | {"alembic_version"}


def test_every_migration_can_be_taken_back(empty: Database) -> None:
    migrations.upgrade(empty)
    configuration = migrations.config()
    with empty.write() as connection:
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, "base")
    assert tables(empty) == {"alembic_version"}
    migrations.upgrade(empty)
    assert tables(empty) >= set(Base.metadata.tables)
