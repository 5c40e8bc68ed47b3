"""How long a transaction waits for a lock that another one holds, and how to tell that it waited in vain."""

import math
import time
from contextvars import ContextVar

from sqlalchemy.exc import DBAPIError

LOCK_TIMEOUT_SECONDS = 30
READ_ONLY = -math.inf
"""The deadline of a request that must not write, because it runs on a thread that only reads."""
WRITE_DEADLINE: ContextVar[float] = ContextVar("write_deadline", default=math.inf)
"""Until when, on the monotonic clock, a write transaction of this request waits for a lock; or READ_ONLY."""
LOCK_NOT_AVAILABLE = "55P03"
"""PostgreSQL's code for a lock that did not become free in time."""


def lock_seconds() -> float:
    """How long the transaction that begins now may wait for a lock."""
    deadline = WRITE_DEADLINE.get()
    left = LOCK_TIMEOUT_SECONDS if deadline == READ_ONLY else deadline - time.monotonic()
    return min(LOCK_TIMEOUT_SECONDS, max(0.001, left))


def is_lock_timeout(error: DBAPIError) -> bool:
    """Whether another transaction held a lock for longer than this one might wait."""
    return getattr(error.orig, "sqlstate", "") == LOCK_NOT_AVAILABLE or "database is locked" in str(
        error.orig
    )
