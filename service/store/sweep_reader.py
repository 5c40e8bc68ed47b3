"""Read sweeps: their rows, how far their candidates are, and pages of both. Each takes a few queries at most."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, bindparam, func, select

from service.store.errors import UnknownSweep
from service.store.tables import (
    ACTIVE_STATUSES,
    FINAL_STATUSES,
    Experiment,
    ExperimentMetrics,
    Rows,
    Run,
    Sweep,
)

THESE: Any = bindparam("sweeps", expanding=True)
SWEEP = select(Sweep).where(Sweep.id == bindparam("id"))
THE_SWEEPS = select(Sweep.id, Sweep.cancelled_at, Sweep.stopped_at, Sweep.unasked, Sweep.waiting_for)
THE_SWEEPS = THE_SWEEPS.where(Sweep.id.in_(THESE)).order_by(Sweep.id)
AWAITS_CANDIDATES = (Sweep.unasked > 0) & Sweep.cancelled_at.is_(None) & Sweep.stopped_at.is_(None)
"""Whether a strategy that learns still has candidates to choose."""
EXPERIMENTS = (
    select(Experiment.sweep_id, Experiment.status, func.count())
    .where(Experiment.sweep_id.in_(THESE))
    .group_by(Experiment.sweep_id, Experiment.status)
    .order_by(Experiment.sweep_id, Experiment.status)
)
FIGURES: list[Any] = [
    Experiment.sweep_id,
    Run.status,
    func.count(),
    func.sum(Run.epoch),
    func.sum(Run.epochs),
    func.sum(Run.attempt),
    func.sum(Run.training_seconds),
    func.max(Run.epochs - Run.epoch),
    func.min(Run.started_at),
    func.max(Run.finished_at),
]
RUNS = (
    select(*FIGURES)
    .join(Experiment, Run.experiment_id == Experiment.id)
    .where(Experiment.sweep_id.in_(THESE))
    .group_by(Experiment.sweep_id, Run.status)
    .order_by(Experiment.sweep_id, Run.status)
)
"""Built once: to build a statement takes longer than to execute it on SQLite."""


class RunFigures(NamedTuple):
    """Figures of all runs of a sweep with the same status. longest: the most epochs that one of them has left."""

    runs: int
    epoch: int
    epochs: int
    attempts: int
    training_seconds: float
    longest: int
    started_at: float | None
    finished_at: float | None


@dataclass(frozen=True)
class SweepState:
    """Everything that changes a response about a sweep but its leaderboard.

    candidates: how many experiments have each status. runs: the figures of their runs, by status. unasked: how many
    candidates are chosen later, unless the sweep is stopped before. needs: the package that their choice waits for.
    """

    candidates: Mapping[str, int]
    runs: Mapping[str, RunFigures]
    cancelled_at: float | None
    stopped_at: float | None
    unasked: int = 0
    needs: str | None = None

    @property
    def waiting_for(self) -> str | None:
        """The package that no agent has, which the choice of the other candidates needs."""
        return self.needs if self.to_come else None

    @property
    def to_come(self) -> int:
        """How many candidates the strategy still has to choose."""
        return self.unasked if self.cancelled_at is None and self.stopped_at is None else 0

    @property
    def status(self) -> str:
        """That of the sweep: one whose candidates have all ended has succeeded if any of them has."""
        if any(status in self.candidates for status in ACTIVE_STATUSES):
            return "queued" if set(self.candidates) == {"queued"} else "running"
        if self.to_come:
            return "running"
        if self.cancelled_at is not None:
            return "cancelled"
        return next((status for status in ("succeeded", "failed") if status in self.candidates), "cancelled")

    @property
    def is_over(self) -> bool:
        return self.status not in ACTIVE_STATUSES


def sweep(connection: Connection, sweep_id: int) -> Row[Any]:
    """The row of one sweep. Raises UnknownSweep."""
    row = connection.execute(SWEEP, {"id": sweep_id}).one_or_none()
    if row is None:
        raise UnknownSweep(sweep_id)
    return row


def state(connection: Connection, row: Row[Any]) -> SweepState:
    """The state of the sweep with this row."""
    return states(connection, [row])[row.id]


def known_states(connection: Connection, ids: Collection[int]) -> dict[int, SweepState]:
    """The states of the sweeps that exist, by id."""
    rows: Any = connection.execute(THE_SWEEPS, {"sweeps": list(ids)}).all()
    return states(connection, rows)


def states(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, SweepState]:
    """The states of sweeps, by id."""
    these = {"sweeps": [row.id for row in rows]}
    candidates: dict[int, dict[str, int]] = defaultdict(dict)
    row: Any
    for row in connection.execute(EXPERIMENTS, these):
        candidates[row[0]][row[1]] = row[2]
    runs: dict[int, dict[str, RunFigures]] = defaultdict(dict)
    for row in connection.execute(RUNS, these):
        runs[row[0]][row[1]] = RunFigures(*row[2:])
    return {
        row.id: SweepState(
            candidates[row.id], runs[row.id], row.cancelled_at, row.stopped_at, row.unasked, row.waiting_for
        )
        for row in rows
    }


def page(connection: Connection, *, after: int | None, limit: int) -> tuple[Rows, bool]:
    """The newest sweeps with ids below `after`, at most `limit`, and whether there are more."""
    chosen = select(Sweep).order_by(Sweep.id.desc()).limit(limit + 1)
    if after is not None:
        chosen = chosen.where(Sweep.id < after)
    rows = connection.execute(chosen).all()
    return rows[:limit], len(rows) > limit


def experiment_ids(
    connection: Connection, sweep_id: int, *, statuses: Collection[str] | None = None
) -> list[int]:
    """The experiments of a sweep, in the order of its candidates; of these statuses alone, if any are given."""
    mine: Select[Any] = select(Experiment.id).where(Experiment.sweep_id == sweep_id)
    if statuses is not None:
        mine = mine.where(Experiment.status.in_(statuses))
    return list(connection.scalars(mine.order_by(Experiment.candidate)))


def candidates(
    connection: Connection, sweep_id: int, *, after: int | None, limit: int
) -> tuple[list[Row[Any]], bool]:
    """Candidates of a sweep after this one, with how far their runs are, and whether there are more."""
    columns: list[Any] = [Experiment.id, Experiment.candidate, Experiment.swept, Experiment.name]
    columns += [Experiment.status, Experiment.spec_hash]
    figures = [func.sum(Run.epoch).label("epoch"), func.sum(Run.epochs).label("epochs")]
    mine = select(*columns, *figures).join(Run, Run.experiment_id == Experiment.id)
    mine = mine.where(Experiment.sweep_id == sweep_id).group_by(Experiment.id)
    if after is not None:
        mine = mine.where(Experiment.candidate > after)
    rows = connection.execute(mine.order_by(Experiment.candidate).limit(limit + 1)).all()
    return list(rows[:limit]), len(rows) > limit


def ended_candidates(connection: Connection, sweep_id: int) -> set[int]:
    """The numbers of the candidates that have ended."""
    mine = select(Experiment.candidate).where(Experiment.sweep_id == sweep_id)
    return set(connection.scalars(mine.where(Experiment.status.in_(FINAL_STATUSES))))


def outcomes(connection: Connection, sweep_id: int, numbers: Collection[int], metric: str) -> Rows:
    """How the candidates with these numbers have ended, the first one first, each with its value of a metric."""
    value = getattr(ExperimentMetrics, metric).label("value")
    columns = (Experiment.candidate, Experiment.id.label("experiment_id"), Experiment.name, Experiment.status)
    chosen = select(*columns, Experiment.swept.label("values"), value)
    chosen = chosen.join(ExperimentMetrics, ExperimentMetrics.experiment_id == Experiment.id)
    chosen = chosen.where(Experiment.sweep_id == sweep_id, Experiment.candidate.in_(numbers))
    return connection.execute(chosen.order_by(Experiment.finished_at, Experiment.candidate)).all()
