"""Set up an engine on SQLite: its pool, pragmas, write-ahead log, and the BEGIN of each transaction."""

import math
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

from service.settings import UnusableSetting
from service.store.engine.lock_timeout import LOCK_TIMEOUT_SECONDS, lock_seconds
from service.store.engine.options import JSON_CODEC, POOL
from service.store.engine.sqlite_driver import driver

PAGES_KILOBYTES, STATEMENTS = 256, 32
"""What each connection keeps: of the file, and prepared statements. By default 2,000 and 128, which took 10 MB of the
API when every page had been opened. The kernel keeps the file too, once for all connections.
"""
SYNCHRONOUS = "FULL"
"""When a transaction is on the disk: before it counts as committed, so that a loss of power costs none."""
REMEDY = "It has to be an SQLite database, in a folder that this user may write to (HOLDOUT_DATA_DIR)."


def sqlite_engine(url: URL) -> Engine:
    """An engine whose transactions begin IMMEDIATE, or DEFERRED if the execution option `begin` says so."""
    arguments = {"isolation_level": None, "timeout": LOCK_TIMEOUT_SECONDS, "cached_statements": STATEMENTS}
    pool = POOL if url.database and url.database != ":memory:" else {}
    engine = create_engine(url, module=driver, connect_args=arguments, **pool, **JSON_CODEC)

    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
        cursor.execute(f"PRAGMA cache_size = -{PAGES_KILOBYTES}")
        cursor.close()

    # The driver's own BEGIN comes too late and is never IMMEDIATE: updates would be lost between readers.
    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        milliseconds = math.ceil(1000 * lock_seconds())
        if connection.info.get("busy_timeout", 1000 * LOCK_TIMEOUT_SECONDS) != milliseconds:
            connection.connection.dbapi_connection.execute(f"PRAGMA busy_timeout = {milliseconds}")
            connection.info["busy_timeout"] = milliseconds
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'IMMEDIATE')}")

    return engine


def enable_write_ahead_log(path: str) -> None:
    """Create the file if it is missing, and let readers and a writer coexist on it from now on (WAL).

    Raises UnusableSetting.
    """
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        with closing(driver.connect(path, timeout=LOCK_TIMEOUT_SECONDS)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    except (OSError, driver.Error) as error:
        cause = getattr(error, "strerror", None) or error
        raise UnusableSetting(f"The database {path} cannot be used: {cause}. {REMEDY}") from None
