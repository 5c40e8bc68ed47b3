"""The migrations create the tables that the code declares, and can be reverted, on both databases."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, inspect, select, text

from service.store import migrations
from service.store.database import Database
from service.store.tables import Base, EpochClasses, EpochMetrics
from workers.evaluation.metrics import METRICS
from workers.evaluation.metrics.per_class import CLASS_METRICS
from workers.spec import ExperimentSpec

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


@pytest.fixture
def database_of_the_same_kind(
    empty: Database, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Database]:
    """Another database without tables."""
    if empty.is_sqlite:
        database = Database(f"sqlite:///{tmp_path / 'another.db'}")
        yield database
        database.close()
        return
    server = request.getfixturevalue("postgresql")
    database = Database(server.create("another"))
    yield database
    database.close()
    server.drop("another")


def tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(inspect(connection).get_table_names())


def migrate_from_nothing(database: Database) -> None:
    """Apply all migrations, one after the other."""
    database.prepare()
    configuration = migrations.config()
    with database.rebuild() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")


def test_the_migrated_schema_is_the_one_that_the_code_declares(empty: Database) -> None:
    migrate_from_nothing(empty)
    with empty.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def schema_of(database: Database) -> dict[str, object]:
    """Every property of a table, but the order of its columns. SQLite has AUTOINCREMENT only in the statement."""
    with database.read() as connection:
        inspector = inspect(connection)
        names = inspector.get_table_names()
        readers: dict[str, Callable[[str], Sequence[Any]]] = {
            "columns": inspector.get_columns,
            "foreign keys": inspector.get_foreign_keys,
            "indexes": inspector.get_indexes,
            "unique": inspector.get_unique_constraints,
            "checks": inspector.get_check_constraints,
        }
        found: dict[str, object] = {
            f"{name}: {kind}": sorted(map(repr, read(name)))
            for name in names
            for kind, read in readers.items()
        }
        found |= {f"{name}: primary key": inspector.get_pk_constraint(name) for name in names}
        if database.is_sqlite:
            statements = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
            found |= {f"{name}: ids": "AUTOINCREMENT" in sql for name, sql in statements}
            found["others"] = connection.execute(
                text("SELECT type, name FROM sqlite_master WHERE type NOT IN ('table', 'index')")
            ).all()
    return found


def test_a_new_database_is_what_all_migrations_make_of_an_empty_one(
    empty: Database, database_of_the_same_kind: Database
) -> None:
    migrations.upgrade(empty)
    migrate_from_nothing(database_of_the_same_kind)
    made, migrated = schema_of(empty), schema_of(database_of_the_same_kind)
    assert made == migrated
    for database in (empty, database_of_the_same_kind):
        with database.read() as connection:
            assert migrations.applied(connection) == migrations.newest()


def test_tables_of_others_are_no_reason_to_migrate(empty: Database) -> None:
    empty.prepare()
    with empty.write() as connection:
        connection.execute(text("CREATE TABLE procrastinate_jobs (id INTEGER)"))
    migrations.upgrade(empty)
    assert tables(empty) == set(Base.metadata.tables) | {"alembic_version", "procrastinate_jobs"}


def test_the_names_of_the_files_are_the_schemas_that_alembic_finds() -> None:
    """So the API knows whether its database is current without Alembic."""
    scripts = ScriptDirectory.from_config(migrations.config())
    assert migrations.known() == {each.revision for each in scripts.walk_revisions()}
    assert migrations.newest() == scripts.get_current_head()


def test_migrating_twice_changes_nothing(empty: Database) -> None:
    migrations.upgrade(empty)
    before = tables(empty)
    migrations.upgrade(empty)
    assert tables(empty) == before == set(Base.metadata.tables) | {"alembic_version"}


def row_of(table: Table) -> dict[str, Any]:
    """A value for each column: 1, or what looks like it."""
    as_type: dict[type[Any], Any] = {str: "1", int: 1, float: 1.0, bytes: b"1", bool: True}
    return {column.name: as_type.get(column.type.python_type, [1]) for column in table.columns}


def test_an_epoch_of_the_first_version_survives_every_migration(empty: Database) -> None:
    """A column that is new has to be nullable, or to have a default."""
    empty.prepare()
    configuration, names = migrations.config(), ("experiments", "runs", "epoch_metrics", "epoch_classes")
    with empty.rebuild() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0001")
        metadata = MetaData()
        metadata.reflect(connection)
        stored = {name: row_of(metadata.tables[name]) for name in names}
        for name, row in stored.items():
            connection.execute(metadata.tables[name].insert(), row)
        command.upgrade(configuration, "head")
    for table, name in ((EpochMetrics, "epoch_metrics"), (EpochClasses, "epoch_classes")):
        with empty.read() as connection:
            found = connection.execute(select(table.__table__)).one()
        assert found._mapping.items() >= stored[name].items()


def test_a_stored_split_is_of_version_1_and_keeps_all_else(empty: Database) -> None:
    empty.prepare()
    configuration = migrations.config()
    split = {"train": 0.7, "validation": 0.2, "test": 0.1, "stratify": True, "seed": 2**62 + 1}
    spec = {"name": "\u00e4", "split": split, "optimizer": {"learning_rate": 1e-05}}
    with empty.write() as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0009")
        experiments = Table("experiments", MetaData(), autoload_with=connection)
        row = row_of(experiments) | {"spec": spec, "spec_hash": "as it was"}
        connection.execute(experiments.insert(), [row | {"id": number} for number in range(1, 1003)])
        command.upgrade(configuration, "0010")
        stored = connection.execute(select(experiments.c.spec, experiments.c.spec_hash)).all()
        assert len(stored) == 1002
        expected = spec | {"split": split | {"version": 1, "groups": "none"}}
        assert all(tuple(row) == (expected, "as it was") for row in stored)
        ExperimentSpec.model_validate({"split": stored[0].spec["split"]})
        command.downgrade(configuration, "0009")
        assert set(map(repr, connection.scalars(select(experiments.c.spec)))) == {repr(spec)}


def test_every_metric_has_a_column_that_is_nullable_unless_all_epochs_have_it() -> None:
    stored = [(column.name, column.nullable) for column in EpochMetrics.__table__.columns]
    assert stored[4:-4] == [(metric.name, not metric.always_stored) for metric in METRICS]
    of_classes = {column.name: column.nullable for column in EpochClasses.__table__.columns}
    assert {metric.name: not metric.always_stored for metric in CLASS_METRICS}.items() <= of_classes.items()


def test_every_migration_can_be_reverted(empty: Database) -> None:
    migrations.upgrade(empty)
    configuration = migrations.config()
    with empty.rebuild() as connection:
        configuration.attributes["connection"] = connection
        command.downgrade(configuration, "base")
    assert tables(empty) == {"alembic_version"}
    migrations.upgrade(empty)
    assert tables(empty) >= set(Base.metadata.tables)
