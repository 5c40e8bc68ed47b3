"""A database migrated by a newer version: every command says so in one sentence and changes nothing."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from service.operations.doctor import run_checks
from service.settings import Settings
from service.store import migrations
from service.store.database import Database
from tests.program_template import run_holdout
from tests.service.operations.test_doctor import about

COMMANDS = [
    ("serve", "--port", "0", "--workers", "0"),
    pytest.param(("worker", "--workers", "1"), marks=pytest.mark.thorough),
    ("migrate",),
    pytest.param(("demo",), marks=pytest.mark.thorough),
    ("token", "create", "me"),
    pytest.param(("token", "list"), marks=pytest.mark.thorough),
    pytest.param(("token", "revoke", "me"), marks=pytest.mark.thorough),
]


def mark(database: Database, schema: str) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :schema"), {"schema": schema})


@pytest.fixture(params=["9999", "a1b2c3d4e5f6"])
def newer(request: pytest.FixtureRequest, database_url: str) -> Iterator[str]:
    """The URL of a database with an unknown schema; the schema is restored afterwards."""
    database = Database(database_url)
    mark(database, request.param)
    yield database_url
    mark(database, str(migrations.newest()))
    database.close()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_says_which_schema_and_what_to_do(
    migrated_file: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    for folder in (tmp_path, tmp_path / "demo"):
        folder.mkdir(exist_ok=True)
        shutil.copy(migrated_file, folder / "holdout.db")
        mark(database := Database(f"sqlite:///{folder}/holdout.db"), "9999")
        database.close()
    ended = run_holdout(*command, "--data-dir", str(tmp_path), env=os.environ)
    assert ended.returncode == 1
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith(
        "The database has schema 9999, and this version of Holdout knows only those up to 0"
    )
    assert "restore the backup" in sentence


def test_nothing_is_migrated_and_doctor_calls_it_bad(newer: str, tmp_path: Path) -> None:
    database = Database(newer)
    with database.read() as connection:
        before = migrations.applied(connection)
    with pytest.raises(migrations.UnknownSchema, match=f"schema {before}"):
        migrations.upgrade(database)
    with database.read() as connection:
        assert migrations.applied(connection) == before
    database.close()
    result = about("Database", run_checks(Settings(database_url=newer, data_dir=tmp_path)))
    assert result.status == "bad"
    assert f"schema {before} is unknown" in result.message
    assert "restore the backup" in result.remedy


@pytest.mark.usefixtures("newer")
def test_a_service_whose_database_was_migrated_further_is_not_ready(client: TestClient) -> None:
    response = client.get("/ready")
    assert response.status_code == 503
    (error,) = response.json()["errors"]
    assert error["path"] == "schema"
    assert "Install the newer version" in error["message"]
