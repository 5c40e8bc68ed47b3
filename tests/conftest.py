"""Databases for tests: what takes `database_url` runs twice, on SQLite and on a private PostgreSQL server."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from sqlalchemy import text

from workers import blas

blas.configure(os.environ)  # before NumPy is imported: tests and worker processes then come to the same bits

# ruff: noqa: E402
from service.store import migrations
from service.store.database import Database
from service.store.tables import Base
from tests.unclosed_connections import warn_of_unclosed_connections

if TYPE_CHECKING:
    from tests.postgresql import PostgreSQL


def pytest_configure(config: pytest.Config) -> None:
    """A connection to SQLite that is dropped open fails the test in which it is collected. No example has a deadline:
    a busy machine fails no test.
    """
    settings.register_profile("unhurried", settings(), deadline=None)
    settings.load_profile("unhurried")
    watching = ExitStack()
    watching.enter_context(warn_of_unclosed_connections())
    config.add_cleanup(watching.close)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The figures that tests record as `shown`, which a passing test otherwise keeps to itself."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            properties = dict(getattr(report, "user_properties", ()))
            if "shown" in properties:
                terminalreporter.write_line(properties["shown"])


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated, empty database."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_file: Path) -> str:
    """A database in a file of its own."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'holdout.db')}"


@pytest.fixture
def postgresql_url(migrated_server: "tuple[PostgreSQL, str]") -> Iterator[str]:
    """The one database of the server, emptied after each test."""
    _, url = migrated_server
    yield url
    database = Database(url)
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with database.write() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        connection.execute(text(f"{others} AND pid <> pg_backend_pid()"))
        connection.execute(text(f"TRUNCATE {tables}"))
    database.close()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "holdout.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_server(postgresql: "PostgreSQL") -> "tuple[PostgreSQL, str]":
    """A server and the URL of a database with the tables."""
    url = postgresql.create("holdout")
    _migrate(url)
    return postgresql, url


@pytest.fixture(scope="session")
def postgresql() -> Iterator["PostgreSQL"]:
    """A server without databases, one a test process. Where none is installed tests skip, except in CI."""
    pytest.importorskip("psycopg", reason="pip install 'holdout[cluster]' for the tests on PostgreSQL")
    from tests.postgresql import private_server

    try:
        with private_server() as server:
            yield server
    except LookupError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def _migrate(url: str) -> None:
    database = Database(url)
    migrations.upgrade(database)
    database.close()
