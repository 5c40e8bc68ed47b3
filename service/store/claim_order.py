"""Whose turn it is: the one order in which queued runs are claimed, for the claim and for telling a position.

The highest priority goes first; then the owner with the fewest running; then the oldest run. While runs are claimed
and none ends, an owner with c running and h queued runs of higher priority has c + h + i running when its i-th run
(from 0) of a priority is claimed. So the order of claims is that of (priority descending, c + h + i, id).
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect, Select, and_, bindparam, func, select

from service.store.tables import Run

QUEUED = Run.status == "queued"
RUNNING = Run.status == "running"


def next_run() -> ScalarSelect[int]:
    """Of the highest priority, the oldest run of the owner whose turn it is.

    Every step goes down an index: a claim takes as long with 5,000 runs queued as with 100.
    """
    priority = select(func.max(Run.priority)).where(QUEUED).scalar_subquery()
    eligible = and_(QUEUED, Run.priority == priority)
    return (
        select(Run.id)
        .where(eligible, Run.owner == _next_owner(eligible))
        .order_by(Run.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )


def _next_owner(eligible: ColumnElement[bool]) -> ScalarSelect[str]:
    """Of the owners of eligible runs, the one with the fewest running, then with the oldest.

    The recursion hops from owner to owner, where DISTINCT would read every run.
    """
    owners = select(func.min(Run.owner).label("owner")).where(eligible).cte("owners", recursive=True)
    following = select(func.min(Run.owner)).where(eligible, Run.owner > owners.c.owner).scalar_subquery()
    owners = owners.union_all(select(following).where(owners.c.owner.is_not(None)))
    theirs = Run.owner == owners.c.owner
    running = select(func.count()).where(RUNNING, theirs).scalar_subquery()
    oldest = select(func.min(Run.id)).where(eligible, theirs).scalar_subquery()
    of_somebody = owners.c.owner.is_not(None)
    return select(owners.c.owner).where(of_somebody).order_by(running, oldest).limit(1).scalar_subquery()


def position(connection: Connection, experiment_id: int) -> int | None:
    """Of the first queued run of an experiment among all queued ones, from 1; None if none is queued.

    One pass over an index, whatever the order: each owner's runs that come earlier are counted, not sorted.
    """
    mine = connection.execute(FIRST, {"experiment": experiment_id}).first()
    if mine is None:
        return None
    running: dict[str, int] = {row[0]: row[1] for row in connection.execute(RUNNING_OF_EACH)}
    owners = list(connection.execute(QUEUED_OF_EACH, {"priority": mine.priority, "id": mine.id}))
    turn = next(
        running.get(each.owner, 0) + each.higher + each.older for each in owners if each.owner == mine.owner
    )
    return 1 + sum(_ahead(owners, running, turn))


def _ahead(owners: list[Row[Any]], running: dict[str, int], turn: int) -> Iterator[int]:
    """How many runs of each owner are claimed before the run whose turn comes with `turn` of its owner running."""
    for each in owners:
        before = turn - running.get(each.owner, 0) - each.higher
        yield each.higher + min(max(before, 0), each.same)
        # The one claimed with as many running goes first if it is older.
        if 0 <= before < each.older:
            yield 1


def _queued_of_each() -> Select[Any]:
    """Of each owner, its queued runs: of higher priority, of the same, and those of them with a smaller id."""
    same = Run.priority == bindparam("priority")
    counts = {
        "higher": Run.priority > bindparam("priority"),
        "same": same,
        "older": and_(same, Run.id < bindparam("id")),
    }
    columns: list[Any] = [func.count().filter(those).label(name) for name, those in counts.items()]
    chosen: Select[Any] = select(Run.owner, *columns)
    return chosen.where(QUEUED).group_by(Run.owner)


FIRST = select(Run.id, Run.priority, Run.owner).where(QUEUED, Run.experiment_id == bindparam("experiment"))
FIRST = FIRST.order_by(Run.id).limit(1)
RUNNING_OF_EACH = select(Run.owner, func.count()).where(RUNNING).group_by(Run.owner)
QUEUED_OF_EACH = _queued_of_each()
"""Made once: making them takes longer than SQLite takes to answer."""
