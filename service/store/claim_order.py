"""The order in which queued runs are claimed: `next_run` for a claim, `position` for a client who waits.

The highest priority goes first; then the owner with the fewest running runs; then runs that are of no sweep; then the
oldest run. So however many runs a sweep has, a single experiment of its owner waits for none that is still queued.
While runs are claimed and none ends, an owner with c running runs and h queued ones of higher priority has c + h + i
running runs when its i-th run (from 0) of a priority is claimed. So the order of claims is (priority descending,
c + h + i, of a sweep, id). Held runs are not claimed, and have no place in the queue.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    and_,
    bindparam,
    false,
    func,
    or_,
    select,
)

from service.store.engine.row_limits import ONE, fixed_limit
from service.store.tables import Run

FIRST_RUNS = 50
"""How many of the first queued runs are searched for one of an owner without a running run."""
QUEUED = and_(Run.status == "queued", Run.held == false())
RUNNING = Run.status == "running"
RUNNING_OF_EACH = select(Run.owner, func.count().label("runs")).where(RUNNING).group_by(Run.owner)


def next_run() -> ScalarSelect[int]:
    """Select the id of the next run: of the highest priority, the oldest run of the next owner. It is locked.

    Every step goes down an index: a claim takes as long with 5,000 queued runs as with 100. Runs that another
    transaction is claiming are skipped.
    """
    priority = select(func.max(Run.priority)).where(QUEUED).scalar_subquery()
    eligible = and_(QUEUED, Run.priority == priority)
    owner = func.coalesce(_owner_at_rest(eligible), _next_owner(eligible))
    return (
        select(Run.id)
        .where(eligible, Run.owner == owner)
        .order_by(Run.of_sweep, Run.id)
        .limit(ONE)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )


def _owner_at_rest(eligible: ColumnElement[bool]) -> ScalarSelect[str]:
    """Select the owner of the first eligible run whose owner has no running run; null if none of the first has such.

    No owner goes before this one. With many owners this spares a look at each of them.
    """
    columns = (Run.owner, Run.of_sweep, Run.id)
    first = (
        select(*columns)
        .where(eligible)
        .order_by(Run.of_sweep, Run.id)
        .limit(fixed_limit(FIRST_RUNS))
        .subquery()
    )
    at_rest = first.c.owner.not_in(select(Run.owner).where(RUNNING))
    chosen = select(first.c.owner).where(at_rest).order_by(first.c.of_sweep, first.c.id)
    return chosen.limit(ONE).scalar_subquery()


def _next_owner(eligible: ColumnElement[bool]) -> ScalarSelect[str]:
    """Select, of the owners of eligible runs, the one with the fewest running runs, then with the first run.

    The recursion jumps from owner to owner along an index; DISTINCT would read every run. Running runs are counted
    once for all owners: no index leads to those of one.
    """
    owners = select(func.min(Run.owner).label("owner")).where(eligible).cte("owners", recursive=True)
    following = select(func.min(Run.owner)).where(eligible, Run.owner > owners.c.owner).scalar_subquery()
    owners = owners.union_all(select(following).where(owners.c.owner.is_not(None)))
    of_owner = Run.owner == owners.c.owner
    running = RUNNING_OF_EACH.subquery()
    single, oldest = (
        select(func.min(Run.id)).where(eligible, of_owner, *condition).scalar_subquery()
        for condition in ((Run.of_sweep == false(),), ())
    )
    with_running = owners.join(running, running.c.owner == owners.c.owner, isouter=True)
    chosen = select(owners.c.owner).select_from(with_running).where(owners.c.owner.is_not(None))
    count = func.coalesce(running.c.runs, 0)
    return chosen.order_by(count, single.is_(None), single, oldest).limit(ONE).scalar_subquery()


def position(connection: Connection, experiment_id: int) -> int | None:
    """Return the place of an experiment's first queued run among all queued runs, from 1; None if none is queued.

    This takes one pass over an index: of each owner, the runs that are claimed earlier are counted, not sorted.
    """
    first = connection.execute(FIRST, {"experiment": experiment_id}).first()
    if first is None:
        return None
    running: dict[str, int] = {row[0]: row[1] for row in connection.execute(RUNNING_OF_EACH)}
    mine = {"priority": first.priority, "of_sweep": first.of_sweep, "id": first.id}
    owners = list(connection.execute(QUEUED_OF_EACH, mine))
    turn = next(
        running.get(each.owner, 0) + each.higher + each.older for each in owners if each.owner == first.owner
    )
    return 1 + sum(_claimed_before(owners, running, turn))


def _claimed_before(owners: list[Row[Any]], running: dict[str, int], turn: int) -> Iterator[int]:
    """How many runs of each owner are claimed before a run. turn: how many runs of its owner are running by then."""
    for each in owners:
        before = turn - running.get(each.owner, 0) - each.higher
        yield each.higher + min(max(before, 0), each.same)
        # A run of another owner with as many running runs goes first if it is before this one.
        if 0 <= before < each.older:
            yield 1


def _queued_of_each() -> Select[Any]:
    """Count each owner's queued runs: of higher priority, of the same, and of these the ones before this run."""
    same = Run.priority == bindparam("priority")
    of_sweep = bindparam("of_sweep", type_=Boolean())
    before = or_(Run.of_sweep < of_sweep, and_(Run.of_sweep == of_sweep, Run.id < bindparam("id")))
    counts = {
        "higher": Run.priority > bindparam("priority"),
        "same": same,
        "older": and_(same, before),
    }
    columns: list[Any] = [func.count().filter(condition).label(name) for name, condition in counts.items()]
    selected: Select[Any] = select(Run.owner, *columns)
    return selected.where(QUEUED).group_by(Run.owner)


FIRST = select(Run.id, Run.priority, Run.owner, Run.of_sweep).where(
    QUEUED, Run.experiment_id == bindparam("experiment")
)
FIRST = FIRST.order_by(Run.id).limit(ONE)
QUEUED_OF_EACH = _queued_of_each()
"""Statements are built once: to build one takes longer than to execute it on SQLite."""
