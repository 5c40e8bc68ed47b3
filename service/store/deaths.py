"""What another death of a worker, or another one that could not be started, makes of a run or a job."""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, literal, or_

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


def failed_start_values(
    table: type[Run] | type[Job], *, cause: str, message: str, most: int | None, ended_at: Any
) -> dict[str, Any]:
    """The columns after one more failed start: cancelled if that was requested, else queued again, without a death.

    But after `most` such starts in a row it fails, with this cause and message; None lets it wait for ever.
    """
    is_last = literal(False) if most is None else table.failed_starts + 1 >= most
    fails = and_(is_last, table.cancel_requested == false())
    return {
        "status": case((table.cancel_requested, "cancelled"), (fails, "failed"), else_="queued"),
        "cause": case((fails, cause), else_=None),
        "message": case((fails, message), else_=None),
        "finished_at": case((or_(table.cancel_requested, fails), ended_at), else_=None),
        "failed_starts": table.failed_starts + 1,
    }
