"""Databases for tests: a test with the fixture `database_url` runs twice, on SQLite and on a PostgreSQL server."""

import gc
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from workers import blas

gc.disable()  # until all tests are collected: what is imported stays
blas.configure(
    os.environ
)  # before NumPy is imported, so that tests and worker processes compute the same bits

# ruff: noqa: E402
from service.store import migrations
from service.store.database import Database
from service.store.tables import Base
from tests import distribution, quick_selection
from tests.inherited_signals import keep_from_child_processes
from tests.shared_routes import share_routes
from tests.shared_statements import share_compiled_statements
from tests.unclosed_connections import warn_of_unclosed_connections
from tests.unflushed_files import flush_no_files

if TYPE_CHECKING:
    from tests.postgresql import PostgreSQL


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out what tests/quick_selection.py says")


def pytest_configure(config: pytest.Config) -> None:
    """Let an unclosed SQLite connection fail the test in which it is garbage-collected.

    Hypothesis examples have no deadline, so that no test fails on a busy machine.
    """
    examples = quick_selection.QUICK_EXAMPLES if config.getoption("quick") else 100
    settings.register_profile("unhurried", settings(), deadline=None, max_examples=examples)
    settings.load_profile("unhurried")
    if not config.getoption("numprocesses", None):  # the processes of xdist inherit what their parent ignores
        keep_from_child_processes()
    flush_no_files()
    share_compiled_statements()
    share_routes()
    stack = ExitStack()
    stack.enter_context(warn_of_unclosed_connections())
    config.add_cleanup(stack.close)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what `--quick` leaves out, and order the rest."""
    if config.getoption("quick"):
        items[:], left_out = quick_selection.divide(items)
        config.hook.pytest_deselected(items=left_out)
    items[:] = distribution.longest_first(items)


def pytest_collection_finish() -> None:
    """Keep what is imported and collected, millions of objects, out of all garbage collections.

    None comes before, as in a fork server: it takes two seconds and finds nothing to speak of.
    """
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> distribution.FileByFile:
    return distribution.FileByFile(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests record as the property `shown`; pytest hides the output of tests that pass."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            properties = dict(getattr(report, "user_properties", ()))
            if "shown" in properties:
                terminalreporter.write_line(properties["shown"])


@pytest.fixture(scope="session")
def some(pytestconfig: pytest.Config) -> quick_selection.Some:
    """All values; with `--quick`, some: for a test that walks through many which show the same."""
    return quick_selection.some_of if pytestconfig.getoption("quick") else quick_selection.all_of


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated, empty database."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def sqlite_url(tmp_path: Path, migrated_file: Path) -> str:
    """The URL of a migrated SQLite file."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'holdout.db')}"


@pytest.fixture
def postgresql_url(migrated_server: "tuple[PostgreSQL, str]") -> Iterator[str]:
    """The URL of the server's only database, which is emptied after each test."""
    server, url = migrated_server
    yield url
    server.empty(url, [table.name for table in Base.metadata.sorted_tables])


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "holdout.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def migrated_server(postgresql: "PostgreSQL") -> "tuple[PostgreSQL, str]":
    """A server and the URL of its migrated database."""
    url = postgresql.create("holdout")
    _migrate(url)
    return postgresql, url


@pytest.fixture(scope="session")
def postgresql() -> Iterator["PostgreSQL"]:
    """A server without databases, one per test process. If none is installed, tests skip, except in CI."""
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
