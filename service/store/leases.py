"""When the lease of a run or a job has expired."""

from sqlalchemy import ColumnElement, and_, or_

from service.store.engine.clock import now
from service.store.tables import Job, Run

CLOCK_TOLERANCE_SECONDS = 1.0
"""How much further ahead than its length a lease may end: the database's clock may be set back by so much."""


def has_expired(table: type[Run] | type[Job]) -> ColumnElement[bool]:
    """Whether a running row may be given to another agent.

    Its own length decides, not that of the agent that asks: agents may have different settings.
    """
    # A lease that ends too late has not been renewed since the clock was set back: it would hold the row for hours.
    ends_too_late = table.lease_until > now() + table.lease_seconds + CLOCK_TOLERANCE_SECONDS
    return and_(table.status == "running", or_(table.lease_until < now(), ends_too_late))
