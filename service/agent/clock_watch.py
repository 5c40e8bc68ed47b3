"""Notices when the database's clock was set, or when this machine slept: then no lease may be ended for a while.

Leases end by the database's clock. If it leaps ahead, or while a laptop is suspended, healthy leases seem to have
expired, and ending one counts a death of its run. So their agents get the time to renew them first.
"""

import logging
import time

from sqlalchemy import Connection, select

from service.store.engine.clock import now

log = logging.getLogger("holdout.agent")

NOW = select(now())


class ClockWatch:
    """Compares the database's clock with the monotonic one of this process, which nobody can set."""

    def __init__(self, lease_seconds: float) -> None:
        """A gap of a quarter of a lease is noticed: a shorter one ends no lease that is renewed every second."""
        self._lease_seconds = lease_seconds
        self._offset: tuple[float, float] | None = None
        """The least and the most by which the database's clock may be ahead of the monotonic one."""
        self._unsettled_until = 0.0

    @property
    def is_settled(self) -> bool:
        """Whether the last gap is a whole lease ago, so that all agents could renew what they hold."""
        return time.monotonic() >= self._unsettled_until

    def observe(self, connection: Connection) -> None:
        """Read the clock, and note a gap since it was read last."""
        asked_at = time.monotonic()
        clock: float = connection.execute(NOW).scalar_one()
        before, self._offset = self._offset, (clock - time.monotonic(), clock - asked_at)
        gap = _gap(before or self._offset, self._offset)
        if abs(gap) > self._lease_seconds / 4:
            self._unsettled_until = time.monotonic() + self._lease_seconds
            log.warning(
                "the database's clock is %.1f s %s than expected: it was set, or this machine slept; no lease is"
                " ended for %g s",
                abs(gap),
                "later" if gap > 0 else "earlier",
                self._lease_seconds,
            )


def _gap(before: tuple[float, float], after: tuple[float, float]) -> float:
    """How far two ranges are apart; 0 if they meet. A slow query, or a busy machine, makes a range wide."""
    if after[0] > before[1]:
        return after[0] - before[1]
    return min(0.0, after[1] - before[0])
