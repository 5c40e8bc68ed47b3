"""The engine and its transactions: the only file that tells SQLite from Postgres."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import URL, Connection, Engine, Float, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from service.settings import UnusableSetting
from service.store.nonblocking_reader import NonblockingReader
from service.store.sqlite_driver import driver

BUSY_TIMEOUT_SECONDS = 30
"""How long a transaction waits for a lock that another one holds."""
POOL: dict[str, Any] = {"pool_size": 16, "max_overflow": 48}
"""Enough connections for all threads that may ask for one, so that nobody with a thread waits for a connection."""
NEVER = -math.inf
WRITE_UNTIL: ContextVar[float] = ContextVar("write_until", default=math.inf)
"""Until when, on the monotonic clock, a writer waits for a lock; NEVER in a request that has no right to wait."""
AFTER_COMMIT = "after_commit"
"""Where a connection of `write` notes what `after_commit` was given."""
LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's code for a lock that did not become free in time."""
SILENCE_SECONDS = 10
"""How long Postgres and its clients wait for each other on a broken line. A client that vanished in the middle of
a transaction has locked its runs: nobody takes them over before they are unlocked."""
LINE = {
    "connect_timeout": str(SILENCE_SECONDS),
    "keepalives_idle": "4",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": str(SILENCE_SECONDS * 1000),
}
"""The same for libpq, which by itself would wait for hours."""


def _json(value: Any) -> str:
    return to_json(value, inf_nan_mode="constants").decode()


RUST: dict[str, Any] = {"json_serializer": _json, "json_deserializer": from_json}
"""Columns of JSON by pydantic's core, in a third of the time of Python's own."""


class now(FunctionElement[float]):  # noqa: N801 -- reads as the SQL function it is
    """The database's clock in seconds since 1970: one clock for all agents, whatever their machines say."""

    type = Float()
    inherit_cache = True


@compiles(now, "sqlite")
def _sqlite_now(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _postgresql_now(*_: Any, **__: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


class Database:
    """Short transactions on one engine: `write()` is exclusive on SQLite from its start, `read()` a snapshot.

    A write that only became one halfway could find its snapshot stale and lose the race for the lock;
    BEGIN IMMEDIATE waits its turn instead (up to 30 s).
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(self.url) if self.is_sqlite else _postgresql_engine(self.url)
        self._writing = self.engine.execution_options(begin="IMMEDIATE")
        self._reading = self.engine.execution_options(begin="DEFERRED")
        if not self.is_sqlite:
            snapshot = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            self._reading = self._reading.execution_options(**snapshot)
        self.observer = NonblockingReader(self.url.database) if self.is_sqlite and self.url.database else None
        """What may be asked without waiting, in one thread alone; None where the database has none."""

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write: committed on leaving, rolled back on an exception. See `after_commit`."""
        if WRITE_UNTIL.get() == NEVER:
            raise RuntimeError("This request takes a thread of those that only read: declare what it needs")
        with self._writing.begin() as connection:
            actions: list[Callable[[], None]] = []
            connection.info[AFTER_COMMIT] = actions
            yield connection
        for action in actions:
            action()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads, from one snapshot."""
        with self._reading.begin() as connection:
            yield connection

    def version(self) -> int | None:
        """A number that is another after every commit, whoever made it; None where the database does not say.

        It takes SQLite 2 microseconds and no transaction. To be asked for in one thread alone.
        """
        return self.observer.version() if self.observer else None

    def prepare(self) -> None:
        """Once, by the launcher, before a second process opens the file: WAL lets readers and a writer coexist."""
        if self.is_sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            connection = driver.connect(self.url.database, timeout=BUSY_TIMEOUT_SECONDS)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.close()

    def close(self) -> None:
        self.engine.dispose()
        if self.observer:
            self.observer.close()


def after_commit(connection: Connection, action: Callable[[], None]) -> None:
    """Call `action` once the transaction of `Database.write` has committed; never, if it is rolled back."""
    connection.info[AFTER_COMMIT].append(action)


def is_lock_timeout(error: DBAPIError) -> bool:
    """Whether another transaction held a lock for longer than this one might wait."""
    return getattr(error.orig, "sqlstate", "") == LOCK_NOT_AVAILABLE or "database is locked" in str(
        error.orig
    )


def _lock_seconds() -> float:
    """How long the transaction that begins now waits for a lock."""
    until = WRITE_UNTIL.get()
    left = BUSY_TIMEOUT_SECONDS if until == NEVER else until - time.monotonic()
    return min(BUSY_TIMEOUT_SECONDS, max(0.001, left))


def _sqlite_engine(url: URL) -> Engine:
    arguments = {"isolation_level": None, "timeout": BUSY_TIMEOUT_SECONDS}
    pool = POOL if url.database and url.database != ":memory:" else {}
    engine = create_engine(url, module=driver, connect_args=arguments, **pool, **RUST)

    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.close()

    # The driver's own BEGIN comes too late and is never IMMEDIATE: updates would be lost between readers.
    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        milliseconds = math.ceil(1000 * _lock_seconds())
        if connection.info.get("busy_timeout", 1000 * BUSY_TIMEOUT_SECONDS) != milliseconds:
            connection.connection.dbapi_connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
            connection.info["busy_timeout"] = milliseconds
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'IMMEDIATE')}")

    return engine


def impatient(url: URL) -> URL:
    """The URL of a Postgres whose clients notice that the line is broken; what it says itself stays."""
    return url.set(query={**LINE, **url.query})


def _postgresql_engine(url: URL) -> Engine:
    try:
        engine = create_engine(impatient(url), pool_pre_ping=True, **POOL, **RUST)
    except ModuleNotFoundError as missing:
        needed = f"HOLDOUT_DATABASE_URL needs {missing.name}: pip install 'holdout[cluster]'"
        raise UnusableSetting(needed) from None

    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{SILENCE_SECONDS}s'")
        # What the URL says itself stays.
        unset = "WHERE current_setting('lock_timeout') = '0'"
        cursor.execute(f"SELECT set_config('lock_timeout', '{BUSY_TIMEOUT_SECONDS}s', false) {unset}")
        cursor.close()
        connection.commit()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        if (seconds := _lock_seconds()) < BUSY_TIMEOUT_SECONDS - 1:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{math.ceil(1000 * seconds)}ms'")

    return engine
