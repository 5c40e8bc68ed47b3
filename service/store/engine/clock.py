"""The database's clock as an SQL function: one clock for all agents, whatever the clocks of their machines say."""

from typing import Any

from sqlalchemy import ColumnElement, Float, case
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.functions import FunctionElement


class now(FunctionElement[float]):  # noqa: N801 -- reads as the SQL function it is
    """The present time in seconds since 1970."""

    type = Float()
    inherit_cache = True


@compiles(now, "sqlite")
def _sqlite_now(*_: Any, **__: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _postgresql_now(*_: Any, **__: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"


def now_or(earliest: InstrumentedAttribute[Any]) -> ColumnElement[float]:
    """The present time, or a stored time if that is later: nothing ends before it started, whatever the clock."""
    return case((earliest > now(), earliest), else_=now())
