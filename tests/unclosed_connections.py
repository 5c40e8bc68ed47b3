"""Warns of SQLite connections that are garbage-collected unclosed, on every Python and with every driver.

Python 3.13 does so for its own `sqlite3`; earlier versions and pysqlite3 do not.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from service.store.engine.sqlite_driver import driver


class TrackedConnection(driver.Connection):  # type: ignore[misc]  # the class depends on the driver
    """A connection that warns if it is garbage-collected while it is open."""

    is_open = False

    def __init__(self, database: Any, *arguments: Any, **options: Any) -> None:
        super().__init__(database, *arguments, **options)
        self.is_open, self.database = True, database

    def close(self) -> None:
        super().close()
        self.is_open = False

    def __del__(self) -> None:
        if self.is_open:
            super().close()
            message = f"a connection to {self.database} was never closed"
            warnings.warn(message, ResourceWarning, stacklevel=2, source=self)


@contextmanager
def warn_of_unclosed_connections() -> Iterator[None]:
    """Within the context, all new connections of this process are tracked."""
    connect = driver.connect

    def connect_tracked(*arguments: Any, **options: Any) -> Any:
        return connect(*arguments, **{"factory": TrackedConnection} | options)

    driver.connect = connect_tracked
    try:
        yield
    finally:
        driver.connect = connect
