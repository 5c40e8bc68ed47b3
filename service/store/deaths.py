"""What another death of a worker makes of a run or a job."""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, literal, or_

from service.store.tables import Job, Run


def death_values(
    table: type[Run] | type[Job],
    *,
    begun: ColumnElement[bool],
    lost: ColumnElement[bool],
    max_deaths: int,
    ended_at: Any,
) -> dict[str, Any]:
    """The columns after one more death: cancelled if that was requested, else lost or queued again.

    begun: whether it is a death at all; a claim that no process has begun cannot have killed one. lost: whether it is
    the last of `max_deaths` deaths. ended_at: the time of an end.
    """
    cancelled, lost = table.cancel_requested, and_(begun, lost)
    sentence = f"{max_deaths} attempts ended without a word: the worker or its agent was killed, or crashed"
    return {
        "deaths": table.deaths + case((begun, 1), else_=0),
        "status": case((cancelled, "cancelled"), (lost, "failed"), else_="queued"),
        "cause": case((cancelled, None), (lost, literal("lost")), else_=None),
        "message": case((cancelled, None), (lost, literal(sentence)), else_=None),
        "finished_at": case((or_(cancelled, lost), ended_at), else_=None),
    }
