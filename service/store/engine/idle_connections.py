"""Check a pooled connection only where it may be broken: that is a round trip, and takes as long as a short query."""

import select
import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

TRUSTED_SECONDS = 1.0
"""For so long after its last use, a connection counts as sound unless its socket says otherwise."""
RETURNED_AT = "returned_at"


def check_idle_connections(engine: Engine) -> None:
    """Let a connection that has been idle, or that its server has written to, be checked before it is used again.

    If it is broken, all idle ones are replaced, as they are by `pool_pre_ping`.
    """

    @event.listens_for(engine, "checkin")
    def note_time(_connection: Any, record: Any) -> None:
        record.info[RETURNED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def check(connection: Any, record: Any, _proxy: Any) -> None:
        returned_at = record.info.get(RETURNED_AT)
        if returned_at is None:  # it has just been opened
            return
        if time.monotonic() - returned_at < TRUSTED_SECONDS and not _has_input(connection):
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error


def _has_input(connection: Any) -> bool:
    """Whether there is something to read where nothing was asked for, as after the server has closed it."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
