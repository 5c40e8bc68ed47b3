"""Monitors and their batches. A batch is stored with the state of the monitor after it, in one transaction: if a
process dies while it tests one, nothing has happened, and the batch is sent again.

The caller holds a transaction of `Database`; to store anything, a write transaction.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update
from sqlalchemy import delete as delete_from

from service.store.engine.clock import now
from service.store.errors import (
    BatchNameTaken,
    MonitorNameTaken,
    UnknownBatch,
    UnknownExperiment,
    UnknownMonitor,
)
from service.store.tables import Experiment, Monitor, MonitorBatch, MonitorSample, Rows

MONITOR: tuple[Any, ...] = (Monitor,)
BATCH: tuple[Any, ...] = (MonitorBatch,)

SETTINGS = ("repeat", "fold", "seed", "alpha", "detectors")


@dataclass(frozen=True)
class GivenBatch:
    """What identifies a batch. Two are the same if name and hash agree; without a name, none is."""

    name: str | None
    sha256: str


def create(connection: Connection, values: dict[str, Any], sample: bytes) -> tuple[Row[Any], bool]:
    """Store a monitor, and whether it is new: the same request again finds it. Raises UnknownExperiment or
    MonitorNameTaken.
    """
    experiment = select(Experiment.id).where(Experiment.id == values["experiment_id"]).with_for_update()
    if connection.scalar(experiment) is None:
        raise UnknownExperiment(values["experiment_id"])
    same_name = (Monitor.experiment_id == values["experiment_id"], Monitor.name == values["name"])
    existing = connection.execute(select(*MONITOR).where(*same_name)).one_or_none()
    if existing is not None:
        if any(getattr(existing, name) != values[name] for name in SETTINGS):
            raise MonitorNameTaken(existing.name, existing.id)
        return existing, False
    created = insert(Monitor).values(**values, created_at=now()).returning(*MONITOR)
    monitor = connection.execute(created).one()
    connection.execute(insert(MonitorSample).values(monitor_id=monitor.id, content=sample))
    return monitor, True


def find(connection: Connection, monitor_id: int, *, locked: bool = False) -> Row[Any]:
    """One monitor; locked until the end of the transaction, if so asked. Raises UnknownMonitor."""
    chosen = select(*MONITOR).where(Monitor.id == monitor_id)
    found = connection.execute(chosen.with_for_update() if locked else chosen).one_or_none()
    if found is None:
        raise UnknownMonitor(monitor_id)
    return found


def sample(connection: Connection, monitor_id: int) -> bytes:
    """The rows before, as they were stored."""
    content: bytes = connection.execute(
        select(MonitorSample.content).where(MonitorSample.monitor_id == monitor_id)
    ).scalar_one()
    return content


def page(
    connection: Connection, *, experiment_id: int | None, after: int | None, limit: int
) -> tuple[Rows, bool]:
    """The newest monitors with ids below `after`, at most `limit`, and whether there are more."""
    chosen = select(*MONITOR).order_by(Monitor.id.desc()).limit(limit + 1)
    if experiment_id is not None:
        chosen = chosen.where(Monitor.experiment_id == experiment_id)
    if after is not None:
        chosen = chosen.where(Monitor.id < after)
    rows = connection.execute(chosen).all()
    return rows[:limit], len(rows) > limit


def batches(connection: Connection, monitor_id: int, *, after: int | None, limit: int) -> tuple[Rows, bool]:
    """The newest batches with numbers below `after`, at most `limit`, and whether there are more."""
    chosen = select(*_of_batch()).where(MonitorBatch.monitor_id == monitor_id)
    if after is not None:
        chosen = chosen.where(MonitorBatch.number < after)
    rows = connection.execute(chosen.order_by(MonitorBatch.number.desc()).limit(limit + 1)).all()
    return rows[:limit], len(rows) > limit


def batch(connection: Connection, monitor_id: int, number: int) -> Row[Any]:
    """One batch with its report. Raises UnknownMonitor or UnknownBatch."""
    mine = (MonitorBatch.monitor_id == monitor_id, MonitorBatch.number == number)
    found = connection.execute(select(*BATCH).where(*mine)).one_or_none()
    if found is None:
        raise UnknownBatch(monitor_id, number, find(connection, monitor_id).batches)
    return found


def stored(connection: Connection, monitor_id: int, given: GivenBatch) -> Row[Any] | None:
    """The batch that was stored under the name of another; None if there is none. Raises BatchNameTaken."""
    if given.name is None:
        return None
    mine = (MonitorBatch.monitor_id == monitor_id, MonitorBatch.name == given.name)
    found = connection.execute(select(*BATCH).where(*mine)).one_or_none()
    if found is not None and found.sha256 != given.sha256:
        raise BatchNameTaken(given.name, found.number)
    return found


def add(
    connection: Connection, monitor: Row[Any], values: dict[str, Any], products: dict[str, float], rows: bytes
) -> Row[Any]:
    """Store the next batch of a locked monitor, its evidence and its sample. The first alarm is noted."""
    number = monitor.batches + 1
    inserted = insert(MonitorBatch).values(**values, monitor_id=monitor.id, number=number, received_at=now())
    batch = connection.execute(inserted.returning(*BATCH)).one()
    changed = {"batches": number, "products": products, "last_batch_at": batch.received_at}
    if batch.alarms and monitor.first_alarm is None:
        changed |= {"first_alarm": number, "alarmed_at": batch.received_at}
    connection.execute(update(Monitor).where(Monitor.id == monitor.id).values(**changed))
    kept = update(MonitorSample).where(MonitorSample.monitor_id == monitor.id)
    connection.execute(kept.values(content=rows))
    return batch


def delete(connection: Connection, monitor_id: int) -> None:
    """Delete a monitor with its batches. Raises UnknownMonitor."""
    deleted = delete_from(Monitor).where(Monitor.id == monitor_id).returning(Monitor.id)
    if connection.execute(deleted).one_or_none() is None:
        raise UnknownMonitor(monitor_id)


def counts(connection: Connection) -> dict[str, int]:
    """How many monitors are quiet, and how many have raised an alarm."""
    whole, alarmed = connection.execute(select(func.count(), func.count(Monitor.first_alarm))).one()
    return {"quiet": whole - alarmed, "alarm": alarmed}


def _of_batch() -> list[Any]:
    """The columns of a batch but for its report."""
    return [column for column in MonitorBatch.__table__.columns if column.name != "report"]
