"""Set up an engine on PostgreSQL: its pool, keepalives and timeouts."""

import math
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection

from service.settings import UnusableSetting
from service.store.engine.idle_connections import check_idle_connections
from service.store.engine.lock_timeout import LOCK_TIMEOUT_SECONDS, lock_seconds
from service.store.engine.options import JSON_CODEC, POOL

BROKEN_CONNECTION_SECONDS = 10
"""How long Postgres and its clients wait for each other on a broken connection. The runs that a client had locked
when it vanished in mid-transaction stay locked until then: no other agent can take them over."""
KEEPALIVES = {
    "connect_timeout": str(BROKEN_CONNECTION_SECONDS),
    "keepalives_idle": "4",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": str(BROKEN_CONNECTION_SECONDS * 1000),
}
"""The same for libpq, which by itself would wait for hours."""


def with_keepalives(url: URL) -> URL:
    """The URL of a Postgres whose clients notice a broken connection. Options that the URL has already stay."""
    return url.set(query={**KEEPALIVES, **url.query})


def postgresql_engine(url: URL) -> Engine:
    """An engine whose transactions give up a lock that does not become free. Raises UnusableSetting."""
    try:
        engine = create_engine(with_keepalives(url), pool_use_lifo=True, **POOL, **JSON_CODEC)
    except ModuleNotFoundError as missing:
        needed = f"HOLDOUT_DATABASE_URL needs {missing.name}: pip install 'holdout[cluster]'"
        raise UnusableSetting(needed) from None
    check_idle_connections(engine)

    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{BROKEN_CONNECTION_SECONDS}s'")
        # A lock timeout in the URL stays.
        unset = "WHERE current_setting('lock_timeout') = '0'"
        cursor.execute(f"SELECT set_config('lock_timeout', '{LOCK_TIMEOUT_SECONDS}s', false) {unset}")
        cursor.close()
        connection.commit()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        if (seconds := lock_seconds()) < LOCK_TIMEOUT_SECONDS - 1:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{math.ceil(1000 * seconds)}ms'")

    return engine
