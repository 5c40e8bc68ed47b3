"""A database and its transactions, the same on SQLite and PostgreSQL. What differs is in `service.store.engine`."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import Connection, make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from service.store.engine.file_identity import FileIdentity
from service.store.engine.lock_timeout import READ_ONLY, WRITE_DEADLINE
from service.store.engine.nonblocking_reader import NonblockingReader
from service.store.engine.postgresql import postgresql_engine
from service.store.engine.sqlite import enable_write_ahead_log, sqlite_engine

Version = int | str
"""Differs after every commit of any process."""
SNAPSHOT = "SELECT pg_current_snapshot()::text || ' ' || pg_postmaster_start_time()::text"
"""Which transactions have ended, and since when they are counted: a restored copy may count some of them again."""
AFTER_COMMIT = "after_commit"
"""Where a connection of `write` notes what `after_commit` was given."""


class Database:
    """Short transactions on one engine: `write()` is exclusive on SQLite from its start, `read()` a snapshot.

    A transaction that read first and then wrote could find its snapshot stale and lose the race for the lock;
    BEGIN IMMEDIATE waits its turn instead (up to 30 s).
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = sqlite_engine(self.url) if self.is_sqlite else postgresql_engine(self.url)
        self._writing = self.engine.execution_options(begin="IMMEDIATE")
        self._reading = self.engine.execution_options(begin="DEFERRED")
        self._unwrapped = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        if not self.is_sqlite:
            snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            self._reading = self._reading.execution_options(**snapshot)
        file = self.url.database if self.is_sqlite and self.url.database != ":memory:" else None
        self._file = FileIdentity(file) if file else None
        self.nonblocking = NonblockingReader(file, self._file) if file and self._file else None
        """Reads without waiting, for use in one thread; None if the database cannot do that."""

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write: committed on leaving, rolled back on an exception. See `after_commit`."""
        if WRITE_DEADLINE.get() == READ_ONLY:
            raise RuntimeError("This request takes a thread of those that only read: declare what it needs")
        self.require_same_file()
        with self._writing.connect() as connection, self._writing_on(connection):
            yield connection

    @contextmanager
    def rebuild(self) -> Iterator[Connection]:
        """A transaction like `write` that may also rebuild tables, as most changes of a schema do on SQLite.

        SQLite deletes the rows of a table before it drops it, and these deletions would cascade to other tables. So
        foreign keys are not enforced, and checked as a whole at the end. That cannot be changed within a transaction.
        """
        with self._writing.connect() as connection:
            driver: Any = connection.connection.dbapi_connection
            if self.is_sqlite:
                driver.execute("PRAGMA foreign_keys = OFF")
            try:
                with self._writing_on(connection):
                    yield connection
                    self._check_foreign_keys(connection)
            finally:
                if self.is_sqlite:
                    driver.execute("PRAGMA foreign_keys = ON")

    @contextmanager
    def _writing_on(self, connection: Connection) -> Iterator[None]:
        """Commit on leaving, then call what `after_commit` was given."""
        actions: list[Callable[[], None]] = []
        with connection.begin():
            connection.info[AFTER_COMMIT] = actions
            yield
        for action in actions:
            action()

    def _check_foreign_keys(self, connection: Connection) -> None:
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all() if self.is_sqlite else []
        if broken:
            raise RuntimeError(
                f"A change of the schema would leave {len(broken):,} rows without what they refer to"
            )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads, from one snapshot.

        It is committed whatever happens: after a ROLLBACK, psycopg discards the statements that it has prepared on
        the connection, and a poll whose response would be a 304 ends in an exception.
        """
        self.require_same_file()
        with self._reading.begin() as connection:
            try:
                yield connection
            except DBAPIError:
                raise
            except BaseException:
                connection.commit()
                raise

    @contextmanager
    def read_autocommit(self) -> Iterator[Connection]:
        """A connection each of whose statements reads what was committed last.

        On PostgreSQL this saves a single statement the round trips of BEGIN and COMMIT.
        """
        if self.is_sqlite:
            with self.read() as connection:
                yield connection
        else:
            with self._unwrapped.connect() as connection:
                yield connection

    def require_same_file(self) -> None:
        """Raise DatabaseReplaced if the file of an SQLite database was deleted or replaced since it was opened."""
        if self._file:
            self._file.require_same()

    def version(self) -> int | None:
        """A number that changes with every commit of any process; None if the database has no such number.

        SQLite tells it in 2 microseconds and without a transaction. For use in one thread.
        """
        return self.nonblocking.version() if self.nonblocking else None

    def snapshot(self) -> str | None:
        """A text that differs after every commit of any process; None if the database has none, as SQLite.

        PostgreSQL tells in one statement which transactions have ended, and needs no transaction for it. Polls ask so
        often that the driver is asked: by SQLAlchemy it takes twice as long.
        """
        if self.is_sqlite:
            return None
        with closing(self.engine.raw_connection()) as pooled:
            connection: Any = pooled.dbapi_connection
            connection.autocommit = True
            try:
                return str(connection.execute(SNAPSHOT).fetchone()[0])
            except self.engine.dialect.loaded_dbapi.Error as error:
                raise OperationalError(SNAPSHOT, None, error) from error
            finally:
                if not connection.closed:
                    connection.autocommit = False

    def prepare(self) -> None:
        """Called once, by the launcher, before a second process opens the file of an SQLite database.

        Raises UnusableSetting if that cannot be opened.
        """
        if self.is_sqlite and self.url.database:
            enable_write_ahead_log(self.url.database)

    def close(self) -> None:
        self.engine.dispose()
        if self.nonblocking:
            self.nonblocking.close()


def after_commit(connection: Connection, action: Callable[[], None]) -> None:
    """Call `action` once the transaction of `Database.write` has committed; never, if it is rolled back."""
    connection.info[AFTER_COMMIT].append(action)
