"""Read SQLite without waiting for a lock or a thread: for the event loop, and for queries of every request.

Such a query takes 4 microseconds; one of SQLAlchemy, in a transaction and another thread, takes 140. For use in one
thread.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from service.store.engine.file_identity import DatabaseReplaced, FileIdentity
from service.store.engine.sqlite_driver import driver

Parameters = Mapping[str, Any]
Statement = Select[*tuple[Any, ...]]
Values = Callable[[Parameters], list[Any]]


class WouldBlock(Exception):
    """The file could not be read without waiting."""


class FetchedRows(list[Sequence[Any]]):
    """All rows of a query, fetched at once: a statement that is still open would hold a snapshot."""

    def first(self) -> Sequence[Any] | None:
        return self[0] if self else None


class NonblockingReader:
    """One connection, opened by the first query."""

    def __init__(self, path: str, file: FileIdentity) -> None:
        """file: tells whether the path still leads to the file that was opened."""
        self._path, self._file = path, file
        self._connection: Any = None

    def version(self) -> int | None:
        """A number that changes with every commit of any process; None if it could not be read without waiting."""
        try:
            return int(self._run("PRAGMA data_version")[0][0])
        except WouldBlock:
            return None

    def execute(self, statement: Statement, parameters: Parameters) -> FetchedRows:
        """The rows as of the last commit. Raises WouldBlock."""
        sql, values = _compiled(statement)
        return FetchedRows(self._run(sql, values(parameters)))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _run(self, sql: str, values: Sequence[Any] = ()) -> Any:
        try:
            self._file.require_same()
            if self._connection is None:
                self._connection = driver.connect(
                    self._path, isolation_level=None, timeout=0, check_same_thread=False
                )
            return self._connection.execute(sql, values).fetchall()
        except (driver.OperationalError, DatabaseReplaced) as error:
            raise WouldBlock from error


@cache
def _compiled(statement: Statement) -> tuple[str, Values]:
    """The SQL of a statement, and a function that puts its parameters in order."""
    compiled = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True})
    names, fixed = list(compiled.positiontup or ()), dict(compiled.params)
    return str(compiled), lambda given: [given[name] if name in given else fixed[name] for name in names]
