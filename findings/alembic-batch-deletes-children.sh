#!/usr/bin/env bash
# Alembic 1.20.1 on SQLite: changing a column's type in batch mode can delete every row of other tables.
#
# SQLite cannot change a column, so batch_alter_table copies the table, drops the old one and renames the copy. With
# PRAGMA foreign_keys=ON, dropping a table first deletes its rows, and ON DELETE CASCADE takes all child rows along.
# The copy also lacks the table's triggers, and its unnamed CHECK constraints. Only the lost CHECK causes a warning;
# the migration succeeds.
#
# Why it matters: VARCHAR becomes VARCHAR(50) in "experiments", and all of "runs" is gone. Applications turn
# foreign keys on for every connection, also for the connection of the migration.
# Instead: turn the pragma off before the migration's transaction begins (inside one it has no effect), name every CHECK
# constraint, create triggers again, and let a test count the child rows across each migration.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check alembic==1.20.1 sqlalchemy==2.1.9

cat >expected <<'TEXT'
alembic 1.20.1, sqlalchemy 2.1.9
before: 1 experiment, 2 runs, trigger: True, CHECK (epochs > 0): True
after: 1 experiment, 0 runs, trigger: False, CHECK (epochs > 0): False
TEXT

cat >program.py <<'PYTHON'
import alembic
import sqlalchemy
from alembic.migration import MigrationContext
from alembic.operations import Operations

STATEMENTS = (
    "CREATE TABLE experiments (id INTEGER PRIMARY KEY, name VARCHAR, epochs INTEGER, CHECK (epochs > 0))",
    "CREATE TABLE runs (id INTEGER PRIMARY KEY,"
    " experiment_id INTEGER REFERENCES experiments (id) ON DELETE CASCADE)",
    "CREATE TRIGGER keep_name BEFORE UPDATE OF name ON experiments BEGIN SELECT RAISE(ABORT, 'no'); END",
    "INSERT INTO experiments VALUES (1, 'digits', 3)",
    "INSERT INTO runs VALUES (1, 1), (2, 1)",
)
engine = sqlalchemy.create_engine("sqlite:///experiments.db")


@sqlalchemy.event.listens_for(engine, "connect")
def enforce_foreign_keys(connection, _record):
    connection.execute("PRAGMA foreign_keys=ON")


def describe(when):
    with engine.connect() as connection:
        experiments, runs = (connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
                             for table in ("experiments", "runs"))
        schema = " ".join(row[0] for row in connection.exec_driver_sql("SELECT sql FROM sqlite_master"))
    print(f"{when}: {experiments} experiment, {runs} runs, trigger: {'keep_name' in schema}, "
          f"CHECK (epochs > 0): {'epochs > 0' in schema}")


print(f"alembic {alembic.__version__}, sqlalchemy {sqlalchemy.__version__}")
with engine.begin() as connection:
    for statement in STATEMENTS:
        connection.exec_driver_sql(statement)
describe("before")
with engine.begin() as connection:
    operations = Operations(MigrationContext.configure(connection))
    with operations.batch_alter_table("experiments") as batch:
        batch.alter_column("name", type_=sqlalchemy.String(50))
describe("after")
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
