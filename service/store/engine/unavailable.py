"""Tells a database that is away from one that refuses what it is given."""

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

LOST_CONNECTION = ("08", "25P03", "25P04", "53", "57", "58")
"""SQLSTATE classes and codes of PostgreSQL: connection exceptions, transactions that idled or took too long, no
resources, intervention of an operator, system errors. Source: PostgreSQL, appendix A."""


def is_unavailable(error: DBAPIError) -> bool:
    """Whether the database, or the connection to it, is lost, locked or full: later the same may succeed."""
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
        return True
    state = getattr(error.orig, "sqlstate", None)
    return isinstance(state, str) and state.startswith(LOST_CONNECTION)
