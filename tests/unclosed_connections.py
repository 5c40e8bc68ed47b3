"""Connections to SQLite that are dropped open: a ResourceWarning, on every Python and with every driver.

Python 3.13 warns of those of its own `sqlite3`; earlier ones and pysqlite3 do not.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from service.store.sqlite_driver import driver


class TrackedConnection(driver.Connection):  # type: ignore[misc]  # whichever driver it is
    """A connection that knows whether it is open."""

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
            lost = f"a connection to {self.database} was never closed"
            warnings.warn(lost, ResourceWarning, stacklevel=2, source=self)


@contextmanager
def warn_of_unclosed_connections() -> Iterator[None]:
    """Whatever this process connects to while the context lasts is tracked."""
    connect = driver.connect

    def connect_tracked(*arguments: Any, **options: Any) -> Any:
        return connect(*arguments, **{"factory": TrackedConnection} | options)

    driver.connect = connect_tracked
    try:
        yield
    finally:
        driver.connect = connect
