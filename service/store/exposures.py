"""Which rows experiments train and validate on: stored with each submission, and kept when the experiment is deleted.

A row counts as exposed from the moment when a run of the experiment starts: before, nothing was learned from it. So a
queued experiment exposes nothing, and one that is deleted before it started leaves no record.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, delete, exists, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute

from service.store.tables import DatasetRows, Experiment, ExposedPart, Exposure, Run
from workers.data.exposed_rows import ExposedRows, Mask, unpacked
from workers.data.row_digests import Digests

ADD = insert(Exposure)
"""Built once, as `_with_key` is: to build a statement takes longer than to execute it on SQLite."""


@dataclass(frozen=True, eq=False)
class RowUse:
    """An earlier use of rows: by which experiment, whose, under which data set. rows: (n,), which of them it used.

    look: the number of the look; None if the experiment trained or validated on them.
    """

    experiment_id: int
    owner: str
    dataset: str
    rows: Mask
    look: int | None = None


class NewExposure(NamedTuple):
    """Which rows an experiment exposes, and whose it is. dataset: what the experiment calls its data."""

    experiment_id: int
    dataset: str
    owner: str
    exposed: ExposedRows


def record(connection: Connection, exposures: Sequence[NewExposure]) -> None:
    """Store which rows experiments expose. Repeating it changes nothing, and another transaction may do the same.

    What they share is stored once.
    """
    _record_parts(connection, exposures)
    ids = [each.experiment_id for each in exposures]
    recorded = connection.scalars(select(Exposure.experiment_id).where(Exposure.experiment_id.in_(ids)))
    known = set(recorded)
    missing = [each for each in exposures if each.experiment_id not in known]
    try:
        with connection.begin_nested():
            _insert(connection, missing)
    except IntegrityError:  # another transaction has stored one of them
        for each in missing:
            _add_missing(connection, Exposure, {"experiment_id": each.experiment_id}, _facts(each))


def record_new(connection: Connection, exposures: Sequence[NewExposure]) -> None:
    """The same of new experiments, which nobody else can have recorded."""
    _record_parts(connection, exposures)
    _insert(connection, exposures)


def _insert(connection: Connection, exposures: Sequence[NewExposure]) -> None:
    rows = [{"experiment_id": each.experiment_id, **_facts(each)} for each in exposures]
    if rows:
        connection.execute(ADD, rows)


def _facts(exposure: NewExposure) -> dict[str, Any]:
    return {"part": exposure.exposed.key, "dataset": exposure.dataset, "owner": exposure.owner}


def _record_parts(connection: Connection, exposures: Iterable[NewExposure]) -> None:
    for exposed in {each.exposed.key: each.exposed for each in exposures}.values():
        _record_part(connection, exposed)


def _record_part(connection: Connection, exposed: ExposedRows) -> None:
    digests = {"digests": exposed.digests.astype("<u8").tobytes()}
    _add_missing(connection, DatasetRows, {"sha256": exposed.sha256}, digests)
    part = {"sha256": exposed.sha256, "bits": exposed.bits}
    _add_missing(connection, ExposedPart, {"key": exposed.key}, part)


def drop_unstarted(connection: Connection, experiment_id: int) -> None:
    """Before an experiment is deleted, drop its record if it never started."""
    mine = delete(Exposure).where(Exposure.experiment_id == experiment_id)
    connection.execute(mine.where(~_has_started(Exposure.experiment_id)))


def unrecorded(connection: Connection, ids: Collection[int] | None = None) -> Sequence[Row[Any]]:
    """The experiments, or those of these, that have started and have no record: an old version submitted them."""
    recorded = exists().where(Exposure.experiment_id == Experiment.id)
    columns: list[Any] = [Experiment.id, Experiment.spec, Experiment.dataset, Experiment.owner]
    missing = select(*columns).where(_has_started(Experiment.id), ~recorded)
    if ids is not None:
        missing = missing.where(Experiment.id.in_(ids))
    return connection.execute(missing).all()


def exposed_by(connection: Connection, digests: Digests) -> list[RowUse]:
    """The experiments that have started and expose any of the rows with these digests (n,), by their ids."""
    parts = connection.execute(select(ExposedPart.key, ExposedPart.sha256)).all()
    masks: dict[str, Mask] = {}
    for sha256 in {part.sha256 for part in parts}:
        masks |= _exposed_in(connection, sha256, digests)
    uses = select(Exposure).where(_is_in_force()).order_by(Exposure.experiment_id)
    return [
        RowUse(use.experiment_id, use.owner, use.dataset, masks[use.part])
        for use in connection.execute(uses)
        if use.part in masks
    ]


def _exposed_in(connection: Connection, sha256: str, digests: Digests) -> Mapping[str, Mask]:
    """Which of the rows each part of one data set exposes, by the part's key. Parts that expose none are left out."""
    stored = connection.execute(select(DatasetRows.digests).where(DatasetRows.sha256 == sha256)).scalar_one()
    of_data = np.frombuffer(stored, "<u8")
    shared = np.flatnonzero(np.isin(of_data, digests))
    if not len(shared):
        return {}
    parts = select(ExposedPart.key, ExposedPart.bits).where(ExposedPart.sha256 == sha256)
    masks = {
        part.key: np.isin(digests, of_data[shared[unpacked(part.bits, len(of_data))[shared]]])
        for part in connection.execute(parts)
    }
    return {key: mask for key, mask in masks.items() if mask.any()}


def _is_in_force() -> ColumnElement[bool]:
    """Whether an exposure holds: its experiment has started, or was deleted after it had."""
    still_there = exists().where(Experiment.id == Exposure.experiment_id)
    return _has_started(Exposure.experiment_id) | ~still_there


def _has_started(experiment_id: Any) -> ColumnElement[bool]:
    return exists().where(Run.experiment_id == experiment_id, Run.started_at.is_not(None))


def _add_missing(connection: Connection, table: Any, key: dict[str, Any], values: dict[str, Any]) -> None:
    """Insert a row unless there is one with this key. Another transaction may insert it at the same time."""
    (column, value), *_ = key.items()
    if connection.execute(_with_key(getattr(table, column)), {"key_value": value}).first():
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(table).values(**key, **values))
    except IntegrityError:
        return


@cache
def _with_key(column: InstrumentedAttribute[Any]) -> Select[Any]:
    """Select a column of the row where it has the value `key_value`."""
    return select(column).where(column == bindparam("key_value"))
