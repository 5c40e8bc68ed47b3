"""A database that is away."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from service.store.database import Database

AWAY = OperationalError("SELECT", {}, Exception("it is away"))


class Unreachable:
    """A database whose next transactions fail."""

    def __init__(self, database: Database, error: Exception, times: int = 10**6) -> None:
        self.database, self.error, self.times = database, error, times

    @contextmanager
    def write(self) -> Iterator[Connection]:
        if self.times:
            self.times -= 1
            raise self.error
        with self.database.write() as connection:
            yield connection

    read = write
